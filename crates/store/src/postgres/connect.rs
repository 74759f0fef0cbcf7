//! Connections: the URL read once, sessions set up alike, and patience with a server that is away.

use super::{error::message, session::Connection, tls::Security};
use crate::{OpenError, StoreError};
use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Config};
use tokio_postgres_rustls::MakeRustlsConnect;

/// How long reaching the server may take, where the URL does not say.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take until it can be used, signing in included.
const STARTUP_TIMEOUT: Duration = Duration::from_secs(20);
/// The pause after a failed connection, at first and at most.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a silent network is believed in.
const SILENCE: Duration = Duration::from_secs(30);

/// Each session's settings: nothing waits without an end, and nothing is acknowledged before it is on the
/// disk, whatever the server's defaults are. Milliseconds.
const SETTINGS: &str = "\
    set statement_timeout = 60000;
    set lock_timeout = 10000;
    set idle_in_transaction_session_timeout = 60000;
    set default_transaction_isolation = 'read committed';
    set standard_conforming_strings = on;
    set client_min_messages = warning;
    set timezone = 'UTC';
    set jit = off;
    select set_config('synchronous_commit', 'on', false) where current_setting('synchronous_commit') = 'off'";

/// Makes connections for all workers.
pub(super) struct Connector {
    config: Config,
    tls: MakeRustlsConnect,
    pause: Mutex<Option<Pause>>,
}

/// The server could not be reached; until `end` nobody tries again.
struct Pause {
    end: Instant,
    length: Duration,
    reason: String,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The configuration's own form leaves the password out.
        f.debug_struct("Connector")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Connector {
    pub(super) fn new(url: &str) -> Result<Self, OpenError> {
        let (mut config, security) = parse(url)?;
        config.ssl_mode(security.mode);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("chatai");
        }
        config.keepalives_idle(SILENCE).tcp_user_timeout(SILENCE);
        Ok(Self {
            config,
            tls: security.connector()?,
            pause: Mutex::new(None),
        })
    }

    /// A connection for the start of the program: one try, one clear error.
    pub(super) fn connect_once(&self, runtime: &Runtime) -> Result<Connection, OpenError> {
        runtime
            .block_on(self.connect(runtime))
            .map(Connection::new)
            .map_err(OpenError::Connect)
    }

    /// A connection for a worker. While the server is away one try is made per pause, by whoever comes
    /// first; the others are told at once.
    pub(super) fn connect_patiently(&self, runtime: &Runtime) -> Result<Connection, StoreError> {
        if let Some(pause) = &*self.pause.lock().unwrap_or_else(PoisonError::into_inner)
            && Instant::now() < pause.end
        {
            return Err(StoreError::Unavailable(pause.reason.clone()));
        }
        let outcome = runtime.block_on(self.connect(runtime));
        let mut pause = self.pause.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(client) => {
                *pause = None;
                Ok(Connection::new(client))
            }
            Err(reason) => {
                let length = pause
                    .as_ref()
                    .map_or(FIRST_PAUSE, |pause| (pause.length * 2).min(LONGEST_PAUSE));
                tracing::warn!(reason, "cannot connect to the database");
                *pause = Some(Pause {
                    end: Instant::now() + length,
                    length,
                    reason: reason.clone(),
                });
                Err(StoreError::Unavailable(reason))
            }
        }
    }

    async fn connect(&self, runtime: &Runtime) -> Result<Client, String> {
        match tokio::time::timeout(STARTUP_TIMEOUT, self.start_session(runtime)).await {
            Ok(outcome) => outcome.map_err(|error| message(&error)),
            Err(_) => Err("the server takes connections but does not answer".to_owned()),
        }
    }

    async fn start_session(&self, runtime: &Runtime) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        // Runs while the worker waits for an answer, ends when the client is dropped. What went wrong is
        // reported to the statement that meets it.
        runtime.spawn(async move { drop(connection.await) });
        client.batch_execute(SETTINGS).await?;
        Ok(client)
    }
}

