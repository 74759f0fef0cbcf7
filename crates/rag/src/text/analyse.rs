//! Stems of words, the same for the collection and for queries.

use super::stop_words::is_stop_word;
use super::{for_each_token, words};
use rust_stemmers::{Algorithm, Stemmer};
use std::collections::HashMap;

/// One content word of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    /// What is compared.
    pub(crate) stem: String,
    /// The folded word as it was written.
    pub(crate) word: String,
}

/// Makes stems, and remembers those it made: a collection repeats its words.
pub(crate) struct Analyser {
    stemmer: Stemmer,
    known: HashMap<String, KnownWord>,
    /// All stems so far; their places are their numbers.
    stems: Vec<String>,
    numbers: HashMap<String, u32>,
}

/// What there is to know about a folded word, wherever it stands.
#[derive(Clone, Copy)]
struct KnownWord {
    stem: u32,
    is_stop_word: bool,
    place_in_phrase: PlaceInPhrase,
}

/// Where a word may stand in the phrases of [`SAME_THING`].
#[derive(Clone, Copy, Default)]
struct PlaceInPhrase {
    alone: bool,
    first: bool,
    second: bool,
}

/// What stands for several spellings of one thing, by folded words. The longest that fits is taken.
const SAME_THING: [(&[&str], &[&str]); 22] = [
    (&["sci", "fi"], &["science", "fiction"]),
    (&["scifi"], &["science", "fiction"]),
    (&["ww2"], &["world", "war", "ii"]),
    (&["wwii"], &["world", "war", "ii"]),
    (&["second", "world", "war"], &["world", "war", "ii"]),
    (&["world", "war", "two"], &["world", "war", "ii"]),
    (&["world", "war", "2"], &["world", "war", "ii"]),
    (&["ww1"], &["world", "war", "i"]),
    (&["wwi"], &["world", "war", "i"]),
    (&["first", "world", "war"], &["world", "war", "i"]),
    (&["world", "war", "one"], &["world", "war", "i"]),
    (&["world", "war", "1"], &["world", "war", "i"]),
    (&["who", "dunnit"], &["whodunit"]),
    (&["who", "dunit"], &["whodunit"]),
    (&["whodunnit"], &["whodunit"]),
    (&["rom", "com"], &["romantic", "comedy"]),
    (&["romcom"], &["romantic", "comedy"]),
    (&["postapocalyptic"], &["post", "apocalyptic"]),
    (&["postcolonial"], &["post", "colonial"]),
    (&["sword", "and", "sorcery"], &["sword", "sorcery"]),
    (&["u", "s", "a"], &["america"]),
    (&["usa"], &["america"]),
];

impl Analyser {
    pub(crate) fn new() -> Analyser {
        let stemmer = Stemmer::create(Algorithm::English);
        Analyser {
            stemmer,
            known: HashMap::new(),
            stems: Vec::new(),
            numbers: HashMap::new(),
        }
    }

    /// The content words of a text, stop words left out.
    pub(crate) fn terms(&mut self, text: &str) -> Vec<Term> {
        self.terms_of_words(words(text))
    }

    /// [`Analyser::terms`] of words that were folded already.
    pub(crate) fn terms_of_words(&mut self, words: Vec<String>) -> Vec<Term> {
        let words = unify(words);
        let mut terms = Vec::with_capacity(words.len());
        for (at, word) in words.iter().enumerate() {
            // `World War I`: there the numeral is no pronoun.
            let is_numeral = word == "i" && at > 0 && words[at - 1] == "war";
            if is_numeral || !is_stop_word(word) {
                terms.push(Term {
                    stem: self.stem(word).to_owned(),
                    word: word.clone(),
                });
            }
        }
        terms
    }

    /// The numbers of the stems of [`Analyser::terms`], appended to `numbers`. Made for whole collections: nothing is
    /// allocated for a word that is known.
    pub(crate) fn stem_numbers(&mut self, text: &str, numbers: &mut Vec<u32>) {
        let start = numbers.len();
        let mut last = PlaceInPhrase::default();
        let mut may_have_phrase = false;
        for_each_token(text, |word, _| {
            let known = self.know(word);
            let place = known.place_in_phrase;
            may_have_phrase |= place.alone || (last.first && place.second);
            last = place;
            if !known.is_stop_word {
                numbers.push(known.stem);
            }
        });
        if may_have_phrase {
            numbers.truncate(start);
            for term in self.terms(text) {
                numbers.push(self.numbers[&term.stem]);
            }
        }
    }

    /// The stem of a folded word. Words of other scripts and numbers are their own stems.
    pub(crate) fn stem(&mut self, word: &str) -> &str {
        let number = self.know(word).stem;
        &self.stems[number as usize]
    }

    /// All stems so far, by number.
    pub(crate) fn into_stems(self) -> Vec<String> {
        self.stems
    }

