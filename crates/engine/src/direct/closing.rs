//! The end of a call: stored, whatever happened, and told to whoever waits.

use super::{
    call::Out,
    piece::{CallOutcome, stop_name},
    progress::Progress,
};
use crate::{
    EngineError,
    chat::{closing, refusal, turn::Ended},
    inner::Inner,
};
use chatai_llm::LlmError;
use chatai_store::{
    StoreError,
    ops::{
        budgets::Payer,
        direct::{self, CallEnd, CloseCall},
    },
};
use chatai_types::{CallId, CallKind, ErrorCode, TurnStatus};
use std::sync::Arc;

/// Stores the end of the call and tells it.
pub(super) async fn close(
    inner: &Inner,
    (id, payer, kind, is_reserved): (CallId, Payer, CallKind, bool),
    progress: Progress,
    ended: Ended,
    out: Out,
) {
    let (status, error) = closing::status_of(ended, progress.has_given, refusal_of_call);
    if let Some(error) = &error {
        let cause = error.cause.as_deref().unwrap_or_default();
        tracing::warn!(code = error.code.as_str(), cause, call = %id, "a model call failed");
    }
    let end = CallEnd {
        status,
        stop_reason: progress.stop_reason.map(|reason| stop_name(reason).to_owned()),
        error: error.as_ref().map(|error| (error.code, error.detail.to_string())),
        used: progress.used,
        at: inner.clock.now(),
    };
    let outcome = CallOutcome {
        error,
        ..CallOutcome::stored(&end, &progress.asked.model.name)
    };
    let row = Arc::new(CloseCall {
        payer,
        id,
        kind,
        is_reserved,
        model: progress.asked.model.name,
        // A request that came to nothing is not used up.
        gives_key_back: !progress.has_given && matches!(status, TurnStatus::Failed | TurnStatus::Interrupted),
        end,
        output: match &out {
            Out::Own { .. } => None,
            Out::Kept(log) => Some(log.output()),
        },
    });
    let tell = |stored: Result<bool, EngineError>| {
        let is_stored = stored.is_ok();
        let told = match stored {
            Ok(_) => outcome,
            Err(error) => outcome.broken(error),
        };
        match out {
            // Nobody is told where nobody reads.
            Out::Own { pieces, end } => {
                drop(pieces);
                let _gone = end.send(told);
            }
            Out::Kept(log) => log.finish(told, is_stored),
        }
    };
    closing::store_end(inner, "model call", id.0, || store(inner, &row), tell).await;
}

async fn store(inner: &Inner, row: &Arc<CloseCall>) -> Result<bool, StoreError> {
    let row = Arc::clone(row);
    inner.store.write(move |tx| direct::close(tx, &row)).await
}

/// A provider's failure in the words of who keeps no question. What it says of the request itself is for the program's
/// author, who cannot mend it otherwise.
fn refusal_of_call(error: &LlmError) -> EngineError {
    let known = refusal(error);
    let detail = match error {
        LlmError::Rejected(words) => {
            let detail = format!("The model's provider refused the request: {words}");
            return EngineError::new(ErrorCode::RequestRejected, detail).caused_by(error);
        }
        LlmError::ContextTooLong(_) => {
            "The request does not fit the model's window; shorten it or choose another model"
        }
        LlmError::Timeout(_) => "The model's provider sent nothing for too long; try again",
        LlmError::TooLong(_) => {
            "The model needed too long for its answer; ask for less or choose another model"
        }
        LlmError::Failed(_) => "The model's provider failed; try again or choose another model",
        LlmError::Busy { .. } => {
            "As many calls as this instance may make to the model's provider at once are under way; try again shortly"
        }
        LlmError::CircuitOpen { .. } => {
            "The model's provider has failed repeatedly and is left alone for a moment; try again shortly"
        }
        LlmError::Auth(_) | LlmError::RateLimited { .. } | LlmError::ModelUnavailable(_) => return known,
    };
    EngineError {
        detail: detail.into(),
        ..known
    }
}
