//! The one thread that writes: it takes what waits in the queue as a group, a savepoint per job, and
//! commits it at once. In between it takes texts into the index of words.

use super::{
    checkpoint::{self, Progress},
    failure::Failure,
    group::Group,
    session::SqliteSession,
};
use crate::{
    StoreError, Tx,
    job::{Answered, Failed, Job},
    ops::search_index,
};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use rusqlite::Connection;
use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

/// New texts are taken into the index when nothing was written for so long,
const INDEX_WHEN_QUIET: Duration = Duration::from_millis(5);
/// or at the latest so long after the first of them: every search looks through those that wait.
const INDEX_AFTER: Duration = Duration::from_millis(50);
/// How long the index is left alone after it could not be written.
const INDEX_AGAIN: Duration = Duration::from_secs(10);

/// What lies in the writer's queue.
pub(super) enum Message {
    Job(Box<dyn Job>),
    /// The checkpointer has copied most of the log; the rest is the writer's.
    FinishCheckpoint,
    Close,
}

pub(super) struct Writer {
    pub(super) connection: Connection,
    pub(super) messages: Receiver<Message>,
    pub(super) groups: Sender<Group>,
    pub(super) checkpoints: Sender<()>,
    /// Most jobs in one commit.
    pub(super) group_size: usize,
    /// Frames in the log that call for a checkpoint.
    pub(super) checkpoint_frames: i64,
    /// Counts commits before they begin, so that no reader sees one that is not counted.
    pub(super) begun: Arc<AtomicU64>,
    pub(super) failure: Failure,
}

/// Nothing is to be written for the moment.
struct Quiet;

/// What became of the open transaction after a job.
enum After {
    /// The job is in it.
    Kept,
    /// The job is not in it, the others are.
    Undone,
    /// It is gone, with everything in it.
    Lost(StoreError),
}

impl Writer {
    /// Ends when it is told to, after everything that was handed over before. Gives the connection back.
    pub(super) fn run(mut self) -> Connection {
        // Filled by SQLite at each commit that wrote something.
        let frames = Arc::new(AtomicI64::new(0));
        let counted = frames.clone();
        let hook = move |_: &mut rusqlite::hooks::Wal, pages| {
            counted.store(i64::from(pages), Ordering::Relaxed);
            Ok(())
        };
        if let Err(error) = self.connection.wal_hook(Some(hook)) {
            self.failure
                .set(format!("cannot watch the write-ahead log: {error}"));
        }
        let state = Loop {
            session: SqliteSession::new(&self.connection),
            connection: &self.connection,
            frames,
            checkpoint_at: self.checkpoint_frames,
            checkpoint_runs: false,
            // An earlier process may have left some.
            index_by: Some(Instant::now()),
            index_from: Instant::now(),
            settings: &self,
        };
        state.run();
        self.connection
    }
}

struct Loop<'c> {
    session: SqliteSession<'c>,
    connection: &'c Connection,
    /// Frames in the log after the last commit, 0 when that commit wrote none.
    frames: Arc<AtomicI64>,
    checkpoint_at: i64,
    /// The checkpointer is at it.
    checkpoint_runs: bool,
    /// When texts that may wait are taken into the index at the latest; `None` while none can wait.
    index_by: Option<Instant>,
    /// When that may be tried at the earliest.
    index_from: Instant,
    settings: &'c Writer,
}

