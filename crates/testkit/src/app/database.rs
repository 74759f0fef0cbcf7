//! A database of a test's own.

use postgres::{Client, NoTls, SimpleQueryMessage};
use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{SystemTime, UNIX_EPOCH},
};

/// Where the tests' PostgreSQL is looked for when nobody says.
const DEFAULT_SERVER: &str = "postgres://postgres@127.0.0.1:5432/postgres";

/// What a program under test stores its data in; dropped with the test.
#[derive(Debug)]
pub enum TestDatabase {
    /// The embedded one, in the program's data folder.
    Sqlite,
    /// A fresh database of a PostgreSQL server.
    Postgres {
        /// The server, as administrator.
        server: String,
        /// The database's name.
        name: String,
    },
    /// Another test database, which its own test drops.
    Shared {
        /// Its URL.
        url: String,
    },
}

impl TestDatabase {
    /// The embedded database.
    pub fn sqlite() -> Self {
        Self::Sqlite
    }

    /// A fresh database of the server that `CHATAI_TEST_POSTGRES` names.
    ///
    /// # Panics
    /// When there is no server: a test that needs one must fail, not pass.
    pub fn postgres() -> Self {
        let server = std::env::var("CHATAI_TEST_POSTGRES").unwrap_or_else(|_| DEFAULT_SERVER.to_owned());
        let name = fresh_name();
        administer(&server, &format!("create database {name}"));
        Self::Postgres { server, name }
    }

    /// The URL for `DATABASE_URL`; `None` for the embedded one.
    pub fn url(&self) -> Option<String> {
        match self {
            Self::Sqlite => None,
            Self::Shared { url } => Some(url.clone()),
            Self::Postgres { server, name } => {
                let (before, query) = server
                    .split_once('?')
                    .map_or((server.as_str(), ""), |(url, query)| (url, query));
                let (head, _) = before.rsplit_once('/').expect("a URL with a database");
                let query = if query.is_empty() {
                    String::new()
                } else {
                    format!("?{query}")
                };
                Some(format!("{head}/{name}{query}"))
            }
        }
    }
}

impl TestDatabase {
    /// Runs a statement on the server's database, past the program; the first column of what it gives, as text.
    ///
    /// # Panics
    /// On the embedded database, and when the statement fails.
    pub fn ask_server(&self, sql: &str) -> Vec<String> {
        let url = self.url().expect("a database of a server");
        on_a_thread(|| {
            let messages = connect(&url).simple_query(sql);
            let messages = messages.unwrap_or_else(|error| panic!("{sql}: {error}"));
            let rows = messages.iter().filter_map(|message| match message {
                SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
                _ => None,
            });
            rows.collect()
        })
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Self::Postgres { server, name } = self
            && !std::thread::panicking()
        {
            administer(server, &format!("drop database if exists {name} with (force)"));
        }
    }
}

/// A name that no earlier process has used either: one that died may have left its database behind.
fn fresh_name() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
    format!(
        "chatai_test_{:x}_{}_{}",
        since_1970.expect("the clock is past 1970").as_micros(),
        std::process::id(),
        COUNT.fetch_add(1, Ordering::Relaxed)
    )
}

fn administer(server: &str, statement: &str) {
    on_a_thread(|| {
        // The driver's own words are no more than that it was an error of the server's.
        let said = |error: postgres::Error| match error.as_db_error() {
            Some(error) => panic!("{statement}: {error}"),
            None => panic!("{statement}: {error}"),
        };
        connect(server).batch_execute(statement).unwrap_or_else(said);
    });
}

fn connect(url: &str) -> Client {
    Client::connect(url, NoTls)
        .unwrap_or_else(|error| panic!("the tests need a PostgreSQL server at {url}: {error}"))
}

/// On a thread of its own, since the blocking client must not run inside a test's runtime.
fn on_a_thread<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        scope
            .spawn(work)
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
