//! What the faces of `/v1` share of making a call: who may, how it is answered whole and as a stream.

use super::input::canonical;
use crate::{
    client::Client,
    error::ApiError,
    idempotency,
    state::{App, AppState},
    stream::{self, Source},
    wire::json_bytes,
};
use axum::response::Response;
use bytes::Bytes;
use chatai_engine::{CallKey, CallOutcome, CallReader, Caller, DirectCall, Piece, StartedCall, Told};
use chatai_types::{ErrorCode, TurnStatus};

/// How a face tells a call's output as a stream. What is told is made of the pieces alone, so that it is told again in
/// the same words.
pub(crate) trait Frames: Send + 'static {
    /// What comes before the model has said anything.
    fn start(&mut self, frames: &mut Vec<u8>);
    /// More of the output.
    fn piece(&mut self, frames: &mut Vec<u8>, piece: &Piece);
    /// Why a call failed, in the sense of this face.
    fn failure(outcome: &CallOutcome) -> Option<ApiError>;
    /// The end, well or not.
    fn end(&mut self, frames: &mut Vec<u8>, outcome: &CallOutcome);
    /// The end of a stream that cannot be told to its end.
    fn broken(&mut self, frames: &mut Vec<u8>, error: &ApiError);
}

/// When a stream begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Begin {
    /// At once: whatever goes wrong is told in the stream.
    AtOnce,
    /// When the model has said something, or has been silent for long: what goes wrong before is a plain error.
    WhenHeard,
    /// The same, of a stream whose beginning names the model that answers: after a long silence it is open, and its
    /// beginning is told when somebody has said something.
    WhenNamed,
}

/// The client's key, with what it stands for.
pub(crate) fn call_key(key: Option<String>, body: &Bytes) -> Result<Option<CallKey>, ApiError> {
    let with_fingerprint = |key| {
        let fingerprint = canonical(body)?;
        Ok(CallKey { key, fingerprint })
    };
    key.map(with_fingerprint).transpose()
}

/// Makes a call, within what its client's address may.
pub(crate) async fn start(
    state: &App,
    client: Client,
    caller: &Caller,
    call: DirectCall,
) -> Result<StartedCall, ApiError> {
    Ok(state.engine.call(caller, &client.origin(), call).await?)
}

/// Reads a call to its end.
///
/// # Errors
/// Why the call failed.
pub(crate) async fn whole<F: Frames>(reader: CallReader) -> Result<(Vec<Piece>, CallOutcome), ApiError> {
    let (pieces, outcome) = reader.whole().await.ok_or_else(leaving)?;
    match F::failure(&outcome) {
        Some(error) => Err(error),
        None => Ok((pieces, outcome)),
    }
}

/// Answers with a stream of a call.
///
/// # Errors
/// Unless it begins at once, why the call failed before the model said anything.
pub(crate) async fn streamed<F: Frames>(
    state: &AppState,
    mut reader: CallReader,
    mut frames: F,
    begin: Begin,
) -> Result<Response, ApiError> {
    let mut first = Vec::new();
    let (mut begun, mut ended) = (true, false);
    if begin == Begin::AtOnce {
        frames.start(&mut first);
    } else {
        let heard = tokio::select! {
            biased;
            heard = reader.next() => Some(heard),
            () = state.heartbeat.one_silence() => None,
        };
        match heard {
            None if begin == Begin::WhenNamed => begun = false,
            None => frames.start(&mut first),
            Some(Some(Told::Pieces(pieces))) => {
                frames.start(&mut first);
                for piece in &pieces {
                    frames.piece(&mut first, piece);
                }
            }
            Some(Some(Told::Ended(outcome))) => {
                if let Some(error) = F::failure(&outcome) {
                    return Err(error);
                }
                frames.start(&mut first);
                frames.end(&mut first, &outcome);
                ended = true;
            }
            Some(None) => return Err(leaving()),
        }
    }
    let source = CallFrames {
        reader,
        frames,
        first,
        begun,
        ended,
    };
    Ok(stream::respond(source, state))
}

/// Answers with JSON that was written by hand; says where it is of an earlier request.
pub(crate) fn answer(body: Vec<u8>, replayed: bool) -> Response {
    marked(json_bytes(body), replayed)
}

/// Says of an answer where it is of an earlier request.
pub(crate) fn marked(mut response: Response, replayed: bool) -> Response {
    if replayed {
        idempotency::mark_replayed(&mut response);
    }
    response
}

/// Why a call failed; `None` for one that ended as it should, or as its caller wished.
pub(crate) fn failure(outcome: &CallOutcome) -> Option<ApiError> {
    match outcome.status {
        TurnStatus::Complete | TurnStatus::Stopped => None,
        TurnStatus::Running | TurnStatus::Interrupted | TurnStatus::Failed => {
            Some(outcome.error.clone().map_or_else(
                || ApiError::new(ErrorCode::Interrupted, "The answer was interrupted"),
                ApiError::from,
            ))
        }
    }
}

/// Why a call failed, on a face whose clients cannot wish a call to end: one that was ended was so because its key or its
/// account counts no longer.
pub(crate) fn failure_or_end(outcome: &CallOutcome) -> Option<ApiError> {
    match outcome.status {
        TurnStatus::Stopped => Some(ApiError::invalid_token()),
        _ => failure(outcome),
    }
}

fn leaving() -> ApiError {
    ApiError::new(
        ErrorCode::ShuttingDown,
        "The service is ending; try again shortly",
    )
}

/// A call's frames.
struct CallFrames<F> {
    reader: CallReader,
    frames: F,
    /// What was written before the stream began: it leaves together with the headers.
    first: Vec<u8>,
    begun: bool,
    ended: bool,
}

impl<F: Frames> CallFrames<F> {
    /// Tells the beginning, unless it was told.
    fn begin(&mut self, frames: &mut Vec<u8>) {
        if !std::mem::replace(&mut self.begun, true) {
            self.frames.start(frames);
        }
    }
}

impl<F: Frames> Source for CallFrames<F> {
    async fn next(&mut self) -> Option<Vec<u8>> {
        let mut frames = std::mem::take(&mut self.first);
        // A stream that is resumed tells nothing of what was read before.
        while frames.is_empty() {
            if self.ended {
                return None;
            }
            match self.reader.next().await {
                Some(Told::Pieces(pieces)) => {
                    self.begin(&mut frames);
                    for piece in &pieces {
                        self.frames.piece(&mut frames, piece);
                    }
                }
                Some(Told::Ended(outcome)) => {
                    self.ended = true;
                    if F::failure(&outcome).is_none() {
                        self.begin(&mut frames);
                    }
                    self.frames.end(&mut frames, &outcome);
                }
                None => {
                    self.ended = true;
                    self.frames.broken(&mut frames, &leaving());
                }
            }
        }
        Some(frames)
    }

    fn last_words(&self) -> Option<Bytes> {
        None
    }
}
