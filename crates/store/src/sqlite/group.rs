//! A committed group on its way from the writer to the syncer.

use crate::{
    StoreError,
    job::{Job, SyncMark},
};

/// What is answered when a commit is synced.
#[derive(Default)]
pub(super) struct Group {
    /// Jobs whose callers wait for the sync.
    pub(super) jobs: Vec<Box<dyn Job>>,
    /// The answers of those who wait for everything that is written.
    pub(super) marks: Vec<SyncMark>,
    /// Whether the log holds anything that must be synced first.
    pub(super) needs_sync: bool,
    /// The writer's count of commits up to this one.
    pub(super) sequence: u64,
}

impl Group {
    /// Whether somebody waits for the sync.
    pub(super) fn is_awaited(&self) -> bool {
        !self.jobs.is_empty() || !self.marks.is_empty()
    }

    /// Answers everyone.
    pub(super) fn finish(self, outcome: &Result<(), StoreError>) {
        for mut job in self.jobs {
            if let Err(error) = outcome {
                job.refuse(error.clone());
            }
            job.reply();
        }
        for mark in self.marks {
            // A caller that has gone away misses its answer, nothing else.
            drop(mark.send(outcome.clone()));
        }
    }
}
