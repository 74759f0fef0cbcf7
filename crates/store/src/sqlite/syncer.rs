//! The thread that makes *written* into *synced*.

use super::{failure::Failure, group::Group};
use crossbeam_channel::Receiver;
use std::{
    fs::File,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a commit may lie unsynced that nobody waits for. A turn's end mostly comes first, and one sync does for both.
const LINGER: Duration = Duration::from_millis(2);

/// How the log is synced. In the service always [`File::sync_data`]; tests watch or break it.
#[derive(Clone)]
pub(crate) struct SyncLog(pub(crate) Arc<SyncFile>);

type SyncFile = dyn Fn(&File) -> io::Result<()> + Send + Sync;

impl Default for SyncLog {
    fn default() -> Self {
        Self(Arc::new(File::sync_data))
    }
}

impl std::fmt::Debug for SyncLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SyncLog")
    }
}

pub(super) struct Syncer {
    pub(super) groups: Receiver<Group>,
    /// Open since before the first sync, so that no error report of the operating system is missed.
    pub(super) log: File,
    pub(super) sync: SyncLog,
    pub(super) synced: Arc<AtomicU64>,
    pub(super) failure: Failure,
}

impl Syncer {
    /// Ends when the writer has gone and everything is answered.
    pub(super) fn run(self) {
        let mut drained = Vec::new();
        while let Ok(first) = self.groups.recv() {
            drained.push(first);
            self.gather(&mut drained);
            if drained.iter().any(|group| group.needs_sync)
                && !self.failure.is_set()
                && let Err(error) = (self.sync.0)(&self.log)
            {
                self.failure
                    .set(format!("cannot sync the write-ahead log: {error}"));
            }
            let outcome = self.failure.check();
            if outcome.is_ok()
                && let Some(last) = drained.iter().map(|group| group.sequence).max()
            {
                self.synced.fetch_max(last, Ordering::SeqCst);
            }
            for group in drained.drain(..) {
                group.finish(&outcome);
            }
        }
    }

    /// Adds what is here now and, while nobody waits for a sync, what comes for a moment longer. A group that arrives
    /// during the sync waits for the next one.
    fn gather(&self, drained: &mut Vec<Group>) {
        let deadline = Instant::now() + LINGER;
        loop {
            drained.extend(self.groups.try_iter().take(self.groups.len()));
            if drained.iter().any(Group::is_awaited) {
                return;
            }
            match self.groups.recv_deadline(deadline) {
                Ok(group) => drained.push(group),
                Err(_) => return,
            }
        }
    }
}
