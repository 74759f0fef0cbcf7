//! `cargo xtask codegen`: documentation that is derived from code, so that it cannot fall behind.

use std::fmt::Write;
use std::fs;

use chatai_types::ErrorCode;

use crate::{Outcome, run};

/// Every generated file, by its path below the root.
fn files() -> [(&'static str, String); 2] {
    [
        ("docs/config.md", chatai_config::render_docs()),
        ("docs/errors.md", error_docs()),
    ]
}

/// Writes those that have changed.
pub(crate) fn write() -> Outcome {
    for (path, content) in files() {
        let full = run::root().join(path);
        if fs::read_to_string(&full).is_ok_and(|old| old == content) {
            continue;
        }
        fs::write(&full, content).map_err(|error| format!("cannot write `{path}`: {error}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

/// Fails where one is not what would be written.
pub(crate) fn check() -> Outcome {
    let stale: Vec<&str> = files()
        .into_iter()
        .filter(|(path, content)| {
            !fs::read_to_string(run::root().join(path)).is_ok_and(|old| old == *content)
        })
        .map(|(path, _)| path)
        .collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!(
        "generated files are stale, run `cargo xtask codegen`: {}",
        stale.join(", ")
    ))
}

fn error_docs() -> String {
    let mut out = String::from(
        "# Errors\n\n\
         Generated from the table of codes in `crates/types/src/error_code.rs` by `cargo xtask codegen`; edit there.\n\n\
         Every error body is `{\"detail\": …, \"code\": \"…\", \"request_id\": \"…\"}`. `code` is one of the names below and\n\
         never changes its meaning; `detail` is for people, and for `validation_error` a list of faults with their\n\
         places; `request_id` is also the header `X-Request-Id`. 429 and 503 carry `Retry-After`. An answer that failed\n\
         carries the same codes in its `error` member.\n\n\
         | code | status | meaning |\n|---|---|---|\n",
    );
    for code in ErrorCode::ALL {
        writeln!(out, "| `{code}` | {} | {} |", code.status(), code.meaning())
            .expect("a String takes all text");
    }
    out
}