impl Loop<'_> {
    fn run(mut self) {
        let mut jobs = Vec::with_capacity(self.settings.group_size);
        loop {
            let mut next = match self.next_message() {
                Some(Ok(message)) => Some(message),
                Some(Err(Quiet)) => {
                    self.index();
                    continue;
                }
                None => break,
            };
            while let Some(Message::Job(job)) = next {
                jobs.push(job);
                let room = jobs.len() < self.settings.group_size;
                next = if room {
                    self.settings.messages.try_recv().ok()
                } else {
                    None
                };
            }
            if !jobs.is_empty() {
                self.commit_group(&mut jobs);
            }
            match next {
                None | Some(Message::Job(_)) => {}
                Some(Message::FinishCheckpoint) => self.finish_checkpoint(),
                Some(Message::Close) => break,
            }
            if self.index_by.is_some_and(|by| by <= Instant::now()) {
                self.index();
            }
        }
    }

    /// `None` when none will come any more.
    fn next_message(&self) -> Option<Result<Message, Quiet>> {
        let messages = &self.settings.messages;
        if self.index_by.is_none() {
            return messages.recv().ok().map(Ok);
        }
        let until = (Instant::now() + INDEX_WHEN_QUIET).max(self.index_from);
        match messages.recv_deadline(until) {
            Ok(message) => Some(Ok(message)),
            Err(RecvTimeoutError::Timeout) => Some(Err(Quiet)),
            Err(RecvTimeoutError::Disconnected) => None,
        }
    }

    /// Takes some of the texts that wait into the index.
    fn index(&mut self) {
        self.index_by = None;
        if self.settings.failure.is_set() {
            return;
        }
        // Most writes bring no text, and a commit for nothing would have to be waited for by those behind it.
        let outcome = match search_index::is_behind(&mut Tx::new(&mut self.session)) {
            Ok(true) => self.in_transaction(search_index::step),
            other => other,
        };
        match outcome {
            Ok(false) => {}
            Ok(true) => self.index_by = Some(Instant::now() + INDEX_WHEN_QUIET),
            Err(error) => {
                tracing::warn!(%error, "new texts cannot be taken into the index of words; searches look through them");
                self.index_from = Instant::now() + INDEX_AGAIN;
                self.index_by = Some(self.index_from);
            }
        }
    }

    /// A transaction of the writer's own, which nobody waits for.
    fn in_transaction<T>(
        &mut self,
        work: impl FnOnce(&mut Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let sequence = self.begin_commit();
        let session = &mut self.session;
        let outcome = session.control("begin immediate").and_then(|()| {
            let done = work(&mut Tx::new(session))?;
            session.control("commit")?;
            Ok(done)
        });
        if outcome.is_err() {
            self.roll_back_everything();
        }
        self.end_commit(Vec::new(), sequence);
        outcome
    }

    /// Leaves `jobs` empty, each answered or handed to the syncer.
    fn commit_group(&mut self, jobs: &mut Vec<Box<dyn Job>>) {
        if let Err(error) = self.settings.failure.check() {
            return refuse_all(jobs.drain(..), &error);
        }
        let sequence = self.begin_commit();
        let mut done = self.run_jobs(jobs);
        if !self.session.is_autocommit()
            && let Err(error) = self.session.control("commit")
        {
            self.roll_back_everything();
            refuse_all(done.drain(..), &error);
        }
        if self.end_commit(done, sequence) && self.index_by.is_none() {
            self.index_by = Some((Instant::now() + INDEX_AFTER).max(self.index_from));
        }
    }

    /// The number of the commit to come.
    fn begin_commit(&self) -> u64 {
        self.frames.store(0, Ordering::Relaxed);
        self.settings.begun.fetch_add(1, Ordering::SeqCst) + 1
    }

    /// Hands over what stands if the commit succeeded; whether it wrote anything.
    fn end_commit(&mut self, done: Vec<Box<dyn Job>>, sequence: u64) -> bool {
        self.watch_disk();
        let frames = self.frames.load(Ordering::Relaxed);
        self.hand_over(done, frames > 0, sequence);
        self.ask_for_checkpoint(frames);
        frames > 0
    }

    /// Runs each job in the open transaction. Returns those whose outcome stands if the commit succeeds.
    fn run_jobs(&mut self, jobs: &mut Vec<Box<dyn Job>>) -> Vec<Box<dyn Job>> {
        let alone = jobs.len() == 1;
        let mut done = Vec::with_capacity(jobs.len());
        for mut job in jobs.drain(..) {
            if self.session.is_autocommit()
                && let Err(error) = self.session.control("begin immediate")
            {
                job.refuse(error);
                job.reply();
                continue;
            }
            match self.run_job(&mut *job, alone) {
                After::Kept | After::Undone => done.push(job),
                After::Lost(cause) => {
                    // What ran before in this group is gone with it.
                    refuse_all(done.drain(..), &cause);
                    job.reply();
                }
            }
        }
        done
    }

    fn run_job(&mut self, job: &mut dyn Job, alone: bool) -> After {
        // A job that is alone is its own transaction.
        if !alone && let Err(error) = self.session.control("savepoint job") {
            job.refuse(error.clone());
            return self.after_failure(error);
        }
        let outcome = job.run(Tx::new(&mut self.session));
        if self.session.is_autocommit() {
            // A full disk, an I/O error or no memory rolls back more than the statement it met.
            let cause = match outcome {
                Err(Failed::Statement(error)) => error,
                _ => StoreError::Internal("a job ended the transaction it ran in".to_owned()),
            };
            job.refuse(cause.clone());
            return After::Lost(cause);
        }
        let ended = match (outcome.is_ok(), alone) {
            (true, true) => Ok(()),
            (true, false) => self.session.control("release job"),
            (false, true) => self.session.control("rollback"),
            (false, false) => self
                .session
                .control("rollback to job")
                .and_then(|()| self.session.control("release job")),
        };
        match ended {
            Ok(()) if outcome.is_ok() => After::Kept,
            Ok(()) => After::Undone,
            Err(error) => {
                job.refuse(error.clone());
                self.after_failure(error)
            }
        }
    }

    /// A savepoint could not be set or ended: the transaction cannot be trusted any more.
    fn after_failure(&mut self, cause: StoreError) -> After {
        self.roll_back_everything();
        After::Lost(cause)
    }

    fn roll_back_everything(&mut self) {
        if !self.session.is_autocommit()
            && let Err(error) = self.session.control("rollback")
        {
            self.settings.failure.set(format!("cannot roll back: {error}"));
        }
    }

    /// Syncs happen inside statements too: of a new log's header, and in checkpoints.
    fn watch_disk(&self) {
        if let Some(reason) = self.session.failed_sync() {
            self.settings.failure.set(reason.to_owned());
        }
    }

    /// The syncer gets the group first, then the callers of staged jobs hear *written*.
    fn hand_over(&mut self, mut done: Vec<Box<dyn Job>>, needs_sync: bool, sequence: u64) {
        if let Err(error) = self.settings.failure.check() {
            refuse_all(done.drain(..), &error);
        }
        let mut group = Group {
            needs_sync,
            sequence,
            ..Group::default()
        };
        let mut staged = Vec::new();
        for job in done {
            match job.answered() {
                Answered::WhenWritten => staged.push(job),
                Answered::WhenSynced => group.jobs.push(job),
            }
        }
        if let Err(unsent) = self.settings.groups.send(group) {
            // The syncer is gone, which only a panic brings about.
            self.settings
                .failure
                .set("the syncing thread has ended".to_owned());
            unsent.into_inner().finish(&Err(self.settings.failure.error()));
        }
        for job in staged {
            job.reply();
        }
    }

    fn ask_for_checkpoint(&mut self, frames: i64) {
        if frames == 0 {
            return;
        }
        if frames < self.settings.checkpoint_frames {
            // The log has started again.
            self.checkpoint_at = self.settings.checkpoint_frames;
        }
        if frames >= self.checkpoint_at && !self.checkpoint_runs {
            self.checkpoint_runs = self.settings.checkpoints.try_send(()).is_ok();
        }
    }

    fn finish_checkpoint(&mut self) {
        self.checkpoint_runs = false;
        if self.settings.failure.is_set() {
            return;
        }
        match checkpoint::passive(self.connection) {
            // Should a reader keep the log from starting again, the next attempt waits for more of it.
            Ok(Some(Progress { in_log, .. })) => {
                self.checkpoint_at = in_log.max(0) + self.settings.checkpoint_frames;
            }
            Ok(None) => self.checkpoint_at += self.settings.checkpoint_frames,
            Err(error) => self.settings.failure.set(format!("cannot checkpoint: {error}")),
        }
    }
}

fn refuse_all(jobs: impl Iterator<Item = Box<dyn Job>>, error: &StoreError) {
    for mut job in jobs {
        job.refuse(error.clone());
        job.reply();
    }
}
