//! Related words: a light thesaurus of what books are about, in `related.txt`.
//!
//! It makes up for the vocabulary gap where no embeddings are: who asks for the ocean finds the sea. What it adds counts
//! less than the words that were asked.

use crate::text::Analyser;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A related word, or several that make one label.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Related {
    /// Stems joined by blanks.
    pub(crate) stems: String,
    /// As the table has it.
    pub(crate) written: String,
    /// What it counts against the word that was asked.
    pub(crate) weight: f32,
}

/// Another name of the same thing.
const SAME: f32 = 0.6;
/// Something that belongs to it.
const NEAR: f32 = 0.3;

/// What is related to a sequence of stems joined by blanks.
pub(crate) fn related(stems: &str) -> &'static [Related] {
    static TABLE: LazyLock<HashMap<String, Vec<Related>>> =
        LazyLock::new(|| read(include_str!("related.txt")));
    TABLE.get(stems).map(Vec::as_slice).unwrap_or_default()
}

fn read(source: &str) -> HashMap<String, Vec<Related>> {
    let mut analyser = Analyser::new();
    let mut entries_of = |list: &str, weight: f32| -> Vec<Related> {
        let mut entries: Vec<Related> = Vec::new();
        for written in list.split(',').map(|entry| entry.trim().replace('+', " ")) {
            let stems: Vec<String> = analyser
                .terms(&written)
                .into_iter()
                .map(|term| term.stem)
                .collect();
            let stems = stems.join(" ");
            if !stems.is_empty() && entries.iter().all(|known| known.stems != stems) {
                entries.push(Related {
                    stems,
                    written,
                    weight,
                });
            }
        }
        entries
    };
    let mut table: HashMap<String, Vec<Related>> = HashMap::new();
    for line in source.lines().filter(|line| !line.starts_with('#')) {
        let (names, members) = line.split_once(':').unwrap_or((line, ""));
        let (names, members) = (entries_of(names, SAME), entries_of(members, NEAR));
        for name in &names {
            let entry = table.entry(name.stems.clone()).or_default();
            for related in names
                .iter()
                .chain(&members)
                .filter(|related| related.stems != name.stems)
            {
                match entry.iter_mut().find(|known| known.stems == related.stems) {
                    Some(known) => known.weight = known.weight.max(related.weight),
                    None => entry.push(related.clone()),
                }
            }
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_each_other_and_what_belongs_to_them() {
        let table = read("# note\nsea, ocean: ships, tall+ships\nships: sea");
        let of = |stems: &str| -> Vec<(String, f32)> {
            table[stems]
                .iter()
                .map(|related| (related.stems.clone(), related.weight))
                .collect()
        };
        assert_eq!(
            of("sea"),
            [
                ("ocean".into(), SAME),
                ("ship".into(), NEAR),
                ("tall ship".into(), NEAR)
            ]
        );
        assert_eq!(of("ship"), [("sea".into(), NEAR)]);
        assert!(related("no such word").is_empty());
    }

    #[test]
    fn the_shipped_table_is_readable_and_counts_less_than_what_was_asked() {
        assert!(related("ocean").iter().any(|related| related.stems == "sea"));
        assert!(
            related("come age")
                .iter()
                .any(|related| related.stems == "childhood")
        );
        let lines = include_str!("related.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        assert!(lines.clone().count() > 50);
        for line in lines {
            assert!(line.contains(", "), "{line}");
        }
    }
}
