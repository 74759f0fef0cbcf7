//! Words: what a text is found by, the same for what is stored, what is asked for and what is marked in a hit.
//!
//! A word is a run of letters and digits without case, compatibility forms and the diacritics of Latin, Greek,
//! Cyrillic, Hebrew and Arabic letters. In scripts that are written without blanks every character is a word. Thai,
//! Lao, Khmer and Burmese are written without blanks too, but are not taken apart: there a run is found by its
//! beginning alone.

use std::{collections::HashSet, ops::Range};
use unicode_normalization::char::{decompose_compatible, is_combining_mark};

/// Characters of a word that count.
const WORD_CHARS: usize = 32;
/// Different words of one text that are kept. PostgreSQL's kind of index takes a megabyte of them.
const WORDS: usize = 6_000;

/// A word where it stands in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// Its bytes in the text.
    pub place: Range<usize>,
    /// The form that is compared.
    pub folded: String,
    /// Whether it is one character of a script without blanks.
    pub unspaced: bool,
}

/// The words of a text, in order.
pub fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// See [`words`].
#[derive(Clone, Debug)]
pub struct Words<'t> {
    text: &'t str,
    at: usize,
}

impl Iterator for Words<'_> {
    type Item = Word;

    fn next(&mut self) -> Option<Word> {
        let mut word: Option<Word> = None;
        let mut chars = 0;
        for (offset, c) in self.text[self.at..].char_indices() {
            let (from, to) = (self.at + offset, self.at + offset + c.len_utf8());
            let unspaced = is_unspaced(c);
            match &mut word {
                // A mark alone, or one that is dropped, begins no word.
                None if !is_word_char(c) || is_combining_mark(c) => {}
                None => {
                    let mut folded = String::new();
                    fold(c, &mut folded);
                    word = Some(Word {
                        place: from..to,
                        folded,
                        unspaced,
                    });
                    chars = 1;
                    if unspaced {
                        break;
                    }
                }
                Some(_) if unspaced || !is_word_char(c) => break,
                Some(word) => {
                    word.place.end = to;
                    chars += 1;
                    if chars <= WORD_CHARS {
                        fold(c, &mut word.folded);
                    }
                }
            }
        }
        self.at = word.as_ref().map_or(self.text.len(), |word| word.place.end);
        word
    }
}

/// What the embedded index keeps of an owner's text: each word once, behind the owner. A word of one owner is
/// another term than the same word of another, so that a search reads nothing but the owner's own.
///
/// What is asked for is folded in the same way: a change here needs a migration that builds the index anew.
pub fn terms(owner: i64, text: &str) -> String {
    let mut seen = HashSet::new();
    let mut terms = String::with_capacity(text.len() + text.len() / 2);
    for word in words(text) {
        if seen.len() == WORDS {
            break;
        }
        if seen.contains(&word.folded) {
            continue;
        }
        terms.push_str(&term(owner, &word.folded));
        terms.push(' ');
        seen.insert(word.folded);
    }
    terms
}

/// Whether a text has all of these words, as [`words`] folds them, and one that begins so. As in the index, nothing is found
/// by nothing.
pub(crate) fn has<'w>(
    text: &str,
    wanted: impl Iterator<Item = &'w str>,
    mut beginning: Option<&str>,
) -> bool {
    let mut wanted: Vec<&str> = wanted.filter(|word| !word.is_empty()).collect();
    if wanted.is_empty() && beginning.is_none() {
        return false;
    }
    for word in words(text) {
        wanted.retain(|other| *other != word.folded);
        beginning = beginning.filter(|beginning| !word.folded.starts_with(beginning));
        if wanted.is_empty() && beginning.is_none() {
            return true;
        }
    }
    false
}

/// One term. No owner's can be the beginning of another's.
pub(crate) fn term(owner: i64, word: &str) -> String {
    format!("{owner}x{word}")
}

