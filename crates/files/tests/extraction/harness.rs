//! The least of a test harness: what `cargo test` and `cargo nextest` ask of one.

use std::panic::catch_unwind;
use std::process::ExitCode;

/// A test and its name.
pub(crate) type Test = (&'static str, fn());

/// The tests of a module, named with it.
macro_rules! tests {
    ($($name:ident),+ $(,)?) => {
        pub(crate) const TESTS: &[$crate::harness::Test] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name as fn())),+];
    };
}
pub(crate) use tests;

/// Lists the tests or runs those asked for.
pub(crate) fn run(tests: &[Test]) -> ExitCode {
    let mut filter = None;
    let (mut list, mut exact, mut ignored) = (false, false, false);
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--list" => list = true,
            "--exact" => exact = true,
            "--ignored" => ignored = true,
            "--format" | "--color" | "--test-threads" => drop(arguments.next()),
            flag if flag.starts_with('-') => {}
            name => filter = Some(name.to_owned()),
        }
    }
    let is_wanted = |name: &str| match &filter {
        Some(filter) if exact => name == filter,
        Some(filter) => name.contains(filter),
        None => true,
    };
    // No test here is ever ignored.
    let wanted: Vec<_> = tests
        .iter()
        .filter(|(name, _)| !ignored && is_wanted(name))
        .collect();
    let mut failed = 0;
    for (name, test) in &wanted {
        if list {
            println!("{name}: test");
        } else if catch_unwind(test).is_err() {
            failed += 1;
            println!("test {name} ... FAILED");
        } else {
            println!("test {name} ... ok");
        }
    }
    if !list {
        println!("test result: {} passed; {failed} failed", wanted.len() - failed);
    }
    if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
