//! A store on a database of its own, on each backend, gone when the test ends.
//!
//! `conformance! { async fn name(store: TestStore) { … } }` makes two tests of one body, `name::sqlite` and
//! `name::postgres`. The server is the one named by `CHATAI_TEST_POSTGRES` (a URL whose user may create
//! databases), by default `postgres://postgres@127.0.0.1:5432/postgres`. Where none answers the test fails:
//! a suite that passes without having run on PostgreSQL would prove nothing.

use chatai_store::{OpenError, PostgresOptions, SqliteOptions, Store};
use std::{
    future::Future,
    ops::Deref,
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};
use tokio_postgres::NoTls;

/// Makes one test per backend of each function. Needs `TestStore` and `run` in scope.
macro_rules! conformance {
    ($($(#[$attribute:meta])* async fn $name:ident($store:ident: TestStore) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn case($store: TestStore) $body

            #[test]
            fn sqlite() {
                run(async { case(TestStore::sqlite().await).await });
            }

            #[test]
            fn postgres() {
                run(async { case(TestStore::postgres().await).await });
            }
        }
    )+};
}
pub(crate) use conformance;

/// Longer than any test takes on a slow machine: one that waits for what never comes fails.
const LIMIT: Duration = Duration::from_secs(180);

/// Runs a test's future on a runtime of several threads.
pub(crate) fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime can be built")
        .block_on(async {
            tokio::time::timeout(LIMIT, test)
                .await
                .expect("the test ends in time")
        });
}

/// A place for a database that is removed in the end.
#[derive(Debug)]
pub(crate) enum Place {
    /// A folder with a file.
    Sqlite(tempfile::TempDir),
    /// A database of the server.
    Postgres(PostgresDatabase),
}

impl Place {
    /// A new folder.
    pub(crate) fn sqlite() -> Self {
        Self::Sqlite(tempfile::tempdir().expect("a temporary folder can be made"))
    }

    /// A new, empty database on the server.
    pub(crate) async fn postgres() -> Self {
        Self::Postgres(PostgresDatabase::create().await)
    }

    /// The database file.
    pub(crate) fn path(&self) -> PathBuf {
        match self {
            Self::Sqlite(folder) => folder.path().join("chatai.db"),
            Self::Postgres(_) => panic!("PostgreSQL has no path"),
        }
    }

    /// The database's URL on the server.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Sqlite(_) => panic!("SQLite has no URL"),
            Self::Postgres(database) => &database.url,
        }
    }

    /// Opens a store in it.
    pub(crate) async fn open(&self) -> Store {
        self.try_open().await.expect("a store opens in an empty place")
    }

    /// Opens a store in it, if it can be opened.
    pub(crate) async fn try_open(&self) -> Result<Store, OpenError> {
        match self {
            Self::Sqlite(_) => Store::open_sqlite(SqliteOptions::new(self.path())).await,
            Self::Postgres(_) => {
                let mut options = PostgresOptions::new(self.url());
                options.workers = 4;
                Store::open_postgres(options).await
            }
        }
    }
}

/// An open store and its place.
#[derive(Debug)]
pub(crate) struct TestStore {
    pub(crate) store: Store,
    /// Behind the store, so that it goes after it.
    pub(crate) place: Place,
}

impl TestStore {
    /// On a new file.
    pub(crate) async fn sqlite() -> Self {
        Self::at(Place::sqlite()).await
    }

    /// On a new database of the server.
    pub(crate) async fn postgres() -> Self {
        Self::at(Place::postgres().await).await
    }

    /// In that place.
    pub(crate) async fn at(place: Place) -> Self {
        Self {
            store: place.open().await,
            place,
        }
    }
}

impl Deref for TestStore {
    type Target = Store;

    fn deref(&self) -> &Store {
        &self.store
    }
}

/// A database of the test server, dropped in the end.
#[derive(Debug)]
pub(crate) struct PostgresDatabase {
    name: String,
    url: String,
}

impl PostgresDatabase {
    async fn create() -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        // No earlier process has used the name either: one that died may have left its database behind.
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH);
        let name = format!(
            "chatai_test_{:x}_{}_{}",
            since_1970.expect("the clock is past 1970").as_micros(),
            std::process::id(),
            COUNT.fetch_add(1, Ordering::Relaxed)
        );
        administer(&format!("create database {name}"))
            .await
            .unwrap_or_else(|error| panic!("{error}"));
        let server = server();
        let (address, parameters) = server
            .split_once('?')
            .map_or((&*server, None), |(a, p)| (a, Some(p)));
        let (host, _) = address
            .rsplit_once('/')
            .expect("the server's URL names a database");
        let parameters = parameters.map(|text| format!("?{text}")).unwrap_or_default();
        Self {
            url: format!("{host}/{name}{parameters}"),
            name,
        }
    }
}

impl Drop for PostgresDatabase {
    fn drop(&mut self) {
        let statement = format!("drop database if exists {} with (force)", self.name);
        // A thread of its own, since a runtime may be running on this one.
        let dropped = std::thread::spawn(move || {
            tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .map_err(|error| error.to_string())?
                .block_on(administer(&statement))
        });
        if let Ok(Err(error)) = dropped.join() {
            eprintln!("cannot drop the test's database: {error}");
        }
    }
}

fn server() -> String {
    std::env::var("CHATAI_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://postgres@127.0.0.1:5432/postgres".to_owned())
}

async fn administer(statement: &str) -> Result<(), String> {
    let (client, connection) = tokio_postgres::connect(&server(), NoTls).await.map_err(|error| {
        format!(
            "no PostgreSQL server for the tests at `{}` (CHATAI_TEST_POSTGRES): {error}",
            server()
        )
    })?;
    let connection = tokio::spawn(connection);
    let outcome = client
        .batch_execute(statement)
        .await
        .map_err(|error| format!("`{statement}`: {error:?}"));
    drop(client);
    drop(connection.await);
    outcome
}
