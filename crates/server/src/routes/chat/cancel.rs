//! `POST /chat/messages/{response_message_id}/cancel`

use crate::{auth::Signed, error::ApiError, input::params::PathParams, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_types::MessageId;
use serde::Serialize;
use utoipa::ToSchema;

/// How an answer ended.
#[derive(Serialize, ToSchema)]
#[schema(as = TurnEnd)]
pub(crate) struct StatusBody {
    /// `complete`, `stopped`, `interrupted` or `failed`.
    status: &'static str,
}

/// Stop an answer. What it has said is kept and what it has used is billed; one that has ended stays as it is.
#[utoipa::path(post, path = "/chat/messages/{response_message_id}/cancel", tag = "chat",
    params(("response_message_id" = i64, Path, description = "The answer")),
    responses((status = 200, description = "How it ended", body = StatusBody)))]
pub(crate) async fn cancel(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let answer = MessageId(path.id("response_message_id")?);
    let status = state.engine.cancel(&caller, answer).await?;
    Ok(json(&StatusBody {
        status: status.as_str(),
    }))
}
