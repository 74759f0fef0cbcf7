//! A private copy of a database whose last changes lie in a file beside it: SQLite has to write in order to
//! read those, and the original's files are not ours to write to.

use super::OriginalError;
use std::{
    ffi::OsString,
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// A folder, for this user alone, that goes when it is dropped.
#[derive(Debug)]
pub(super) struct PrivateCopy {
    folder: PathBuf,
}

/// The name of the copied database in its folder; the files beside it must be named after it.
const NAME: &str = "original.db";

impl PrivateCopy {
    /// Copies the database and those of `beside` that exist.
    pub(super) fn make(database: &Path, beside: &[&str]) -> Result<Self, OriginalError> {
        let copy = Self {
            folder: make_folder()?,
        };
        let failed = |source| OriginalError::Copy {
            folder: copy.folder.clone(),
            source,
        };
        fs::copy(database, copy.path()).map_err(failed)?;
        for suffix in beside {
            match fs::copy(with_suffix(database, suffix), with_suffix(&copy.path(), suffix)) {
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        copy.make_writable().map_err(failed)?;
        Ok(copy)
    }

    /// The copied database.
    pub(super) fn path(&self) -> PathBuf {
        self.folder.join(NAME)
    }

    /// Copies carry the original's permissions, which may forbid writing.
    fn make_writable(&self) -> io::Result<()> {
        use std::os::unix::fs::PermissionsExt;
        for entry in fs::read_dir(&self.folder)? {
            fs::set_permissions(entry?.path(), fs::Permissions::from_mode(0o600))?;
        }
        Ok(())
    }
}

impl Drop for PrivateCopy {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(folder = %self.folder.display(), %error, "a private copy could not be removed");
        }
    }
}

fn make_folder() -> Result<PathBuf, OriginalError> {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let parent = std::env::temp_dir();
    loop {
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = parent.join(format!("chatai-import-{}-{number}", std::process::id()));
        match fs::DirBuilder::new().mode(0o700).create(&folder) {
            Ok(()) => return Ok(folder),
            // Left by a process of the same id that was killed.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => {
                return Err(OriginalError::Copy {
                    folder: parent,
                    source,
                });
            }
        }
    }
}

/// The path of a file beside the database, such as its `-wal`.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_copy_is_private_and_goes_in_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("app.db");
        fs::write(&database, "database").unwrap();
        fs::write(with_suffix(&database, "-wal"), "log").unwrap();
        fs::set_permissions(&database, fs::Permissions::from_mode(0o444)).unwrap();
        let copy = PrivateCopy::make(&database, &["-wal", "-journal"]).unwrap();
        let path = copy.path();
        assert_eq!(fs::read(&path).unwrap(), b"database");
        assert_eq!(fs::read(with_suffix(&path, "-wal")).unwrap(), b"log");
        assert!(!with_suffix(&path, "-journal").exists());
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        drop(copy);
        assert!(!path.parent().unwrap().exists());
        assert!(database.exists());
    }
}
