//! `DELETE /conversations/{conversation_id}`

use crate::{
    auth::Signed,
    error::ApiError,
    input::params::PathParams,
    state::App,
    wire::{self, DoneBody},
};
use axum::{extract::State, response::Response};
use chatai_types::ConversationId;

/// Delete a conversation with all its content.
#[utoipa::path(delete, path = "/conversations/{conversation_id}", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 200, description = "Deleted", body = DoneBody)))]
pub(crate) async fn delete(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    state.engine.delete_conversation(&caller, id).await?;
    Ok(wire::done("Conversation deleted"))
}
