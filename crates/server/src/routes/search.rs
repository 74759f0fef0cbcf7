//! `GET /search`

use crate::{
    auth::Signed,
    error::ApiError,
    input::{fields::Fields, urlencoded::Urlencoded},
    state::App,
    wire::json,
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use serde::Serialize;
use utoipa::ToSchema;

/// How many hits there are without a `limit`.
const DEFAULT_LIMIT: i64 = 20;

/// A title or a message that was found.
#[derive(Serialize, ToSchema)]
#[schema(as = SearchHit)]
pub(crate) struct HitBody<'a> {
    /// Its conversation.
    conversation_id: i64,
    /// The conversation's title.
    title: Option<&'a str>,
    /// The message; null where the title itself was found.
    message_id: Option<i64>,
    /// `user` or `assistant`; null where the title itself was found.
    role: Option<&'static str>,
    /// HTML: the part around the words, escaped, the words inside `<mark>`. Of an answer, without Markdown's signs.
    snippet: &'a str,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
}

/// Search the caller's titles and messages.
///
/// Found is what has all words, whatever their case and accents; the last word counts by its beginning unless a blank
/// follows. In Chinese and Japanese any run of characters is found. Every text is a search: signs part words, and a
/// text without words finds nothing. The first sixteen words count, and of a text's own the first 6,000 different ones.
#[utoipa::path(get, path = "/search", tag = "conversations",
    params(("q" = String, Query, description = "The words"),
           ("limit" = Option<i64>, Query, description = "The most hits; 20 without it", minimum = 1, maximum = 200)),
    responses((status = 200, description = "What was found, best first", body = [HitBody])))]
pub(crate) async fn search(
    State(state): State<App>,
    Signed(caller): Signed,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let mut fields = Fields::new(&query, &mut faults);
    let text = fields.any_text("q");
    let limit = fields.optional_integer("limit", 1..=200);
    let (Some(text), Some(limit)) = (text, limit) else {
        return Err(ApiError::validation(faults));
    };
    let limit = usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).expect("limits are small and positive");
    let hits = state.engine.search(&caller, &text, limit).await?;
    let bodies: Vec<HitBody<'_>> = hits
        .iter()
        .map(|hit| HitBody {
            conversation_id: hit.conversation_id.0,
            title: hit.title.as_deref(),
            message_id: hit.message.map(|(id, _)| id.0),
            role: hit.message.map(|(_, role)| role.as_str()),
            snippet: &hit.snippet,
            created_at: hit.created_at.to_wire(),
        })
        .collect();
    Ok(json(&bodies))
}
