//! What readers of a turn see of it. The turn itself belongs to its `TurnTask`: a reader that leaves drops a
//! reader, nothing else.

use crate::{EngineError, error::TurnIds, views::Outcome};
use chatai_types::TurnStatus;
use tokio::sync::watch;

/// The writing end, held by the turn's task alone.
#[derive(Debug)]
pub(crate) struct TurnLog(watch::Sender<Option<Outcome>>);

/// A turn that was accepted, written and is being answered.
#[derive(Debug)]
pub struct Turn {
    /// Where it stands in the conversation.
    pub ids: TurnIds,
    /// The model that answers.
    pub model: String,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl TurnLog {
    /// A log and its first reader.
    pub(crate) fn open(ids: TurnIds, model: String) -> (Self, Turn) {
        let (sender, receiver) = watch::channel(None);
        (
            Self(sender),
            Turn {
                ids,
                model,
                outcome: receiver,
            },
        )
    }

    /// The end, after it was stored.
    pub(crate) fn finish(self, outcome: Outcome) {
        self.0.send_replace(Some(outcome));
    }
}

impl Turn {
    /// Waits for the end. Dropping this does not stop the turn.
    pub async fn finished(mut self) -> Outcome {
        match self
            .outcome
            .wait_for(Option::is_some)
            .await
            .map(|outcome| outcome.clone())
        {
            Ok(Some(outcome)) => outcome,
            // The task went without a word: the runtime is ending.
            Ok(None) | Err(_) => {
                let mut error = EngineError::internal("the turn's task ended without closing it");
                error.turn = Some(self.ids);
                Outcome {
                    status: TurnStatus::Interrupted,
                    answer: String::new(),
                    error: Some(error),
                }
            }
        }
    }
}
