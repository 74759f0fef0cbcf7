//! The one flag that stops everything: a sync has failed.

use crate::StoreError;
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// Shared by all threads of an engine and by whoever waits for it to fail.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    /// Read on every job, so apart from the channel and its lock.
    is_set: Arc<AtomicBool>,
    reason: Arc<watch::Sender<Option<String>>>,
}

impl Failure {
    pub(super) fn new() -> Self {
        Self {
            is_set: Arc::default(),
            reason: Arc::new(watch::Sender::new(None)),
        }
    }

    /// Records the first failure; later ones are logged only.
    pub(super) fn set(&self, reason: String) {
        tracing::error!(
            reason,
            "the disk failed to sync: nothing is acknowledged any more"
        );
        self.is_set.store(true, Ordering::SeqCst);
        self.reason.send_if_modified(|current| {
            let first = current.is_none();
            if first {
                *current = Some(reason);
            }
            first
        });
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// What to tell a caller, once it is set.
    pub(super) fn check(&self) -> Result<(), StoreError> {
        if self.is_set() { Err(self.error()) } else { Ok(()) }
    }

    pub(super) fn error(&self) -> StoreError {
        let reason = self.reason.borrow().clone().unwrap_or_default();
        StoreError::Unavailable(reason)
    }

    pub(super) fn watch(&self) -> watch::Receiver<Option<String>> {
        self.reason.subscribe()
    }
}
