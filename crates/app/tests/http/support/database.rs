//! A look into the embedded database, past the program.

use chatai_testkit::app::TestApp;
use rusqlite::{Connection, OpenFlags};
use serde_json::Value;

/// The embedded database of a program that was ended.
pub(crate) struct Rows(Connection);

impl Rows {
    /// Opens it to read. The program must not be running: it holds the file for itself.
    pub(crate) fn of(app: &TestApp) -> Self {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        Self(Connection::open_with_flags(app.sqlite_path(), flags).expect("the database can be opened"))
    }

    /// The number that a query gives.
    pub(crate) fn count(&self, sql: &str) -> i64 {
        self.0
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The first column of all rows.
    pub(crate) fn column(&self, sql: &str) -> Vec<Value> {
        let mut statement = self.0.prepare(sql).expect("a query");
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
        self.0
            .execute_batch(sql)
            .unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// SQLite's own checks.
    pub(crate) fn expect_sound(&self) {
        assert_eq!(self.column("pragma integrity_check"), ["ok"]);
        assert_eq!(self.column("pragma foreign_key_check"), [] as [Value; 0]);
    }
}
