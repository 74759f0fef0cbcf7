//! Opening a PostgreSQL database, its threads, and ending them in order.

use super::{
    connect::Connector,
    schema,
    session::Begin,
    worker::{Request, Worker},
};
use crate::{
    OpenError, StoreError,
    job::Job,
    migrate::{self, Migration, Upgrade},
};
use crossbeam_channel::{Sender, TrySendError, bounded};
use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    thread::JoinHandle,
};
use tokio::runtime::{Builder, Runtime};

/// How a PostgreSQL database is opened. [`PostgresOptions::new`] has values that fit.
#[derive(Clone)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// `postgres://user:password@host:port/database?sslmode=…`, with `sslmode` one of `disable`, `prefer`
    /// (the default), `require`, `verify-ca`, `verify-full`, and `sslrootcert` a file of authorities.
    pub url: String,
    /// Threads with a connection each.
    pub workers: usize,
    /// Jobs that may wait; more are refused as [`StoreError::Busy`].
    pub queue: usize,
    /// Whether an older schema is brought up to date.
    pub upgrade: Upgrade,
    /// The schema's history; tests have others.
    pub(crate) migrations: &'static [Migration],
}

impl PostgresOptions {
    /// Options with the usual values.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            workers: 16,
            queue: 4096,
            upgrade: Upgrade::default(),
            migrations: migrate::all(),
        }
    }
}

impl std::fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Without the URL, which holds a password.
        f.debug_struct("PostgresOptions")
            .field("workers", &self.workers)
            .field("queue", &self.queue)
            .finish_non_exhaustive()
    }
}

pub(crate) struct Engine {
    /// `None` once the store is closed. Taken out under the lock, so that nothing is ever put into a queue
    /// that nobody reads.
    requests: RwLock<Option<Sender<Request>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    schema_version: i64,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("postgres::Engine")
            .field("schema_version", &self.schema_version)
            .finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn open(options: PostgresOptions) -> Result<Self, OpenError> {
        let connector = Arc::new(Connector::new(&options.url)?);
        let startup = runtime()?;
        let connection = connector.connect_once(&startup)?;
        schema::prepare(&startup, &connection, options.migrations, options.upgrade)?;
        drop(connection);
        let (requests, queue) = bounded(options.queue.max(1));
        let workers = (0..options.workers.max(1))
            .map(|_| {
                let worker = Worker {
                    runtime: runtime()?,
                    connector: connector.clone(),
                    requests: queue.clone(),
                };
                std::thread::Builder::new()
                    .name("store-postgres".to_owned())
                    .spawn(move || worker.run())
                    .map_err(|error| OpenError::Database(format!("cannot start a thread: {error}")))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            requests: RwLock::new(Some(requests)),
            workers: Mutex::new(workers),
            schema_version: migrate::latest(options.migrations),
        })
    }

    pub(crate) fn schema_version(&self) -> i64 {
        self.schema_version
    }

    pub(crate) fn read(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.hand_over(Request {
            job,
            begin: Begin::Read,
        })
    }

    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.hand_over(Request {
            job,
            begin: Begin::Write,
        })
    }

    /// Ends the workers when everything that was handed over is answered. Whoever calls it while another
    /// does waits for the same end.
    pub(crate) fn close(&self) {
        let mut workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner);
        drop(
            self.requests
                .write()
                .unwrap_or_else(PoisonError::into_inner)
                .take(),
        );
        let this = std::thread::current().id();
        for worker in workers.drain(..) {
            // The last handle may have gone with a job that held it, and a thread cannot wait for its own end.
            if worker.thread().id() != this {
                // A panic has been told by the panic hook; there is nothing left to undo.
                drop(worker.join());
            }
        }
    }

    fn hand_over(&self, request: Request) -> Result<(), StoreError> {
        let requests = self.requests.read().unwrap_or_else(PoisonError::into_inner);
        let requests = requests.as_ref().ok_or(StoreError::Closed)?;
        requests.try_send(request).map_err(|refused| match refused {
            TrySendError::Full(_) => StoreError::Busy,
            TrySendError::Disconnected(_) => StoreError::Closed,
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

/// Each thread drives its own connection, so nothing is handed between threads.
fn runtime() -> Result<Runtime, OpenError> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| OpenError::Database(format!("cannot start a runtime: {error}")))
}
