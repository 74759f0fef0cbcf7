//! `PUT /conversations/{conversation_id}/rename`

use super::TITLE;
use crate::{
    auth::Signed,
    error::ApiError,
    input::{fields::Fields, params::PathParams, urlencoded::Urlencoded},
    state::App,
    wire::{self, DoneBody},
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use chatai_types::ConversationId;

/// Give a conversation another title.
#[utoipa::path(put, path = "/conversations/{conversation_id}/rename", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation"),
           ("new_title" = String, Query, description = "Its new title", max_length = 1000)),
    responses((status = 200, description = "Renamed", body = DoneBody)))]
pub(crate) async fn rename(
    State(state): State<App>,
    Signed(caller): Signed,
    path: PathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let id = path.fields(&mut faults).id("conversation_id");
    let title = Fields::new(&query, &mut faults).text("new_title", TITLE);
    let (Some(id), Some(title)) = (id, title) else {
        return Err(ApiError::validation(faults));
    };
    state
        .engine
        .rename_conversation(&caller, ConversationId(id), title)
        .await?;
    Ok(wire::done("Conversation renamed successfully"))
}
