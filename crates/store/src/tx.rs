//! A running transaction as the operations see it: SQL with `$1` parameters, the same on both databases.
//!
//! A job in which a statement failed never commits, whatever it returns: PostgreSQL would refuse to go on
//! after the failure, so SQLite does not either. Say `on conflict …` instead of catching the error.

use crate::{
    Backend, StoreError,
    row::{Cell, FromColumn, Row},
    value,
    value::Value,
};

/// The parameters of a statement: `params![id, name, None::<i64>]`.
macro_rules! params {
    ($($value:expr),* $(,)?) => { &[$($crate::value::Value::from($value)),*] };
}
pub(crate) use params;

/// Inserts one row, by a statement's text and its parameters; the id it got, or none where there was nothing to insert.
macro_rules! insert_id {
    ($tx:expr, $sql:literal, $params:expr) => {
        $tx.insert_id($sql, concat!($sql, " returning id"), $params)
    };
}
pub(crate) use insert_id;

/// Gets each row of a result in turn.
pub(crate) type EachRow<'f> = dyn FnMut(&Row<'_>) -> Result<(), StoreError> + 'f;

/// One connection inside a transaction. Static texts are prepared once per connection.
pub(crate) trait Session {
    fn backend(&self) -> Backend;
    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, StoreError>;
    fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError>;
    /// The id of the row that `sql` inserts, if it inserts one; `returning` is the same with `returning id` at its end.
    fn insert(
        &mut self,
        sql: &'static str,
        returning: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<i64>, StoreError>;
    fn exec_dynamic(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError>;
    fn query_dynamic(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError>;
}

/// A transaction. Made and ended by the store alone; operations take it by `&mut`.
pub struct Tx<'a> {
    session: &'a mut (dyn Session + 'a),
    /// The first failure of a statement, which bars the commit.
    failure: Option<StoreError>,
}

impl std::fmt::Debug for Tx<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx")
            .field("backend", &self.backend())
            .field("failure", &self.failure)
            .finish()
    }
}

impl<'a> Tx<'a> {
    pub(crate) fn new(session: &'a mut (dyn Session + 'a)) -> Self {
        Self {
            session,
            failure: None,
        }
    }

    /// Which database this runs on, for the few statements that differ.
    pub(crate) fn backend(&self) -> Backend {
        self.session.backend()
    }

    /// Runs a statement without a result. The number of rows it changed.
    pub(crate) fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = value::check(params).and_then(|()| self.session.exec(sql, params));
        self.note(outcome)
    }

    /// See [`insert_id`]. SQLite would keep the rows that `returning` gives in a table of their own, which costs more than
    /// a small row, and knows the last one's id besides.
    pub(crate) fn insert_id<T: FromColumn>(
        &mut self,
        sql: &'static str,
        returning: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<T>, StoreError> {
        let outcome = value::check(params).and_then(|()| self.session.insert(sql, returning, params));
        let id = self.note(outcome)?;
        id.map(|id| T::from_cell(Cell::Int(id)).map_err(StoreError::Corrupt))
            .transpose()
    }

    /// All rows of a result, each through `read`.
    pub(crate) fn query<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        let outcome = value::check(params).and_then(|()| {
            self.session.query(sql, params, &mut |row| {
                rows.push(read(row)?);
                Ok(())
            })
        });
        self.note(outcome)?;
        Ok(rows)
    }

    /// The only row of a result, or none. More than one is a fault of the statement.
    pub(crate) fn query_opt<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Option<T>, StoreError> {
        let mut found = None;
        let outcome = value::check(params).and_then(|()| {
            self.session.query(sql, params, &mut |row| {
                if found.is_some() {
                    return Err(StoreError::Internal(format!("more than one row: `{sql}`")));
                }
                found = Some(read(row)?);
                Ok(())
            })
        });
        self.note(outcome)?;
        Ok(found)
    }

    /// The only row of a result. None, or more than one, is a fault of the statement.
    pub(crate) fn query_one<T>(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let found = self.query_opt(sql, params, read)?;
        let outcome = found.ok_or_else(|| StoreError::Internal(format!("no row: `{sql}`")));
        self.note(outcome)
    }

    /// [`Tx::exec`] for text made at run time; never prepared ahead, never from a user's words.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "for tests and tools; drop this line with the first use")
    )]
    pub(crate) fn exec_dynamic(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = value::check(params).and_then(|()| self.session.exec_dynamic(sql, params));
        self.note(outcome)
    }

    /// [`Tx::query`] for text made at run time; never prepared ahead, never from a user's words.
    pub(crate) fn query_dynamic<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        mut read: impl FnMut(&Row<'_>) -> Result<T, StoreError>,
    ) -> Result<Vec<T>, StoreError> {
        let mut rows = Vec::new();
        let outcome = value::check(params).and_then(|()| {
            self.session.query_dynamic(sql, params, &mut |row| {
                rows.push(read(row)?);
                Ok(())
            })
        });
        self.note(outcome)?;
        Ok(rows)
    }

    /// The first failure of a statement, if one failed.
    pub(crate) fn into_failure(self) -> Option<StoreError> {
        self.failure
    }

    fn note<T>(&mut self, outcome: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error) = &outcome
            && self.failure.is_none()
        {
            self.failure = Some(error.clone());
        }
        outcome
    }
}