/// Takes the two parameters that the driver does not know out of the URL.
fn parse(url: &str) -> Result<(Config, Security), OpenError> {
    if !["postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Err(OpenError::Url("it does not begin with `postgres://`".to_owned()));
    }
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let (mut mode, mut root_certificates) = (None, None);
    let mut rest = Vec::new();
    for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value),
            Some(("sslrootcert", value)) => root_certificates = Some(unescape(value)?),
            _ => rest.push(parameter),
        }
    }
    let security = Security::parse(mode, root_certificates.as_deref())?;
    let plain = if rest.is_empty() {
        address.to_owned()
    } else {
        format!("{address}?{}", rest.join("&"))
    };
    // The driver's message names the parameter, never the password.
    let config: Config = plain.parse().map_err(|error| OpenError::Url(message(&error)))?;
    Ok((config, security))
}

/// `%41` as `A`.
fn unescape(text: &str) -> Result<String, OpenError> {
    let bad = || OpenError::Url(format!("bad escape in `{text}`"));
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first == b'%' {
            let digits = after
                .get(..2)
                .and_then(|pair| str::from_utf8(pair).ok())
                .ok_or_else(bad)?;
            bytes.push(u8::from_str_radix(digits, 16).map_err(|_| bad())?);
            rest = &after[2..];
        } else {
            bytes.push(*first);
        }
    }
    String::from_utf8(bytes).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use tokio_postgres::config::SslMode;

    #[test]
    fn encryption_is_read_from_the_url() {
        let cases = [
            ("postgres://u:p@h/d", SslMode::Prefer),
            ("postgresql://u@h/d?sslmode=disable", SslMode::Disable),
            (
                "postgres://h/d?application_name=x&sslmode=require",
                SslMode::Require,
            ),
            (
                "postgres://h/d?sslmode=verify-full&sslrootcert=%2Ftmp%2Fca.pem",
                SslMode::Require,
            ),
        ];
        for (url, mode) in cases {
            let (_, security) = parse(url).unwrap();
            assert_eq!(security.mode, mode, "{url}");
        }
    }

    #[test]
    fn other_parameters_reach_the_driver() {
        let (config, _) = parse("postgres://u@h:5433/d?sslmode=disable&connect_timeout=3").unwrap();
        assert_eq!(config.get_connect_timeout(), Some(&Duration::from_secs(3)));
        assert_eq!(
            (config.get_ports(), config.get_dbname()),
            (&[5433][..], Some("d"))
        );
    }

    #[test]
    fn what_cannot_be_understood_is_refused_without_the_password() {
        for url in [
            "mysql://u:secret@h/d",
            "postgres://u:secret@h/d?sslmode=maybe",
            "postgres://u:secret@h/d?nonsense=1",
            "postgres://u:secret@h/d?sslrootcert=%zz",
            "postgres://u:secret@h:port/d",
        ] {
            let error = parse(url).unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_missing_certificate_file_is_named() {
        let (_, security) =
            parse("postgres://h/d?sslmode=verify-full&sslrootcert=/does/not/exist.pem").unwrap();
        let error = security.connector().err().expect("no such file").to_string();
        assert!(error.contains("/does/not/exist.pem"), "{error}");
    }

    #[test]
    fn a_server_that_is_away_is_not_asked_all_the_time() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // It hangs up on everyone, until somebody says a byte that no client begins with.
        let server = std::thread::spawn(move || {
            let mut tries = 0;
            loop {
                let mut first = [0];
                listener.accept().unwrap().0.read_exact(&mut first).unwrap();
                if first == *b"." {
                    return tries;
                }
                tries += 1;
            }
        });
        let connector =
            Connector::new(&format!("postgres://someone@{address}/none?sslmode=disable")).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        for _ in 0..1000 {
            let outcome = connector.connect_patiently(&runtime);
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
        }
        std::net::TcpStream::connect(address)
            .unwrap()
            .write_all(b".")
            .unwrap();
        let tries = server.join().unwrap();
        assert!((1..20).contains(&tries), "{tries} tries");
    }
}
