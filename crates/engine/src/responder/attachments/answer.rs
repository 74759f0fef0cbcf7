//! Answers taken out of files. Every sentence that is not about the file itself stands in the file: nothing is
//! rephrased.

use super::{
    super::{
        intent::beginning_and_end,
        markdown::{code, inline, listed},
        words::{Text, is_function_word, is_noise},
    },
    Body, Document, Task,
    speech::is_word_of_files,
};
use chatai_rag::{rank_sentences, split_sentences, summarise};

/// How long a summary is, in characters, for one file and for each of several.
const SUMMARY_CHARS: usize = 700;
const SUMMARY_CHARS_OF_MANY: usize = 350;
/// How long what stands for a file in a search is, in characters.
const GIST_CHARS: usize = 300;
/// How many sentences are quoted, and how long one is at most, in characters.
const MOST_QUOTES: usize = 5;
const QUOTE_CHARS: usize = 400;
/// Sentences weaker than this part of the best one are left out.
const WEAKEST: f32 = 0.4;
/// What part of a question's words have to stand in what is quoted.
const LEAST_SHARED: f32 = 0.34;
/// The most words of a question that are looked for.
const MOST_WORDS: usize = 40;
/// How much of all files together is read, in bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A place of a file.
struct Quote {
    file: usize,
    index: usize,
    text: String,
    score: f32,
}

/// Answers from files.
pub(in super::super) fn answer(task: Task, question: &str, documents: &[Document<'_>]) -> String {
    let question = beginning_and_end(question);
    let named: Vec<Document<'_>> = documents
        .iter()
        .filter(|document| document.is_named_in(&question))
        .copied()
        .collect();
    let meant = if named.is_empty() { documents } else { &named };
    let readable = readable(meant);
    let mut parts = Vec::new();
    if !readable.is_empty() {
        parts.push(match task {
            Task::Summarise => summaries(&readable),
            Task::Quote => quotes(&question, &readable),
            Task::Rework => {
                "I cannot translate, correct or rewrite a text. I can summarise the file in its own sentences, or quote \
                 the places that fit a question."
                    .to_owned()
            }
        });
    }
    parts.extend(remarks(meant));
    parts.join("\n\n")
}

/// Whether files hold what a question asks.
pub(in super::super) fn hold_an_answer(question: &str, documents: &[Document<'_>]) -> bool {
    !best_places(question, &readable(documents)).is_empty()
}

/// An extractive summary of a text that was said rather than attached.
pub(in super::super) fn summary_of_text(text: &str) -> String {
    format!(
        "Your text in short, in its own sentences:\n\n{}",
        quotation(&summarise(text, SUMMARY_CHARS))
    )
}

/// What files are about, short enough to search with.
pub(in super::super) fn gist(documents: &[Document<'_>]) -> Option<String> {
    let gist = summarise(documents.iter().find_map(Document::text)?, GIST_CHARS);
    (!gist.is_empty()).then(|| gist.split_whitespace().collect::<Vec<_>>().join(" "))
}

/// The first sentence of a text.
pub(in super::super) fn first_sentence(text: &str) -> &str {
    split_sentences(text).first().copied().unwrap_or_default()
}

/// The files with text that together are not too much to read.
fn readable<'a>(documents: &[Document<'a>]) -> Vec<Document<'a>> {
    let mut left = MOST_BYTES;
    let with_text = documents
        .iter()
        .filter_map(|document| Some((document, document.text()?.len())));
    let fitting = with_text.take_while(|(_, size)| {
        let is_room = left > 0;
        left = left.saturating_sub(*size);
        is_room
    });
    fitting.map(|(document, _)| *document).collect()
}

