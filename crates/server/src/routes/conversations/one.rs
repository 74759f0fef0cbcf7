//! `GET /conversations/{conversation_id}`

use super::list::ConversationBody;
use crate::{auth::Signed, error::ApiError, input::params::PathParams, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_types::ConversationId;

/// One conversation, as the list has it.
#[utoipa::path(get, path = "/conversations/{conversation_id}", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 200, description = "The conversation", body = ConversationBody)))]
pub(crate) async fn one(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    let conversation = state.engine.conversation(&caller, id).await?;
    Ok(json(&ConversationBody::from(&conversation)))
}
