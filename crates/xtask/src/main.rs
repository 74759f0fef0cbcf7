//! The workspace's own tools, run as `cargo xtask COMMAND`: tests with what they need around them, all
//! checks of a commit, generated files, rules on the source, benchmarks.
//!
//! Deliberately not a part of the product: nothing here is shipped, and the product never depends on it.

mod bench;
mod ci;
mod codegen;
mod page;
mod provision;
mod run;
mod test;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test [ARGUMENT…]    provide PostgreSQL, Chromium and the vendors' SDKs, then run every test; arguments go to the test
                      runner
                      (`--kills N`: kill the program N times in all, in place of some 500)
  ci                  everything a commit has to pass: formatting, generated files, tidy, clippy, tests
  codegen [--check]   write the generated files below `docs/`, or only compare them
  page                check the page's types and the rules on its source
  screenshots         take the pictures of `docs/screenshots/` anew, in Chromium
  tidy                check which crate knows which, and the rules on source text
  bench [NAME…]       run benchmarks by name; without a name, list them

environment: CHATAI_TEST_POSTGRES   URL of a server on which tests may create databases, or `private`;
                                    unset, one is found, started or installed
             CHATAI_TEST_SDKS       folder with the SDKs, as an earlier run left it; unset, `target/sdks`
";

/// What a command ends with; the text says what went wrong and is printed once, here.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = arguments
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let outcome = match (command, rest) {
        ("test", rest) => test::run(rest),
        ("ci", []) => ci::run(),
        ("codegen", []) => codegen::write(),
        ("codegen", [flag]) if flag == "--check" => codegen::check(),
        ("page", []) => page::check(),
        ("screenshots", []) => page::screenshots(),
        ("tidy", []) => tidy::run(),
        ("bench", names) => bench::run(names),
        ("help" | "--help" | "-h", _) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
