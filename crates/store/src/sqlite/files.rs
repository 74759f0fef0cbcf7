//! The files around a SQLite database: folder, lock, modes, and descriptors that stay open.

use crate::OpenError;
use std::{
    fs::{DirBuilder, File, OpenOptions, TryLockError},
    io,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

/// Readable by the service's user alone: the database holds password hashes and everything people said.
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;

/// The claimed database file. While this lives nobody else opens the database.
#[derive(Debug)]
pub(super) struct Claim {
    /// The file's canonical path.
    pub(super) path: PathBuf,
    /// The main file. Opened before SQLite opens it and closed after SQLite has closed it, because closing
    /// it in between would drop SQLite's locks.
    pub(super) database: File,
    /// Held for its lock.
    _lock: File,
}

impl Claim {
    /// Makes what is missing, and takes the lock.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let path = resolve(path)?;
        let lock_path = with_suffix(&path, ".lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(FILE_MODE)
            .open(&lock_path)
            .map_err(|source| at(&lock_path, source))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path }),
            Err(TryLockError::Error(source)) => return Err(at(&lock_path, source)),
        }
        let database = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(FILE_MODE)
            .open(&path)
            .map_err(|source| at(&path, source))?;
        sync_folder(parent(&path))?;
        Ok(Self {
            path,
            database,
            _lock: lock,
        })
    }

    /// The path of the write-ahead log.
    pub(super) fn log_path(&self) -> PathBuf {
        with_suffix(&self.path, "-wal")
    }
}

/// An empty file that only we may read, in the place of whatever was there.
pub(super) fn create_private(path: &Path) -> Result<(), OpenError> {
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(at(path, source)),
    }
    let file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(FILE_MODE)
        .open(path);
    file.map(drop).map_err(|source| at(path, source))
}

/// Gives a finished file its name, both safe from a power cut.
pub(super) fn publish(from: &Path, to: &Path) -> Result<(), OpenError> {
    File::open(from)
        .and_then(|file| file.sync_all())
        .map_err(|source| at(from, source))?;
    std::fs::rename(from, to).map_err(|source| at(to, source))?;
    sync_folder(parent(to))
}

/// The path with `suffix` behind its last part.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut text = path.as_os_str().to_owned();
    text.push(suffix);
    text.into()
}

/// An error of the operating system with its place.
pub(super) fn at(path: &Path, source: io::Error) -> OpenError {
    OpenError::File {
        path: path.to_owned(),
        source,
    }
}

/// The one true path, so that a lock beside a link's target is the same as one beside the target.
fn resolve(path: &Path) -> Result<PathBuf, OpenError> {
    let absolute = std::path::absolute(path).map_err(|source| at(path, source))?;
    let Some(name) = absolute.file_name() else {
        let source = io::Error::new(io::ErrorKind::InvalidInput, "it names no file");
        return Err(at(path, source));
    };
    make_folder(parent(&absolute))?;
    match absolute.canonicalize() {
        Ok(path) => Ok(path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let folder = parent(&absolute);
            let folder = folder.canonicalize().map_err(|source| at(folder, source))?;
            Ok(folder.join(name))
        }
        Err(source) => Err(at(&absolute, source)),
    }
}

/// Makes the folder and those above it. Each new name is synced in the folder that holds it.
fn make_folder(folder: &Path) -> Result<(), OpenError> {
    if folder.is_dir() {
        return Ok(());
    }
    let above = parent(folder);
    make_folder(above)?;
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => sync_folder(above),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        Err(source) => Err(at(folder, source)),
    }
}

fn sync_folder(folder: &Path) -> Result<(), OpenError> {
    File::open(folder)
        .and_then(|opened| opened.sync_all())
        .map_err(|source| at(folder, source))
}

fn parent(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new("/"))
}
