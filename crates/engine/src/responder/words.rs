//! The words of a question with their places, and the lists by which questions are told apart.
//!
//! Deliberately without stems and without the collection: the index knows those better. Lists are written as one text
//! each, words between blanks and phrases between commas, because they are read more often than they are run.

use std::{collections::HashSet, ops::Range, sync::LazyLock};

/// A word in lower case without apostrophes; a possessive ending is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    /// Where it stands, in bytes.
    pub(super) place: Range<usize>,
}

/// A text and its words.
#[derive(Clone, Debug)]
pub(super) struct Text<'a> {
    pub(super) source: &'a str,
    pub(super) words: Vec<Word>,
}

impl<'a> Text<'a> {
    pub(super) fn new(source: &'a str) -> Self {
        Self {
            source,
            words: words(source),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// The word at a place, empty beyond the end.
    pub(super) fn word(&self, at: usize) -> &str {
        self.words.get(at).map_or("", |word| word.text.as_str())
    }

    /// The word so many places before another one, empty before the beginning.
    pub(super) fn word_before(&self, at: usize, distance: usize) -> &str {
        at.checked_sub(distance).map_or("", |before| self.word(before))
    }

    /// Whether one of the words is in a list.
    pub(super) fn has_any(&self, list: &str) -> bool {
        self.words.iter().any(|word| is_in(&word.text, list))
    }

    /// Whether all words are in a list, and there are words.
    pub(super) fn all_in(&self, list: &str) -> bool {
        !self.words.is_empty() && self.words.iter().all(|word| is_in(&word.text, list))
    }

    /// Whether one of the phrases stands somewhere.
    pub(super) fn has_phrase(&self, phrases: &str) -> bool {
        phrases.split(", ").any(|phrase| self.find(phrase).is_some())
    }

    /// Whether one of the phrases stands at the beginning.
    pub(super) fn starts_with(&self, phrases: &str) -> bool {
        self.longest_phrase_at(0, phrases) > 0
    }

    /// The first place of a phrase, in words.
    pub(super) fn find(&self, phrase: &str) -> Option<Range<usize>> {
        (0..self.len()).find_map(|at| {
            let length = self.phrase_at(at, phrase);
            (length > 0).then(|| at..at + length)
        })
    }

    /// How many words the longest fitting phrase takes at a place; 0 where none of them stands there.
    pub(super) fn longest_phrase_at(&self, at: usize, phrases: &str) -> usize {
        phrases
            .split(", ")
            .map(|phrase| self.phrase_at(at, phrase))
            .max()
            .unwrap_or(0)
    }

    /// How many words a phrase takes at a place; 0 where something else stands there.
    pub(super) fn phrase_at(&self, at: usize, phrase: &str) -> usize {
        let mut length = 0;
        for part in phrase.split(' ') {
            if self.word(at + length) != part {
                return 0;
            }
            length += 1;
        }
        length
    }

    /// What stands between a word and the one before it.
    pub(super) fn gap_before(&self, at: usize) -> &'a str {
        match (
            at.checked_sub(1).and_then(|before| self.words.get(before)),
            self.words.get(at),
        ) {
            (Some(before), Some(word)) => &self.source[before.place.end..word.place.start],
            _ => "",
        }
    }

    /// Whether a sentence or a part of it ends right before a word.
    pub(super) fn clause_ends_before(&self, at: usize) -> bool {
        let gap = self.gap_before(at);
        gap.contains(['?', '!', ';', '\n', ':', '–', '—']) || gap.contains(". ") || gap.contains(" - ")
    }

    /// The text of some words as it was written.
    pub(super) fn slice(&self, words: Range<usize>) -> &'a str {
        &self.source[self.place(words)]
    }

    /// Where some words stand, in bytes; empty where there are none.
    pub(super) fn place(&self, words: Range<usize>) -> Range<usize> {
        let last = words.end.checked_sub(1).and_then(|last| self.words.get(last));
        match (self.words.get(words.start), last) {
            (Some(first), Some(last)) if words.start < words.end => first.place.start..last.place.end,
            _ => 0..0,
        }
    }

