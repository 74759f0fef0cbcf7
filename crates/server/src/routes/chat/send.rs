//! `POST /chat/`: a message in, its answer out.

use super::answer::{AnswerBody, accepts_stream, respond};
use crate::{
    auth::{JSON_BYTES, JsonInput, Refused, authenticate, parse_json},
    body,
    client::Client,
    error::ApiError,
    idempotency::{self, IdempotencyKey},
    input::{
        content_type::ContentType,
        fault::Fault,
        fields::{Fields, TextRule},
        form::{FileSpec, Form, FormSpec},
    },
    state::{App, AppState},
};
use axum::{
    body::Body,
    extract::{Request, State},
    response::Response,
};
use chatai_engine::{Parent, SendMessage, Upload};
use chatai_types::{ConversationId, MessageId};
use utoipa::ToSchema;

/// A model's name; longer ones are none, and need not be repeated in an error.
pub(super) const MODEL: TextRule = TextRule::up_to(200);

/// A message to send, as a form.
#[derive(ToSchema)]
#[expect(dead_code, reason = "stands for the form in the API document")]
pub(crate) struct SendForm {
    /// The question.
    #[schema(min_length = 1)]
    text: String,
    /// A name out of `GET /models`; the configured default when absent.
    #[schema(max_length = 200, nullable = false)]
    model: Option<String>,
    /// The conversation; a new one when absent.
    #[schema(nullable = false)]
    conversation_id: Option<i64>,
    /// The message that this one follows; the active branch's last when absent, 0 for a new first message.
    #[schema(nullable = false)]
    parent_id: Option<i64>,
    /// Answers with an event stream, as `Accept: text/event-stream` does.
    #[schema(nullable = false)]
    stream: Option<bool>,
    /// Files for the model to read.
    #[schema(value_type = Option<Vec<String>>, format = Binary, nullable = false)]
    files: Option<Vec<Vec<u8>>>,
}

/// A message to send, without files.
#[derive(ToSchema)]
pub(crate) struct SendRequest {
    /// The question.
    #[schema(min_length = 1)]
    text: String,
    /// A name out of `GET /models`; the configured default when absent.
    #[schema(max_length = 200)]
    model: Option<String>,
    /// The conversation; a new one when absent.
    conversation_id: Option<i64>,
    /// The message that this one follows; the active branch's last when absent, 0 for a new first message.
    parent_id: Option<i64>,
    /// Answers with an event stream, as `Accept: text/event-stream` does.
    #[schema(value_type = Option<bool>)]
    stream: bool,
}

impl JsonInput for SendRequest {
    const MEMBERS: &'static [&'static str] = &["text", "model", "conversation_id", "parent_id", "stream"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        // The engine bounds the text: over the limit is 413, not 422.
        let text = fields.text("text", TextRule::up_to(usize::MAX));
        let model = fields.optional_text("model", MODEL);
        let conversation_id = fields.optional_id("conversation_id");
        let parent_id = fields.optional_id("parent_id");
        let stream = fields.flag("stream");
        Some(Self {
            text: text?,
            model: model?,
            conversation_id: conversation_id?,
            parent_id: parent_id?,
            stream: stream?,
        })
    }
}

/// Send a message and wait for its answer, or read it as it comes.
#[utoipa::path(post, path = "/chat/", tag = "chat",
    params(IdempotencyKey),
    request_body(content((SendForm = "multipart/form-data"), (SendForm = "application/x-www-form-urlencoded"),
                         (SendRequest = "application/json"))),
    responses((status = 200, description = "The answer, or with `stream` the events of its turn",
        content((AnswerBody = "application/json"), (String = "text/event-stream")))))]
pub(crate) async fn send(
    State(state): State<App>,
    client: Client,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = authenticate(&parts.headers, &state).await;
    let content_type = ContentType::of(&parts.headers);
    let (caller, input, files) = match read(&content_type, body, caller.is_ok(), &state).await {
        Err(Refused::Broken(error)) => return Err(error),
        Err(Refused::Other(error)) => return Err(caller.err().unwrap_or(error)),
        Ok((input, files)) => (caller?, input, files),
    };
    let key = idempotency::key(&parts.headers)?;
    let streams = input.stream || accepts_stream(&parts.headers);
    let message = into_message(input, files, key);
    let (engine, origin) = (state.engine.clone(), client.origin());
    let accepted = async move { engine.send(&caller, &origin, message).await };
    respond(&state, accepted, streams).await
}

type Input = (SendRequest, Vec<Upload>);

/// Reads the body in whichever form it comes. A caller without a token sends no files.
async fn read(
    content_type: &ContentType,
    body: Body,
    is_signed: bool,
    state: &AppState,
) -> Result<Input, Refused> {
    let other = |error: ApiError| Refused::Other(error);
    match content_type {
        ContentType::Json | ContentType::None => {
            let limit = if is_signed {
                state.settings.body_bytes
            } else {
                JSON_BYTES
            };
            let bytes = body::read_all(body, limit)
                .await
                .map_err(|error| other(error.into()))?;
            if *content_type == ContentType::None && bytes.is_empty() {
                // Nothing at all is a form without fields.
                return read_form(content_type, Body::empty(), state).await.map_err(other);
            }
            Ok((
                parse_json::<SendRequest>(content_type, &bytes, state)?,
                Vec::new(),
            ))
        }
        form if is_signed => read_form(form, body, state).await.map_err(other),
        _ => Err(other(ApiError::not_authenticated())),
    }
}

async fn read_form(content_type: &ContentType, body: Body, state: &AppState) -> Result<Input, ApiError> {
    let limits = state.engine.message_limits();
    let spec = FormSpec {
        texts: SendRequest::MEMBERS,
        text_chars: limits.text_chars,
        total_bytes: state.settings.body_bytes,
        files: Some(FileSpec {
            name: "files",
            count: limits.files,
            bytes: limits.file_bytes,
        }),
    };
    let mut form = Form::read(content_type, body, &spec).await?;
    let mut faults: Vec<Fault> = Vec::new();
    let input = SendRequest::parse(&mut Fields::new(&form, &mut faults), state);
    let files = form.take_files("files", &mut faults);
    match input {
        Some(input) if faults.is_empty() => Ok((input, files)),
        _ => Err(ApiError::validation(faults)),
    }
}

/// What `parent_id` says.
pub(super) fn parent(id: Option<i64>) -> Parent {
    match id {
        None => Parent::Head,
        Some(0) => Parent::Nothing,
        Some(id) => Parent::Message(MessageId(id)),
    }
}

fn into_message(request: SendRequest, files: Vec<Upload>, key: Option<String>) -> SendMessage {
    SendMessage {
        conversation_id: request.conversation_id.map(ConversationId),
        parent: parent(request.parent_id),
        text: request.text,
        // A form's field that was left empty names no model.
        model: request.model.filter(|model| !model.is_empty()),
        files,
        idempotency_key: key,
    }
}
