//! `PUT` and `DELETE /conversations/{conversation_id}/pin`

use crate::{auth::Signed, error::ApiError, input::params::PathParams, state::App, wire::nothing};
use axum::{extract::State, response::Response};
use chatai_types::ConversationId;

/// Pin a conversation; one that is pinned stays as it is.
#[utoipa::path(put, path = "/conversations/{conversation_id}/pin", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 204, description = "It is pinned")))]
pub(crate) async fn pin(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    state.engine.pin_conversation(&caller, id).await?;
    Ok(nothing())
}

/// Pin a conversation no longer; one that is not pinned stays as it is.
#[utoipa::path(delete, path = "/conversations/{conversation_id}/pin", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 204, description = "It is not pinned")))]
pub(crate) async fn unpin(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    state.engine.unpin_conversation(&caller, id).await?;
    Ok(nothing())
}
