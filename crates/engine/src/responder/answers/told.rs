//! What is told about titles.

use super::{
    super::{
        about::Aspect,
        attachments::first_sentence,
        markdown::{inline, listed, quoted},
    },
    ECHO_CHARS, bold, books_of, heading, text, texts, year,
};
use serde_json::Value;

/// What a question about titles gets, `None` where the result is none.
pub(super) fn answer(output: &Value, aspect: Aspect) -> Option<String> {
    let mut parts: Vec<String> = books_of(output, "summaries")?
        .into_iter()
        .map(|book| about(book, aspect))
        .collect();
    if aspect == Aspect::Other && !parts.is_empty() {
        parts.push("That is what the collection says of it; what goes beyond, I do not know.".to_owned());
    }
    let missing = output["not_found"].as_array().into_iter().flatten();
    parts.extend(missing.map(|missing| not_found(missing, aspect)));
    Some(if parts.is_empty() {
        "The collection says nothing about that.".to_owned()
    } else {
        parts.join("\n\n")
    })
}

fn not_found(missing: &Value, aspect: Aspect) -> String {
    let title = quoted(text(missing, "asked"), ECHO_CHARS);
    let similar: Vec<String> = texts(missing, "suggestions").map(bold).collect();
    let similar = if similar.is_empty() {
        String::new()
    } else {
        format!(" Did you mean {}?", listed(&similar, "or"))
    };
    let topic = match aspect {
        Aspect::Topic => " If it is no title but a topic, ask for books about it.",
        Aspect::Example => " Tell me what you like about it: a theme, a genre, a period.",
        _ => "",
    };
    format!("The collection has no book called {title}, and I know no others.{similar}{topic}")
}

fn about(book: &Value, aspect: Aspect) -> String {
    let title = bold(text(book, "title"));
    let (author, year, language) = (
        inline(text(book, "author")),
        year(book),
        inline(text(book, "language")),
    );
    let by = if author.is_empty() {
        String::new()
    } else {
        format!(" by {author}")
    };
    let dated = if year.is_empty() {
        String::new()
    } else {
        format!(" ({year})")
    };
    match aspect {
        Aspect::Author if !author.is_empty() => format!("{title}{dated} is by {author}."),
        Aspect::Year if !year.is_empty() => format!("{title}{by} is dated {year} in the collection."),
        Aspect::Language if !language.is_empty() => format!("{title}{by} was written in {language}."),
        Aspect::Author | Aspect::Year | Aspect::Language => {
            format!("The collection does not say it of {}.", heading(book))
        }
        Aspect::Presence => {
            let sentence = inline(first_sentence(text(book, "summary")));
            format!("Yes, the collection has {}. {sentence}", heading(book))
                .trim_end()
                .to_owned()
        }
        Aspect::Summary | Aspect::Topic | Aspect::Example | Aspect::Other => {
            let written = if language.is_empty() {
                String::new()
            } else {
                format!(", written in {language}")
            };
            format!("{}{written}\n\n{}", heading(book), summary(book))
        }
    }
}

fn summary(book: &Value) -> String {
    let paragraphs = text(book, "summary").split('\n').map(inline);
    let paragraphs: Vec<String> = paragraphs.filter(|paragraph| !paragraph.is_empty()).collect();
    if paragraphs.is_empty() {
        "The collection has no summary of it.".to_owned()
    } else {
        paragraphs.join("\n\n")
    }
}
