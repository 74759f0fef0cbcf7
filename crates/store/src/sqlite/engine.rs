//! Opening a SQLite database, its threads, and ending them in order.

use super::{
    checkpoint::{self, Checkpointer},
    connect::{self, Purpose},
    failure::Failure,
    files::{self, Claim},
    group::Group,
    reader::Reader,
    schema,
    syncer::{SyncLog, Syncer},
    writer::{Message, Writer},
};
use crate::{
    OpenError, StoreError,
    db::State,
    job::Job,
    migrate::{self, Migration, Upgrade},
};
use crossbeam_channel::{Sender, TrySendError, bounded};
use rusqlite::Connection;
use std::{
    fs::File,
    io,
    os::unix::fs::MetadataExt,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tokio::sync::{oneshot, watch};

/// Groups that may wait for the disk. The writer stops when so many do.
const WAITING_GROUPS: usize = 1024;

/// How a SQLite database is opened. [`SqliteOptions::new`] has values that fit.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SqliteOptions {
    /// The database file; it and its folder are made where they are missing.
    pub path: PathBuf,
    /// Threads that read. As many as processors, from 2 to 4, is best.
    pub readers: usize,
    /// Jobs that may wait, apart for reads and writes; more are refused as [`StoreError::Busy`].
    pub queue: usize,
    /// Most jobs in one commit.
    pub group_size: usize,
    /// How long one read may take before it is broken off.
    pub read_limit: Duration,
    /// Frames (of 4 KiB) in the write-ahead log that call for a checkpoint.
    pub checkpoint_frames: i64,
    /// How the log is synced; tests watch or break it.
    pub(crate) sync: SyncLog,
    /// Whether an older schema is brought up to date.
    pub upgrade: Upgrade,
    /// The schema's history; tests have others.
    pub(crate) migrations: &'static [Migration],
}

impl SqliteOptions {
    /// Options with the usual values.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let processors = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            path: path.into(),
            readers: processors.clamp(2, 4),
            queue: 4096,
            group_size: 256,
            read_limit: Duration::from_secs(30),
            checkpoint_frames: 2000,
            sync: SyncLog::default(),
            upgrade: Upgrade::default(),
            migrations: migrate::all(),
        }
    }

    /// Syncs the log in another way: tests of those above hold the disk back, or break it.
    #[cfg(feature = "testing")]
    #[must_use]
    pub fn sync_with(mut self, sync: impl Fn(&File) -> io::Result<()> + Send + Sync + 'static) -> Self {
        self.sync = SyncLog(Arc::new(sync));
        self
    }
}

pub(crate) struct Engine {
    /// `None` once the store is closed. Taken out under the lock, so that nothing is ever put behind the
    /// last message of a queue, where nobody would answer it.
    queues: RwLock<Option<Queues>>,
    begun: Arc<AtomicU64>,
    synced: Arc<AtomicU64>,
    threads: Mutex<Option<Threads>>,
    failure: Failure,
    schema_version: i64,
}

struct Queues {
    reads: Sender<Box<dyn Job>>,
    writes: Sender<Message>,
    /// Straight to the syncer, for [`Engine::written_so_far`].
    groups: Sender<Group>,
}

struct Threads {
    readers: Vec<JoinHandle<Option<()>>>,
    writer: JoinHandle<Option<Connection>>,
    syncer: JoinHandle<Option<()>>,
    checkpointer: JoinHandle<Option<()>>,
    /// Let go of last: see [`Claim`].
    claim: Arc<Claim>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("sqlite::Engine")
            .field("schema_version", &self.schema_version)
            .finish_non_exhaustive()
    }
}

