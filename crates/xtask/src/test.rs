//! `cargo xtask test`: what the tests need, then the tests.

use crate::provision::Provisions;
use crate::{Outcome, run};

/// How many kills the tests share out among them, where it is not their own number.
const KILLS: &str = "CHATAI_TEST_KILLS";

/// Runs every test of the workspace; arguments go to the runner, but for `--kills N`.
pub(crate) fn run(arguments: &[String]) -> Outcome {
    let Some(at) = arguments.iter().position(|argument| argument == "--kills") else {
        return with_profile("default", arguments);
    };
    let number = arguments
        .get(at + 1)
        .and_then(|number| number.parse::<u64>().ok());
    let number = number
        .filter(|number| *number > 0)
        .ok_or("`--kills` takes a number above 0")?;
    let rest: Vec<String> = [&arguments[..at], &arguments[at + 2..]].concat();
    run_tests("long", &rest, &[(KILLS, &number.to_string())])
}

/// The same with another profile of `.config/nextest.toml`.
pub(crate) fn with_profile(profile: &str, arguments: &[String]) -> Outcome {
    run_tests(profile, arguments, &[])
}

fn run_tests(profile: &str, arguments: &[String], environment: &[(&str, &str)]) -> Outcome {
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
    runner
        .args(arguments)
        .envs(provisions.environment())
        .envs(environment.iter().copied());
    run::to_end(&mut runner)
}
