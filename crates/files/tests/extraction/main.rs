//! Reads files as the service does: this program is both the service and, called again, its own worker.
//!
//! Hence a `main` of its own in place of the usual one. It also has the service's allocator, which decides
//! whether the limit of memory holds.

#![expect(clippy::unwrap_used, reason = "tests")]

mod documents;
mod fixtures;
mod harness;
mod hostile;
mod hostile_pdf;
mod processes;

use chatai_files::{Content, ExtractError, Extracted, Extractor, Kind, Limits};
use chatai_files::{extract_worker_main, extract_worker_requested};
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    if extract_worker_requested() {
        return extract_worker_main();
    }
    harness::run(
        &[
            documents::TESTS,
            hostile::TESTS,
            hostile_pdf::TESTS,
            processes::TESTS,
        ]
        .concat(),
    )
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// The limits of the service, but for the clock: a busy machine must not fail a test. Processor time still bounds it.
fn patient() -> Limits {
    Limits {
        wall_time: Duration::from_secs(120),
        wait: Duration::from_secs(120),
        ..Limits::default()
    }
}

/// What the service makes of a file of this name.
fn read_with(limits: Limits, name: &str, bytes: Vec<u8>) -> Result<Content, ExtractError> {
    let kind = Kind::detect(&bytes, name, None);
    block_on(Extractor::new(limits).read(kind, bytes.into()))
}

fn read(name: &str, bytes: Vec<u8>) -> Result<Content, ExtractError> {
    read_with(patient(), name, bytes)
}

fn extracted(name: &str, bytes: Vec<u8>) -> Extracted {
    match read(name, bytes) {
        Ok(Content::Text(extracted)) => extracted,
        other => panic!("{name} has no text: {other:?}"),
    }
}

/// The whole text of a file that has nothing to remark.
fn text(name: &str, bytes: Vec<u8>) -> String {
    let extracted = extracted(name, bytes);
    assert_eq!((extracted.truncated, extracted.note), (false, None));
    extracted.text
}
