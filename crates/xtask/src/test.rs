//! `cargo xtask test`: what the tests need, then the tests.

use crate::provision::Provisions;
use crate::{Outcome, run};

/// Runs every test of the workspace; arguments go to the runner.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    with_profile("default", arguments)
}

/// The same with another profile of `.config/nextest.toml`.
pub(crate) fn with_profile(profile: &str, arguments: &[String]) -> Outcome {
    let provisions = Provisions::make()?;
    let mut runner = if run::succeeds(&mut run::cargo(&["nextest", "--version"])) {
        run::cargo(&["nextest", "run", "--profile", profile])
    } else {
        // A machine with nothing but Rust: the suites work with both runners.
        run::cargo(&["test", "--no-fail-fast"])
    };
    if !arguments
        .iter()
        .any(|argument| argument.starts_with("-p") || argument.starts_with("--package"))
    {
        runner.arg("--workspace");
    }
    runner.args(arguments).envs(provisions.environment());
    run::to_end(&mut runner)
}
