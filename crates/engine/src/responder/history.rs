//! What earlier messages mean for this one: the last wish, the books that were spoken of.
//!
//! Read anew from the messages each time: the responder keeps no state, so that it does not matter who answered before.

use super::{
    conversation::Conversation,
    cues::wish_of,
    markdown,
    wish::Wish,
    words::{Text, is_in},
};
use chatai_rag::{Index, TitleMatch, TitleOutcome};

/// How many earlier questions are read for a wish, and how much of each, in bytes.
const QUESTIONS: usize = 10;
const QUESTION_BYTES: usize = 2 * 1024;
/// How many earlier answers are read for titles, how much of each, in bytes, and how many titles are kept.
const ANSWERS: usize = 20;
const ANSWER_BYTES: usize = 16 * 1024;
const MOST_TITLES: usize = 100;
/// How many earlier answers are looked through for the books that `it` or `them` mean.
const ANSWERS_FOR_REFERENCE: usize = 3;
/// How many books can be meant by `them`.
const MOST_REFERRED: usize = 5;

/// What a word such as `it` refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Referred {
    These(Vec<String>),
    /// One of these, but it is not said which.
    Unclear(Vec<String>),
}

/// The wish that earlier questions add up to.
pub(super) fn wish_before(conversation: &Conversation<'_>, index: &Index) -> Option<Wish> {
    let mut questions: Vec<&str> = conversation.earlier_questions().rev().take(QUESTIONS).collect();
    questions.reverse();
    questions.into_iter().fold(None, |before, question| {
        let text = Text::new(beginning(question, QUESTION_BYTES));
        match wish_of(&text, index, before.as_ref()) {
            Some(wanted) => Some(wanted.wish),
            None => before,
        }
    })
}

/// Titles that earlier answers named.
pub(super) fn named_titles(conversation: &Conversation<'_>, index: &Index) -> Vec<String> {
    let mut titles: Vec<String> = Vec::new();
    for answer in conversation.earlier_answers().rev().take(ANSWERS) {
        for title in titles_in(answer, index) {
            if !titles.contains(&title) {
                titles.push(title);
            }
        }
    }
    titles.truncate(MOST_TITLES);
    titles
}

/// The books of the last answer that a text refers to.
pub(super) fn referred_titles(
    conversation: &Conversation<'_>,
    text: &Text<'_>,
    index: &Index,
) -> Option<Referred> {
    if text.len() > 16 {
        return None;
    }
    let place = place_in_list(text);
    let is_plural = text.has_any("both them these those") && !text.has_any("it");
    let is_singular = text.has_any("it its")
        || text.has_phrase(
            "this book, that book, the book, this one, that one, the novel, that novel, this novel, tell me more, \
             more details, about this, about that, like this, like that, something similar, the author, the plot, \
             the main character, the ending",
        );
    if place.is_none() && !is_plural && !is_singular {
        return None;
    }
    let titles = last_titles(conversation, index);
    if titles.is_empty() {
        return None;
    }
    if let Some(place) = place {
        let title = match place {
            Place::Last => titles.last(),
            Place::Number(number) => titles.get(number - 1),
        };
        return title.map(|title| Referred::These(vec![title.clone()]));
    }
    let is_clear = titles.len() == 1 || is_plural;
    let titles = titles.into_iter().take(MOST_REFERRED).collect();
    Some(if is_clear {
        Referred::These(titles)
    } else {
        Referred::Unclear(titles)
    })
}

/// The author of the last answer's books that a text refers to: `anything by the same author`.
pub(super) fn referred_author(
    conversation: &Conversation<'_>,
    text: &Text<'_>,
    index: &Index,
) -> Option<String> {
    let refers = text.has_phrase(
        "same author, same writer, by him, by her, by them, did he write, did she write, has he written, has she written, \
         by the author, by this author, by that author, his other books, her other books",
    );
    if !refers {
        return None;
    }
    let titles = last_titles(conversation, index);
    let mut authors = index
        .find_titles(&titles)
        .into_iter()
        .filter_map(|hit| match hit.outcome {
            TitleOutcome::Found { book, .. } => index.book(book)?.author.clone(),
            TitleOutcome::Unknown { .. } => None,
        });
    let author = authors.next()?;
    // Of several authors it would be a guess.
    authors.all(|other| other == author).then_some(author)
}

/// The titles of the latest answer that named some.
fn last_titles(conversation: &Conversation<'_>, index: &Index) -> Vec<String> {
    let answers = conversation.earlier_answers().rev().take(ANSWERS_FOR_REFERENCE);
    answers
        .map(|answer| titles_in(answer, index))
        .find(|titles| !titles.is_empty())
        .unwrap_or_default()
}

enum Place {
    /// Counted from 1.
    Number(usize),
    Last,
}

/// `the second one`, `number 3`, `the last book`.
fn place_in_list(text: &Text<'_>) -> Option<Place> {
    const PLACES: &str = "first second third fourth fifth sixth seventh eighth ninth tenth";
    for at in 0..text.len() {
        let (word, next) = (text.word(at), text.word(at + 1));
        let is_of_list = next.is_empty()
            || is_in(
                next,
                "one book novel title recommendation suggestion about written published in",
            );
        if text.word_before(at, 1) == "the" && is_of_list {
            if let Some(place) = PLACES.split(' ').position(|place| place == word) {
                return Some(Place::Number(place + 1));
            }
            if is_in(word, "last final") {
                return Some(Place::Last);
            }
        }
        let begins = at == 0 && text.source.trim_start().starts_with('#');
        let is_number =
            begins || is_in(text.word_before(at, 1), "number nr no") || text.gap_before(at).ends_with('#');
        if is_number && let Ok(number @ 1..=20) = word.parse::<usize>() {
            return Some(Place::Number(number));
        }
    }
    None
}

/// The titles of the collection in an answer, in order: those set in bold where there are such, else all it mentions.
fn titles_in(answer: &str, index: &Index) -> Vec<String> {
    let answer = beginning(answer, ANSWER_BYTES);
    let bold = answer
        .split("**")
        .skip(1)
        .step_by(2)
        .filter(|bold| bold.len() < 300);
    let bold: Vec<String> = bold.map(markdown::plain).collect();
    let mut books: Vec<_> = index
        .find_titles(&bold)
        .into_iter()
        .filter_map(|hit| match hit.outcome {
            TitleOutcome::Found { book, how } if how != TitleMatch::Typo => Some(book),
            _ => None,
        })
        .collect();
    if books.is_empty() {
        books = index
            .mentions(answer)
            .titles
            .into_iter()
            .filter_map(|mention| mention.books.first().copied())
            .collect();
    }
    let mut titles: Vec<String> = Vec::new();
    for book in books.into_iter().filter_map(|book| index.book(book)) {
        if !titles.contains(&book.title) {
            titles.push(book.title.clone());
        }
    }
    titles
}

fn beginning(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
