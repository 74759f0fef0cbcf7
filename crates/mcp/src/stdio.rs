//! A server that is a program started here, behind its guardian.

use crate::{bounded::BoundedLines, guardian::GUARDIAN_ARGUMENT, settings::Program};
use rmcp::{RoleClient, transport::async_rw::AsyncRwTransport};
use std::{
    io,
    process::Stdio,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader},
    process::{Child, ChildStderr, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
    time::timeout,
};

/// What a guardian is called in lists of processes.
const PROCESS_NAME: &str = "chatai-mcp-guardian";
/// Longer than a guardian takes to end its server.
const END_TIME: Duration = Duration::from_secs(6);
/// The most that is kept and logged of a line that a server writes to its standard error.
const LINE_BYTES: u64 = 500;

/// How messages go to and fro.
pub(crate) type Pipes = AsyncRwTransport<RoleClient, BoundedLines<ChildStdout>, ChildStdin>;

/// A running server.
pub(crate) struct Process {
    guardian: Child,
    listening: JoinHandle<()>,
    last_words: Arc<Mutex<String>>,
}

/// Starts a server. Dropping the pipes ends it; [`Process::end`] waits for that.
pub(crate) fn start(server: &str, program: &Program, most_bytes: usize) -> io::Result<(Process, Pipes)> {
    let mut guardian = Command::new(&program.guardian)
        .arg0(PROCESS_NAME)
        .arg(GUARDIAN_ARGUMENT)
        .arg(&program.command)
        .args(&program.arguments)
        .env_clear()
        .envs(program.environment.iter().map(|(name, value)| (name, value)))
        // Signals that a terminal sends to this program are this program's to answer.
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let input = guardian.stdin.take().expect("standard input is a pipe");
    let output = guardian.stdout.take().expect("standard output is a pipe");
    let errors = guardian.stderr.take().expect("standard error is a pipe");
    let last_words = Arc::new(Mutex::new(String::new()));
    let process = Process {
        guardian,
        listening: tokio::spawn(listen(server.to_owned(), errors, Arc::clone(&last_words))),
        last_words,
    };
    let output = BoundedLines::new(output, most_bytes);
    Ok((
        process,
        AsyncRwTransport::new(output, input).with_max_line_length(most_bytes),
    ))
}

impl Process {
    /// Waits until the server has ended, after its pipes were dropped, and tells what it said last.
    pub(crate) async fn end(mut self) -> String {
        match timeout(END_TIME, self.guardian.wait()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "a tool server's process was lost"),
            Err(_) => {
                tracing::warn!("a tool server's process does not end; it is killed");
                if let Err(error) = self.guardian.kill().await {
                    tracing::warn!(%error, "a tool server's process cannot be killed");
                }
            }
        }
        // What it said is read by now, unless somebody that it started holds the other end.
        let _ = timeout(Duration::from_millis(100), &mut self.listening).await;
        self.listening.abort();
        self.last_words
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

/// Logs what a server writes to its standard error, and keeps the last of it.
async fn listen(server: String, errors: ChildStderr, last_words: Arc<Mutex<String>>) {
    let mut errors = BufReader::new(errors);
    let mut line = Vec::new();
    loop {
        line.clear();
        // A longer line is taken for several.
        let read = (&mut errors).take(LINE_BYTES).read_until(b'\n', &mut line).await;
        if !matches!(read, Ok(1..)) {
            return;
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim();
        if !text.is_empty() {
            tracing::debug!(server, said = ?text, "a tool server wrote to its standard error");
            *last_words.lock().unwrap_or_else(PoisonError::into_inner) = text.to_owned();
        }
    }
}