fn fold(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    decompose_compatible(c, |part| {
        for lower in part.to_lowercase() {
            match lower {
                'ß' => out.push_str("ss"),
                'æ' => out.push_str("ae"),
                'œ' => out.push_str("oe"),
                'ø' => out.push('o'),
                'ł' => out.push('l'),
                'đ' | 'ð' => out.push('d'),
                'ı' => out.push('i'),
                'ħ' => out.push('h'),
                'ς' => out.push('σ'),
                // Some letters decompose into signs that part words.
                other if is_dropped_mark(other) || !is_word_char(other) => {}
                other => out.push(other),
            }
        }
    });
}

fn is_word_char(c: char) -> bool {
    if c.is_ascii() {
        c.is_ascii_alphanumeric()
    } else {
        c.is_alphanumeric() || is_combining_mark(c)
    }
}

fn is_dropped_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}' | '\u{670}')
}

fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{2fa1f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> Vec<String> {
        words(text).map(|word| word.folded).collect()
    }

    #[test]
    fn words_of_texts() {
        for (text, expected) in [
            ("", &[][..]),
            ("  ...  \0", &[]),
            ("Hello, WORLD!", &["hello", "world"]),
            ("café CAFÉ cafe\u{301}", &["cafe", "cafe", "cafe"]),
            ("don't stop-it", &["don", "t", "stop", "it"]),
            ("Straße Ångström ﬁn", &["strasse", "angstrom", "fin"]),
            ("Ὀδύσσεια Идиот", &["οδυσσεια", "идиот"]),
            ("我喜欢apple", &["我", "喜", "欢", "apple"]),
            ("한국어 हिन्दी", &["한국어", "हिन्दी"].map(|word| word)),
            ("x²½ 42nd", &["x212", "42nd"]),
            ("😀 a😀b", &["a", "b"]),
            ("\u{301}", &[]),
        ] {
            let expected: Vec<String> = expected
                .iter()
                .map(|word| {
                    // Korean syllables decompose into their letters; what counts is that both sides do.
                    let mut out = String::new();
                    word.chars().for_each(|c| fold(c, &mut out));
                    out
                })
                .collect();
            assert_eq!(folded(text), expected, "{text}");
        }
        assert_eq!(folded(&"y".repeat(500)), ["y".repeat(WORD_CHARS)]);
    }

    #[test]
    fn terms_are_the_owners_and_bounded() {
        assert_eq!(terms(7, "b a B"), "7xb 7xa ");
        let long: String = (0..20_000).map(|number| format!("w{number} ")).collect();
        assert_eq!(terms(1, &long).split_ascii_whitespace().count(), WORDS);
    }

    proptest! {
        /// A text that waits is found by just what it is found by in the index.
        #[test]
        fn has_what_the_index_has(text in "[a-cé我 .]{0,12}", words in prop::collection::vec("[a-ce我]{0,2}", 0..3), beginning in prop::option::of("[a-ce]{1,2}")) {
            let terms = terms(7, &text);
            let terms: Vec<&str> = terms.split_ascii_whitespace().collect();
            let is_sought = words.iter().any(|word| !word.is_empty()) || beginning.is_some();
            let expected = is_sought && words.iter().filter(|word| !word.is_empty()).all(|word| terms.contains(&&*term(7, word)))
                && beginning.iter().all(|word| terms.iter().any(|other| other.starts_with(&term(7, word))));
            prop_assert_eq!(has(&text, words.iter().map(String::as_str), beginning.as_deref()), expected);
        }

        #[test]
        fn places_are_parts_of_the_text(text in "\\PC{0,80}") {
            let mut end = 0;
            for word in words(&text) {
                prop_assert!(word.place.start >= end && word.place.end > word.place.start);
                prop_assert!(text.get(word.place.clone()).is_some());
                prop_assert!(word.folded.chars().all(is_word_char), "{:?}", word.folded);
                end = word.place.end;
            }
        }
    }
}