    /// The words of a place in bytes.
    pub(super) fn words_at(&self, place: &Range<usize>) -> Range<usize> {
        let start = self.words.partition_point(|word| word.place.end <= place.start);
        let end = self.words.partition_point(|word| word.place.start < place.end);
        start..end.max(start)
    }

    /// Whether a word was written with a capital.
    pub(super) fn is_capital(&self, at: usize) -> bool {
        self.words
            .get(at)
            .is_some_and(|word| self.source[word.place.clone()].starts_with(char::is_uppercase))
    }

    /// Whether some words stand between quotation marks.
    pub(super) fn is_quoted(&self, words: Range<usize>) -> bool {
        let place = self.place(words);
        let before = self.source[..place.start].chars().next_back();
        let after = self.source[place.end..].chars().next();
        before.is_some_and(is_quotation_mark)
            && after.is_some_and(|c| is_quotation_mark(c) || ".,!?".contains(c))
    }
}

/// Whether a word is in a list of words between blanks.
pub(super) fn is_in(word: &str, list: &str) -> bool {
    list.split_ascii_whitespace().any(|known| known == word)
}

/// Whether two places share a byte.
pub(super) fn overlap(left: &Range<usize>, right: &Range<usize>) -> bool {
    left.start < right.end && right.start < left.end
}

pub(super) fn is_quotation_mark(c: char) -> bool {
    matches!(
        c,
        '"' | '“' | '”' | '„' | '«' | '»' | '\'' | '‘' | '’' | '*' | '_' | '`'
    )
}

fn words(text: &str) -> Vec<Word> {
    let mut found: Vec<Word> = Vec::new();
    let mut word = String::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if !c.is_alphanumeric() {
            continue;
        }
        if word.is_empty() {
            start = at;
        }
        word.extend(c.to_lowercase());
        let goes_on = chars.peek().is_some_and(|(at, next)| {
            let after = &text[at + next.len_utf8()..];
            next.is_alphanumeric() || is_apostrophe(*next) && after.starts_with(char::is_alphabetic)
        });
        if !goes_on {
            let place = start..at + c.len_utf8();
            let text = without_possessive(&text[place.clone()], std::mem::take(&mut word));
            found.push(Word { text, place });
        }
    }
    found
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | 'ʼ')
}

/// `tolstoys` of `Tolstoy's` without its ending; what contracts `is` keeps it, so that `what's` is `whats`.
fn without_possessive(written: &str, mut word: String) -> String {
    let ends_in_s = written
        .strip_suffix(['s', 'S'])
        .is_some_and(|before| before.ends_with(is_apostrophe));
    if ends_in_s && !is_in(&word, "whats whos thats its wheres hows heres theres whens lets") {
        word.pop();
    }
    word
}

/// Words that say nothing about a topic at its beginning or end.
pub(super) fn is_noise(word: &str) -> bool {
    static NOISE: LazyLock<HashSet<&str>> = LazyLock::new(|| {
        REQUEST_WORDS
            .split_whitespace()
            .chain(FOREIGN_REQUEST_WORDS.split_whitespace())
            .collect()
    });
    is_function_word(word) || NOISE.contains(word)
}

/// Words that carry no topic in a sentence.
pub(super) fn is_function_word(word: &str) -> bool {
    static FUNCTION: LazyLock<HashSet<&str>> = LazyLock::new(|| FUNCTION_WORDS.split_whitespace().collect());
    let is_letter = word.chars().count() == 1 && word.starts_with(char::is_alphabetic) && word.is_ascii();
    is_letter || FUNCTION.contains(word)
}

const FUNCTION_WORDS: &str = "\
    a about after again all also am an and any are arent as at be because been before being both but by can cannot \
    cant could did didnt do does doesnt doing dont during each either else even ever every few for from had has have \
    havent he her here him his how i id if ill im in into is isnt it its ive just many may me might mine more most \
    much must my no nor not now of off on only or other others our out over per please quite rather really same \
    shall she should so some still such than that thats the their them then there these they this those to too up us \
    very was we were what whats when where which who whom whose why will with would yet you your yours";

