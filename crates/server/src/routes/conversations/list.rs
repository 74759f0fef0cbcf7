//! `GET /conversations/`

use crate::{auth::Signed, error::ApiError, state::App, wire::json};
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A conversation in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = Conversation)]
pub(crate) struct ConversationBody<'a> {
    /// Its id.
    id: i64,
    /// Its title.
    title: Option<&'a str>,
    /// Its summary, as its client set it.
    summary: Option<&'a str>,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
}

/// The caller's conversations, newest first by creation.
#[utoipa::path(get, path = "/conversations/", tag = "conversations",
    responses((status = 200, description = "All of them", body = [ConversationBody])))]
pub(crate) async fn list(State(state): State<App>, Signed(caller): Signed) -> Result<Response, ApiError> {
    let conversations = state.engine.conversations(&caller).await?;
    let bodies: Vec<ConversationBody<'_>> = conversations
        .iter()
        .map(|conversation| ConversationBody {
            id: conversation.id.0,
            title: conversation.title.as_deref(),
            summary: conversation.summary.as_deref(),
            created_at: conversation.created_at.to_wire(),
        })
        .collect();
    Ok(json(&bodies))
}
