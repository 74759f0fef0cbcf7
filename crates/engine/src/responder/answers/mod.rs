//! Answers put together from what tools gave back. Every fact about a book is taken from there; where a tool gave
//! nothing, the answer says so.

mod recommended;
mod told;

use super::{
    RECOMMENDATIONS, SUMMARIES,
    about::Aspect,
    conversation::Exchange,
    intent::{Intent, Why},
    markdown::inline,
    wish::Wish,
};
use serde_json::Value;

/// The longest echo of what someone said, in characters.
const ECHO_CHARS: usize = 80;

/// The answer to a question from what its tool calls gave.
pub(super) fn from_tools(intent: &Intent<'_>, question: &str, exchanges: &[Exchange<'_>]) -> String {
    let mut parts = Vec::new();
    for exchange in exchanges {
        let output: Value = serde_json::from_str(exchange.output).unwrap_or_default();
        let part = match exchange.call.name.as_str() {
            RECOMMENDATIONS => {
                let (wish, why) = match intent {
                    Intent::Books { wish, why } => (wish, *why),
                    Intent::TitlesAndBooks(_, wish) => (wish, Why::Asked),
                    // The collection changed in between, and with it what the question is taken for.
                    _ => (&Wish::default(), Why::Asked),
                };
                recommended::answer(&output, wish, why, question)
            }
            SUMMARIES => {
                let aspect = match intent {
                    Intent::Titles(asked) | Intent::TitlesAndBooks(asked, _) => asked.aspect,
                    _ => Aspect::Summary,
                };
                told::answer(&output, aspect)
            }
            _ => None,
        };
        parts.push(part.unwrap_or_else(|| failure(&output)));
    }
    parts.join("\n\n")
}

fn failure(output: &Value) -> String {
    match output["error"].as_str() {
        Some(error) => format!(
            "Looking into the collection failed: {}.",
            inline(error).trim_end_matches('.')
        ),
        None => "Looking into the collection failed; please ask again.".to_owned(),
    }
}

/// The books of a result, `None` where it is no list of books.
fn books_of<'v>(output: &'v Value, name: &str) -> Option<Vec<&'v Value>> {
    Some(
        output[name]
            .as_array()?
            .iter()
            .filter(|book| !text(book, "title").is_empty())
            .collect(),
    )
}

/// `**Title** — Author (year)`
fn heading(book: &Value) -> String {
    let mut heading = bold(text(book, "title"));
    let author = text(book, "author");
    if !author.is_empty() {
        heading.push_str(&format!(" — {}", inline(author)));
    }
    let year = year(book);
    if !year.is_empty() {
        heading.push_str(&format!(" ({year})"));
    }
    heading
}

/// A title. Nothing else is set in bold, so that later turns find the titles of an answer again.
fn bold(title: &str) -> String {
    format!("**{}**", inline(title))
}

fn year(book: &Value) -> String {
    match &book["year"] {
        Value::Number(number) => number.to_string(),
        Value::String(year) => inline(year),
        _ => String::new(),
    }
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

fn texts<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = &'v str> + use<'v> {
    value[name]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
}
