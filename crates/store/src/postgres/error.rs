//! What the server's codes mean to a caller, and to the worker that may try again.

use crate::StoreError;
use std::error::Error as _;
use tokio_postgres::{Error, error::SqlState};

/// What to do about a failed statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The server gave the transaction up for the sake of others: run it again.
    Conflict,
    /// A reference to a row that is not there. It may have been deleted a moment ago, so that running the
    /// job again takes another path.
    Reference,
    /// The connection is gone, or of no use any more: run the job again on a new one.
    Connection,
    /// Trying again would not help.
    Final,
}

/// The worker's view of an error.
pub(super) fn trouble(error: &Error) -> Trouble {
    let Some(code) = error.code() else {
        return if is_connection_lost(error) {
            Trouble::Connection
        } else {
            Trouble::Final
        };
    };
    if is_session_over(code) {
        return Trouble::Connection;
    }
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => Trouble::Conflict,
        SqlState::FOREIGN_KEY_VIOLATION => Trouble::Reference,
        // A statement prepared before another instance changed the schema, or behind a pooler that
        // handed us another session.
        SqlState::INVALID_SQL_STATEMENT_NAME => Trouble::Connection,
        SqlState::FEATURE_NOT_SUPPORTED if message(error).contains("cached plan") => Trouble::Connection,
        _ => Trouble::Final,
    }
}

/// The caller's view of an error.
pub(super) fn convert(error: &Error) -> StoreError {
    let Some(db) = error.as_db_error() else {
        return if is_connection_lost(error) {
            StoreError::Unavailable(message(error))
        } else {
            StoreError::Internal(message(error))
        };
    };
    let constraint = || db.constraint().unwrap_or(db.message()).to_owned();
    let code = db.code();
    match *code {
        SqlState::UNIQUE_VIOLATION => StoreError::Duplicate(constraint()),
        SqlState::FOREIGN_KEY_VIOLATION => StoreError::Foreign(constraint()),
        SqlState::DISK_FULL => StoreError::Full,
        SqlState::T_R_SERIALIZATION_FAILURE
        | SqlState::T_R_DEADLOCK_DETECTED
        | SqlState::LOCK_NOT_AVAILABLE
        | SqlState::TOO_MANY_CONNECTIONS => StoreError::Busy,
        SqlState::DATA_CORRUPTED | SqlState::INDEX_CORRUPTED => StoreError::Corrupt(message(error)),
        SqlState::QUERY_CANCELED
        | SqlState::OUT_OF_MEMORY
        | SqlState::IO_ERROR
        | SqlState::READ_ONLY_SQL_TRANSACTION => StoreError::Unavailable(message(error)),
        SqlState::PROGRAM_LIMIT_EXCEEDED | SqlState::CHARACTER_NOT_IN_REPERTOIRE => {
            StoreError::Invalid(message(error))
        }
        _ if is_session_over(code) => StoreError::Unavailable(message(error)),
        _ => StoreError::Internal(message(error)),
    }
}

/// The error with its causes, which is where the driver keeps what happened.
pub(super) fn message(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        return db.message().to_owned();
    }
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

fn is_connection_lost(error: &Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

/// Classes 08 (connection) and 57P (the server is ending or starting), and sessions timed out.
fn is_session_over(code: &SqlState) -> bool {
    let code = code.code();
    code.starts_with("08") || code.starts_with("57P") || code == "25P03"
}
