//! `POST /v1/chat/completions`

mod reasoning;
mod reply;
mod request;
#[cfg(test)]
mod tests;

use super::{
    call::{Begin, answer, call_key, marked, start, streamed, whole},
    input::parse,
};
use crate::{auth::ProgramBody, client::Client, error::ApiError, idempotency::IdempotencyKey, state::App};
use axum::{extract::State, response::Response};
use chatai_engine::{DirectCall, KeepCall};
use chatai_types::CallKind;
use reply::Chunks;
use request::ChatRequest;

/// Answer a list of messages, as OpenAI's API does.
///
/// The body, the answer, the chunks of a stream and errors are those of OpenAI's chat completions. What cannot be
/// honoured is refused by name: several choices, log probabilities, audio, files, tools that the vendor would run.
#[utoipa::path(post, path = "/v1/chat/completions", tag = "openai",
    params(IdempotencyKey),
    request_body(content = Value, description = "A `CreateChatCompletionRequest` of OpenAI's API"),
    responses((status = 200, description = "A `chat.completion`, or with `stream` its chunks",
        content((Value = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn create(
    State(state): State<App>,
    client: Client,
    ProgramBody { caller, key, body }: ProgramBody,
) -> Result<Response, ApiError> {
    let asked = parse::<ChatRequest<'_>>(&body)?.into_asked()?;
    let key = call_key(key, &body)?;
    let call = DirectCall {
        kind: CallKind::Chat,
        model: asked.model,
        request: asked.request,
        keep: key.is_some().then(KeepCall::default),
        key,
    };
    let started = start(&state, client, &caller, call).await?;
    if asked.streams {
        let chunks = Chunks::new(started.about, asked.with_usage);
        let response = streamed(&state, started.reader, chunks, Begin::WhenNamed).await?;
        return Ok(marked(response, started.replayed));
    }
    let (pieces, outcome) = whole::<Chunks>(started.reader).await?;
    Ok(answer(
        reply::whole(&started.about, &pieces, &outcome),
        started.replayed,
    ))
}
