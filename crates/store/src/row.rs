//! Columns read back: one row type over both drivers, with typed access by index.

use crate::StoreError;
use chatai_types::{
    ApiKeyId, AttachmentId, BookId, BudgetPeriod, CallId, CallKind, ConversationId, Day, LedgerId, MessageId,
    Money, PriceVersionId, Rate, Role, Scope, SessionId, Timestamp, TurnStatus, UsageId, UsageSource, UserId,
    UserRole,
};

/// One row of a result, valid while the statement is being read.
pub(crate) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    Postgres(&'a tokio_postgres::Row),
}

/// One column of a row as the driver gives it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cell<'a> {
    Null,
    Int(i64),
    /// PostgreSQL only; SQLite's booleans are integers.
    Bool(bool),
    Real(f64),
    Text(&'a str),
    Blob(&'a [u8]),
}

impl Row<'_> {
    /// The column at `index`, from 0. A type that does not fit is [`StoreError::Corrupt`].
    pub(crate) fn get<T: FromColumn>(&self, index: usize) -> Result<T, StoreError> {
        let cell = self.cell(index)?;
        T::from_cell(cell).map_err(|reason| StoreError::Corrupt(format!("column {index}: {reason}")))
    }

    /// The column at `index` without a copy.
    pub(crate) fn cell(&self, index: usize) -> Result<Cell<'_>, StoreError> {
        match self {
            Self::Sqlite(row) => crate::sqlite::cell(row, index),
            Self::Postgres(row) => crate::postgres::cell(row, index),
        }
    }
}

/// A type a column can be read as.
pub(crate) trait FromColumn: Sized {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String>;
}

fn mismatch<T>(wanted: &str, cell: Cell<'_>) -> Result<T, String> {
    let found = match cell {
        Cell::Null => "null",
        Cell::Int(_) => "an integer",
        Cell::Bool(_) => "a boolean",
        Cell::Real(_) => "a real number",
        Cell::Text(_) => "text",
        Cell::Blob(_) => "bytes",
    };
    Err(format!("expected {wanted}, found {found}"))
}

impl FromColumn for i64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Int(value) => Ok(value),
            other => mismatch("an integer", other),
        }
    }
}

impl FromColumn for bool {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Bool(value) => Ok(value),
            Cell::Int(0) => Ok(false),
            Cell::Int(1) => Ok(true),
            other => mismatch("a boolean", other),
        }
    }
}

impl FromColumn for f64 {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Real(value) => Ok(value),
            other => mismatch("a real number", other),
        }
    }
}

impl FromColumn for String {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Text(value) => Ok(value.to_owned()),
            other => mismatch("text", other),
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Blob(value) => Ok(value.to_owned()),
            other => mismatch("bytes", other),
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
        match cell {
            Cell::Null => Ok(None),
            other => T::from_cell(other).map(Some),
        }
    }
}

macro_rules! integers {
    ($($name:ty: $from:expr;)+) => {$(
        impl FromColumn for $name {
            fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
                i64::from_cell(cell).map($from)
            }
        }
    )+};
}

integers! {
    UserId: UserId;
    ConversationId: ConversationId;
    MessageId: MessageId;
    AttachmentId: AttachmentId;
    UsageId: UsageId;
    PriceVersionId: PriceVersionId;
    LedgerId: LedgerId;
    ApiKeyId: ApiKeyId;
    SessionId: SessionId;
    BookId: BookId;
    CallId: CallId;
    Money: Money::from_pico;
    Rate: Rate::from_pico_per_token;
    Timestamp: Timestamp::from_micros;
    Day: Day::from_number;
}

macro_rules! names {
    ($($name:ty),+ $(,)?) => {$(
        impl FromColumn for $name {
            fn from_cell(cell: Cell<'_>) -> Result<Self, String> {
                match cell {
                    Cell::Text(text) => text.parse().map_err(|unknown: chatai_types::UnknownName| unknown.to_string()),
                    other => mismatch("text", other),
                }
            }
        }
    )+};
}

names!(
    BudgetPeriod,
    CallKind,
    Role,
    Scope,
    TurnStatus,
    UsageSource,
    UserRole
);
