//! Pages of rows, bounded by number and by bytes.

use super::{Field, Original, OriginalError};
use rusqlite::{Row, types::ValueRef};

/// The most that one page holds. A single row above `bytes` is a page of its own.
#[derive(Clone, Copy, Debug)]
pub struct PageLimits {
    /// Rows.
    pub rows: usize,
    /// Bytes of texts and contents.
    pub bytes: usize,
}

/// Some rows, in the order of their ids.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The rows.
    pub rows: Vec<T>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<i64>,
}

impl Original {
    /// Rows with an id of at least `from`. The statement takes that as `?1` and gives the id first.
    pub(super) fn page<T>(
        &self,
        sql: &'static str,
        from: i64,
        limits: PageLimits,
        read: impl Fn(&mut Columns<'_, '_>) -> rusqlite::Result<T>,
    ) -> Result<Page<T>, OriginalError> {
        self.verify()?;
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut found = statement.query([from])?;
        let mut rows = Vec::new();
        let mut bytes = 0_usize;
        let mut last = from;
        while let Some(row) = found.next()? {
            if !rows.is_empty() && (rows.len() >= limits.rows || bytes >= limits.bytes) {
                return Ok(Page {
                    rows,
                    next: last.checked_add(1),
                });
            }
            let mut columns = Columns::of(row);
            rows.push(read(&mut columns)?);
            bytes = bytes.saturating_add(columns.bytes);
            last = row.get(0)?;
        }
        Ok(Page { rows, next: None })
    }
}

/// A row's columns, read from left to right.
pub(super) struct Columns<'r, 's> {
    row: &'r Row<'s>,
    next: usize,
    bytes: usize,
}

impl<'r, 's> Columns<'r, 's> {
    pub(super) fn of(row: &'r Row<'s>) -> Self {
        Self {
            row,
            next: 0,
            bytes: 0,
        }
    }

    fn next(&mut self) -> rusqlite::Result<ValueRef<'_>> {
        self.next += 1;
        self.row.get_ref(self.next - 1)
    }

    /// An id from a primary key.
    pub(super) fn id(&mut self) -> rusqlite::Result<i64> {
        Ok(self.next()?.as_i64()?)
    }

    /// An id from a primary key of a joined row that may be missing.
    pub(super) fn joined_id(&mut self) -> rusqlite::Result<Option<i64>> {
        Ok(self.next()?.as_i64_or_null()?)
    }

    /// A truth value that SQLite worked out; unknown counts as false.
    pub(super) fn truth(&mut self) -> rusqlite::Result<bool> {
        Ok(self.joined_id()?.is_some_and(|value| value != 0))
    }

    /// Any value.
    pub(super) fn field(&mut self) -> rusqlite::Result<Field> {
        let field = match self.next()? {
            ValueRef::Null => Field::Null,
            ValueRef::Integer(value) => Field::Integer(value),
            ValueRef::Real(value) => Field::Real(value),
            ValueRef::Text(bytes) => Field::Text(bytes.to_vec()),
            ValueRef::Blob(bytes) => Field::Blob(bytes.to_vec()),
        };
        if let Field::Text(bytes) | Field::Blob(bytes) = &field {
            self.bytes = self.bytes.saturating_add(bytes.len());
        }
        Ok(field)
    }
}
