//! The direct calls of this instance, so that they can be found, kept alive and ended.

use super::{follow::Followed, log::CallLog};
use chatai_store::ops::budgets::Payer;
use chatai_types::CallId;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio_util::sync::CancellationToken;

/// The direct calls of this instance.
#[derive(Debug, Default)]
pub(crate) struct DirectCalls {
    running: Mutex<Running>,
    /// Logs of kept calls that run on other instances.
    pub(super) followed: Followed,
}

#[derive(Debug, Default)]
struct Running {
    calls: HashMap<CallId, Live>,
    /// Kept ones, by the name they are read by.
    kept: HashMap<String, Arc<CallLog>>,
}

/// A call that runs here.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) payer: Payer,
    /// Ends it.
    pub(super) stop: CancellationToken,
    /// Of a kept one.
    pub(super) log: Option<Arc<CallLog>>,
}

impl DirectCalls {
    pub(super) fn add(&self, id: CallId, live: Live) {
        let mut running = self.lock();
        if let Some(log) = &live.log {
            running.kept.insert(log.about.public_id.clone(), Arc::clone(log));
        }
        running.calls.insert(id, live);
    }

    pub(super) fn forget(&self, id: CallId) {
        let mut running = self.lock();
        if let Some(log) = running.calls.remove(&id).and_then(|live| live.log) {
            running.kept.remove(&log.about.public_id);
        }
    }

    /// All of them.
    pub(crate) fn ids(&self) -> Vec<CallId> {
        self.lock().calls.keys().copied().collect()
    }

    /// Those that are kept, which others may want to end.
    pub(crate) fn kept_ids(&self) -> Vec<CallId> {
        self.lock().kept.values().map(|log| log.id).collect()
    }

    /// The log of a kept call that runs here.
    pub(super) fn log(&self, id: CallId) -> Option<Arc<CallLog>> {
        self.lock().calls.get(&id)?.log.clone()
    }

    /// The same by the name it is read by.
    pub(super) fn log_named(&self, public_id: &str) -> Option<Arc<CallLog>> {
        self.lock().kept.get(public_id).cloned()
    }

    /// Ends a call, if it runs here.
    pub(crate) fn stop(&self, id: CallId) {
        if let Some(live) = self.lock().calls.get(&id) {
            live.stop.cancel();
        }
    }

    /// Ends the calls of those whom it concerns.
    pub(crate) fn stop_those(&self, concern: impl Fn(Payer) -> bool) {
        for live in self.lock().calls.values().filter(|live| concern(live.payer)) {
            live.stop.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
