//! Genres and themes that a request names as such: `a science fiction novel`, `genre: poetry`. They are conditions, not
//! words among others, where enough books of the collection carry them.

use super::unwanted::negated;
use crate::field::Field;
use crate::index::Index;
use crate::text::{Analyser, Token, is_stop_word, tokens, words};
use std::collections::HashSet;

/// A kind that fewer books carry stays a word among others: a condition would leave hardly any choice.
const FEWEST_BOOKS: usize = 5;
/// The longest name of a genre that is looked for before a noun, in words.
const MAX_WORDS: usize = 3;
/// The most kinds in one list.
const MAX_LISTED: usize = 10;
/// What makes the words before it a genre.
const NOUNS: [&str; 6] = ["book", "books", "novel", "novels", "story", "stories"];
/// Beside these more than one kind is meant, or another book's.
const OPENS_A_CHOICE: [&str; 6] = ["or", "and", "like", "than", "from", "about"];

/// For each kind that is named the books that carry it.
pub(super) fn named(index: &Index, content: &str) -> Vec<HashSet<u32>> {
    let tokens = tokens(content);
    let negated = negated(content, &tokens);
    let mut analyser = Analyser::new();
    let mut kinds = Vec::new();
    for at in (0..tokens.len()).filter(|at| !negated.contains(at)) {
        let kind = match tokens[at].word.as_str() {
            "genre" | "genres" => listed(index, &mut analyser, content, &tokens[at], Field::Genres),
            "theme" | "themes" => listed(index, &mut analyser, content, &tokens[at], Field::Themes),
            noun if NOUNS.contains(&noun) => {
                before_noun(index, &mut analyser, content, &tokens, at, &negated)
            }
            _ => None,
        };
        kinds.extend(kind.filter(|books| books.len() >= FEWEST_BOOKS));
    }
    kinds
}

/// `genres: fantasy, horror`: the books of any of them, up to the first that is none.
fn listed(
    index: &Index,
    analyser: &mut Analyser,
    content: &str,
    word: &Token,
    field: Field,
) -> Option<HashSet<u32>> {
    let list = content[word.place.end..].strip_prefix(':')?;
    let list = list.split(['.', ';', '\n', '!', '?']).next().unwrap_or_default();
    let mut books = HashSet::new();
    for name in list.split([',', '/']).take(MAX_LISTED) {
        let known = books_of(index, analyser, words(name), field);
        if known.is_empty() {
            break;
        }
        books.extend(known);
    }
    Some(books)
}

/// The longest genre that ends right before a noun.
fn before_noun(
    index: &Index,
    analyser: &mut Analyser,
    content: &str,
    tokens: &[Token],
    noun: usize,
    negated: &HashSet<usize>,
) -> Option<HashSet<u32>> {
    let is_choice =
        |token: Option<&Token>| token.is_some_and(|token| OPENS_A_CHOICE[..2].contains(&token.word.as_str()));
    if is_choice(tokens.get(noun + 1)) {
        return None;
    }
    for length in (1..=MAX_WORDS.min(noun)).rev() {
        let start = noun - length;
        let phrase = &content[tokens[start].place.start..tokens[noun].place.start];
        // Stop words are no part of a genre's name, and would be dropped from it.
        if is_stop_word(&tokens[start].word)
            || phrase.contains([',', '.', ';', ':', '/', '\n'])
            || (start..noun).any(|at| negated.contains(&at))
        {
            continue;
        }
        let said = tokens[start..noun].iter().map(|token| token.word.clone());
        let books = books_of(index, analyser, said.collect(), Field::Genres);
        if books.is_empty() {
            continue;
        }
        let before = start.checked_sub(1).and_then(|at| tokens.get(at));
        let follows_comma = before
            .is_some_and(|before| content[before.place.end..tokens[start].place.start].contains([',', '/']));
        let opens_choice = before.is_some_and(|before| OPENS_A_CHOICE.contains(&before.word.as_str()));
        return (!follows_comma && !opens_choice).then_some(books);
    }
    None
}

/// The books that carry exactly this label in a field.
fn books_of(index: &Index, analyser: &mut Analyser, name: Vec<String>, field: Field) -> HashSet<u32> {
    let terms = analyser.terms_of_words(name);
    let stems: Vec<&str> = terms.iter().map(|term| term.stem.as_str()).collect();
    let Some((stems, slots)) = index.label(&stems.join(" ")) else {
        return HashSet::new();
    };
    let carries = |slot: &u32| {
        let labels = &index.keys_at(*slot).labels;
        labels
            .iter()
            .any(|label| label.stems == stems && label.fields & field.bit() != 0)
    };
    slots.iter().copied().filter(carries).collect()
}
