//! Every operation is called by these tests: one that is added without a test fails here.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_operation_is_called_by_this_suite() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let operations = operations(&root.join("src/ops"));
    assert!(operations.len() > 40, "{operations:?}");
    let suite: Vec<String> = sources(&root.join("tests/integration"))
        .iter()
        .map(|file| code(file))
        .collect();
    let missing: Vec<&String> = operations
        .iter()
        .filter(|operation| !suite.iter().any(|code| names(code, operation)))
        .collect();
    assert!(missing.is_empty(), "operations without a test: {missing:?}");
}

/// `module::function` of each public function; what lies in a folder is named after it.
fn operations(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in sources(folder) {
        let inner = file.strip_prefix(folder).unwrap().with_extension("");
        let module = inner.iter().next().unwrap().to_string_lossy().into_owned();
        for line in code(&file).lines() {
            if let Some(rest) = line.strip_prefix("pub fn ") {
                let name = rest.split(['(', '<']).next().unwrap_or_default();
                found.insert(format!("{module}::{name}"));
            }
        }
    }
    found
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// A file without its comments.
fn code(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let lines = text.lines().filter(|line| !line.trim_start().starts_with("//"));
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether the whole name is there, and not as the beginning or end of another.
fn names(code: &str, operation: &str) -> bool {
    let is_part = |character: char| character.is_alphanumeric() || character == '_';
    code.match_indices(operation)
        .any(|(at, _)| !code[..at].ends_with(is_part) && !code[at + operation.len()..].starts_with(is_part))
}
