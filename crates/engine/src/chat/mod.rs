//! A message from its arrival to its answer: refusals first, then one transaction, then the turn's own task.

pub(crate) mod accept;
mod answer_text;
mod books;
mod calls;
pub(crate) mod closing;
pub(crate) mod context;
mod estimate;
pub(crate) mod fallback;
pub(crate) mod fingerprint;
mod log;
mod piece;
pub(crate) mod plan;
pub(crate) mod prompt;
mod reader;
mod recent;
mod replay;
mod settle;
mod side;
pub(crate) mod size;
pub(crate) mod tools;
pub(crate) mod turn;
mod turns;
pub(crate) mod uploads;
mod writer;

pub use accept::Turn;
pub(crate) use calls::{Served, next_event, read_on, refusal, request_tokens, storable, tool_tokens};
pub use estimate::{Draft, DraftFile, Estimate};
pub use reader::{Position, TurnEvent, TurnReader};
pub(crate) use settle::settle;
pub(crate) use size::{cut_to_tokens, estimate_tokens};
pub use tools::CollectionTool;
pub(crate) use tools::arguments as tool_arguments;
pub(crate) use turns::Turns;
pub(crate) use writer::write_events;

use crate::{
    Engine, EngineError,
    views::{Caller, MessageLimits, Origin, Regenerate, SendMessage},
};
use chatai_types::{ErrorCode, MessageId, TurnStatus};
use std::time::Duration;
use tokio::time::timeout;

/// How long the end of an answer that is to be stopped is waited for. An instance that lives sees the wish within a
/// second; one that is gone is not known to be before its lease has ended.
pub(crate) const CANCEL_PATIENCE: Duration = Duration::from_secs(10);

impl Engine {
    /// Bounds of a message, for whoever reads it from a socket.
    pub fn message_limits(&self) -> MessageLimits {
        let limits = &self.inner.settings.limits;
        MessageLimits {
            text_chars: limits.message_chars,
            files: limits.files_per_message,
            file_bytes: limits.file_bytes,
        }
    }

    /// Accepts a message: when this returns, it is written and its turn runs. A refusal has written nothing and
    /// called no model.
    ///
    /// # Errors
    /// `empty_text`, `too_large`, `conversation_not_found`, `message_not_found`, `model_unknown`, `model_unavailable`,
    /// `model_not_allowed`,
    /// `context_too_long`, `attachment_unreadable`, `budget_exceeded`, `idempotency_mismatch`, `rate_limited`, `overloaded`,
    /// `shutting_down`.
    pub async fn send(
        &self,
        caller: &Caller,
        origin: &Origin,
        message: SendMessage,
    ) -> Result<Turn, EngineError> {
        self.check_bounds(&message)?;
        accept::send(&self.inner, caller, origin, message).await
    }

    /// Answers a question again, beside the answer it has: when this returns, the new turn runs.
    ///
    /// # Errors
    /// `message_not_found`, and those of [`Engine::send`].
    pub async fn regenerate(
        &self,
        caller: &Caller,
        origin: &Origin,
        again: Regenerate,
    ) -> Result<Turn, EngineError> {
        accept::regenerate(&self.inner, caller, origin, again).await
    }

    /// A reader of an answer, from the beginning or from where another left. `None` for a position that was never
    /// given out.
    ///
    /// # Errors
    /// `message_not_found`.
    pub async fn read_turn(
        &self,
        caller: &Caller,
        answer: MessageId,
        after: Option<Position>,
    ) -> Result<Option<TurnReader>, EngineError> {
        let log = replay::log_of(&self.inner, caller.user_id, answer).await?;
        Ok(match after {
            None => Some(TurnReader::new(&log)),
            Some(position) => TurnReader::at(&log, position),
        })
    }

    /// Stops an answer, wherever it runs, and waits for its end. One that has ended stays as it is.
    ///
    /// # Errors
    /// `message_not_found`, `shutting_down`; `overloaded` where it has not ended in time: it is going to.
    pub async fn cancel(&self, caller: &Caller, answer: MessageId) -> Result<TurnStatus, EngineError> {
        self.cancel_within(caller, answer, CANCEL_PATIENCE).await
    }

    async fn cancel_within(
        &self,
        caller: &Caller,
        answer: MessageId,
        patience: Duration,
    ) -> Result<TurnStatus, EngineError> {
        let owner = caller.user_id;
        let log = replay::log_of(&self.inner, owner, answer).await?;
        log.stop.cancel();
        if !log.has_ended() && self.inner.turns.log(answer).is_none() {
            self.store()
                .write(move |tx| chatai_store::ops::turns::request_cancel(tx, owner, answer))
                .await?;
        }
        let ended = timeout(patience, log.finished()).await;
        let outcome = ended.map_err(|_| not_ended_yet())?;
        match outcome.error {
            // This instance ends before the one that runs the turn has ended it.
            Some(error) if outcome.status == TurnStatus::Running => Err(error),
            _ => Ok(outcome.status),
        }
    }

    /// Refuses a text that is too long for any model.
    fn check_length(&self, text: &str) -> Result<(), EngineError> {
        let most = self.message_limits().text_chars;
        if text.chars().count() > most {
            let detail = format!("The text is longer than {most} characters");
            return Err(EngineError::new(ErrorCode::TooLarge, detail));
        }
        Ok(())
    }

    fn check_bounds(&self, message: &SendMessage) -> Result<(), EngineError> {
        let limits = self.message_limits();
        let too_large = |detail: String| Err(EngineError::new(ErrorCode::TooLarge, detail));
        if message.text.trim().is_empty() {
            return Err(EngineError::new(ErrorCode::EmptyText, "Empty text"));
        }
        self.check_length(&message.text)?;
        if message.files.len() > limits.files {
            return too_large(format!("A message takes at most {} files", limits.files));
        }
        for file in &message.files {
            if file.bytes.len() as u64 > limits.file_bytes {
                return too_large(format!(
                    "`{}` is larger than {} bytes, the most a file may have",
                    chatai_files::clean_name(&file.filename),
                    limits.file_bytes
                ));
            }
        }
        Ok(())
    }
}

/// What is told of something that is to end and has not in time.
pub(crate) fn not_ended_yet() -> EngineError {
    EngineError::new(
        ErrorCode::Overloaded,
        "It is to be stopped, and whoever runs it has not said so yet; ask again shortly",
    )
    .retry_after(CANCEL_PATIENCE)
}

#[cfg(test)]
pub(crate) mod tests;
