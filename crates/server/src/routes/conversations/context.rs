//! `GET /conversations/{conversation_id}/context`

use crate::{auth::Signed, error::ApiError, input::params::PathParams, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_types::ConversationId;

/// The compact context: each message that has a summary stands with it, the others in full.
#[utoipa::path(get, path = "/conversations/{conversation_id}/context", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    responses((status = 200, description = "`role: content` blocks with `---` lines between them", body = String,
               content_type = "application/json")))]
pub(crate) async fn context(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    Ok(json(&state.engine.compact_context(&caller, id).await?))
}
