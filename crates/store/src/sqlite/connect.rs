//! A connection with the settings that the design rests on.

use super::{error, functions};
use crate::{OpenError, StoreError};
use rusqlite::{Connection, OpenFlags, config::DbConfig};
use std::{path::Path, time::Duration};

/// How long a connection waits for a lock. Nobody but us takes any, unless somebody opens the file by hand.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Write,
    Read,
    Checkpoint,
}

/// Opens the file without changing anything in it.
pub(super) fn open(path: &Path, purpose: Purpose) -> rusqlite::Result<Connection> {
    let access = match purpose {
        Purpose::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Purpose::Write | Purpose::Checkpoint => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    // Each connection belongs to one thread at a time, so SQLite need not lock it.
    let connection = Connection::open_with_flags(path, access | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    // Closing would otherwise checkpoint without looking at errors, and remove the log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    // Else a statement is compiled anew whenever another number is bound to its `limit`, in case that changes the plan.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    functions::register(&connection)?;
    Ok(connection)
}

/// The settings of a connection to a database that is known to be ours.
pub(super) fn settle(connection: &Connection, purpose: Purpose) -> rusqlite::Result<()> {
    // A page cache in KiB (negative); filled on use only.
    let cache = match purpose {
        Purpose::Write => -16_000,
        Purpose::Read => -8_000,
        Purpose::Checkpoint => -100,
    };
    connection.pragma_update(None, "cache_size", cache)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // Commits write the log and do not sync it; that is the syncer's work.
    connection.pragma_update(None, "synchronous", "normal")?;
    if purpose == Purpose::Read {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(())
}

/// Turns the write-ahead log on.
pub(super) fn enter_wal(connection: &Connection) -> Result<(), OpenError> {
    let mode: String = connection
        .pragma_update_and_check(None, "journal_mode", "wal", |row| row.get(0))
        .map_err(|cause| refused(&cause))?;
    if mode != "wal" {
        return Err(OpenError::Database(format!(
            "no write-ahead log on this file system: mode is `{mode}`"
        )));
    }
    // A step of the schema need not be on the disk before the next; the start ends with a sync.
    connection
        .pragma_update(None, "synchronous", "normal")
        .map_err(|cause| refused(&cause))?;
    // A log that once grew long is cut back when it restarts.
    connection
        .pragma_update_and_check(None, "journal_size_limit", 64 << 20, |row| row.get::<_, i64>(0))
        .map(drop)
        .map_err(|cause| refused(&cause))
}

/// An error while opening.
pub(super) fn refused(cause: &rusqlite::Error) -> OpenError {
    match error::convert(cause) {
        StoreError::Corrupt(reason) => OpenError::Foreign(reason),
        other => OpenError::Database(other.to_string()),
    }
}
