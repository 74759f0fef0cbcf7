//! One SQLite connection with its prepared statements.

use super::{error, text::numbered};
use crate::{
    Backend, StoreError,
    row::{Cell, Row},
    tx::{EachRow, Session},
    value::Value,
};
use rusqlite::{
    Connection, Statement, ToSql,
    types::{ToSqlOutput, ValueRef},
};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// Lives on the stack of the thread that owns the connection.
pub(super) struct SqliteSession<'c> {
    connection: &'c Connection,
    /// By address and length of the static text: no hashing of the text itself. The same text at two
    /// addresses is prepared twice, which is harmless and bounded by the program.
    statements: HashMap<(usize, usize), Statement<'c>, BuildHasherDefault<AddressHasher>>,
    /// The disk refused a sync in one of the statements; see [`SqliteSession::failed_sync`].
    failed_sync: Option<String>,
}

impl<'c> SqliteSession<'c> {
    pub(super) fn new(connection: &'c Connection) -> Self {
        Self {
            connection,
            statements: HashMap::default(),
            failed_sync: None,
        }
    }

    /// A statement that begins, ends or marks a transaction.
    pub(super) fn control(&mut self, sql: &'static str) -> Result<(), StoreError> {
        self.exec(sql, &[]).map(|_| ())
    }

    /// Whether no transaction is open, which a failed statement may have brought about.
    pub(super) fn is_autocommit(&self) -> bool {
        self.connection.is_autocommit()
    }

    /// The message of a sync that the disk refused.
    pub(super) fn failed_sync(&self) -> Option<&str> {
        self.failed_sync.as_deref()
    }

    fn convert(&mut self, cause: &rusqlite::Error) -> StoreError {
        if error::is_failed_sync(cause) && self.failed_sync.is_none() {
            self.failed_sync = Some(cause.to_string());
        }
        error::convert(cause)
    }

    fn prepared(&mut self, sql: &'static str) -> rusqlite::Result<&mut Statement<'c>> {
        use std::collections::hash_map::Entry;
        match self.statements.entry((sql.as_ptr().addr(), sql.len())) {
            Entry::Occupied(entry) => Ok(entry.into_mut()),
            Entry::Vacant(entry) => Ok(entry.insert(self.connection.prepare(&numbered(sql))?)),
        }
    }
}

impl Session for SqliteSession<'_> {
    fn backend(&self) -> Backend {
        Backend::Sqlite
    }

    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = self.prepared(sql).and_then(|statement| exec(statement, params));
        outcome.map_err(|cause| self.convert(&cause))
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        match self.prepared(sql).map(|statement| query(statement, params, each)) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(QueryError::Store(error))) => Err(error),
            Ok(Err(QueryError::Sqlite(cause))) | Err(cause) => Err(self.convert(&cause)),
        }
    }

    fn insert(
        &mut self,
        sql: &'static str,
        _returning: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<i64>, StoreError> {
        let inserted = self.exec(sql, params)?;
        // What triggers insert does not count.
        Ok((inserted > 0).then(|| self.connection.last_insert_rowid()))
    }

    fn exec_dynamic(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = self
            .connection
            .prepare(&numbered(sql))
            .and_then(|mut statement| exec(&mut statement, params));
        outcome.map_err(|cause| self.convert(&cause))
    }

    fn query_dynamic(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        let outcome = self
            .connection
            .prepare(&numbered(sql))
            .map(|mut statement| query(&mut statement, params, each));
        match outcome {
            Ok(Ok(())) => Ok(()),
            Ok(Err(QueryError::Store(error))) => Err(error),
            Ok(Err(QueryError::Sqlite(cause))) | Err(cause) => Err(self.convert(&cause)),
        }
    }
}

enum QueryError {
    Sqlite(rusqlite::Error),
    Store(StoreError),
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

fn bind(statement: &mut Statement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    let expected = statement.parameter_count();
    if expected != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), expected));
    }
    for (index, value) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, value)?;
    }
    Ok(())
}

fn exec(statement: &mut Statement<'_>, params: &[Value<'_>]) -> rusqlite::Result<u64> {
    let outcome = bind(statement, params).and_then(|()| statement.raw_execute());
    // SQLite keeps its copies of the values until then, which may be whole files.
    statement.clear_bindings();
    outcome.map(|changed| changed as u64)
}

fn query(
    statement: &mut Statement<'_>,
    params: &[Value<'_>],
    each: &mut EachRow<'_>,
) -> Result<(), QueryError> {
    let outcome = bind(statement, params).map_err(QueryError::from).and_then(|()| {
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next()? {
            each(&Row::Sqlite(row)).map_err(QueryError::Store)?;
        }
        Ok(())
    });
    statement.clear_bindings();
    outcome
}

/// A column without a copy.
pub(crate) fn cell<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> Result<Cell<'r>, StoreError> {
    let value = row.get_ref(index).map_err(|cause| error::convert(&cause))?;
    Ok(match value {
        ValueRef::Null => Cell::Null,
        ValueRef::Integer(value) => Cell::Int(value),
        ValueRef::Real(value) => Cell::Real(value),
        ValueRef::Blob(value) => Cell::Blob(value),
        ValueRef::Text(value) => Cell::Text(
            str::from_utf8(value)
                .map_err(|_| StoreError::Corrupt(format!("column {index}: text is not UTF-8")))?,
        ),
    })
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Int(value) => ValueRef::Integer(value),
            Value::Bool(value) => ValueRef::Integer(value.into()),
            Value::Real(value) => ValueRef::Real(value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// Mixes an address and a length; both are written as `usize`.
#[derive(Default)]
struct AddressHasher(u64);

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        // The table looks at both ends of the word.
        self.0 ^ (self.0 >> 32)
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_usize(usize::from(*byte));
        }
    }

    fn write_usize(&mut self, word: usize) {
        // Fibonacci hashing: the multiplication carries low bits up, the rotation brings them back down.
        self.0 = (self.0.rotate_left(26) ^ word as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sqlite::connect::{self, Purpose};
    use rusqlite::StatementStatus;

    #[test]
    fn a_parameter_used_twice_or_out_of_order_gets_its_own_value() {
        let connection = Connection::open_in_memory().unwrap();
        let mut session = SqliteSession::new(&connection);
        let mut found = String::new();
        session
            .query(
                "select $2 || $1 || $2",
                &[Value::Text("a"), Value::Text("b")],
                &mut |row| {
                    found = row.get(0)?;
                    Ok(())
                },
            )
            .unwrap();
        assert_eq!(found, "bab");
    }

    /// What a page takes would be a third of its time.
    #[test]
    fn a_statement_is_compiled_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("chatai.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("create table t (id integer primary key, part text); insert into t (part) values ('a'), ('b')")
            .unwrap();
        let connection = connect::open(&path, Purpose::Read).unwrap();
        let mut session = SqliteSession::new(&connection);
        let sql = "select id from t where id > $1 and part >= $2 order by id limit $3";
        for limit in 1..=3 {
            let mut found = 0;
            let values = [Value::Int(0), Value::Text("a"), Value::Int(limit)];
            session
                .query(sql, &values, &mut |_| {
                    found += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(found, limit.min(2));
        }
        let statement = session.prepared(sql).unwrap();
        assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
    }

    #[test]
    fn a_wrong_number_of_parameters_is_refused() {
        let connection = Connection::open_in_memory().unwrap();
        let mut session = SqliteSession::new(&connection);
        let outcome = session.exec("select $1, $2", &[Value::Int(1)]);
        assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
    }
}
