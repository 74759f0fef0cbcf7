//! Opens the original's database without changing a byte of it or beside it, and refuses what is not one.
//!
//! How it is read depends on what the original left behind:
//! - a rollback-journal database (the original's default) is read in place under a shared lock;
//! - one in write-ahead mode that was closed in good order is read as immutable, since SQLite would otherwise
//!   make files beside it;
//! - one with changes in a `-wal`, or an unfinished transaction in a `-journal`, is copied with that file, and
//!   SQLite recovers the copy.

use super::{
    Original, OriginalError,
    copy::{PrivateCopy, with_suffix},
};
use rusqlite::{Connection, OpenFlags, config::DbConfig, ffi};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    time::Duration,
};

/// How long a lock is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(2);

/// What the original's tables have; more columns may be there.
const TABLES: [(&str, &[&str]); 5] = [
    ("users", &["email", "password_hash", "display_name", "created_at"]),
    ("conversations", &["user_id", "title", "summary", "created_at"]),
    (
        "messages",
        &[
            "conversation_id",
            "request_id",
            "text",
            "summary",
            "created_at",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "model",
            "price",
        ],
    ),
    (
        "attachments",
        &["message_id", "filename", "content", "content_type"],
    ),
    (
        "usage_details",
        &[
            "message_id",
            "scope",
            "model",
            "input_tokens",
            "output_tokens",
            "cached_tokens",
            "price",
            "created_at",
        ],
    ),
];

impl Original {
    /// Opens the file and holds one moment of it.
    ///
    /// The file must not be open in this process in any other way: give the database of a running store and
    /// its locks are lost.
    ///
    /// # Errors
    /// What makes the file unreadable, or not the original's.
    pub fn open(path: &Path) -> Result<Self, OriginalError> {
        let header = read_header(path)?;
        let before = Watch::look(path);
        let original = if before.has_log() {
            Self::of_copy(path, &before)?
        } else if header.write_ahead {
            let connection = connect(path, Access::Immutable)?;
            Self {
                connection,
                watch: Some(before),
                _copy: None,
            }
        } else {
            let connection = connect(path, Access::Shared)?;
            match take_moment(&connection) {
                Ok(()) => Self {
                    connection,
                    watch: None,
                    _copy: None,
                },
                Err(error) if is_unfinished(&error) => {
                    drop(connection);
                    Self::of_copy(path, &before)?
                }
                Err(error) => return Err(refused(path, error)),
            }
        };
        if original.connection.is_autocommit() {
            take_moment(&original.connection).map_err(|error| refused(path, error))?;
        }
        check_tables(&original.connection, path)?;
        original.verify()?;
        Ok(original)
    }

    /// Fails when the file may have changed under us.
    pub(super) fn verify(&self) -> Result<(), OriginalError> {
        match &self.watch {
            Some(watch) if *watch != Watch::look(&watch.path) => Err(OriginalError::Changed),
            _ => Ok(()),
        }
    }

    fn of_copy(path: &Path, before: &Watch) -> Result<Self, OriginalError> {
        let copy = PrivateCopy::make(path, &["-wal", "-journal"])?;
        if *before != Watch::look(path) {
            return Err(OriginalError::Changed);
        }
        let connection = connect(&copy.path(), Access::Own)?;
        Ok(Self {
            connection,
            watch: None,
            _copy: Some(copy),
        })
    }
}

struct Header {
    /// The database's last writer used a write-ahead log.
    write_ahead: bool,
}

fn read_header(path: &Path) -> Result<Header, OriginalError> {
    let failed = |source| OriginalError::File {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Err(OriginalError::NotAFile(path.to_owned()));
    }
    let mut header = Vec::with_capacity(100);
    File::open(path)
        .and_then(|file| file.take(100).read_to_end(&mut header))
        .map_err(failed)?;
    if header.is_empty() {
        return Err(OriginalError::Foreign("the file is empty".to_owned()));
    }
    if header.len() < 100 || !header.starts_with(b"SQLite format 3\0") {
        return Err(OriginalError::NotSqlite(path.to_owned()));
    }
    // Bytes 18 and 19: the file format's versions for writing and reading, 2 for the write-ahead log.
    Ok(Header {
        write_ahead: header[18] == 2 || header[19] == 2,
    })
}

/// What the file and those beside it look like; any change shows.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Watch {
    path: PathBuf,
    files: [Option<Stat>; 3],
}

#[derive(Debug, PartialEq, Eq)]
struct Stat {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
}

impl Watch {
    fn look(path: &Path) -> Self {
        let stat = |path: &Path| {
            let found = fs::metadata(path).ok()?;
            Some(Stat {
                device: found.dev(),
                inode: found.ino(),
                length: found.len(),
                modified: (found.mtime(), found.mtime_nsec()),
            })
        };
        let files = [
            stat(path),
            stat(&with_suffix(path, "-wal")),
            stat(&with_suffix(path, "-journal")),
        ];
        Self {
            path: path.to_owned(),
            files,
        }
    }

