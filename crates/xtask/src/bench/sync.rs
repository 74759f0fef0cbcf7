//! What the disk itself costs: an `fdatasync` of a small append, and how often the service calls for one.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

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
