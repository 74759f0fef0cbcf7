//! The worker process: reads one file from standard input and writes its text to standard output.
//!
//! It runs in two stages. The first lowers the limits of its own process and replaces itself by the same
//! program, so that the allocator of the second has never known more memory than it may use; the second
//! checks that the limits hold and only then reads the file. Neither opens a file or a socket, and no handle
//! of the service reaches the second.

mod archive;
mod docx;
mod html;
mod pdf;
mod resource_limits;
mod xlsx;
mod xml;

use crate::decode::decode;
use crate::protocol::{Parser, Request, Response, frame_start, header_length, tidy_reason};
use crate::text::BoundedText;
use resource_limits::ResourceLimits;
use std::ffi::OsString;
use std::io::{self, Read, Write as _};
use std::os::unix::process::CommandExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The first argument of a program that is to be a worker. Not for people.
pub const WORKER_ARGUMENT: &str = "extract-worker";

/// Marks the second stage.
const LIMITED_ARGUMENT: &str = "limited";

/// Why there is no text.
#[derive(Debug)]
enum Failure {
    Hostile(String),
    Broken(String),
    OutOfMemory,
}

/// What a parser leaves besides the text: a note about it.
type Parsed = Result<Option<String>, Failure>;

/// Whether this process was started as a worker. A program's `main` asks before it does anything else.
pub fn extract_worker_requested() -> bool {
    std::env::args_os()
        .nth(1)
        .is_some_and(|argument| argument == WORKER_ARGUMENT)
}

/// The `main` of a worker. Its exit code is 0 whenever it could say what happened, even that it failed.
pub fn extract_worker_main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (response, text) = match run(&arguments) {
        Ok(outcome) => outcome,
        Err(reason) => (
            Response::Unavailable {
                reason: tidy_reason(&reason),
            },
            String::new(),
        ),
    };
    match answer(&response, &text) {
        Ok(()) => ExitCode::SUCCESS,
        // Nobody listens any more.
        Err(_) => ExitCode::FAILURE,
    }
}

/// The program file of this process, by the kernel's own link where there is one: it stays right when the
/// file is replaced.
pub(crate) fn this_program() -> PathBuf {
    let link = PathBuf::from("/proc/self/exe");
    if link.exists() {
        link
    } else {
        std::env::current_exe().unwrap_or(link)
    }
}

fn run(arguments: &[OsString]) -> Result<(Response, String), String> {
    let wanted = wanted_limits(arguments).ok_or("the worker's arguments are wrong")?;
    if arguments
        .last()
        .is_some_and(|argument| argument == LIMITED_ARGUMENT)
    {
        wanted
            .check()
            .map_err(|error| format!("limits of the worker: {error}"))?;
        return parse_standard_input().map_err(|error| format!("the worker cannot read its input: {error}"));
    }
    wanted
        .apply()
        .map_err(|error| format!("limits of the worker: {error}"))?;
    let error = Command::new(this_program())
        .args(arguments)
        .arg(LIMITED_ARGUMENT)
        .exec();
    Err(format!("the worker cannot start itself again: {error}"))
}

fn wanted_limits(arguments: &[OsString]) -> Option<ResourceLimits> {
    let number = |at: usize| arguments.get(at)?.to_str()?.parse::<u64>().ok();
    Some(ResourceLimits {
        memory_bytes: number(1)?,
        cpu_seconds: number(2)?,
    })
}

fn parse_standard_input() -> io::Result<(Response, String)> {
    let mut input = io::stdin().lock();
    let mut length = [0; 4];
    input.read_exact(&mut length)?;
    let mut header = vec![0; header_length(length).ok_or(io::ErrorKind::InvalidData)?];
    input.read_exact(&mut header)?;
    let request: Request = serde_json::from_slice(&header)?;
    let mut bytes = Vec::new();
    let length = usize::try_from(request.file_bytes).map_err(|_| io::ErrorKind::InvalidData)?;
    if bytes.try_reserve_exact(length).is_err() {
        return Ok((Response::OutOfMemory, String::new()));
    }
    if input.take(request.file_bytes).read_to_end(&mut bytes)? < length {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(parse(&request, &bytes))
}

fn parse(request: &Request, bytes: &[u8]) -> (Response, String) {
    // Parsers of damaged files panic; that is told over standard output, and what they print may quote the
    // file.
    std::panic::set_hook(Box::new(|_| {}));
    let mut text = BoundedText::new(request.text_bytes);
    let parsed = catch_unwind(AssertUnwindSafe(|| match request.parser {
        Parser::Pdf => pdf::parse(bytes, &mut text),
        Parser::Docx => docx::parse(bytes, &mut text),
        Parser::Xlsx => xlsx::parse(bytes, &mut text),
        Parser::Html => html::parse(bytes, &mut text),
        Parser::Zip => archive::list(bytes, &mut text),
    }));
    let (text, truncated) = text.finish();
    match parsed {
        Ok(Ok(note)) => (
            Response::Text {
                truncated,
                note: note.as_deref().map(tidy_reason),
            },
            text,
        ),
        Ok(Err(Failure::Hostile(reason))) => (
            Response::Hostile {
                reason: tidy_reason(&reason),
            },
            String::new(),
        ),
        Ok(Err(Failure::Broken(reason))) => (
            Response::Broken {
                reason: tidy_reason(&reason),
            },
            String::new(),
        ),
        Ok(Err(Failure::OutOfMemory)) => (Response::OutOfMemory, String::new()),
        Err(_) => (
            Response::Broken {
                reason: "its structure makes no sense".to_owned(),
            },
            String::new(),
        ),
    }
}

fn answer(response: &Response, text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(&frame_start(response))?;
    output.write_all(text.as_bytes())?;
    output.flush()
}
