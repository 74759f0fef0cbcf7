//! `GET /conversations/{conversation_id}/messages`

use crate::{
    auth::Signed,
    error::ApiError,
    input::params::PathParams,
    state::App,
    wire::{json, message::MessageBody},
};
use axum::{extract::State, response::Response};
use chatai_types::ConversationId;
use serde::Serialize;
use utoipa::ToSchema;

/// A conversation's messages.
#[derive(Serialize, ToSchema)]
#[schema(as = Messages)]
pub(crate) struct MessagesBody<'a> {
    /// The conversation.
    conversation_id: i64,
    /// Its messages, oldest first.
    messages: Vec<MessageBody<'a>>,
}

/// A whole conversation, oldest message first.
#[utoipa::path(get, path = "/conversations/{conversation_id}/messages", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 200, description = "Its messages", body = MessagesBody)))]
pub(crate) async fn messages(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    let messages = state.engine.messages(&caller, id).await?;
    let messages = messages.iter().map(MessageBody::from).collect();
    Ok(json(&MessagesBody {
        conversation_id: id.0,
        messages,
    }))
}
