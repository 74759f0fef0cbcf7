//! The program at the terminal: what it says, what it exits with, and that it ends when asked to.
//!
//! 0 is success, 1 a failure with one clear line and a hint, 2 a misspelt command line.

mod accounts;
mod doctor;
mod ending;
mod failures;
mod help;
mod import;
mod standard_output;
mod start;

use crate::support::*;
use std::{path::Path, process::Command};

/// Checks a failure: exit code 1, one line that says what is wrong, and what to do.
#[track_caller]
fn expect_failure(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let lines: Vec<&str> = ended.stderr.lines().collect();
    assert!(lines[0].starts_with("error: "), "{ended:?}");
    assert_eq!(
        lines.iter().filter(|line| line.starts_with("error: ")).count(),
        1,
        "{ended:?}"
    );
    // Several problems of a configuration stand below each other, each with its place.
    let is_further = |line: &&str| {
        line.starts_with("  ") || line.starts_with("chatai.toml:") || line.starts_with("environment ")
    };
    assert!(lines[1..].iter().all(is_further), "{ended:?}");
    assert!(
        lines.iter().any(|line| line.trim_start().starts_with("hint: ")),
        "{ended:?}"
    );
    for word in words {
        assert!(ended.stderr.contains(word), "`{word}` is not said: {ended:?}");
    }
    assert!(!ended.stderr.contains("panicked"), "{ended:?}");
}

fn serve_in(folder: &Path) -> Command {
    command_in(folder, &["serve", "--listen", "127.0.0.1:0"])
}