    fn know(&mut self, word: &str) -> KnownWord {
        if let Some(known) = self.known.get(word) {
            return *known;
        }
        let stem = if word.len() > 2 && word.bytes().all(|b| b.is_ascii_lowercase()) {
            self.stemmer.stem(&american(word)).into_owned()
        } else {
            word.to_owned()
        };
        let next = self.stems.len() as u32;
        let number = *self.numbers.entry(stem.clone()).or_insert(next);
        if number == next {
            self.stems.push(stem);
        }
        let stands = |place: usize| SAME_THING.iter().any(|(from, _)| from.get(place) == Some(&word));
        let place_in_phrase = PlaceInPhrase {
            alone: SAME_THING.iter().any(|(from, _)| *from == [word]),
            first: stands(0) || word == "war",
            second: stands(1) || word == "i",
        };
        let known = KnownWord {
            stem: number,
            is_stop_word: is_stop_word(word),
            place_in_phrase,
        };
        self.known.insert(word.to_owned(), known);
        known
    }
}

fn unify(words: Vec<String>) -> Vec<String> {
    let mut unified = Vec::with_capacity(words.len());
    let mut rest = words.as_slice();
    while let Some((first, others)) = rest.split_first() {
        let fitting = SAME_THING
            .iter()
            .filter(|(from, _)| from[0] == first && rest.len() >= from.len())
            .filter(|(from, _)| from.iter().zip(rest).all(|(from, word)| from == word))
            .max_by_key(|(from, _)| from.len());
        match fitting {
            Some((from, to)) => {
                unified.extend(to.iter().map(|word| (*word).to_owned()));
                rest = &rest[from.len()..];
            }
            None => {
                unified.push(first.clone());
                rest = others;
            }
        }
    }
    unified
}

/// British spellings as American ones, as far as the stemmer would keep them apart. Rules may hit words they were not
/// made for (`surprise`); both sides are rewritten, so that nothing is lost.
fn american(word: &str) -> String {
    const OUR: [&str; 20] = [
        "ardour",
        "armour",
        "behaviour",
        "clamour",
        "colour",
        "endeavour",
        "favour",
        "glamour",
        "harbour",
        "honour",
        "humour",
        "labour",
        "neighbour",
        "odour",
        "rigour",
        "rumour",
        "saviour",
        "splendour",
        "valour",
        "vigour",
    ];
    const WHOLE: [(&str, &str); 9] = [
        ("grey", "gray"),
        ("theatre", "theater"),
        ("centre", "center"),
        ("defence", "defense"),
        ("mediaeval", "medieval"),
        ("traveller", "traveler"),
        ("travelling", "traveling"),
        ("jewellery", "jewelry"),
        ("judgement", "judgment"),
    ];
    if let Some(our) = OUR.iter().find(|our| word.starts_with(**our)) {
        return format!("{}or{}", &our[..our.len() - 3], &word[our.len()..]);
    }
    if let Some((british, other)) = WHOLE
        .iter()
        .find(|(british, _)| word.trim_end_matches('s') == *british)
    {
        return format!("{other}{}", &word[british.len()..]);
    }
    for (ending, other) in [
        ("isation", "ization"),
        ("isations", "izations"),
        ("ising", "izing"),
        ("ised", "ized"),
        ("ise", "ize"),
    ] {
        if word.len() > ending.len() + 3
            && let Some(before) = word.strip_suffix(ending)
        {
            return format!("{before}{other}");
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stems(text: &str) -> String {
        let terms = Analyser::new().terms(text);
        terms
            .into_iter()
            .map(|term| term.stem)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn different_spellings_have_one_stem() {
        for (left, right) in [
            ("orphans", "orphan"),
            ("the colours of grey theatres", "color gray theater"),
            ("colonisation", "colonization"),
            ("sci-fi", "Science Fiction"),
            ("Second World War", "world war two"),
            ("WW1", "World War I"),
            ("humorous", "humour"),
            ("dreams, dreaming", "dreamed dream"),
        ] {
            assert_eq!(stems(left), stems(right), "{left}");
        }
    }

    #[test]
    fn numbers_stand_for_the_same_stems() {
        for text in [
            "The second cats and a Cat of World War I",
            "war, i think",
            "sci-fi in the first world",
            "a USA whodunnit",
            "I was there",
            "",
        ] {
            let mut analyser = Analyser::new();
            let mut numbers = Vec::new();
            analyser.stem_numbers(text, &mut numbers);
            let found: Vec<&str> = numbers
                .iter()
                .map(|number| analyser.stems[*number as usize].as_str())
                .collect();
            assert_eq!(found.join(" "), stems(text), "{text}");
        }
    }

    #[test]
    fn stop_words_are_no_terms() {
        assert_eq!(stems("What is it about, and who are they?"), "");
        assert_eq!(stems("I was a spy"), "spi");
    }
}
