//! The title of a conversation, from its first question.

use super::{
    about::TitleQuestion,
    conversation::Conversation,
    intent::{Intent, Why, understand},
    talk::Talk,
    wish::Wish,
    words::{BOOK_NOUNS, Text, is_function_word, is_in, is_noise},
};
use chatai_rag::{Index, TitleOutcome};

/// The most words that say something, and the most of all, but for titles of books.
const MOST_WORDS: usize = 6;
const MOST_WITH_FUNCTION_WORDS: usize = 9;
/// The longest title that is made of a question's words, in characters.
const MOST_CHARS: usize = 80;

/// A title of two to six words where the question has as many that say something.
pub(super) fn title(question: &str, index: &Index) -> String {
    let conversation = Conversation {
        question,
        ..Conversation::default()
    };
    let made = match understand(&conversation, index) {
        Intent::Titles(asked) | Intent::TitlesAndBooks(asked, _) => about(&asked, index),
        Intent::Books { why: Why::Kinds, .. } => "Kinds of books".to_owned(),
        Intent::Books { wish, .. } => books(question, &wish),
        Intent::Talk(talk) => match talk {
            Talk::Greeting => "A greeting".to_owned(),
            Talk::Thanks => "A word of thanks".to_owned(),
            Talk::Goodbye => "A goodbye".to_owned(),
            Talk::Abilities => "What this assistant can do".to_owned(),
            Talk::Size => "The size of the collection".to_owned(),
            Talk::NoFiles | Talk::Nothing => significant(question),
        },
        Intent::OwnText => "Summary of a text".to_owned(),
        Intent::Files(..) | Intent::WhichOf(_) | Intent::Unable { .. } => significant(question),
    };
    if made.is_empty() {
        "Conversation".to_owned()
    } else {
        capitalised(&made)
    }
}

fn about(asked: &TitleQuestion, index: &Index) -> String {
    let hits = index.find_titles(&asked.titles).into_iter();
    let titles: Vec<String> = hits
        .map(|hit| match hit.outcome {
            TitleOutcome::Found { book, .. } => index.book(book).map_or(hit.asked, |book| book.title.clone()),
            TitleOutcome::Unknown { .. } => hit.asked,
        })
        .collect();
    match titles.as_slice() {
        [] => String::new(),
        [title] => format!("About {title}"),
        [first, second] => format!("{first} and {second}"),
        [first, ..] => format!("{first} and other books"),
    }
}

fn books(question: &str, wish: &Wish) -> String {
    match (wish.examples.as_slice(), wish.authors.as_slice(), &wish.topic) {
        ([], [], None) => "Books to read".to_owned(),
        ([], [], Some(topic)) => books_on(question, topic),
        ([example, ..], ..) => format!("Books like {example}"),
        ([], [author, ..], _) => format!("Books by {author}"),
    }
}

/// `Books about the sea`, with the preposition of the question where it had one.
fn books_on(question: &str, topic: &str) -> String {
    let topic = topic.split(',').next().unwrap_or_default().trim();
    let words = Text::new(topic);
    if words.has_any(BOOK_NOUNS) {
        return first_words(topic);
    }
    let before = question.find(topic).map_or("", |at| &question[..at]);
    let before = Text::new(before);
    // An article between preposition and topic stays with the topic.
    let last = before.len().saturating_sub(1);
    let (article, preposition) = match before.word(last) {
        article @ ("the" | "a" | "an") => (format!("{article} "), before.word_before(last, 1)),
        preposition => (String::new(), preposition),
    };
    if is_in(preposition, "about on with from for in of without") {
        return first_words(&format!("Books {preposition} {article}{topic}"));
    }
    if is_in(words.word(0), "set from in about with written") {
        return first_words(&format!("Books {topic}"));
    }
    if words.len() == 1 {
        format!("{topic} books")
    } else {
        first_words(topic)
    }
}

/// The words of a question from the first that says something, as many as fit; a short question whole.
fn significant(question: &str) -> String {
    let end = question
        .char_indices()
        .nth(400)
        .map_or(question.len(), |(at, _)| at);
    let text = Text::new(&question[..end]);
    let start = (0..text.len()).find(|at| !is_noise(text.word(*at)));
    let Some(start) = start.filter(|_| text.len() > MOST_WITH_FUNCTION_WORDS) else {
        return first_words(&question[..end]);
    };
    let stop = (start + 1..text.len())
        .find(|at| text.clause_ends_before(*at))
        .unwrap_or(text.len());
    first_words(text.slice(start..stop))
}

/// As many words as a title has, without a loose end.
fn first_words(text: &str) -> String {
    let is_loose = |word: &str| is_function_word(&word.to_lowercase());
    let mut words: Vec<&str> = Vec::new();
    let mut telling = 0;
    for word in text.split_whitespace().take(MOST_WITH_FUNCTION_WORDS) {
        telling += usize::from(!is_loose(word));
        if telling > MOST_WORDS {
            break;
        }
        words.push(word);
    }
    let is_cut = words.len() < text.split_whitespace().take(MOST_WITH_FUNCTION_WORDS + 1).count();
    while is_cut && words.len() > 2 && words.last().is_some_and(|word| is_loose(word)) {
        words.pop();
    }
    let joined: String = words.join(" ").chars().take(MOST_CHARS).collect();
    joined.trim_end_matches(['?', '!', '.', ',', ';', ':']).to_owned()
}

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().chain(chars).collect(),
        None => String::new(),
    }
}
