//! `/v1/responses`: made, read again, resumed, cancelled, gone on from, deleted.

mod events;
mod face;
mod input_items;
mod items;
mod kept;
mod object;
mod references;
mod request;
#[cfg(test)]
mod tests;

pub(crate) use input_items::{__path_input_items, input_items};
pub(crate) use kept::{__path_cancel, __path_delete, __path_retrieve, cancel, delete, retrieve};

use super::{
    call::{Begin, answer, call_key, marked, start, streamed, whole},
    input::parse,
};
use crate::{auth::ProgramBody, client::Client, error::ApiError, idempotency::IdempotencyKey, state::App};
use axum::{extract::State, response::Response};
use chatai_engine::{Caller, DirectCall, KeepCall, llm::Request};
use chatai_types::{CallKind, ErrorCode};
use events::Events;
use face::ResponseFace;
use request::ResponseRequest;

/// Make a response, as OpenAI's API does.
///
/// The body, the response, the events of a stream and errors are those of OpenAI's responses. It is stored for thirty
/// days unless `store` is false. What cannot be honoured is refused by name: tools that the vendor would run, files by
/// their id, log probabilities.
#[utoipa::path(post, path = "/v1/responses", tag = "openai",
    params(IdempotencyKey),
    request_body(content = Value, description = "A `CreateResponse` of OpenAI's API"),
    responses((status = 200, description = "A `response`, or with `stream` its events",
        content((Value = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn create(
    State(state): State<App>,
    client: Client,
    ProgramBody { caller, key, body }: ProgramBody,
) -> Result<Response, ApiError> {
    let asked = parse::<ResponseRequest<'_>>(&body)?.into_asked()?;
    let key = call_key(key, &body)?;
    let mut request = asked.request;
    if let Some(previous) = &asked.previous {
        go_on_from(&state, &caller, &mut request, previous).await?;
    }
    let input = references::resolve(&state, &caller, asked.input).await?;
    let call = DirectCall {
        kind: CallKind::Response,
        model: asked.model,
        request: request::with_input(request, &input)?,
        keep: (asked.face.store || key.is_some()).then(|| KeepCall {
            is_stored: asked.face.store,
            previous_id: asked
                .previous
                .as_deref()
                .map(object::public_id)
                .map(str::to_owned),
            face: asked.face.to_text(),
            input,
        }),
        key,
    };
    let started = start(&state, client, &caller, call).await?;
    let replayed = started.replayed;
    let face = match replayed {
        true => ResponseFace::read(&started.about.face)?,
        false => asked.face,
    };
    let background = face.background;
    let id = started.about.public_id.clone();
    let events = Events::new(started.about, face);
    if asked.streams {
        let begin = if background {
            Begin::AtOnce
        } else {
            Begin::WhenHeard
        };
        let response = streamed(&state, started.reader, events, begin).await?;
        return Ok(marked(response, replayed));
    }
    if background && !replayed {
        return Ok(answer(events.object(&[], None), replayed));
    }
    if background {
        let view = state.engine.kept_call(&caller, &id).await?;
        return Ok(answer(
            events.object(&view.pieces, view.outcome.as_ref()),
            replayed,
        ));
    }
    let (pieces, outcome) = whole::<Events>(started.reader).await?;
    Ok(answer(events.object(&pieces, Some(&outcome)), replayed))
}

/// Puts what was said before in front: the inputs and outputs of the response before and of those that it goes on from,
/// without their instructions.
async fn go_on_from(
    state: &App,
    caller: &Caller,
    request: &mut Request,
    previous: &str,
) -> Result<(), ApiError> {
    let refused = |detail: &'static str| ApiError::invalid_value("previous_response_id", detail);
    let not_found = || refused("there is no such stored response among yours");
    let chain = state.engine.kept_chain(caller, object::public_id(previous)).await;
    let chain = chain.map_err(|error| match error.code {
        ErrorCode::ResponseNotFound => not_found(),
        _ => ApiError::from(error),
    })?;
    for view in chain {
        if kept::face_of(&view.about)?.is_none() {
            return Err(not_found());
        }
        if view.outcome.is_none() {
            return Err(refused("the response has not ended yet"));
        }
        items::add_input(request, &view.about.input)?;
        items::add_output(request, view.pieces);
    }
    Ok(())
}
