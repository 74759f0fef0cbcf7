//! A thread that answers reads on a connection of its own.

use super::{failure::Failure, session::SqliteSession};
use crate::{StoreError, Tx, job::Job};
use crossbeam_channel::Receiver;
use rusqlite::Connection;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// Virtual-machine steps of SQLite between two looks at the clock, about a millisecond.
const STEPS_BETWEEN_LOOKS: i32 = 20_000;

pub(super) struct Reader {
    pub(super) connection: Connection,
    pub(super) requests: Receiver<Box<dyn Job>>,
    /// A read that takes longer is broken off: it would keep the log from starting again.
    pub(super) limit: Duration,
    pub(super) failure: Failure,
}

impl Reader {
    pub(super) fn run(mut self) {
        let deadline = Deadline::new();
        let watched = deadline.clone();
        if let Err(error) = self
            .connection
            .progress_handler(STEPS_BETWEEN_LOOKS, Some(move || watched.is_over()))
        {
            self.failure.set(format!("cannot limit reads: {error}"));
        }
        let mut session = SqliteSession::new(&self.connection);
        while let Ok(mut job) = self.requests.recv() {
            if job.is_abandoned() {
                continue;
            }
            deadline.start(self.limit);
            run(&mut session, &mut *job, &self.failure);
            job.reply();
        }
    }
}

fn run(session: &mut SqliteSession<'_>, job: &mut dyn Job, failure: &Failure) {
    if let Err(error) = failure.check().and_then(|()| session.control("begin")) {
        return job.refuse(error);
    }
    // A read has nothing to keep: its outcome stands whether it ended well or not.
    drop(job.run(Tx::new(session)));
    if !session.is_autocommit()
        && let Err(error) = session.control("rollback")
    {
        job.refuse(StoreError::Unavailable(error.to_string()));
    }
}

/// A moment after which SQLite gives up, shared with its callback.
#[derive(Clone)]
struct Deadline {
    epoch: Instant,
    micros: Arc<AtomicU64>,
}

impl Deadline {
    fn new() -> Self {
        Self {
            epoch: Instant::now(),
            micros: Arc::new(AtomicU64::new(u64::MAX)),
        }
    }

    fn start(&self, limit: Duration) {
        let end = self.epoch.elapsed().saturating_add(limit);
        self.micros.store(
            u64::try_from(end.as_micros()).unwrap_or(u64::MAX),
            Ordering::Relaxed,
        );
    }

    fn is_over(&self) -> bool {
        self.epoch.elapsed().as_micros() > u128::from(self.micros.load(Ordering::Relaxed))
    }
}
