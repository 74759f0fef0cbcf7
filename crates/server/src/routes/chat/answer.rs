//! What sending and regenerating share: how a turn's answer is given, whole or as it comes.

use crate::{
    error::ApiError,
    idempotency,
    state::App,
    stream::{self, TurnFrames},
    wire::json,
};
use axum::response::{IntoResponse, Response};
use chatai_engine::{EngineError, Turn};
use chatai_types::{ErrorCode, TurnStatus};
use http::{HeaderMap, header};
use serde::Serialize;
use std::future::Future;
use utoipa::ToSchema;

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
    accepted: impl Future<Output = Result<Turn, EngineError>> + Send + 'static,
    streams: bool,
) -> Result<Response, ApiError> {
    let turn = match state.tasks.complete(accepted).await {
        Ok(turn) => turn?,
        Err(panicked) => return Err(ApiError::internal(panicked.to_string())),
    };
    let is_repeated = turn.is_repeated;
    let mut response = if streams {
        stream::respond(TurnFrames(turn.reader().await?), state)
    } else {
        // A failure is replayed as one.
        whole(turn).await.unwrap_or_else(IntoResponse::into_response)
    };
    if is_repeated {
        idempotency::mark_replayed(&mut response);
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
