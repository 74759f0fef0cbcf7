//! `GET /chat/messages/{message_id}/usage-details`

use crate::{
    auth::Signed,
    error::ApiError,
    input::params::PathParams,
    state::App,
    wire::{json, message::MessageBody, usage::UsageBody},
};
use axum::{extract::State, response::Response};
use chatai_types::MessageId;
use serde::Serialize;
use utoipa::ToSchema;

/// A message and the model calls behind it.
#[derive(Serialize, ToSchema)]
#[schema(as = MessageUsage)]
pub(crate) struct MessageUsageBody<'a> {
    /// The message.
    message: MessageBody<'a>,
    /// Its model calls, in order.
    usage_details: Vec<UsageBody<'a>>,
}

/// What one message used and cost.
#[utoipa::path(get, path = "/chat/messages/{message_id}/usage-details", tag = "chat",
    params(("message_id" = i64, Path, description = "The message")),
    responses((status = 200, description = "Its model calls", body = MessageUsageBody)))]
pub(crate) async fn message_usage(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = MessageId(path.id("message_id")?);
    let (message, calls) = state.engine.message_usage(&caller, id).await?;
    let usage_details = calls.iter().map(UsageBody::from).collect();
    Ok(json(&MessageUsageBody {
        message: MessageBody::from(&message),
        usage_details,
    }))
}
