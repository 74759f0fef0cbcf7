//! Whether words that ask for nothing in particular fit the collection well enough to search it.

use super::{
    wish::Wish,
    words::{PLAIN_BOOK_NOUNS, Text, is_in, is_noise},
};
use chatai_rag::{Field, Hit, Index, Query};

/// How many books are looked at.
const DEPTH: usize = 5;
/// More words than this are no topic.
const MOST_WORDS: usize = 12;
/// What part of the words a book has to hold, where they are more than two.
const LEAST_HELD: f32 = 0.6;

/// Whether the collection fits a text that may not be about books. A question has to name a theme or genre with all
/// its words.
pub(super) fn fit_well(text: &Text<'_>, wish: &Wish, index: &Index) -> bool {
    if !wish.authors.is_empty() || !wish.examples.is_empty() {
        return text.len() <= 10;
    }
    match wish.topic.as_deref() {
        Some(topic) if is_question(text) => names_topic(topic, index),
        Some(topic) => fits_loosely(text, topic, index),
        None => false,
    }
}

/// Whether some book has every word of a topic in its themes and genres, or in its language.
pub(super) fn names_topic(topic: &str, index: &Index) -> bool {
    let topic = Text::new(topic);
    let words = content_words(&topic);
    let is_on = |hit: &Hit| {
        held(&words, hit, &[Field::Themes, Field::Genres]) >= 1.0
            || held(&words, hit, &[Field::Language]) >= 1.0
    };
    !words.is_empty() && search(topic.source, index).iter().any(is_on)
}

/// Whether a search for a topic would find anything.
pub(super) fn finds_something(topic: &str, index: &Index) -> bool {
    let topic = Text::new(topic);
    let words = content_words(&topic);
    !words.is_empty()
        && search(topic.source, index)
            .iter()
            .any(|hit| held(&words, hit, &Field::ALL) > 0.0 && is_topical(hit))
}

/// Whether a text asks for knowledge, or says something, rather than naming a topic.
pub(super) fn is_question(text: &Text<'_>) -> bool {
    let beginnings = "what, whats, who, whos, when, where, why, how, is, are, was, were, do, does, did, can, could, should, \
        will, explain, define, tell, i, im, you, my";
    text.source.trim_end().ends_with('?') || text.starts_with(beginnings)
}

fn fits_loosely(text: &Text<'_>, topic: &str, index: &Index) -> bool {
    let topic = Text::new(topic);
    let words = content_words(&topic);
    // A sentence about something else shares words with some book too; a mere description names what is wanted.
    let says_something_else =
        text.has_any("i im ive my me you your we our is are am was were be do does can will it");
    let is_description = words.len() > 2 && !says_something_else;
    let least = match words.len() {
        0..=2 => 1.0,
        count if is_description => 2.0 / count as f32,
        _ => LEAST_HELD,
    };
    let fits = |hit: &Hit| held(&words, hit, &Field::ALL) >= least && (is_description || is_topical(hit));
    (1..=MOST_WORDS).contains(&words.len()) && search(topic.source, index).iter().any(fits)
}

fn search(topic: &str, index: &Index) -> Vec<Hit> {
    let query = Query {
        content: Some(topic.to_owned()),
        limit: DEPTH,
        ..Query::default()
    };
    index.search(&query, None)
}

fn content_words<'t>(topic: &'t Text<'_>) -> Vec<&'t str> {
    let mut words: Vec<&str> = topic.words.iter().map(|word| word.text.as_str()).collect();
    words.retain(|word| (*word == "love" || !is_noise(word)) && !is_in(word, PLAIN_BOOK_NOUNS));
    words.sort_unstable();
    words.dedup();
    words
}

/// What part of the words a book holds in some fields.
fn held(words: &[&str], hit: &Hit, fields: &[Field]) -> f32 {
    let terms: Vec<&String> = hit
        .matched
        .iter()
        .filter(|matched| fields.contains(&matched.field))
        .flat_map(|matched| &matched.terms)
        .collect();
    let held = words
        .iter()
        .filter(|word| terms.iter().any(|term| term == *word))
        .count();
    held as f32 / words.len().max(1) as f32
}

/// Whether something that says what a book is about matched, not merely words of its plot.
fn is_topical(hit: &Hit) -> bool {
    let plot = [Field::FullSummary, Field::Year];
    hit.matched.iter().any(|matched| !plot.contains(&matched.field))
}
