//! One child process for one file: started, fed, listened to, and gone when this returns.

use super::Extracted;
use super::error::ExtractError;
use super::limits::Limits;
use crate::protocol::{MAX_HEADER_BYTES, Parser, Request, Response, frame_start, split_frame, tidy_reason};
use crate::text::BoundedText;
use crate::worker::WORKER_ARGUMENT;
use bytes::Bytes;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdin, Command};

/// What a worker is called in lists of processes.
const PROCESS_NAME: &str = "chatai-extract-worker";

/// As much of a child's error output is looked at; the rest is read and dropped.
const MAX_ERROR_OUTPUT: u64 = 4096;

/// How long the kernel may take to remove a killed child before it is left to the runtime.
const REAP_TIME: Duration = Duration::from_secs(5);

/// What the Rust runtime prints before it aborts for want of memory.
const ALLOCATION_FAILURE: &[u8] = b"memory allocation of ";

/// How the worker process is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worker {
    /// The program.
    pub program: PathBuf,
    /// Its arguments, before those that name the limits.
    pub arguments: Vec<OsString>,
}

impl Worker {
    /// This very program, even where its file was replaced since it started.
    pub fn this_program() -> Self {
        Self {
            program: crate::worker::this_program(),
            arguments: vec![WORKER_ARGUMENT.into()],
        }
    }
}

/// What is left of a child.
struct Remains {
    status: ExitStatus,
    output: Vec<u8>,
    errors: Vec<u8>,
}

/// Has a file parsed by a child. The child is dead when this returns, and killed when it is dropped.
pub(super) async fn parse(
    worker: &Worker,
    limits: &Limits,
    parser: Parser,
    bytes: Bytes,
) -> Result<Extracted, ExtractError> {
    let request = Request {
        parser,
        file_bytes: bytes.len() as u64,
        text_bytes: limits.text_bytes,
    };
    let mut child = spawn(worker, limits)?;
    let most_output = 4 + MAX_HEADER_BYTES + limits.text_bytes;
    let remains = match tokio::time::timeout(
        limits.wall_time,
        converse(&mut child, &request, &bytes, most_output),
    )
    .await
    {
        Ok(Ok(remains)) => remains,
        Ok(Err(error)) => {
            end(&mut child).await;
            return Err(ExtractError::Unavailable(format!(
                "the reader's process was lost: {error}"
            )));
        }
        Err(_) => {
            end(&mut child).await;
            return Err(ExtractError::Timeout);
        }
    };
    judge(&remains, limits)
}

fn spawn(worker: &Worker, limits: &Limits) -> Result<Child, ExtractError> {
    let cpu_seconds = limits.cpu_time.as_millis().div_ceil(1000).max(1);
    Command::new(&worker.program)
        .arg0(PROCESS_NAME)
        .args(&worker.arguments)
        .arg(limits.memory_bytes.to_string())
        .arg(cpu_seconds.to_string())
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| {
            ExtractError::Unavailable(format!("the reader's process cannot be started: {error}"))
        })
}

async fn converse(
    child: &mut Child,
    request: &Request,
    bytes: &[u8],
    most_output: usize,
) -> std::io::Result<Remains> {
    let input = child.stdin.take().expect("standard input is a pipe");
    let output = child.stdout.take().expect("standard output is a pipe");
    let errors = child.stderr.take().expect("standard error is a pipe");
    let (written, output, errors) = tokio::join!(
        feed(input, request, bytes),
        // One byte more than allowed shows that there is too much. The pipe then closes, which ends an honest
        // writer.
        read_head(output, most_output as u64 + 1),
        read_head_and_drop_rest(errors),
    );
    let status = child.wait().await?;
    // A child may die or answer before it has read everything: its status and answer say why, the broken pipe
    // does not.
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error),
        _ => {}
    }
    Ok(Remains {
        status,
        output: output?,
        errors: errors?,
    })
}

async fn feed(mut input: ChildStdin, request: &Request, bytes: &[u8]) -> std::io::Result<()> {
    input.write_all(&frame_start(request)).await?;
    input.write_all(bytes).await?;
    input.shutdown().await
}

async fn read_head(pipe: impl AsyncRead + Unpin, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut head = Vec::new();
    pipe.take(limit).read_to_end(&mut head).await?;
    Ok(head)
}

async fn read_head_and_drop_rest(mut pipe: impl AsyncRead + Unpin) -> std::io::Result<Vec<u8>> {
    let head = read_head(&mut pipe, MAX_ERROR_OUTPUT).await?;
    tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await?;
    Ok(head)
}

/// Kills the child and waits for the kernel to be rid of it, so that the next one does not run beside it.
async fn end(child: &mut Child) {
    // It cannot fail but for a child that has already gone, and what is not reaped in time the runtime reaps
    // later.
    if child.start_kill().is_ok() {
        drop(tokio::time::timeout(REAP_TIME, child.wait()).await);
    }
}

fn judge(remains: &Remains, limits: &Limits) -> Result<Extracted, ExtractError> {
    match remains.status.signal() {
        None => {}
        Some(libc::SIGXCPU) => return Err(ExtractError::Timeout),
        // Nobody here sends it to a child that is still listened to: it is the kernel, out of memory.
        Some(libc::SIGKILL) => return Err(ExtractError::OutOfMemory),
        Some(libc::SIGABRT) if mentions_allocation(&remains.errors) => return Err(ExtractError::OutOfMemory),
        Some(_) => return Err(ExtractError::Crashed),
    }
    let Some((response, body)) = split_frame::<Response>(&remains.output) else {
        return Err(ExtractError::Crashed);
    };
    match response {
        Response::Text { truncated, note } => text_of(body, truncated, note, limits),
        Response::Hostile { reason } => Err(ExtractError::Hostile(tidy_reason(&reason))),
        Response::Broken { reason } => Err(ExtractError::Broken(tidy_reason(&reason))),
        Response::OutOfMemory => Err(ExtractError::OutOfMemory),
        Response::Unavailable { reason } => Err(ExtractError::Unavailable(tidy_reason(&reason))),
    }
}

/// Cleans the text once more: a parser that was taken over must not decide what reaches the store.
fn text_of(
    body: &[u8],
    truncated: bool,
    note: Option<String>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let Ok(body) = std::str::from_utf8(body) else {
        return Err(ExtractError::Crashed);
    };
    let mut text = BoundedText::new(limits.text_bytes);
    text.push_str(body);
    if truncated {
        text.mark_truncated();
    }
    let (text, truncated) = text.finish();
    Ok(Extracted {
        text,
        truncated,
        note: note.as_deref().map(tidy_reason),
    })
}

fn mentions_allocation(errors: &[u8]) -> bool {
    errors
        .windows(ALLOCATION_FAILURE.len())
        .any(|window| window == ALLOCATION_FAILURE)
}