impl Engine {
    pub(crate) fn open(options: SqliteOptions) -> Result<Self, OpenError> {
        let claim = Arc::new(Claim::take(&options.path)?);
        let path = &claim.path;
        let refused = |cause: rusqlite::Error| connect::refused(&cause);
        let writer = connect::open(path, Purpose::Write).map_err(refused)?;
        schema::prepare(
            &writer,
            path,
            options.migrations,
            options.upgrade,
            connect::enter_wal,
        )?;
        connect::settle(&writer, Purpose::Write).map_err(refused)?;
        let log = open_log(&writer, &claim, &options)?;
        // Each loads the schema, which is most of what a start takes, so they do it side by side.
        let (checkpoints, readers) = std::thread::scope(|scope| {
            let readers: Vec<_> = (0..options.readers.max(1))
                .map(|_| scope.spawn(|| open_settled(&claim, Purpose::Read)))
                .collect();
            let checkpoints = open_settled(&claim, Purpose::Checkpoint)?;
            let readers = readers
                .into_iter()
                .map(|reader| reader.join().unwrap_or_else(|panic| resume_unwind(panic)))
                .collect::<Result<Vec<_>, OpenError>>()?;
            Ok::<_, OpenError>((checkpoints, readers))
        })?;
        Self::start(&options, claim, writer, log, checkpoints, readers)
    }

    fn start(
        options: &SqliteOptions,
        claim: Arc<Claim>,
        writer: Connection,
        log: File,
        checkpoints: Connection,
        readers: Vec<Connection>,
    ) -> Result<Self, OpenError> {
        let failure = Failure::new();
        let (begun, synced) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (writes, messages) = bounded(options.queue.max(1));
        let (reads, requests) = bounded(options.queue.max(1));
        let (groups, handed_over) = bounded(WAITING_GROUPS);
        let (ask, asked) = bounded(1);
        let syncer = Syncer {
            groups: handed_over,
            log,
            sync: options.sync.clone(),
            synced: synced.clone(),
            failure: failure.clone(),
        };
        let checkpointer = Checkpointer {
            connection: checkpoints,
            database: claim.clone(),
            requests: asked,
            writer: writes.clone(),
            failure: failure.clone(),
        };
        let writer = Writer {
            connection: writer,
            messages,
            groups: groups.clone(),
            checkpoints: ask,
            group_size: options.group_size.max(1),
            checkpoint_frames: options.checkpoint_frames.max(1),
            begun: begun.clone(),
            failure: failure.clone(),
        };
        let readers = readers
            .into_iter()
            .map(|connection| {
                let requests = requests.clone();
                let reader = Reader {
                    connection,
                    requests,
                    limit: options.read_limit,
                    failure: failure.clone(),
                };
                spawn("store-read", &failure, move || reader.run())
            })
            .collect::<Result<Vec<_>, _>>()?;
        let threads = Threads {
            readers,
            syncer: spawn("store-sync", &failure, move || syncer.run())?,
            checkpointer: spawn("store-checkpt", &failure, move || checkpointer.run())?,
            writer: spawn("store-write", &failure, move || writer.run())?,
            claim,
        };
        Ok(Self {
            queues: RwLock::new(Some(Queues {
                reads,
                writes,
                groups,
            })),
            begun,
            synced,
            threads: Mutex::new(Some(threads)),
            failure,
            schema_version: migrate::latest(options.migrations),
        })
    }

    pub(crate) fn schema_version(&self) -> i64 {
        self.schema_version
    }

    pub(crate) fn failure(&self) -> watch::Receiver<Option<String>> {
        self.failure.watch()
    }

    pub(crate) fn read(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.hand_over(|queues| queues.reads.try_send(job).map_err(|refused| unsent(&refused)))
    }

    pub(crate) fn write(&self, job: Box<dyn Job>) -> Result<(), StoreError> {
        self.failure.check()?;
        self.hand_over(|queues| {
            queues
                .writes
                .try_send(Message::Job(job))
                .map_err(|refused| unsent(&refused))
        })
    }

    pub(crate) fn written_so_far(&self) -> State {
        let begun = self.begun.load(Ordering::SeqCst);
        if self.synced.load(Ordering::SeqCst) >= begun {
            return State::Done;
        }
        let (mark, marked) = oneshot::channel();
        // What this stands for lies in the log already, so a sync that begins from now on covers it.
        let group = Group {
            marks: vec![mark],
            needs_sync: true,
            ..Group::default()
        };
        match self.hand_over(|queues| queues.groups.try_send(group).map_err(|refused| unsent(&refused))) {
            Ok(()) => State::Awaited(marked),
            Err(error) => State::Refused(error),
        }
    }

