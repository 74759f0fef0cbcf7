//! A PostgreSQL server on which the tests may create databases.

use super::apt;
use super::cluster::{self, Cluster};
use super::guest::Guest;

/// Names the server to the tests, as a URL; set to `private`, it asks us for a server of our own, which is
/// faster than one that keeps its promises.
pub(super) const VARIABLE: &str = "CHATAI_TEST_POSTGRES";

/// A server, and what has to be undone when it is no longer needed.
pub(crate) enum PostgresServer {
    /// The one that the environment names; all its own affair.
    Named(String),
    /// One that runs on this machine, on which we have a role of our own.
    Guest(Box<Guest>),
    /// One that we started.
    Private(Cluster),
}

impl PostgresServer {
    /// The server that `CHATAI_TEST_POSTGRES` names, else one that listens at the usual place, else a private
    /// one of the installed programs, else (as root on a machine with apt) of a package installed now.
    pub(crate) fn provide() -> Result<Self, String> {
        match std::env::var(VARIABLE).unwrap_or_default().trim() {
            "" => {}
            "private" => return Self::private(),
            url => {
                eprintln!("postgres: the server that {VARIABLE} names");
                return Ok(Self::Named(url.to_owned()));
            }
        }
        let mut tried = Vec::new();
        match Guest::arrive() {
            Ok(guest) => {
                eprintln!(
                    "postgres: the server at {}, as role `{}`",
                    super::guest::ADDRESS,
                    guest.role()
                );
                return Ok(Self::Guest(Box::new(guest)));
            }
            Err(reason) => tried.push(reason),
        }
        match Self::private() {
            Ok(server) => return Ok(server),
            Err(reason) => tried.push(reason),
        }
        match apt::install("postgresql") {
            Ok(()) => match Self::private() {
                Ok(server) => return Ok(server),
                Err(reason) => tried.push(reason),
            },
            Err(reason) => tried.push(reason),
        }
        Err(format!(
            "the tests need PostgreSQL, and there is none:\n  - {}\n  hint: install it (Debian: `apt-get install postgresql`), \
             or name a server on which databases may be created: {VARIABLE}=postgres://user:password@host/postgres",
            tried.join("\n  - ")
        ))
    }

    fn private() -> Result<Self, String> {
        let programs = cluster::installed().ok_or("no installed `initdb` and `postgres` were found")?;
        let cluster = Cluster::start(&programs)?;
        eprintln!("postgres: a private server of {}", programs.display());
        Ok(Self::Private(cluster))
    }

    /// The URL for the tests.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Named(url) => url,
            Self::Guest(guest) => guest.url(),
            Self::Private(cluster) => cluster.url(),
        }
    }
}
