//! What a text asks for.

use chatai_store::{
    full_text::{self, Word},
    ops::search::Sought,
};

/// More words than these are not looked at, nor more bytes.
const WORDS: usize = 16;
const BYTES: usize = 4_096;
/// A shorter beginning would be that of too many words.
const BEGINNING_CHARS: usize = 3;

/// The words that a row must have, each a run of one or, in scripts without blanks, of several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) runs: Vec<Run>,
}

/// Words that must follow each other without anything between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) words: Vec<String>,
    /// Whether its only word may go on.
    pub(super) is_beginning: bool,
}

impl Wanted {
    /// `None` for a text without words.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = &text[..text.floor_char_boundary(BYTES)];
        let mut runs: Vec<Run> = Vec::new();
        let mut last: Option<Word> = None;
        for word in full_text::words(text).take(WORDS) {
            let goes_on = last
                .as_ref()
                .is_some_and(|last| last.unspaced && word.unspaced && last.place.end == word.place.start);
            match runs.last_mut().filter(|_| goes_on) {
                Some(run) => run.words.push(word.folded.clone()),
                None => runs.push(Run {
                    words: vec![word.folded.clone()],
                    is_beginning: false,
                }),
            }
            last = Some(word);
        }
        let last = last?;
        let is_beginning =
            last.place.end == text.len() && !last.unspaced && last.folded.chars().count() >= BEGINNING_CHARS;
        runs.last_mut()?.is_beginning = is_beginning;
        Some(Self { runs })
    }

    /// The same for the store.
    pub(super) fn sought(&self) -> Sought {
        let (beginnings, whole): (Vec<&Run>, Vec<&Run>) = self.runs.iter().partition(|run| run.is_beginning);
        let mut words: Vec<String> = whole.iter().flat_map(|run| run.words.clone()).collect();
        words.sort_unstable();
        words.dedup();
        Sought {
            words,
            beginning: beginnings.first().map(|run| run.words[0].clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs(text: &str) -> Vec<(Vec<String>, bool)> {
        let runs = Wanted::parse(text).map(|wanted| wanted.runs).unwrap_or_default();
        runs.into_iter()
            .map(|run| (run.words, run.is_beginning))
            .collect()
    }

    fn run(words: &[&str], is_beginning: bool) -> (Vec<String>, bool) {
        (
            words.iter().map(|word| (*word).to_owned()).collect(),
            is_beginning,
        )
    }

    #[test]
    fn texts_and_what_they_ask_for() {
        for blank in ["", "  \t", "\"*()-:^\0", "😀"] {
            assert_eq!(Wanted::parse(blank), None, "{blank:?}");
        }
        assert_eq!(runs("Café tab"), [run(&["cafe"], false), run(&["tab"], true)]);
        assert_eq!(runs("tab "), [run(&["tab"], false)]);
        assert_eq!(runs("\"tab\""), [run(&["tab"], false)]);
        assert_eq!(runs("t"), [run(&["t"], false)]);
        assert_eq!(
            runs("a AND 苹果 b"),
            [
                run(&["a"], false),
                run(&["and"], false),
                run(&["苹", "果"], false),
                run(&["b"], false)
            ]
        );
        assert_eq!(runs(&"word ".repeat(9_000)).len(), WORDS);
    }

    proptest! {
        #[test]
        fn every_text_is_a_search(text in ".{0,200}") {
            if let Some(wanted) = Wanted::parse(&text) {
                let sought = wanted.sought();
                prop_assert!(!sought.words.is_empty() || sought.beginning.is_some());
            }
        }
    }
}
