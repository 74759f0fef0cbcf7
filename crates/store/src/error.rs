//! What can go wrong, named by what a caller can do about it.

use std::path::PathBuf;

/// Why a job did not happen. Nothing of it was kept, unless the variant says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The queue is full, or another transaction held a lock for too long. Try again shortly.
    #[error("the database is busy")]
    Busy,
    /// The disk is full. Reading goes on; writing works again when there is room.
    #[error("the disk is full")]
    Full,
    /// The database cannot be reached, took too long or failed to write. On PostgreSQL a connection lost
    /// during the commit leaves open whether it happened.
    #[error("the database is unavailable: {0}")]
    Unavailable(String),
    /// The store was closed.
    #[error("the database was closed")]
    Closed,
    /// A row with this key exists; carries the constraint's name in the database's own words.
    #[error("duplicate key: {0}")]
    Duplicate(String),
    /// The row that is referred to does not exist, or is still referred to.
    #[error("broken reference: {0}")]
    Foreign(String),
    /// A value no column can hold, such as text with a NUL character.
    #[error("value cannot be stored: {0}")]
    Invalid(String),
    /// Stored data that cannot be.
    #[error("stored data is damaged: {0}")]
    Corrupt(String),
    /// A fault of this program.
    #[error("database fault: {0}")]
    Internal(String),
}

/// Why a store could not be opened. One line each; [`OpenError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or another store of this one) holds the database.
    #[error("the database is in use by another process: `{}`", path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// Written by a newer version of this program.
    #[error("the database has schema {found}, this program knows only up to {known}")]
    Newer {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// Written by an older version of this program, or empty (schema 0), where only a current one was to be opened.
    #[error("the database has schema {found}, this program's is {known}")]
    Older {
        /// The version found.
        found: i64,
        /// The newest version known.
        known: i64,
    },
    /// A database of something else.
    #[error("not a chatai database: {0}")]
    Foreign(String),
    /// A folder or file cannot be made, read or written.
    #[error("cannot use `{}`: {source}", path.display())]
    File {
        /// The folder or file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A migration failed; the schema is as it was before it.
    #[error("migration {version} (`{name}`) failed: {reason}")]
    Migration {
        /// Its number.
        version: i64,
        /// Its name.
        name: &'static str,
        /// The database's message.
        reason: String,
    },
    /// The connection URL or one of its parameters cannot be understood.
    #[error("bad database URL: {0}")]
    Url(String),
    /// The server cannot be reached or refuses us.
    #[error("cannot connect to the database: {0}")]
    Connect(String),
    /// Anything else the database says.
    #[error("cannot open the database: {0}")]
    Database(String),
}

impl OpenError {
    /// What the person in front of it can do, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::InUse { .. } => Some("stop the other process, or give this one another database"),
            Self::Newer { .. } => {
                Some("run the newer program, or restore the snapshot that was made before the upgrade")
            }
            Self::Older { .. } => {
                Some("run `chatai migrate` first, or start the service once: either brings it up to date")
            }
            Self::Foreign(_) => Some(
                "choose an empty database; `chatai import FILE` takes over the data of the original service",
            ),
            Self::File { .. } => Some("check that the folder exists, is writable and has room"),
            Self::Migration { .. } => {
                Some("nothing was changed by it; a snapshot from before lies beside a SQLite file")
            }
            Self::Url(_) => Some("use `sqlite:///path/to/file` or `postgres://user:password@host/database`"),
            Self::Connect(_) => {
                Some("check that the server runs and that host, user, password and sslmode are right")
            }
            Self::Database(_) => None,
        }
    }
}
