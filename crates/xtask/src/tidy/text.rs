//! What no source file may contain, found by plain search in its text.

use std::fs;
use std::path::{Path, PathBuf};

/// The most lines of a file. Files are meant to be far shorter; past this there is a seam somewhere.
const MOST_LINES: usize = 500;

/// Files that may be longer, each with the reason.
const LONG_FILES: &[(&str, &str)] = &[];

/// Texts that a rule forbids and that stand for a reason: file, text, reason.
const EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "crates/server/build.rs",
        concat!("env::", "var"),
        "cargo names a build script's output folder by a variable",
    ),
    (
        "crates/files/tests/extraction/processes.rs",
        concat!("time::", "sleep("),
        "waits, within a bound, for what another process does, of which nothing tells",
    ),
    (
        "crates/app/tests/guard/crash/mod.rs",
        concat!("time::", "sleep("),
        "a kill comes at a random moment, which is no event",
    ),
    (
        "crates/app/tests/guard/promises/mod.rs",
        concat!("time::", "sleep("),
        "a kill comes at a random moment, which is no event",
    ),
    (
        "crates/app/tests/guard/sign_in.rs",
        concat!("time::", "sleep("),
        "does what `Retry-After` tells a client to do",
    ),
];

/// A text that must not occur.
struct Rule {
    /// Any of these breaks it. Written in halves so that this file does not break its own rules.
    texts: &'static [&'static str],
    /// Where it holds.
    applies: fn(&Place<'_>) -> bool,
    /// What to do instead.
    instead: &'static str,
}

/// Where a line stands.
struct Place<'a> {
    /// The folder of its crate.
    crate_folder: &'a str,
    /// Whether it belongs to a test.
    in_test: bool,
    /// Whether the file's tests run on tokio's paused time, which sleeping lets pass without waiting.
    paused: bool,
}

const RULES: &[Rule] = &[
    Rule {
        texts: &[concat!("#[al", "low("), concat!("#![al", "low(")],
        applies: |_| true,
        instead: "write `#[expect(lint, reason = \"…\")]`",
    },
    Rule {
        texts: &[concat!("#[ig", "nore")],
        applies: |_| true,
        instead: "a test runs or does not exist",
    },
    Rule {
        texts: &[concat!("thread::", "sleep(")],
        applies: |place| place.in_test,
        instead: "wait for the event",
    },
    Rule {
        texts: &[concat!("time::", "sleep(")],
        applies: |place| place.in_test && !place.paused,
        instead: "wait for the event, or let the test start with its time paused",
    },
    Rule {
        texts: &[
            concat!("env::", "var"),
            concat!("env::", "set_var"),
            concat!("env::", "remove_var"),
        ],
        applies: |place| !place.in_test && !matches!(place.crate_folder, "config" | "testkit" | "xtask"),
        instead: "only `config` reads the environment",
    },
    Rule {
        texts: &[concat!("print", "ln!("), concat!("print", "!(")],
        applies: |place| !place.in_test && place.crate_folder == "app",
        instead: "it panics when nobody reads: use `output`",
    },
    Rule {
        texts: &[concat!("TO", "DO"), concat!("FIX", "ME")],
        applies: |_| true,
        instead: "finish it, or write it into the issue",
    },
];

