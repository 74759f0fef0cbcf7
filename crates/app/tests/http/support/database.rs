//! A look into the database, past the program.

use chatai_testkit::app::TestApp;
use postgres::{Client, NoTls};
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// The database of a program that was ended.
pub(crate) enum Rows {
    Embedded(Connection),
    /// The URL: each look has a connection of its own.
    Server(String),
}

impl Rows {
    /// Opens it. The program must not be running: it holds the embedded database's file for itself.
    pub(crate) fn of(app: &TestApp) -> Self {
        if let Some(url) = app.database().url() {
            return Self::Server(url);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Connection::open_with_flags(app.sqlite_path(), flags);
        Self::Embedded(opened.expect("the database can be opened"))
    }

    /// The number that a query gives.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        match self {
            Self::Embedded(connection) => connection
                .query_row(sql, [], |row| row.get(0))
                .unwrap_or_else(|error| panic!("{sql}: {error}")),
            Self::Server(url) => on_server(url, |client| {
                let row = client.query_one(sql, &[]);
                row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
            }),
        }
    }

    /// The first column of all rows; on a server it is text.
    pub(crate) fn column(&self, sql: &str) -> Vec<Value> {
        if let Self::Server(url) = self {
            return on_server(url, |client| {
                let rows = client.query(sql, &[]);
                let rows = rows.unwrap_or_else(|error| panic!("{sql}: {error}"));
                rows.iter().map(|row| row.get::<_, String>(0).into()).collect()
            });
        }
        let mut statement = self.embedded().prepare(sql).expect("a query");
        let rows = statement.query_map([], |row| {
            Ok(match row.get_ref(0)? {
                rusqlite::types::ValueRef::Null => Value::Null,
                rusqlite::types::ValueRef::Integer(number) => number.into(),
                rusqlite::types::ValueRef::Real(number) => number.into(),
                rusqlite::types::ValueRef::Text(text) => String::from_utf8_lossy(text).into(),
                rusqlite::types::ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into(),
            })
        });
        rows.expect("a query")
            .collect::<Result<_, _>>()
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Changes something.
    pub(crate) fn change(&self, sql: &str) {
        match self {
            Self::Embedded(connection) => connection
                .execute_batch(sql)
                .unwrap_or_else(|error| panic!("{sql}: {error}")),
            Self::Server(url) => on_server(url, |client| {
                client
                    .batch_execute(sql)
                    .unwrap_or_else(|error| panic!("{sql}: {error}"));
            }),
        }
    }

    /// The embedded database's own checks; a server needs none.
    pub(crate) fn expect_sound(&self) {
        if matches!(self, Self::Embedded(_)) {
            assert_eq!(self.column("pragma integrity_check"), ["ok"]);
            assert_eq!(self.column("pragma foreign_key_check"), [] as [Value; 0]);
        }
    }

    fn embedded(&self) -> &Connection {
        match self {
            Self::Embedded(connection) => connection,
            Self::Server(_) => panic!("this look is for the embedded database"),
        }
    }
}

/// On a thread of its own, since the blocking client must not run inside a test's runtime.
fn on_server<T: Send>(url: &str, work: impl FnOnce(&mut Client) -> T + Send) -> T {
    std::thread::scope(|scope| {
        let working = scope.spawn(|| {
            let mut client = Client::connect(url, NoTls).expect("the server takes a connection");
            work(&mut client)
        });
        working
            .join()
            .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}
