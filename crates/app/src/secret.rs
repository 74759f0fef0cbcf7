//! The secret that signs tokens, where none is configured: made once and kept with the database. Beside the embedded
//! one in a file that its owner alone can read; in PostgreSQL itself, since several instances have to share it.

use crate::failure::Failure;
use chatai_config::Database;
use chatai_store::{Store, ops::settings};
use chatai_types::{Clock, Random, SystemClock, SystemRandom};
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::Path,
};

const FILE_NAME: &str = "jwt_secret";
const BYTES: usize = 32;

/// The kept secret of the configured database; made now when there is none.
pub(crate) async fn of_database(database: &Database, store: &Store) -> Result<Vec<u8>, Failure> {
    match database {
        Database::Sqlite(path) => load_or_make(path.parent().unwrap_or(Path::new(""))),
        Database::Postgres(_) => {
            let (made, now) = (SystemRandom.hex(BYTES), SystemClock.now());
            let kept = store
                .write(move |tx| settings::get_or_set(tx, FILE_NAME, &made, now))
                .await;
            kept.map(String::into_bytes).map_err(Failure::new)
        }
    }
}

/// The secret kept in a folder; made now when there is none.
fn load_or_make(data_dir: &Path) -> Result<Vec<u8>, Failure> {
    let path = data_dir.join(FILE_NAME);
    match fs::read_to_string(&path) {
        Ok(text) => {
            let secret = text.trim().as_bytes().to_vec();
            if secret.len() < BYTES {
                return Err(Failure::new(format_args!(
                    "`{}` holds no secret of {BYTES} bytes",
                    path.display()
                ))
                .hint("delete the file to have a new secret made; everybody has to sign in again then"));
            }
            close_to_others(&path)?;
            Ok(secret)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(data_dir, &path),
        Err(error) => Err(unusable(&path, &error)),
    }
}

fn make(data_dir: &Path, path: &Path) -> Result<Vec<u8>, Failure> {
    let secret = SystemRandom.hex(BYTES);
    // Written beside and linked into place: two starts at once end with one secret, a crash leaves none or all of it.
    let draft = data_dir.join(format!("{FILE_NAME}.{}", std::process::id()));
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&draft)?;
        writeln!(file, "{secret}")?;
        file.sync_all()?;
        let linked = fs::hard_link(&draft, path);
        fs::remove_file(&draft)?;
        linked?;
        let folder = if data_dir.as_os_str().is_empty() {
            Path::new(".")
        } else {
            data_dir
        };
        fs::File::open(folder)?.sync_all()
    };
    match write() {
        Ok(()) => Ok(secret.into_bytes()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => load_or_make(data_dir),
        Err(error) => Err(unusable(path, &error)),
    }
}

fn close_to_others(path: &Path) -> Result<(), Failure> {
    let mut permissions = fs::metadata(path)
        .map_err(|error| unusable(path, &error))?
        .permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(file = %path.display(), "the secret that signs tokens was readable by others; closing it");
    permissions.set_mode(0o600);
    fs::set_permissions(path, permissions).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::new(format_args!("cannot use `{}`: {error}", path.display()))
        .hint("give this user the right to write there, or choose another folder with --data-dir")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_make(folder.path()).unwrap();
        assert_eq!(first.len(), 2 * BYTES);
        assert_eq!(load_or_make(folder.path()).unwrap(), first);
        let path = folder.path().join(FILE_NAME);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        load_or_make(folder.path()).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            1,
            "no draft is left"
        );
    }

    #[test]
    fn an_emptied_secret_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(FILE_NAME), "\n").unwrap();
        assert!(
            load_or_make(folder.path())
                .unwrap_err()
                .to_string()
                .contains("holds no secret")
        );
    }
}