/// Every breach below `crates/`, as `path:line: what, and what to do instead`.
pub(crate) fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let mut files = Vec::new();
    collect(&root.join("crates"), &mut files)?;
    files.sort();
    let mut breaches = Vec::new();
    for file in files {
        let shown = file
            .strip_prefix(root)
            .unwrap_or(&file)
            .to_string_lossy()
            .replace('\\', "/");
        let text = fs::read_to_string(&file).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
        breaches.extend(breaches_of(&shown, &text));
    }
    Ok(breaches)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("cannot list `{}`: {error}", folder.display());
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            if path.file_name().is_none_or(|name| name != "target") {
                collect(&path, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn breaches_of(path: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let lines = text.lines().count();
    if lines > MOST_LINES && !LONG_FILES.iter().any(|(listed, _)| *listed == path) {
        breaches.push(format!(
            "{path}:{lines}: more than {MOST_LINES} lines, look for a seam"
        ));
    }
    if !text.lines().take(10).any(|line| line.starts_with("//!")) {
        breaches.push(format!("{path}:1: no module doc, say what the file is for"));
    }
    let mut place = Place {
        crate_folder: path.split('/').nth(1).unwrap_or_default(),
        in_test: is_test_file(path),
        paused: text.contains("start_paused"),
    };
    for (index, line) in text.lines().enumerate() {
        // By convention the module of tests is the last item of a file.
        place.in_test |= line.trim_start().starts_with("mod tests {");
        for rule in RULES.iter().filter(|rule| (rule.applies)(&place)) {
            let found = rule.texts.iter().find(|&&text| line.contains(text));
            if let Some(found) = found.filter(|found| !is_excepted(path, found)) {
                breaches.push(format!("{path}:{}: `{found}`: {}", index + 1, rule.instead));
            }
        }
    }
    breaches
}

fn is_excepted(path: &str, text: &str) -> bool {
    EXCEPTIONS
        .iter()
        .any(|(listed, excepted, _)| *listed == path && *excepted == text)
}

fn is_test_file(path: &str) -> bool {
    let mut parts = path.split('/');
    parts.any(|part| part == "tests" || part == "tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_finds_its_text_where_it_applies() {
        let sleep = concat!("std::thread::", "sleep(second);");
        let variable = concat!("std::env::", "var_os(\"X\")");
        let cases = [
            (
                "crates/a/src/b.rs",
                concat!("#[al", "low(dead_code)]").to_owned(),
                1,
            ),
            (
                "crates/a/src/b.rs",
                concat!("#[ig", "nore = \"slow\"]").to_owned(),
                1,
            ),
            ("crates/a/src/b.rs", sleep.to_owned(), 0),
            ("crates/a/tests/b.rs", sleep.to_owned(), 1),
            ("crates/a/src/tests.rs", sleep.to_owned(), 1),
            ("crates/a/src/b.rs", format!("mod tests {{\n{sleep}"), 1),
            ("crates/a/src/b.rs", format!("{sleep}\nmod tests {{"), 0),
            (
                "crates/a/tests/b.rs",
                concat!("tokio::time::", "sleep(second)").to_owned(),
                1,
            ),
            (
                "crates/a/tests/b.rs",
                concat!("start_paused = true\ntokio::time::", "sleep(second)").to_owned(),
                0,
            ),
            ("crates/a/tests/b.rs", format!("start_paused = true\n{sleep}"), 1),
            ("crates/a/src/b.rs", variable.to_owned(), 1),
            ("crates/a/tests/b.rs", variable.to_owned(), 0),
            ("crates/config/src/b.rs", variable.to_owned(), 0),
            (
                "crates/app/src/b.rs",
                concat!("eprint", "ln!(\"x\");").to_owned(),
                1,
            ),
            ("crates/a/src/b.rs", concat!("print", "!(\"x\");").to_owned(), 0),
            ("crates/a/src/b.rs", concat!("// TO", "DO").to_owned(), 1),
            ("crates/a/src/b.rs", "x\n".repeat(MOST_LINES - 1), 0),
            ("crates/a/src/b.rs", "x\n".repeat(MOST_LINES), 1),
        ];
        for (path, text, expected) in cases {
            let found = breaches_of(path, &format!("//! Doc.\n{text}"));
            assert_eq!(found.len(), expected, "{path}: {text}: {found:?}");
        }
        assert_eq!(
            breaches_of("crates/a/src/b.rs", "fn main() {}").len(),
            1,
            "no module doc"
        );
    }

    #[test]
    fn what_is_listed_is_still_so() {
        let read = |path: &str| fs::read_to_string(crate::run::root().join(path)).unwrap();
        for (path, reason) in LONG_FILES {
            assert!(
                read(path).lines().count() > MOST_LINES && !reason.is_empty(),
                "{path}"
            );
        }
        for (path, text, reason) in EXCEPTIONS {
            assert!(read(path).contains(text) && !reason.is_empty(), "{path}");
        }
    }
}