fn summaries(documents: &[Document<'_>]) -> String {
    let most_chars = if documents.len() == 1 {
        SUMMARY_CHARS
    } else {
        SUMMARY_CHARS_OF_MANY
    };
    let mut parts = Vec::new();
    let mut is_cut = false;
    for document in documents {
        let text = unfenced(document.text().unwrap_or_default());
        let is_whole = text.trim().chars().nth(most_chars).is_none();
        is_cut |= !is_whole;
        let head = if is_whole {
            "is so short that it can stand here whole:"
        } else {
            "in short:"
        };
        parts.push(format!(
            "{} {head}\n\n{}",
            code(document.name),
            quotation(&summarise(&text, most_chars))
        ));
    }
    if is_cut {
        parts.push(
            "These are sentences of the text itself, picked out by their words; nothing is rephrased."
                .to_owned(),
        );
    }
    parts.join("\n\n")
}

fn quotes(question: &str, documents: &[Document<'_>]) -> String {
    let found = best_places(question, documents);
    if found.is_empty() {
        let names: Vec<String> = documents.iter().map(|document| code(document.name)).collect();
        return format!(
            "I found nothing about that in {}. I can only look for the words of a question: try other words, or ask for \
             a summary.",
            listed(&names, "or")
        );
    }
    let mut files: Vec<usize> = Vec::new();
    for quote in &found {
        if !files.contains(&quote.file) {
            files.push(quote.file);
        }
    }
    let mut parts = Vec::new();
    for file in files {
        let mut of_file: Vec<&Quote> = found.iter().filter(|quote| quote.file == file).collect();
        of_file.sort_by_key(|quote| quote.index);
        let lines: Vec<String> = of_file
            .iter()
            .map(|quote| format!("> {}", inline(&quote.text)))
            .collect();
        parts.push(format!(
            "From {}:\n\n{}",
            code(documents[file].name),
            lines.join("\n>\n")
        ));
    }
    parts.push("These are the places that share most words with your question, word for word.".to_owned());
    parts.join("\n\n")
}

/// The best places of all files; none where they share too little with the question.
fn best_places(question: &str, documents: &[Document<'_>]) -> Vec<Quote> {
    let words = content_words(question, documents);
    let wanted = words.join(" ");
    let mut found: Vec<Quote> = Vec::new();
    for (file, document) in documents.iter().enumerate() {
        let ranked = rank_sentences(&wanted, document.text().unwrap_or_default(), MOST_QUOTES);
        found.extend(ranked.into_iter().map(|sentence| Quote {
            file,
            index: sentence.index,
            text: unfenced(&sentence.text),
            score: sentence.score,
        }));
    }
    // Scores of several files are only roughly comparable, since the files' words differ; good enough to choose by.
    found.sort_by(|left, right| right.score.total_cmp(&left.score));
    let best = found.first().map_or(0.0, |quote| quote.score);
    found.retain(|quote| quote.score >= best * WEAKEST);
    found.truncate(MOST_QUOTES);
    let texts: Vec<&str> = found.iter().map(|quote| quote.text.as_str()).collect();
    if shared(&words, &texts.join("\n\n")) < LEAST_SHARED {
        return Vec::new();
    }
    for quote in &mut found {
        quote.text = cut(&quote.text);
    }
    found
}

/// What a question asks for, without the words that speak of the files as such or are their names.
fn content_words(question: &str, documents: &[Document<'_>]) -> Vec<String> {
    let names: Vec<&str> = documents.iter().map(|document| document.name).collect();
    let names = names.join(" ");
    let names = Text::new(&names);
    let mut words: Vec<String> = Text::new(question)
        .words
        .into_iter()
        .map(|word| word.text)
        .collect();
    words.retain(|word| !is_function_word(word));
    let is_content = |word: &String| {
        !is_noise(word) && !is_word_of_files(word) && !names.words.iter().any(|name| name.text == *word)
    };
    if words.iter().any(is_content) {
        words.retain(is_content);
    }
    let mut seen: Vec<String> = Vec::new();
    words.retain(|word| {
        !seen.contains(word) && seen.len() < MOST_WORDS && {
            seen.push(word.clone());
            true
        }
    });
    words
}

/// What part of some words stand in a text, by stem.
fn shared(words: &[String], text: &str) -> f32 {
    let held = words
        .iter()
        .filter(|word| !rank_sentences(word, text, 1).is_empty())
        .count();
    held as f32 / words.len().max(1) as f32
}

/// What to say of files that cannot be read, or not wholly.
fn remarks(documents: &[Document<'_>]) -> Vec<String> {
    let mut remarks: Vec<String> = documents.iter().filter_map(remark).collect();
    remarks.dedup();
    remarks
}

fn remark(document: &Document<'_>) -> Option<String> {
    let name = code(document.name);
    match document.body {
        Body::Image if document.name.is_empty() => Some("I cannot see images.".to_owned()),
        Body::Image => Some(format!("{name} is an image, and I cannot see images.")),
        Body::Unreadable(reason) => {
            let reason = inline(reason.lines().next().unwrap_or_default());
            let because = if reason.is_empty() {
                String::new()
            } else {
                format!(": {}", reason.trim_end_matches('.'))
            };
            Some(format!("{name} could not be read{because}."))
        }
        Body::Text(text) if text.trim().is_empty() => Some(format!("{name} holds no text.")),
        Body::Text(_) => document
            .note
            .map(|note| format!("Of {name}: {}.", inline(note).trim_end_matches('.'))),
    }
}

/// Text as a Markdown quotation; its rows and headings stay lines of their own.
fn quotation(text: &str) -> String {
    let lines = text.lines().map(inline).filter(|line| !line.is_empty());
    lines
        .map(|line| format!("> {line}"))
        .collect::<Vec<_>>()
        .join("\n>\n")
}

/// Undoes what keeps a file's text from ending its fence.
fn unfenced(text: &str) -> String {
    text.replace("<\\/attachment", "</attachment")
        .replace("<\\attachment", "<attachment")
}

fn cut(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(QUOTE_CHARS) else {
        return text.to_owned();
    };
    let kept = &text[..end];
    format!(
        "{} …",
        kept.rsplit_once(char::is_whitespace)
            .map_or(kept, |(before, _)| before)
    )
}
