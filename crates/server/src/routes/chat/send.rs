//! `POST /chat/`: a message in, its answer out.

use crate::{
    auth::{JSON_BYTES, JsonInput, Refused, authenticate, parse_json},
    body,
    client::Client,
    error::ApiError,
    input::{
        content_type::ContentType,
        fault::Fault,
        fields::{Fields, TextRule},
        form::{FileSpec, Form, FormSpec},
    },
    state::{App, AppState},
    wire::json,
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use chatai_engine::{Caller, Outcome, SendMessage, TurnIds};
use chatai_types::{ConversationId, ErrorCode, TurnStatus};
use serde::Serialize;
use utoipa::ToSchema;

/// A model's name; longer ones are none, and need not be repeated in an error.
const MODEL: TextRule = TextRule::up_to(200);

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
}

/// The answer, and where it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Answer)]
pub(crate) struct AnswerBody<'a> {
    /// The conversation.
    conversation_id: i64,
    /// The user's message.
    request_message_id: i64,
    /// The answer.
    response_message_id: i64,
    /// Its text.
    answer: &'a str,
}

impl JsonInput for SendRequest {
    const MEMBERS: &'static [&'static str] = &["text", "model", "conversation_id"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        // The engine bounds the text: over the limit is 413, not 422.
        let text = fields.text("text", TextRule::up_to(usize::MAX));
        let model = fields.optional_text("model", MODEL);
        let conversation_id = fields.optional_id("conversation_id");
        Some(Self {
            text: text?,
            model: model?,
            conversation_id: conversation_id?,
        })
    }
}

/// Send a message and wait for its answer.
#[utoipa::path(post, path = "/chat/", tag = "chat",
    request_body(content((SendForm = "multipart/form-data"), (SendForm = "application/x-www-form-urlencoded"),
                         (SendRequest = "application/json"))),
    responses((status = 200, description = "The answer", body = AnswerBody)))]
pub(crate) async fn send(
    State(state): State<App>,
    client: Client,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let caller = authenticate(&parts.headers, &state).await;
    let content_type = ContentType::of(&parts.headers);
    let (caller, message) = match (content_type, caller) {
        (json @ ContentType::Json, caller) => {
            let limit = if caller.is_ok() {
                state.settings.body_bytes
            } else {
                JSON_BYTES
            };
            let read = body::read_all(body, limit)
                .await
                .map_err(|error| Refused::Other(error.into()));
            let message = read.and_then(|bytes| parse_json::<SendRequest>(&json, &bytes, &state));
            match message {
                Err(Refused::Broken(error)) => return Err(error),
                Err(Refused::Other(error)) => return Err(caller.err().unwrap_or(error)),
                Ok(message) => (caller?, into_message(message, Vec::new())),
            }
        }
        (form, caller) => (caller?, read_form(&form, body, &state).await?),
    };
    state.engine.admit_turn_from(client.origin())?;
    let (ids, outcome) = take_turn(&state, caller, message).await?;
    match outcome.error {
        Some(error) => Err(ApiError::from(error).of_turn(ids)),
        None if matches!(outcome.status, TurnStatus::Complete | TurnStatus::Stopped) => {
            Ok(json(&AnswerBody {
                conversation_id: ids.conversation_id.0,
                request_message_id: ids.request_message_id.0,
                response_message_id: ids.response_message_id.0,
                answer: &outcome.answer,
            }))
        }
        None => Err(ApiError::new(ErrorCode::Interrupted, "The answer was interrupted").of_turn(ids)),
    }
}

async fn read_form(
    content_type: &ContentType,
    body: axum::body::Body,
    state: &AppState,
) -> Result<SendMessage, ApiError> {
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
    let message = SendRequest::parse(&mut Fields::new(&form, &mut faults), state);
    let files = form.take_files("files", &mut faults);
    match message {
        Some(message) if faults.is_empty() => Ok(into_message(message, files)),
        _ => Err(ApiError::validation(faults)),
    }
}

fn into_message(request: SendRequest, files: Vec<chatai_engine::Upload>) -> SendMessage {
    SendMessage {
        conversation_id: request.conversation_id.map(ConversationId),
        text: request.text,
        // A form's field that was left empty names no model.
        model: request.model.filter(|model| !model.is_empty()),
        files,
    }
}

/// Writes the message and waits for its answer. A client that hangs up ends its waiting, nothing else: the writing
/// runs to its end in a task of its own, as the turn does.
async fn take_turn(
    state: &App,
    caller: Caller,
    message: SendMessage,
) -> Result<(TurnIds, Outcome), ApiError> {
    let engine = state.engine.clone();
    let accepted = state
        .tasks
        .complete(async move { engine.send(&caller, message).await });
    let turn = match accepted.await {
        Ok(turn) => turn?,
        Err(panicked) => return Err(ApiError::internal(panicked.to_string())),
    };
    let ids = turn.ids;
    Ok((ids, turn.finished().await))
}
