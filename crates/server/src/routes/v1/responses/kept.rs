//! Stored responses: read again, resumed, cancelled, deleted.

use super::{events::Events, face::ResponseFace, object};
use crate::{
    auth::Program,
    error::ApiError,
    input::{
        fields::{Fields, Raw, Source},
        params::PathParams,
        urlencoded::Urlencoded,
    },
    routes::v1::call::{Begin, answer, streamed},
    state::App,
    wire::json,
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::{CallAbout, Caller, EngineError, KeptView};
use chatai_types::CallKind;
use serde::Serialize;
use utoipa::ToSchema;

/// A response that was deleted.
#[derive(Serialize, ToSchema)]
#[schema(as = DeletedResponse)]
pub(crate) struct DeletedBody<'a> {
    /// Its id.
    id: &'a str,
    /// `response`.
    object: &'static str,
    /// True.
    deleted: bool,
}

/// Read a stored response again, or its events from where they were left.
#[utoipa::path(get, path = "/v1/responses/{response_id}", tag = "openai",
    params(("response_id" = String, Path, description = "The response"),
           ("stream" = Option<bool>, Query, description = "Gives its events, until its end"),
           ("starting_after" = Option<i64>, Query, description = "The `sequence_number` of the last event that was read")),
    responses((status = 200, description = "The `response`, or with `stream` its events",
        content((Value = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn retrieve(
    State(state): State<App>,
    Program(caller): Program,
    path: PathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let mut fields = Fields::new(&query, &mut faults);
    let streams = fields.flag("stream");
    let after = fields.optional_integer("starting_after", 0..=i64::MAX);
    let (Some(streams), Some(after)) = (streams, after) else {
        return Err(ApiError::validation(faults));
    };
    let name = name_in(&path);
    if !streams {
        let (view, face) = stored(&state, &caller, &name).await?;
        let events = Events::new(view.about, face);
        return Ok(answer(events.object(&view.pieces, view.outcome.as_ref()), false));
    }
    let (about, reader) = state.engine.read_kept(&caller, object::public_id(&name)).await?;
    let face = face_of(&about)?.ok_or_else(not_found)?;
    let events = Events::new(about, face);
    let events = match after.and_then(|number| u64::try_from(number).ok()) {
        None => events,
        Some(number) => events.after(number),
    };
    streamed(&state, reader, events, Begin::AtOnce).await
}

/// End a response. What it has said is kept and what it has used is billed; one that has ended stays as it is.
#[utoipa::path(post, path = "/v1/responses/{response_id}/cancel", tag = "openai",
    params(("response_id" = String, Path, description = "The response")),
    responses((status = 200, description = "The `response` as it ended", body = Value)))]
pub(crate) async fn cancel(
    State(state): State<App>,
    Program(caller): Program,
    path: PathParams,
) -> Result<Response, ApiError> {
    let name = name_in(&path);
    let (_, face) = stored(&state, &caller, &name).await?;
    let view = state
        .engine
        .cancel_kept(&caller, object::public_id(&name))
        .await?;
    let events = Events::new(view.about, face);
    Ok(answer(events.object(&view.pieces, view.outcome.as_ref()), false))
}

/// Delete a stored response; one that is being made is ended. What it cost stays in the account's usage.
#[utoipa::path(delete, path = "/v1/responses/{response_id}", tag = "openai",
    params(("response_id" = String, Path, description = "The response")),
    responses((status = 200, description = "It is deleted", body = DeletedBody)))]
pub(crate) async fn delete(
    State(state): State<App>,
    Program(caller): Program,
    path: PathParams,
) -> Result<Response, ApiError> {
    let name = name_in(&path);
    stored(&state, &caller, &name).await?;
    state
        .engine
        .delete_kept(&caller, object::public_id(&name))
        .await?;
    Ok(json(&DeletedBody {
        id: &name,
        object: "response",
        deleted: true,
    }))
}

/// A stored response of the caller's, as it stands.
pub(super) async fn stored(
    state: &App,
    caller: &Caller,
    name: &str,
) -> Result<(KeptView, ResponseFace), ApiError> {
    let view = state.engine.kept_call(caller, object::public_id(name)).await?;
    let face = face_of(&view.about)?.ok_or_else(not_found)?;
    Ok((view, face))
}

/// The face of a stored response; `None` for what is kept for other reasons.
pub(super) fn face_of(about: &CallAbout) -> Result<Option<ResponseFace>, ApiError> {
    if about.kind != CallKind::Response {
        return Ok(None);
    }
    Ok(Some(ResponseFace::read(&about.face)?).filter(|face| face.store))
}

pub(super) fn name_in(path: &PathParams) -> String {
    match path.field("response_id") {
        Raw::Text(name) => name.into_owned(),
        _ => String::new(),
    }
}

fn not_found() -> ApiError {
    EngineError::response_not_found().into()
}
