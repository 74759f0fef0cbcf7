//! `cargo xtask ci`: everything a commit has to pass, in the order in which failures are cheapest.
//!
//! Checks of dependencies (`cargo deny check`) belong to a release and need the network; they are not here.

use std::time::Instant;

use crate::{Outcome, codegen, page, run, test, tidy};

/// A step's name, and what it does.
type Step = (&'static str, fn() -> Outcome);

/// Runs all steps even where an early one fails, so that one run tells everything. The tests come last:
/// their runner's summary is the end of the output.
pub(crate) fn run() -> Outcome {
    let steps: [Step; 6] = [
        ("format", || {
            run::to_end(&mut run::cargo(&["fmt", "--all", "--check"]))
        }),
        ("codegen", codegen::check),
        ("tidy", tidy::run),
        ("page", page::check),
        ("clippy", || {
            run::to_end(&mut run::cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                "--",
                "-D",
                "warnings",
            ]))
        }),
        ("test", || test::with_profile("ci", &[])),
    ];
    let mut timings: Vec<String> = Vec::new();
    let mut failures: Vec<String> = Vec::new();
    for (name, step) in steps {
        if name == "test" {
            eprintln!("timings so far: {}", timings.join(", "));
        }
        eprintln!("== {name}");
        let start = Instant::now();
        if let Err(message) = step() {
            eprintln!("error: {message}");
            failures.push(format!("{name}: {message}"));
        }
        timings.push(format!("{name} {:.1} s", start.elapsed().as_secs_f64()));
    }
    if failures.is_empty() {
        Ok(())
    } else {
        Err(failures.join("\n  "))
    }
}
