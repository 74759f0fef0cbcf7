//! `GET /chat/{conversation_id}/usage-details`

use crate::{
    auth::Signed,
    error::ApiError,
    input::params::PathParams,
    state::App,
    wire::{json, usage::UsageBody},
};
use axum::{extract::State, response::Response};
use chatai_types::ConversationId;
use serde::Serialize;
use utoipa::ToSchema;

/// The model calls behind a conversation.
#[derive(Serialize, ToSchema)]
#[schema(as = ConversationUsage)]
pub(crate) struct ConversationUsageBody<'a> {
    /// All of them, in order.
    usage_details: Vec<UsageBody<'a>>,
}

/// What a whole conversation used and cost.
#[utoipa::path(get, path = "/chat/{conversation_id}/usage-details", tag = "chat",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 200, description = "Its model calls", body = ConversationUsageBody)))]
pub(crate) async fn conversation_usage(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    let calls = state.engine.conversation_usage(&caller, id).await?;
    Ok(json(&ConversationUsageBody {
        usage_details: calls.iter().map(UsageBody::from).collect(),
    }))
}