    /// Whether a write-ahead log with something in it lies beside the file.
    fn has_log(&self) -> bool {
        self.files[1].as_ref().is_some_and(|log| log.length > 0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    /// Under SQLite's locks, beside a process that may be writing.
    Shared,
    /// Without locks and without making a file.
    Immutable,
    /// A copy of our own, which SQLite may repair.
    Own,
}

fn connect(path: &Path, access: Access) -> Result<Connection, OriginalError> {
    let flags = match access {
        Access::Own => OpenFlags::SQLITE_OPEN_READ_WRITE,
        Access::Shared | Access::Immutable => OpenFlags::SQLITE_OPEN_READ_ONLY,
    } | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = match access {
        Access::Immutable => {
            Connection::open_with_flags(immutable_uri(path)?, flags | OpenFlags::SQLITE_OPEN_URI)
        }
        Access::Shared | Access::Own => Connection::open_with_flags(path, flags),
    };
    let connection = opened.map_err(|error| refused(path, error))?;
    let settle = || -> rusqlite::Result<()> {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "temp_store", "memory")
    };
    settle().map_err(|error| refused(path, error))?;
    Ok(connection)
}

fn immutable_uri(path: &Path) -> Result<String, OriginalError> {
    let absolute = std::path::absolute(path).map_err(|source| OriginalError::File {
        path: path.to_owned(),
        source,
    })?;
    let mut uri = String::from("file:");
    for byte in absolute.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' => {
                uri.push(char::from(*byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri.push_str("?immutable=1");
    Ok(uri)
}

/// Begins the one transaction everything is read in.
fn take_moment(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("begin")?;
    // A transaction takes its moment with its first read.
    let read = connection.query_row("select count(*) from sqlite_schema", [], |row| {
        row.get::<_, i64>(0)
    });
    if let Err(error) = read {
        if !connection.is_autocommit() {
            connection.execute_batch("rollback")?;
        }
        return Err(error);
    }
    Ok(())
}

/// Whether a transaction was broken off, whose journal only a writer can roll back.
fn is_unfinished(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|code| {
        matches!(
            code.extended_code,
            ffi::SQLITE_READONLY_ROLLBACK | ffi::SQLITE_READONLY_RECOVERY | ffi::SQLITE_READONLY_CANTLOCK
        )
    })
}

fn refused(path: &Path, error: rusqlite::Error) -> OriginalError {
    match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OriginalError::NotSqlite(path.to_owned()),
        Some(rusqlite::ErrorCode::CannotOpen | rusqlite::ErrorCode::PermissionDenied) => {
            OriginalError::File {
                path: path.to_owned(),
                source: io::Error::other(error.to_string()),
            }
        }
        _ => error.into(),
    }
}

fn check_tables(connection: &Connection, path: &Path) -> Result<(), OriginalError> {
    let ours: i64 = connection.query_row(
        "select count(*) from sqlite_schema where type = 'table' and name in ('schema_migrations', 'imported_rows')",
        [],
        |row| row.get(0),
    )?;
    if ours > 0 {
        return Err(OriginalError::Ours(path.to_owned()));
    }
    for (table, wanted) in TABLES {
        check_table(connection, table, wanted)?;
    }
    Ok(())
}

fn check_table(connection: &Connection, table: &str, wanted: &[&str]) -> Result<(), OriginalError> {
    struct Column {
        name: String,
        kind: String,
        key: i64,
    }
    let is_table: i64 = connection.query_row(
        "select count(*) from sqlite_schema where type = 'table' and lower(name) = ?1",
        [table],
        |row| row.get(0),
    )?;
    if is_table == 0 {
        return Err(OriginalError::Foreign(format!("it has no table `{table}`")));
    }
    let columns = connection
        .prepare("select name, type, pk from pragma_table_info(?1)")?
        .query_map([table], |row| {
            Ok(Column {
                name: row.get(0)?,
                kind: row.get(1)?,
                key: row.get(2)?,
            })
        })?
        .collect::<Result<Vec<_>, _>>()?;
    for name in wanted {
        if !columns
            .iter()
            .any(|column| column.name.eq_ignore_ascii_case(name))
        {
            return Err(OriginalError::Foreign(format!(
                "its table `{table}` has no column `{name}`"
            )));
        }
    }
    // Only such a column holds whole numbers, once each, for certain.
    let keys: Vec<&Column> = columns.iter().filter(|column| column.key > 0).collect();
    match keys[..] {
        [key] if key.name.eq_ignore_ascii_case("id") && key.kind.eq_ignore_ascii_case("integer") => Ok(()),
        _ => Err(OriginalError::Foreign(format!(
            "its table `{table}` has no integer primary key `id`"
        ))),
    }
}
