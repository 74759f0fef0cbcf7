//! What the disk itself costs: an `fdatasync` of a small append, the least that a database's log takes to write a call
//! down, and how often the service calls for a sync.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::Connection;

/// The least that it takes to write a call down before it is made and after it has ended: a row in one transaction, its end
/// and a charge in a second one, in SQLite as the service sets it up, on the thread that waits for it.
#[derive(Debug)]
pub(super) struct LogProbe {
    database: Connection,
    /// The database's log, which is what is synced.
    log: File,
}

impl LogProbe {
    /// Makes a database of its own in a folder.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, String> {
        let path = folder.join("log-probe.db");
        let failed = |error: String| format!("cannot make `{}`: {error}", path.display());
        let open = || {
            let database = Connection::open(&path)?;
            database.pragma_update(None, "journal_mode", "wal")?;
            database.pragma_update(None, "synchronous", "normal")?;
            database.execute_batch(
                "create table calls (id integer primary key, model text not null, tokens integer, ended_at integer);
                 create table charges (id integer primary key, call_id integer not null, amount integer not null);",
            )?;
            Ok(database)
        };
        let database = open().map_err(|error: rusqlite::Error| failed(error.to_string()))?;
        let log = OpenOptions::new()
            .write(true)
            .open(folder.join("log-probe.db-wal"))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self { database, log })
    }

    /// Writes a call down; returns how long that took with so many syncs.
    pub(super) fn write(&mut self, syncs: usize) -> Result<Duration, String> {
        let failed = |error: rusqlite::Error| format!("cannot write a call down: {error}");
        let start = Instant::now();
        let id = self.begin().map_err(failed)?;
        for _ in 1..syncs {
            self.sync()?;
        }
        self.end(id).map_err(failed)?;
        self.sync()?;
        Ok(start.elapsed())
    }

    fn begin(&mut self) -> rusqlite::Result<i64> {
        let transaction = self.database.transaction()?;
        transaction
            .prepare_cached("insert into calls (model) values ('gpt-4.1-nano')")?
            .execute([])?;
        let id = transaction.last_insert_rowid();
        transaction.commit()?;
        Ok(id)
    }

    fn end(&mut self, id: i64) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        transaction
            .prepare_cached("update calls set tokens = 150, ended_at = 1 where id = ?1")?
            .execute([id])?;
        transaction
            .prepare_cached("insert into charges (call_id, amount) values (?1, 30000000)")?
            .execute([id])?;
        transaction.commit()
    }

    fn sync(&self) -> Result<(), String> {
        self.log
            .sync_data()
            .map_err(|error| format!("cannot sync: {error}"))
    }
}

/// A page of the database.
const APPENDED: [u8; 4_096] = [0x5a; 4_096];

/// A file to sync.
#[derive(Debug)]
pub(super) struct Probe {
    file: File,
}

impl Probe {
    /// Makes one in a folder, so that it lies on that folder's disk.
    pub(super) fn in_folder(folder: &Path) -> Result<Self, String> {
        let path = folder.join("sync-probe");
        let file = OpenOptions::new().create(true).append(true).open(&path);
        Ok(Self {
            file: file.map_err(|error| format!("cannot make `{}`: {error}", path.display()))?,
        })
    }

    /// Appends a page and syncs it; returns how long the sync took.
    pub(super) fn sync(&mut self) -> Result<Duration, String> {
        let failed = |error: std::io::Error| format!("cannot sync: {error}");
        self.file.write_all(&APPENDED).map_err(failed)?;
        let start = Instant::now();
        self.file.sync_data().map_err(failed)?;
        Ok(start.elapsed())
    }
}

/// Counts a process's calls of `fdatasync` with the kernel's own tracepoint, at no cost worth mentioning.
#[derive(Debug)]
pub(super) struct SyncCount {
    perf: Child,
    window: Duration,
}

impl SyncCount {
    /// Counts for `window`, from when `perf` is ready. `None` where it or the right to use it is missing.
    pub(super) fn begin(pid: u32, window: Duration) -> Option<Self> {
        let perf = Command::new("perf")
            .args(["stat", "-x", ",", "-e", "syscalls:sys_enter_fdatasync", "-p"])
            .arg(pid.to_string())
            .args(["--", "sleep", &window.as_secs_f64().to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .ok()?;
        Some(Self { perf, window })
    }

    /// How many there were in a second. `None` if the window is still open: it was not all within what is measured.
    pub(super) fn per_second(mut self) -> Option<f64> {
        if !matches!(self.perf.try_wait(), Ok(Some(_))) {
            // Both fail only when it has ended after all.
            let _ = self.perf.kill();
            let _ = self.perf.wait();
            return None;
        }
        let output = self.perf.wait_with_output().ok()?;
        let text = String::from_utf8(output.stderr).ok()?;
        let line = text.lines().find(|line| line.contains("sys_enter_fdatasync"))?;
        let count: f64 = line.split(',').next()?.trim().parse().ok()?;
        Some(count / self.window.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_is_written_down_in_two_transactions() {
        let folder = tempfile::tempdir().unwrap();
        let mut probe = LogProbe::in_folder(folder.path()).unwrap();
        for syncs in [1, 2] {
            assert!(probe.write(syncs).unwrap() > Duration::ZERO);
        }
        let sum = "select count(*) from calls join charges on call_id = calls.id where tokens = 150";
        let written: i64 = probe.database.query_row(sum, [], |row| row.get(0)).unwrap();
        assert_eq!(written, 2);
    }
}
