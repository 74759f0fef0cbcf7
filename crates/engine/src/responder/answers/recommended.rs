//! Lists of books to read, with the reason for each.

use super::{
    super::{
        attachments::first_sentence,
        intent::Why,
        markdown::{inline, listed, quoted},
        wish::{DEFAULT_BOOKS, MOST_BOOKS, Wish},
        words::{PLAIN_BOOK_NOUNS, Text, is_in, is_noise},
    },
    ECHO_CHARS, books_of, heading, text, texts,
};
use serde_json::Value;
use std::collections::BTreeMap;

/// The most words that a reason names.
const MOST_REASONS: usize = 4;
/// How many genres and how many themes are named, where those were asked for.
const MOST_KINDS: usize = 15;

/// What a wish for books gets, `None` where the result is none.
pub(super) fn answer(output: &Value, wish: &Wish, why: Why, question: &str) -> Option<String> {
    let books = books_of(output, "recommendations")?;
    if books.is_empty() {
        return Some(nothing_found(wish, why));
    }
    if why == Why::Kinds {
        return Some(kinds(&books));
    }
    let question = Text::new(question);
    let mut lines = vec![lead(books.len(), wish, why), String::new()];
    for (at, book) in books.iter().enumerate() {
        lines.push(format!(
            "{}. {}{}{}",
            at + 1,
            heading(book),
            description(book),
            reason(book, &question)
        ));
    }
    lines.push(String::new());
    if !wish.unknown_examples.is_empty() {
        let unknown: Vec<String> = wish
            .unknown_examples
            .iter()
            .map(|name| quoted(name, ECHO_CHARS))
            .collect();
        lines.push(format!(
            "I do not know {}, so I went by the rest of your words.",
            listed(&unknown, "or")
        ));
        lines.push(String::new());
    }
    lines.push(closing(books.len(), wish));
    Some(lines.join("\n"))
}

fn lead(count: usize, wish: &Wish, why: Why) -> String {
    let aim = aim(wish);
    let order = if wish.topic.is_some() || !wish.examples.is_empty() {
        ", the closest first"
    } else {
        ""
    };
    match why {
        Why::Related if !wish.authors.is_empty() => {
            format!(
                "I know nothing of {} but the books in the collection:",
                names(&wish.authors, "and")
            )
        }
        Why::Related => {
            "I cannot answer that from knowledge of my own, but the collection has books that touch on it:"
                .to_owned()
        }
        Why::More if aim.is_empty() => "Others from the collection:".to_owned(),
        _ if aim.is_empty() => "A varied choice from the collection:".to_owned(),
        Why::More if count == 1 => format!("One more book of the collection {aim}:"),
        Why::More => format!("More books of the collection {aim}{order}:"),
        _ if count == 1 => format!("One book of the collection {aim}:"),
        _ => format!("Books of the collection {aim}{order}:"),
    }
}

/// What was wished for, in the person's words.
fn aim(wish: &Wish) -> String {
    let mut parts = Vec::new();
    if !wish.authors.is_empty() {
        parts.push(format!("by {}", names(&wish.authors, "or")));
    }
    if !wish.examples.is_empty() {
        let examples: Vec<String> = wish
            .examples
            .iter()
            .map(|title| format!("*{}*", inline(title)))
            .collect();
        parts.push(format!("like {}", listed(&examples, "and")));
    }
    if let Some(topic) = &wish.topic {
        parts.push(format!("for {}", quoted(topic, ECHO_CHARS)));
    }
    parts.join(", ")
}

fn names(names: &[String], last: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| inline(name)).collect();
    listed(&names, last)
}

fn closing(count: usize, wish: &Wish) -> String {
    let asked = wish.limit.unwrap_or(DEFAULT_BOOKS);
    if asked > MOST_BOOKS && count == MOST_BOOKS {
        return format!("I list at most {MOST_BOOKS} books at once; say “more” for others.");
    }
    match (asked > count, count) {
        (true, _) => "Nothing else in the collection fits.".to_owned(),
        (false, 1) => "Ask what it is about, or say “more” for others.".to_owned(),
        (false, _) => "Ask what one of them is about, or say “more” for others.".to_owned(),
    }
}

