//! `PUT /conversations/{conversation_id}/head`

use crate::{
    auth::{JsonInput, SignedJson},
    error::ApiError,
    input::{fields::Fields, params::PathParams},
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_types::{ConversationId, MessageId};
use serde::Serialize;
use utoipa::ToSchema;

/// The branch to make the active one.
#[derive(ToSchema)]
pub(crate) struct HeadRequest {
    /// A message of it.
    message_id: i64,
}

/// The last message of the active branch.
#[derive(Serialize, ToSchema)]
#[schema(as = Head)]
pub(crate) struct HeadBody {
    /// Its id.
    message_id: i64,
}

impl JsonInput for HeadRequest {
    const MEMBERS: &'static [&'static str] = &["message_id"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        fields.id("message_id").map(|message_id| Self { message_id })
    }
}

/// Choose the active branch: the one through a message, up to its latest end.
#[utoipa::path(put, path = "/conversations/{conversation_id}/head", tag = "conversations",
    params(("conversation_id" = i64, Path, description = "The conversation")),
    request_body = HeadRequest,
    responses((status = 200, description = "The end of the branch that is active now", body = HeadBody)))]
pub(crate) async fn head(
    State(state): State<App>,
    path: PathParams,
    SignedJson(caller, input): SignedJson<HeadRequest>,
) -> Result<Response, ApiError> {
    let id = ConversationId(path.id("conversation_id")?);
    let head = state
        .engine
        .choose_branch(&caller, id, MessageId(input.message_id))
        .await?;
    Ok(json(&HeadBody { message_id: head.0 }))
}