    /// Ends every thread. Whoever calls it while another does waits for the same end.
    pub(crate) fn close(&self) {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let queues = self.queues.write().unwrap_or_else(PoisonError::into_inner).take();
        let (Some(queues), Some(threads)) = (queues, threads.take()) else {
            return;
        };
        let failure = self.failure.clone();
        if threads.include_this() {
            // The last handle went with a job that held it. A thread cannot wait for its own end.
            drop(std::thread::spawn(move || threads.end(queues, &failure)));
        } else {
            threads.end(queues, &failure);
        }
    }

    fn hand_over(&self, send: impl FnOnce(&Queues) -> Result<(), StoreError>) -> Result<(), StoreError> {
        let queues = self.queues.read().unwrap_or_else(PoisonError::into_inner);
        queues.as_ref().map_or(Err(StoreError::Closed), send)
    }
}

impl Threads {
    fn include_this(&self) -> bool {
        let this = std::thread::current().id();
        self.readers.iter().any(|reader| reader.thread().id() == this)
            || self.writer.thread().id() == this
            || self.syncer.thread().id() == this
            || self.checkpointer.thread().id() == this
    }

    /// In the order that loses nothing: readers and writer, then those behind them.
    fn end(self, queues: Queues, failure: &Failure) {
        // Behind everything that was handed over. The checkpointer can send to the writer too, so the end
        // of the channel alone would not tell. Fails only when the writer has ended already.
        drop(queues.writes.send(Message::Close));
        drop(queues);
        for reader in self.readers {
            join(reader);
        }
        let writer = join(self.writer).flatten();
        join(self.checkpointer);
        join(self.syncer);
        if let Some(connection) = writer
            && !failure.is_set()
        {
            // Not needed for safety, so a failure is only told: the next start reads the log.
            if let Err(error) = checkpoint::truncate(&connection) {
                tracing::warn!(%error, "cannot empty the write-ahead log");
            }
        }
        drop(self.claim);
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.close();
    }
}

fn open_settled(claim: &Claim, purpose: Purpose) -> Result<Connection, OpenError> {
    connect::open(&claim.path, purpose)
        .and_then(|connection| {
            connect::settle(&connection, purpose)?;
            // The first read maps the log's index and loads the schema, so that the first request need not.
            connection.query_row("select count(*) from sqlite_schema", [], |row| {
                row.get::<_, i64>(0)
            })?;
            Ok(connection)
        })
        .map_err(|cause| connect::refused(&cause))
}

/// Writes something, so that the log exists, then opens and syncs it: what an earlier process had written
/// without syncing is made safe before anyone is told of it.
fn open_log(writer: &Connection, claim: &Claim, options: &SqliteOptions) -> Result<File, OpenError> {
    let version = migrate::latest(options.migrations);
    writer
        .pragma_update(None, "user_version", version)
        .map_err(|cause| connect::refused(&cause))?;
    let path = claim.log_path();
    let log = File::options()
        .read(true)
        .write(true)
        .open(&path)
        .map_err(|source| files::at(&path, source))?;
    (options.sync.0)(&log).map_err(|source| files::at(&path, source))?;
    let ours = log.metadata().map_err(|source| files::at(&path, source))?;
    let named = std::fs::metadata(&path).map_err(|source| files::at(&path, source))?;
    if (ours.dev(), ours.ino()) != (named.dev(), named.ino()) || ours.len() == 0 {
        let source = io::Error::other("the write-ahead log was replaced while it was opened");
        return Err(files::at(&path, source));
    }
    Ok(log)
}

/// A thread whose end by a panic, which only a fault of ours brings about, fails the store: whoever waits
/// for it would wait for ever.
fn spawn<T: Send + 'static>(
    name: &'static str,
    failure: &Failure,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<Option<T>>, OpenError> {
    let failure = failure.clone();
    let guarded = move || match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Some(done),
        Err(_) => {
            failure.set(format!("the thread `{name}` panicked"));
            None
        }
    };
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(guarded)
        .map_err(|error| OpenError::Database(format!("cannot start a thread: {error}")))
}

fn join<T>(thread: JoinHandle<T>) -> Option<T> {
    thread.join().ok()
}

fn unsent<T>(refused: &TrySendError<T>) -> StoreError {
    match refused {
        TrySendError::Full(_) => StoreError::Busy,
        TrySendError::Disconnected(_) => StoreError::Closed,
    }
}