fn nothing_found(wish: &Wish, why: Why) -> String {
    let aim = aim(wish);
    let nothing = if why == Why::More {
        "nothing more"
    } else {
        "nothing"
    };
    let found = if aim.is_empty() {
        nothing.to_owned()
    } else {
        format!("{nothing} {aim}")
    };
    let others = match wish.authors.is_empty() {
        true => {
            "Other words may find something, English ones best: a theme, a genre, a period, a country or an author."
        }
        false => "Ask for another author or for a topic; I recommend nothing that is not in the collection.",
    };
    format!("The collection has {found}. {others}")
}

/// `: ` and one sentence.
fn description(book: &Value) -> String {
    let sentence = match first_sentence(text(book, "short_summary")) {
        "" => first_sentence(text(book, "summary")),
        sentence => sentence,
    };
    if sentence.is_empty() {
        String::new()
    } else {
        format!(": {}", inline(sentence))
    }
}

/// The words of the question that a book fits, under the collection's own names for its themes and genres. What the
/// tool matched by its own means, word stems of an example say, is told only through those names.
fn reason(book: &Value, question: &Text<'_>) -> String {
    let labels: Vec<&str> = texts(book, "themes").chain(texts(book, "genres")).collect();
    let mut reasons: Vec<&str> = Vec::new();
    for part in text(book, "why").split(';') {
        let Some((field, terms)) = part.split_once(':') else {
            continue;
        };
        for term in terms.split(',').map(str::trim).filter(|term| !term.is_empty()) {
            // `fiction` is related to nearly all that is asked for.
            let is_label =
                is_in(field.trim(), "themes genres") && !is_in(term, PLAIN_BOOK_NOUNS) && term != "fiction";
            let label = labels
                .iter()
                .copied()
                .find(|label| is_label && means(label, term));
            let says_something = !is_noise(term) && !is_in(term, PLAIN_BOOK_NOUNS);
            let is_asked = says_something && question.words.iter().any(|word| word.text == term);
            let Some(reason) = label.or(is_asked.then_some(term)) else {
                continue;
            };
            // Of `science` and `science fiction` only the second is told.
            let says = |longer: &str, shorter: &str| {
                longer == shorter || longer.split(' ').any(|word| word == shorter)
            };
            if !reasons.iter().any(|known| says(known, reason)) {
                reasons.retain(|known| !says(reason, known));
                reasons.push(reason);
            }
        }
    }
    let reasons: Vec<String> = reasons.into_iter().take(MOST_REASONS).map(inline).collect();
    if reasons.is_empty() {
        String::new()
    } else {
        format!(" *Fits: {}.*", reasons.join(", "))
    }
}

/// Whether a label (`coming of age`) has the words of a term (`come age`), each by its beginning.
fn means(label: &str, term: &str) -> bool {
    let label = label.to_lowercase();
    let words: Vec<&str> = label.split(|c: char| !c.is_alphanumeric()).collect();
    term.split(' ').all(|part| {
        let root: String = part
            .chars()
            .take(part.chars().count().saturating_sub(1).max(3))
            .collect();
        words.iter().any(|word| word.starts_with(&root))
    })
}

/// The genres, themes and authors of some books, the most frequent first.
fn kinds(books: &[&Value]) -> String {
    let most = |labels: &mut dyn Iterator<Item = &str>| {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for label in labels.filter(|label| !label.is_empty()) {
            *counts.entry(inline(label)).or_default() += 1;
        }
        let mut counted: Vec<(String, usize)> = counts.into_iter().collect();
        counted.sort_by(|left, right| right.1.cmp(&left.1).then_with(|| left.0.cmp(&right.0)));
        let labels: Vec<String> = counted
            .into_iter()
            .take(MOST_KINDS)
            .map(|(label, _)| label)
            .collect();
        if labels.is_empty() {
            "none".to_owned()
        } else {
            labels.join(", ")
        }
    };
    format!(
        "Of {} books, picked for variety:\n\n- Genres: {}\n- Themes: {}\n- Authors: {}\n\nThere are more; ask for any of them.",
        books.len(),
        most(&mut books.iter().flat_map(|book| texts(book, "genres"))),
        most(&mut books.iter().flat_map(|book| texts(book, "themes"))),
        most(&mut books.iter().map(|book| text(book, "author")))
    )
}
