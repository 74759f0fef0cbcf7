//! `POST /chat/messages/{response_message_id}/regenerate`

use super::{
    answer::{AnswerBody, accepts_stream, respond},
    send::MODEL,
};
use crate::{
    auth::{JSON_BYTES, JsonInput, Refused, authenticate, parse_json},
    body,
    client::Client,
    error::ApiError,
    idempotency::{self, IdempotencyKey},
    input::{content_type::ContentType, fields::Fields, params::PathParams},
    state::{App, AppState},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use bytes::Bytes;
use chatai_engine::Regenerate;
use chatai_types::MessageId;
use utoipa::ToSchema;

/// How to answer again.
#[derive(Default, ToSchema)]
pub(crate) struct RegenerateRequest {
    /// A name out of `GET /models`; the model that answered before when absent.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// Begins the new answer with what the old one says, but for its last word, and lets the model go on from there. For
    /// answers that broke off; the built-in responder, which has no place to go on from, begins anew.
    #[schema(value_type = Option<bool>)]
    go_on: bool,
    /// Answers with an event stream, as `Accept: text/event-stream` does.
    #[schema(value_type = Option<bool>)]
    stream: bool,
}

impl JsonInput for RegenerateRequest {
    const MEMBERS: &'static [&'static str] = &["model", "go_on", "stream"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let model = fields.optional_text("model", MODEL);
        let go_on = fields.flag("go_on");
        let stream = fields.flag("stream");
        Some(Self {
            model: model?,
            go_on: go_on?,
            stream: stream?,
        })
    }
}

/// Answer the same question again. The new answer stands beside the one it has, on a branch of its own.
#[utoipa::path(post, path = "/chat/messages/{response_message_id}/regenerate", tag = "chat",
    params(("response_message_id" = i64, Path, description = "The answer that the question has"), IdempotencyKey),
    request_body(content = Option<RegenerateRequest>),
    responses((status = 200, description = "The answer, or with `stream` the events of its turn",
        content((AnswerBody = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn regenerate(
    State(state): State<App>,
    path: PathParams,
    client: Client,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = authenticate(&parts.headers, &state).await;
    let read = body::read_all(body, JSON_BYTES)
        .await
        .map_err(|error| Refused::Other(error.into()));
    let input = match read.and_then(|bytes| input(&ContentType::of(&parts.headers), &bytes, &state)) {
        Err(Refused::Broken(error)) => return Err(error),
        Err(Refused::Other(error)) => return Err(caller.err().unwrap_or(error)),
        Ok(input) => input,
    };
    let caller = caller?;
    let again = Regenerate {
        answer: MessageId(path.id("response_message_id")?),
        model: input.model.filter(|model| !model.is_empty()),
        goes_on: input.go_on,
        idempotency_key: idempotency::key(&parts.headers)?,
    };
    let streams = input.stream || accepts_stream(&parts.headers);
    let (engine, origin) = (state.engine.clone(), client.origin());
    let accepted = async move { engine.regenerate(&caller, &origin, again).await };
    respond(&state, accepted, streams).await
}

/// No body at all asks for the same again.
fn input(content_type: &ContentType, bytes: &Bytes, state: &AppState) -> Result<RegenerateRequest, Refused> {
    if bytes.is_empty() {
        return Ok(RegenerateRequest::default());
    }
    parse_json(content_type, bytes, state)
}
