//! `POST /conversations/`

use super::TITLE;
use crate::{
    auth::{JsonInput, SignedJson},
    error::ApiError,
    input::fields::{Fields, TextRule},
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use utoipa::ToSchema;

/// A conversation's summary.
const SUMMARY: TextRule = TextRule::up_to(20_000);

/// A new conversation.
#[derive(ToSchema)]
pub(crate) struct CreateRequest {
    /// Its title.
    #[schema(max_length = 1000)]
    title: Option<String>,
    /// Its summary.
    #[schema(max_length = 20000)]
    summary: Option<String>,
}

impl JsonInput for CreateRequest {
    const MEMBERS: &'static [&'static str] = &["title", "summary"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let title = fields.optional_text("title", TITLE);
        let summary = fields.optional_text("summary", SUMMARY);
        Some(Self {
            title: title?,
            summary: summary?,
        })
    }
}

/// Make an empty conversation.
#[utoipa::path(post, path = "/conversations/", tag = "conversations", request_body = CreateRequest,
    responses((status = 200, description = "The new conversation's id", body = i64,
               content_type = "application/json")))]
pub(crate) async fn create(
    State(state): State<App>,
    SignedJson(caller, new): SignedJson<CreateRequest>,
) -> Result<Response, ApiError> {
    let id = state
        .engine
        .create_conversation(&caller, new.title, new.summary)
        .await?;
    Ok(json(&id.0))
}
