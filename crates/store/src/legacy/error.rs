//! Why the original's database cannot be read.

use rusqlite::ErrorCode;
use std::path::PathBuf;

/// One line each; [`OriginalError::hint`] says what to do.
#[derive(Debug, thiserror::Error)]
pub enum OriginalError {
    /// The file cannot be opened or read.
    #[error("cannot read `{}`: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// A folder, a device or the like.
    #[error("not a file: `{}`", .0.display())]
    NotAFile(PathBuf),
    /// Some other kind of file.
    #[error("not a SQLite database: `{}`", .0.display())]
    NotSqlite(PathBuf),
    /// A database of this program.
    #[error("a database of this program, not of the original service: `{}`", .0.display())]
    Ours(PathBuf),
    /// A database of something else; says what is missing.
    #[error("not the original service's database: {0}")]
    Foreign(String),
    /// Somebody is writing to it.
    #[error("the original's database is locked by another process")]
    Locked,
    /// It changed while it was read.
    #[error("the original's database changed while it was read")]
    Changed,
    /// Unfinished changes beside the file call for a private copy, which failed.
    #[error("cannot make a private copy in `{}`: {source}", folder.display())]
    Copy {
        /// Where.
        folder: PathBuf,
        /// What the operating system says.
        source: std::io::Error,
    },
    /// The file is damaged, or something else that SQLite says.
    #[error("cannot read the original's database: {0}")]
    Damaged(String),
}

impl OriginalError {
    /// What the person in front of it can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::File { .. } => "check the path and that this user may read the file",
            Self::NotAFile(_) | Self::NotSqlite(_) => {
                "give the original service's database file, which is usually named `app.db`"
            }
            Self::Ours(_) => "to move an instance of this program, copy its data folder",
            Self::Foreign(_) => {
                "the original's database has the tables users, conversations, messages, attachments and \
                 usage_details"
            }
            Self::Locked | Self::Changed => {
                "stop the original service and run this again; what was taken already is not taken twice"
            }
            Self::Copy { .. } => {
                "the original did not end in good order, so a copy is repaired and read: set TMPDIR to a \
                 folder with room for it"
            }
            Self::Damaged(_) => {
                "look with `sqlite3 app.db 'pragma integrity_check'`; `.recover` there saves what can be saved"
            }
        }
    }
}

impl From<rusqlite::Error> for OriginalError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked,
            _ => Self::Damaged(error.to_string()),
        }
    }
}