/// Words with which people ask for books, whatever books.
const REQUEST_WORDS: &str = "\
    advise another anything appreciate ask available best bit book books bored born chatai check choose \
    collection couple define describe different dozen enjoy enjoyable evening explain favorite favourite \
    feel feeling find gimme give good got great handful hello help hey hi holiday holidays idea ideas \
    instead interested interesting kind kinds know learn let lets library like liked list looking lot lots \
    love loved maybe moment mood name need new next nice ok okay one ones option options pick picks prefer \
    preferably read reading reads recommend recommendation recommendations recommended search see several \
    show similar single something somewhat sort suggest suggested suggestion suggestions tell thank thanks \
    thing things title titles today tonight top try type vacation want wanted weekend well wish worth \
    write writes written wrote";

/// The same in some other languages: a title or a name may still be recognised beside them.
const FOREIGN_REQUEST_WORDS: &str = "\
    bitte buch bücher conseille consiglia consigliami da de des du ein eine einen el empfehle empfehlen \
    empfiehl favor gibt ich könntest la le les libri libro libros livre livres los mir moi möchte per por \
    pour puedes recomendar recomendarme recomienda recomiéndame recommande recommandez roman romane sobre \
    su suche sur un una une uno von vous zu über какую книги книгу мне порекомендуй посоветуй почитать";

/// Words for books; with anything beside them they ask for some.
pub(super) const BOOK_NOUNS: &str = "\
    author authors autobiographies autobiography bestseller bestsellers biographies biography book books classic \
    classics drama dramas epic epics essays fiction literature memoir memoirs mysteries nonfiction novel novella \
    novellas novels plays poems poetry reading reads romances saga sagas stories story tale tales thriller thrillers \
    whodunit whodunits writer writers";

/// Book nouns that are nothing to search for when they stand alone.
pub(super) const PLAIN_BOOK_NOUNS: &str = "\
    author authors bestseller bestsellers book books literature novel novels read reading reads stories story tale \
    tales writer writers";

/// Things other than books that people ask recommendations of.
pub(super) const OTHER_THINGS: &str = "\
    album albums anime app apps band bands bar bars beer bike cafe camera car cars course courses dentist diet dinner \
    dish doctor dress exercise exercises film films food framework gift gifts haircut hotel hotels laptop lawyer \
    lunch medicine movie movies music phone podcast podcasts present presents recipe recipes restaurant restaurants \
    shoes song songs stocks university video videos wine wines workout";

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> String {
        words(text)
            .into_iter()
            .map(|word| word.text)
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn words_of_a_question() {
        for (text, expected) in [
            ("What's “Dune” about?", "whats dune about"),
            (
                "I don't like Tolstoy's novels; I've read 3.",
                "i dont like tolstoy novels ive read 3",
            ),
            ("sci-fi,fantasy", "sci fi fantasy"),
            ("Čapek’s R.U.R. – ok", "čapek r u r ok"),
            ("'quoted'", "quoted"),
            ("¿¡…", ""),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }

    #[test]
    fn places_slices_and_quotation_marks() {
        let text = Text::new("Who wrote “The Trial”, please");
        assert_eq!(text.slice(2..4), "The Trial");
        assert!(text.is_quoted(2..4) && !text.is_quoted(1..2));
        assert_eq!(text.find("the trial"), Some(2..4));
        assert_eq!(text.words_at(&text.place(2..4)), 2..4);
        assert_eq!(text.slice(4..4), "");
        assert_eq!(text.slice(4..9), "");
    }

    #[test]
    fn lists_are_sorted_so_that_doubles_are_seen() {
        for list in [
            FUNCTION_WORDS,
            REQUEST_WORDS,
            FOREIGN_REQUEST_WORDS,
            BOOK_NOUNS,
            PLAIN_BOOK_NOUNS,
            OTHER_THINGS,
        ] {
            let words: Vec<&str> = list.split_whitespace().collect();
            assert!(words.is_sorted_by(|left, right| left < right), "{list}");
        }
    }
}
