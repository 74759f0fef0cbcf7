//! `POST /v1/messages` and `POST /v1/messages/count_tokens`: Anthropic's API, for clients that speak it.

mod reply;
mod request;
#[cfg(test)]
mod tests;

use super::{
    call::{Begin, answer, call_key, marked, start, streamed, whole},
    input::parse,
};
use crate::{
    auth::ProgramBody, client::Client, error::ApiError, idempotency::IdempotencyKey, state::App,
    wire::json_bytes,
};
use axum::{extract::State, response::Response};
use chatai_engine::{DirectCall, KeepCall};
use chatai_types::CallKind;
use reply::Events;
use request::MessagesRequest;

/// Answer a list of messages, as Anthropic's API does.
///
/// The body, the message, the events of a stream and errors are those of Anthropic's messages; the token may stand in
/// `x-api-key`. Every model can be named, not only Anthropic's. What cannot be honoured is refused by name: documents,
/// tools that the vendor would run, `top_k`.
#[utoipa::path(post, path = "/v1/messages", tag = "anthropic",
    params(IdempotencyKey),
    request_body(content = Value, description = "A `CreateMessageParams` of Anthropic's API"),
    responses((status = 200, description = "A `message`, or with `stream` its events",
        content((Value = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn create(
    State(state): State<App>,
    client: Client,
    ProgramBody { caller, key, body }: ProgramBody,
) -> Result<Response, ApiError> {
    let asked = parse::<MessagesRequest<'_>>(&body)?.into_asked()?;
    let key = call_key(key, &body)?;
    let call = DirectCall {
        kind: CallKind::Message,
        model: asked.model,
        request: asked.request,
        keep: key.is_some().then(KeepCall::default),
        key,
    };
    let started = start(&state, client, &caller, call).await?;
    if asked.streams {
        let events = Events::new(&started.about);
        let response = streamed(&state, started.reader, events, Begin::WhenNamed).await?;
        return Ok(marked(response, started.replayed));
    }
    let (pieces, outcome) = whole::<Events>(started.reader).await?;
    Ok(answer(
        reply::whole(&started.about, &pieces, &outcome),
        started.replayed,
    ))
}

/// Count the tokens of a list of messages, as Anthropic's API does.
///
/// The body is that of a message, `max_tokens` left out or not. The number is the estimate that budgets go by: nobody is
/// asked, and it costs nothing.
#[utoipa::path(post, path = "/v1/messages/count_tokens", tag = "anthropic",
    request_body(content = Value, description = "A `MessageCountTokensParams` of Anthropic's API"),
    responses((status = 200, description = "A `message_tokens_count`", content_type = "application/json", body = Value)))]
pub(crate) async fn count_tokens(
    State(state): State<App>,
    ProgramBody { caller, body, .. }: ProgramBody,
) -> Result<Response, ApiError> {
    let asked = parse::<MessagesRequest<'_>>(&body)?.into_counted()?;
    let tokens = state
        .engine
        .count_tokens(&caller, asked.model.as_deref(), &asked.request)?;
    Ok(json_bytes(format!(r#"{{"input_tokens":{tokens}}}"#).into_bytes()))
}
