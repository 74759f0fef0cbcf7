//! `chatai serve`: the service, from its first line to its last.

use crate::{failure::Failure, memory, output::announce, wiring};
use chatai_config::{Config, Database, Flags, Loaded};
use chatai_engine::{BUILT_IN, Engine};
use chatai_server::ServerSettings;
use chatai_types::SystemRandom;
use std::{
    convert::Infallible,
    io::ErrorKind,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

const MIB: u64 = 1024 * 1024;
/// Open files kept for databases, providers and children.
const KEPT_FILES: usize = 96;
const MOST_CONNECTIONS: usize = 65_536;
/// How long running answers may go on after the signal to end.
const TURN_GRACE: Duration = Duration::from_secs(20);
/// How long connections may go on after it.
const GRACE: Duration = Duration::from_secs(25);

pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let loaded = wiring::load(flags)?;
    wiring::start_logging(&loaded.config)?;
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    // Before anything costly: a busy port is the commonest failure.
    let listener = listen(loaded.config.server.listen)?;
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(format_args!("cannot start: {error}")))?
        .block_on(serve(&loaded, listener))
}

fn listen(address: SocketAddr) -> Result<TcpListener, Failure> {
    let listener = TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    listener.map_err(|error| {
        let failure = Failure::new(format_args!("cannot listen on {address}: {error}"));
        match error.kind() {
            ErrorKind::AddrInUse => {
                failure.hint("another program listens there; end it, or choose another port with --listen")
            }
            ErrorKind::PermissionDenied => {
                failure.hint("ports below 1024 need more rights; choose another with --listen")
            }
            _ => failure.hint("choose an address of this machine with --listen"),
        }
    })
}

async fn serve(loaded: &Loaded, listener: TcpListener) -> Result<(), Failure> {
    let config = &loaded.config;
    let (store, engine) = wiring::start(config).await?;
    let listener = tokio::net::TcpListener::from_std(listener)
        .map_err(|error| Failure::new(format_args!("cannot listen: {error}")))?;
    let address = listener
        .local_addr()
        .map_err(|error| Failure::new(format_args!("cannot listen: {error}")))?;
    let broken = store.failed();
    let mut signals = Signals::new()?;
    greet(config, &engine, address).await;
    let service = chatai_server::service(engine.clone(), server_settings(config));
    let ended = CancellationToken::new();
    let disk_failed = CancellationToken::new();
    let serving = async {
        tokio::join!(
            chatai_server::serve(listener, service, ended.cancelled(), GRACE),
            async {
                ended.cancelled().await;
                // Running turns are closed first, so that those who wait for them are still answered. Where nothing
                // can be stored any more there is nothing to wait for.
                let grace = if disk_failed.is_cancelled() {
                    Duration::ZERO
                } else {
                    TURN_GRACE
                };
                engine.shutdown(grace).await;
            },
        );
        // What was accepted at the last moment.
        engine.shutdown(Duration::ZERO).await;
        store.close().await;
    };
    tokio::pin!(serving);
    let why = tokio::select! {
        name = signals.next() => End::Signal(name),
        reason = broken => End::Broken(reason),
        never = reload_collection(config, &engine) => match never {},
        never = memory::keep_small() => match never {},
        () = &mut serving => return Err(Failure::new("the service stopped listening by itself")),
    };
    match &why {
        End::Signal(signal) => tracing::info!(signal, "ending"),
        End::Broken(reason) => {
            tracing::error!(%reason, "the database failed to sync; ending so that the next start recovers it");
            disk_failed.cancel();
        }
    }
    ended.cancel();
    tokio::select! {
        () = serving => {}
        name = signals.next() => {
            return Err(Failure::new(format_args!("ended by a second {name} before all answers were closed")));
        }
    }
    match why {
        End::Signal(_) => Ok(()),
        End::Broken(reason) => Err(
            Failure::new(format_args!("the database failed to sync: {reason}"))
                .hint("look at the disk; what was acknowledged is safe and the next start recovers it"),
        ),
    }
}

/// Why the service ends.
enum End {
    Signal(&'static str),
    Broken(String),
}

/// Reads the user's books again on every SIGHUP; a file that cannot be read leaves the collection as it is.
async fn reload_collection(config: &Config, engine: &Engine) -> Infallible {
    let Ok(mut hangup) = signal(SignalKind::hangup()) else {
        tracing::warn!("SIGHUP cannot be taken: the collection is read at start alone");
        return std::future::pending().await;
    };
    loop {
        hangup.recv().await;
        match wiring::collection(config) {
            Ok(collection) => {
                let changes = engine.update_collection(&collection);
                tracing::info!(
                    books = collection.len(),
                    added = changes.added.len(),
                    changed = changes.changed.len(),
                    removed = changes.removed.len(),
                    "the collection was read again"
                );
            }
            Err(failure) => tracing::error!(%failure, "the collection stays as it is"),
        }
    }
}

/// The signals that end the service.
struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let listen =
            |kind| signal(kind).map_err(|error| Failure::new(format_args!("cannot take signals: {error}")));
        Ok(Self {
            terminate: listen(SignalKind::terminate())?,
            interrupt: listen(SignalKind::interrupt())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

fn server_settings(config: &Config) -> ServerSettings {
    let server = &config.server;
    let proxies = server.trusted_proxies.clone();
    ServerSettings {
        body_bytes: config.limits.body_mb * MIB,
        header_timeout: Duration::from_secs(server.header_timeout_s),
        body_timeout: Duration::from_secs(server.body_timeout_s),
        keep_alive: Duration::from_secs(server.keep_alive_s),
        connections: connections(),
        cors_origins: server.cors_origins.clone(),
        trusted_proxies: Arc::new(move |address| proxies.iter().any(|network| network.contains(address))),
        random: Arc::new(SystemRandom),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }
}

/// As many connections as the process may have open files, less what the rest of it needs.
fn connections() -> usize {
    match open_files_limit() {
        Some(files) => files.saturating_sub(KEPT_FILES).clamp(16, MOST_CONNECTIONS),
        None => MOST_CONNECTIONS,
    }
}

/// The soft limit on open files, as the system states it.
fn open_files_limit() -> Option<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Says where it listens, what it uses and what to do next.
async fn greet(config: &Config, engine: &Engine, address: SocketAddr) {
    let database = match config.database_to_open() {
        Database::Sqlite(path) => format!("SQLite, {}", path.display()),
        Database::Postgres(_) => "PostgreSQL".to_owned(),
    };
    let models = engine.models();
    let models = match models.as_ref() {
        [only] if only == BUILT_IN => {
            "the built-in responder alone; set OPENAI_API_KEY for real models".to_owned()
        }
        [first, ..] => format!("{first} and {} more (GET /models)", models.len() - 1),
        [] => "none".to_owned(),
    };
    announce(format_args!(
        "chatai {} is listening on http://{address}\n",
        env!("CARGO_PKG_VERSION")
    ));
    announce(format_args!(
        "  database    {database}\n  models      {models}\n  collection  {} books\n  reference   http://{address}/docs\n",
        engine.collection_len()
    ));
    match engine.has_accounts().await {
        Ok(false) => announce(format_args!(
            "  next        register; the first account is the administrator:\n              \
             curl http://{address}/auth/register -H 'Content-Type: application/json' \\\n                \
             -d '{{\"email\": \"you@example.org\", \"password\": \"choose-one\"}}'\n"
        )),
        Ok(true) => {}
        Err(error) => tracing::warn!(%error, "the accounts could not be read"),
    }
}
