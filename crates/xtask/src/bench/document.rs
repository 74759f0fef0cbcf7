//! `docs/BENCHMARKS.md`: where a benchmark's table stands between two marks of its own.

use crate::{Outcome, run};

/// Puts a benchmark's section into the document in place of its last one.
pub(super) fn replace(name: &str, section: &str) -> Outcome {
    let path = run::root().join("docs/BENCHMARKS.md");
    let shown = path.display();
    let text = std::fs::read_to_string(&path).map_err(|error| format!("cannot read `{shown}`: {error}"))?;
    let text = replaced(&text, name, section).ok_or_else(|| format!("`{shown}` has no marks of {name}"))?;
    std::fs::write(&path, text).map_err(|error| format!("cannot write `{shown}`: {error}"))
}

fn replaced(text: &str, name: &str, section: &str) -> Option<String> {
    let (before, rest) = text.split_once(&format!("<!-- {name} -->\n"))?;
    let (_, after) = rest.split_once(&format!("<!-- end of {name} -->\n"))?;
    Some(format!(
        "{before}<!-- {name} -->\n{section}<!-- end of {name} -->\n{after}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::ALL;

    #[test]
    fn only_what_stands_between_a_benchmarks_marks_is_replaced() {
        let text = "head\n<!-- W1 -->\nold\n<!-- end of W1 -->\n<!-- W12 -->\nkept\n<!-- end of W12 -->\n";
        let new = text.replace("old", "new");
        assert_eq!(replaced(text, "W1", "new\n"), Some(new));
        assert_eq!(replaced(text, "W2", "new\n"), None);
    }

    #[test]
    fn the_document_has_a_place_for_every_benchmark() {
        let text = std::fs::read_to_string(run::root().join("docs/BENCHMARKS.md")).unwrap();
        for benchmark in ALL {
            assert!(
                replaced(&text, benchmark.name, "").is_some(),
                "{}",
                benchmark.name
            );
        }
    }
}
