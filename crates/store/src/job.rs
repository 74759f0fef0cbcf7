//! A caller's function on its way through a queue: run on a database thread, answered over a channel.

use crate::{StoreError, Tx};
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
};
use tokio::sync::oneshot;

/// Tells a caller that what it wrote is synced, or that it never will be.
pub(crate) type SyncMark = oneshot::Sender<Result<(), StoreError>>;

/// When a job's caller is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answered {
    /// After its commit is synced.
    WhenSynced,
    /// As soon as its commit is written.
    WhenWritten,
}

/// A job of any type. `run` may be called again when the database asks for it; the last outcome counts.
pub(crate) trait Job: Send {
    /// Runs the caller's function. Err, with the cause, when the transaction must not be committed.
    fn run(&mut self, tx: Tx<'_>) -> Result<(), Failed>;
    /// Replaces the outcome by an error.
    fn refuse(&mut self, error: StoreError);
    /// Sends the outcome.
    fn reply(self: Box<Self>);
    /// Whether nobody waits for the outcome any more.
    fn is_abandoned(&self) -> bool;
    /// When its caller is answered.
    fn answered(&self) -> Answered;
}

/// Why a job is not committed.
#[derive(Debug)]
pub(crate) enum Failed {
    /// The caller's function returned an error of its own, after no statement had failed.
    Refused,
    /// A statement failed.
    Statement(StoreError),
    /// The caller's function panicked.
    Panicked,
}

pub(crate) struct TypedJob<T, E, F> {
    function: F,
    outcome: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
    answered: Answered,
}

impl<T, E, F> TypedJob<T, E, F> {
    pub(crate) fn new(function: F, reply: oneshot::Sender<Result<T, E>>, answered: Answered) -> Self {
        Self {
            function,
            outcome: None,
            reply,
            answered,
        }
    }
}

impl<T, E, F> Job for TypedJob<T, E, F>
where
    F: Fn(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: From<StoreError> + Send,
{
    fn run(&mut self, mut tx: Tx<'_>) -> Result<(), Failed> {
        // The transaction is rolled back after a panic, so no half-changed state is seen by anyone.
        match catch_unwind(AssertUnwindSafe(|| (self.function)(&mut tx))) {
            Ok(Ok(value)) => match tx.into_failure() {
                None => {
                    self.outcome = Some(Ok(value));
                    Ok(())
                }
                Some(failure) => {
                    self.outcome = Some(Err(failure.clone().into()));
                    Err(Failed::Statement(failure))
                }
            },
            Ok(Err(error)) => {
                self.outcome = Some(Err(error));
                Err(tx.into_failure().map_or(Failed::Refused, Failed::Statement))
            }
            Err(panic) => {
                let reason = format!("panic in a database job: {}", panic_message(&*panic));
                self.outcome = Some(Err(StoreError::Internal(reason).into()));
                Err(Failed::Panicked)
            }
        }
    }

    fn refuse(&mut self, error: StoreError) {
        self.outcome = Some(Err(error.into()));
    }

    fn reply(self: Box<Self>) {
        let outcome = self
            .outcome
            .unwrap_or_else(|| Err(StoreError::Internal("the job was not run".to_owned()).into()));
        // A caller that has gone away misses its answer, nothing else.
        drop(self.reply.send(outcome));
    }

    fn is_abandoned(&self) -> bool {
        self.reply.is_closed()
    }

    fn answered(&self) -> Answered {
        self.answered
    }
}

fn panic_message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message")
}
