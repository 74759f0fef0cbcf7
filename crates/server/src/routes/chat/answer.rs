//! What sending and regenerating share: how a turn's answer is given, whole or as it comes.

use crate::{error::ApiError, input::fault::Fault, state::App, stream, wire::json};
use axum::response::{IntoResponse, Response};
use chatai_engine::{EngineError, Origin, Turn};
use chatai_types::{ErrorCode, TurnStatus};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde::Serialize;
use serde_json::Value;
use std::future::Future;
use utoipa::{IntoParams, ToSchema};

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_CHARS: usize = 255;
/// On the answer of a request that was made before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Makes a request safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "stands for the header in the API document")]
pub(crate) struct IdempotencyKey {
    /// The same key within a day gives the same turn: one message, one answer, one charge.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
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

/// The key that a client gave its request.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut keys = headers.get_all(KEY).into_iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let key = key.to_str().ok().filter(|key| {
        let printable = key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        printable && (1..=KEY_CHARS).contains(&key.len())
    });
    match key {
        Some(key) if keys.next().is_none() => Ok(Some(key.to_owned())),
        _ => {
            let loc = vec!["header".into(), "idempotency-key".into()];
            let reason = "one key of 1 to 255 printable ASCII characters";
            let fault = Fault::value_error(loc, Value::Null, reason);
            Err(ApiError::validation(vec![fault]))
        }
    }
}

/// Whether the client asks for an event stream by its `Accept`.
pub(super) fn accepts_stream(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT).into_iter();
    let ranges = values
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','));
    ranges
        .map(|range| range.split(';').next().unwrap_or_default().trim())
        .any(|range| range.eq_ignore_ascii_case("text/event-stream"))
}

/// Waits until a turn is accepted, then gives its answer. A client that hangs up ends its waiting, nothing else: the
/// writing runs to its end in a task of its own, as the turn does.
pub(super) async fn respond(
    state: &App,
    origin: Origin,
    accepted: impl Future<Output = Result<Turn, EngineError>> + Send + 'static,
    streams: bool,
) -> Result<Response, ApiError> {
    state.engine.admit_turn_from(origin)?;
    let turn = match state.tasks.complete(accepted).await {
        Ok(turn) => turn?,
        Err(panicked) => return Err(ApiError::internal(panicked.to_string())),
    };
    let is_repeated = turn.is_repeated;
    let mut response = if streams {
        stream::respond(turn.reader().await?, state)
    } else {
        // A failure is replayed as one.
        whole(turn).await.unwrap_or_else(IntoResponse::into_response)
    };
    if is_repeated {
        response
            .headers_mut()
            .insert(REPLAYED, HeaderValue::from_static("true"));
    }
    Ok(response)
}

async fn whole(turn: Turn) -> Result<Response, ApiError> {
    let ids = turn.ids;
    let outcome = turn.finished().await;
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
