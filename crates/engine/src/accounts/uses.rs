//! When keys and sessions were last used: kept in memory with each request, written once in a while.

use crate::inner::Inner;
use chatai_store::ops::{keys, sessions};
use chatai_types::{ApiKeyId, Timestamp};
use std::{
    borrow::Borrow,
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often uses are written.
const WRITE_INTERVAL: Duration = Duration::from_secs(60);

/// What was used when, as far as it is not written yet.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    pub(super) keys: Latest<ApiKeyId>,
    /// By the names that tokens have for them.
    pub(super) sessions: Latest<Arc<str>>,
}

/// The latest use of each. One entry each.
#[derive(Debug)]
pub(super) struct Latest<K>(Mutex<HashMap<K, Timestamp>>);

impl<K> Default for Latest<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Eq + Hash + Ord> Latest<K> {
    pub(super) fn note(&self, used: K, at: Timestamp) {
        self.lock().insert(used, at);
    }

    pub(super) fn of<Q: Eq + Hash + ?Sized>(&self, used: &Q) -> Option<Timestamp>
    where
        K: Borrow<Q>,
    {
        self.lock().get(used).copied()
    }

    pub(super) fn forget<Q: Eq + Hash + ?Sized>(&self, used: &Q)
    where
        K: Borrow<Q>,
    {
        self.lock().remove(used);
    }

    fn take(&self) -> Vec<(K, Timestamp)> {
        // In order: two instances that write at once take the rows in the same order.
        let mut uses: Vec<_> = self.lock().drain().collect();
        uses.sort_unstable();
        uses
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<K, Timestamp>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes when keys and sessions were used, once in a while and in the end.
pub(crate) async fn keep_uses(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(WRITE_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let ended = tokio::select! {
            _ = ticks.tick() => false,
            () = inner.turns.stopped.cancelled() => true,
        };
        write(&inner).await;
        if ended {
            return;
        }
    }
}

async fn write(inner: &Inner) {
    let uses = &inner.accounts.uses;
    let used_keys = uses.keys.take();
    let used_sessions: Vec<(String, Timestamp)> = uses
        .sessions
        .take()
        .into_iter()
        .map(|(session, at)| (session.to_string(), at))
        .collect();
    if used_keys.is_empty() && used_sessions.is_empty() {
        return;
    }
    let note = move |tx: &mut chatai_store::Tx<'_>| {
        keys::note_uses(tx, &used_keys)?;
        sessions::note_uses(tx, &used_sessions)
    };
    if let Err(error) = inner.store.write(note).await {
        tracing::warn!(%error, "the last uses of keys and sessions could not be written");
    }
}
