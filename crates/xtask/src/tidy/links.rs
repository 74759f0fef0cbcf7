//! Links of the documents to files of the repository: each must lead somewhere.

use std::fs;
use std::path::{Path, PathBuf};

/// Documents at the root; those in `docs/` are found.
const DOCUMENTS: &[&str] = &["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// Every link that leads nowhere, as `path:line: what`.
pub(crate) fn breaches(root: &Path) -> Result<Vec<String>, String> {
    let mut files: Vec<PathBuf> = DOCUMENTS.iter().map(|name| root.join(name)).collect();
    let docs = root.join("docs");
    let failed = |error: std::io::Error| format!("cannot list `{}`: {error}", docs.display());
    for entry in fs::read_dir(&docs).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files.sort();
    let mut breaches = Vec::new();
    for file in files {
        let shown = file.strip_prefix(root).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
        let folder = file.parent().unwrap_or(root);
        breaches.extend(breaches_of(&shown, &text, |target| folder.join(target).exists()));
    }
    Ok(breaches)
}

fn breaches_of(path: &str, text: &str, exists: impl Fn(&str) -> bool) -> Vec<String> {
    let mut breaches = Vec::new();
    let mut is_code = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        for target in targets(line).filter(|target| !exists(target)) {
            breaches.push(format!("{path}:{}: a link to nowhere: {target}", index + 1));
        }
    }
    breaches
}

/// The files that a line links to, without places inside them.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split_once(')')?.0;
        let file = target.split('#').next().unwrap_or_default();
        let is_relative = !target.contains("://") && !target.starts_with("mailto:");
        (is_relative && !file.is_empty()).then_some(file)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_files_are_followed_and_nothing_else_is() {
        let text = "See [a](a.md), [b](docs/b.md#part) and [c](#here).\n[d](https://d.example/x.md) <mailto:e@f>\n\
                    ```sh\n[g](g.md)\n```\n[h](h.md)";
        let exists = |target: &str| matches!(target, "a.md");
        assert_eq!(
            breaches_of("x.md", text, exists),
            [
                "x.md:1: a link to nowhere: docs/b.md",
                "x.md:6: a link to nowhere: h.md"
            ]
        );
    }
}
