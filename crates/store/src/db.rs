//! The store's door: async callers outside, plain functions on database threads inside.

use crate::{
    OpenError, PostgresOptions, SqliteOptions, StoreError, Tx,
    job::{Answered, Job, TypedJob},
    postgres, sqlite,
};
use std::{fmt, future::Future, sync::Arc};
use tokio::sync::{oneshot, watch};

/// Which database a store runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// The embedded one, a file of ours alone.
    Sqlite,
    /// A server, possibly shared by several instances of the service.
    Postgres,
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

/// A database with its threads. Clones share it; [`Store::close`], or dropping the last clone, ends it.
#[derive(Clone, Debug)]
pub struct Store {
    engine: Arc<Engine>,
}

#[derive(Debug)]
enum Engine {
    Sqlite(sqlite::Engine),
    Postgres(postgres::Engine),
}

impl Store {
    /// Opens a SQLite file, making it and its folder where they are missing, and migrates its schema.
    pub async fn open_sqlite(options: SqliteOptions) -> Result<Self, OpenError> {
        let engine = blocking(move || sqlite::Engine::open(options)).await?;
        Ok(Self {
            engine: Arc::new(Engine::Sqlite(engine)),
        })
    }

    /// Connects to a PostgreSQL database and migrates its schema, one instance at a time.
    pub async fn open_postgres(options: PostgresOptions) -> Result<Self, OpenError> {
        let engine = blocking(move || postgres::Engine::open(options)).await?;
        Ok(Self {
            engine: Arc::new(Engine::Postgres(engine)),
        })
    }

    /// Which database this is.
    pub fn backend(&self) -> Backend {
        match &*self.engine {
            Engine::Sqlite(_) => Backend::Sqlite,
            Engine::Postgres(_) => Backend::Postgres,
        }
    }

    /// The schema's version, that of the newest migration.
    pub fn schema_version(&self) -> i64 {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.schema_version(),
            Engine::Postgres(engine) => engine.schema_version(),
        }
    }

    /// Runs `job` in a read-only transaction: all its statements see one moment of the database, every
    /// write that returned before included. What it sees may not be synced yet; an answer that promises
    /// something on its ground waits for [`Store::written_so_far`].
    ///
    /// `job` may be called more than once (PostgreSQL, after a lost connection).
    pub async fn read<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = Box::new(TypedJob::new(job, reply, Answered::WhenSynced));
        match &*self.engine {
            Engine::Sqlite(engine) => engine.read(job)?,
            Engine::Postgres(engine) => engine.read(job)?,
        }
        self.answer(answer).await
    }

    /// Runs `job` in a transaction and returns after the commit is synced: its outcome survives a power
    /// cut. An error of any kind rolls everything back that this job did, and nothing else.
    ///
    /// `job` may be called more than once (PostgreSQL, after a deadlock and the like); the last outcome
    /// counts. Once handed over it runs even if the caller stops waiting.
    pub async fn write<T, E, F>(&self, job: F) -> Result<T, E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit_write(Box::new(TypedJob::new(job, reply, Answered::WhenSynced)))?;
        self.answer(answer).await
    }

    /// As [`Store::write`], but returns as soon as the commit is *written*: it survives the death of this
    /// process, not yet a power cut. [`Synced::wait`] asks for the rest and waits for it; as long as nobody does, the
    /// sync may wait a moment for others. An error is final at once.
    pub async fn write_staged<T, E, F>(&self, job: F) -> Result<(T, Synced), E>
    where
        F: Fn(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        self.submit_write(Box::new(TypedJob::new(job, reply, Answered::WhenWritten)))?;
        let written = self.answer(answer).await?;
        Ok((written, Synced(State::Unasked(self.clone()))))
    }

    /// Stands for everything that any read could have seen until now: waiting for it makes an answer that
    /// was built from reads as safe as one that was built from writes.
    pub fn written_so_far(&self) -> Synced {
        match &*self.engine {
            Engine::Sqlite(engine) => Synced(engine.written_so_far()),
            Engine::Postgres(_) => Synced(State::Done),
        }
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| tx.query_one("select 1", &[], |_| Ok(()))).await
    }

    /// Resolves, with the reason, when a sync of the disk has failed. Nothing is acknowledged from then on
    /// and the process must exit with an error: only the next start can tell what the disk holds. Never
    /// resolves otherwise.
    pub fn failed(&self) -> impl Future<Output = String> + Send + 'static {
        let watched = match &*self.engine {
            Engine::Sqlite(engine) => Some(engine.failure()),
            Engine::Postgres(_) => None,
        };
        async move {
            match watched {
                Some(watched) => first_failure(watched).await,
                None => std::future::pending().await,
            }
        }
    }

    /// Finishes what was handed over, refuses what comes after, and lets go of the database. Returns when
    /// all threads have ended; calling it again is harmless.
    pub async fn close(&self) {
        let engine = self.engine.clone();
        blocking(move || match &*engine {
            Engine::Sqlite(engine) => engine.close(),
            Engine::Postgres(engine) => engine.close(),
        })
        .await;
    }

    fn submit_write(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        match &*self.engine {
            Engine::Sqlite(engine) => engine.write(job),
            Engine::Postgres(engine) => engine.write(job),
        }
    }

    async fn answer<T, E: From<StoreError>>(&self, answer: oneshot::Receiver<Result<T, E>>) -> Result<T, E> {
        match answer.await {
            Ok(outcome) => outcome,
            // The job was dropped unanswered, which only a closing store does.
            Err(_) => Err(StoreError::Closed.into()),
        }
    }
}

/// A promise that what was written becomes synced.
#[derive(Debug)]
#[must_use = "what was written is not safe from a power cut before `wait` returns"]
pub struct Synced(State);

#[derive(Debug)]
pub(crate) enum State {
    Done,
    /// Nobody has waited yet, so no sync was asked for.
    Unasked(Store),
    Awaited(oneshot::Receiver<Result<(), StoreError>>),
    Refused(StoreError),
}

impl Synced {
    /// Returns when it is synced. An error means that it is unknown whether it ever will be: do not
    /// acknowledge anything.
    pub async fn wait(self) -> Result<(), StoreError> {
        match self.0 {
            State::Done => Ok(()),
            State::Unasked(store) => match store.written_so_far().0 {
                State::Awaited(marked) => marked.await.unwrap_or(Err(StoreError::Closed)),
                State::Refused(error) => Err(error),
                State::Done | State::Unasked(_) => Ok(()),
            },
            State::Awaited(marked) => marked.await.unwrap_or(Err(StoreError::Closed)),
            State::Refused(error) => Err(error),
        }
    }
}

async fn first_failure(mut watched: watch::Receiver<Option<String>>) -> String {
    if let Ok(reason) = watched.wait_for(Option::is_some).await
        && let Some(reason) = &*reason
    {
        return reason.clone();
    }
    // The store was closed in good order.
    std::future::pending().await
}

/// Runs `work`, which waits for disks, networks or threads, beside the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => unreachable!("blocking work is never cancelled while it is awaited"),
        },
    }
}
