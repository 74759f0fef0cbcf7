//! What SQLite's codes mean to a caller.

use crate::StoreError;
use rusqlite::{Error, ErrorCode, ffi};

/// One conversion for every statement.
pub(super) fn convert(error: &Error) -> StoreError {
    let Some(code) = error.sqlite_error() else {
        return StoreError::Internal(error.to_string());
    };
    let message = match error {
        Error::SqliteFailure(_, Some(message)) => message.clone(),
        other => other.to_string(),
    };
    match (code.code, code.extended_code) {
        // The log's index could not grow: the disk is full too.
        (ErrorCode::DiskFull, _) | (_, ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full,
        (ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked, _) => StoreError::Busy,
        (ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase, _) => StoreError::Corrupt(message),
        (
            ErrorCode::ConstraintViolation,
            ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID,
        ) => {
            let constraint = message
                .strip_prefix("UNIQUE constraint failed: ")
                .unwrap_or(&message);
            StoreError::Duplicate(constraint.to_owned())
        }
        (ErrorCode::ConstraintViolation, ffi::SQLITE_CONSTRAINT_FOREIGNKEY) => StoreError::Foreign(message),
        (ErrorCode::OperationInterrupted, _) => {
            StoreError::Unavailable("the read took too long and was broken off".to_owned())
        }
        (ErrorCode::TooBig, _) => StoreError::Invalid(message),
        (ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::OutOfMemory, _) => {
            StoreError::Unavailable(message)
        }
        _ => StoreError::Internal(message),
    }
}

/// Whether the disk refused a sync, after which nothing is known about what it holds.
pub(super) fn is_failed_sync(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|code| {
        matches!(
            code.extended_code,
            ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC
        )
    })
}
