//! Attached files: how they stand in a request, and the answers that can be taken out of them.
//!
//! Every sentence of such an answer that is not about the file itself stands in the file: nothing is rephrased.

use super::{
    markdown::{code, inline, listed},
    words::{Text, is_function_word, is_noise},
};
use chatai_rag::{rank_sentences, split_sentences, summarise};
use std::cmp::Ordering;

/// How long a summary is, in characters, for one file and for each of several.
const SUMMARY_CHARS: usize = 700;
const SUMMARY_CHARS_OF_MANY: usize = 350;
/// How many sentences are quoted.
const MOST_QUOTES: usize = 5;
/// The longest quotation, in characters.
const QUOTE_CHARS: usize = 400;
/// Quotations weaker than this part of the best one are left out.
const WEAKEST: f32 = 0.4;
/// What part of a question's words have to stand in what is quoted.
const LEAST_SHARED: f32 = 0.34;
/// How much of all files together is read, in bytes.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A file as the request carries it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Document<'a> {
    /// Empty where the request does not say it.
    pub(super) name: &'a str,
    /// What a reader should know, such as that only the beginning is there.
    pub(super) note: Option<&'a str>,
    pub(super) body: Body<'a>,
}

/// What of a file can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body<'a> {
    Text(&'a str),
    Image,
    Unreadable(&'a str),
}

/// What is wanted of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Summarise,
    Quote,
}

impl<'a> Document<'a> {
    /// Reads a fenced file, as the context writes it.
    pub(super) fn read(fenced: &'a str) -> Option<Self> {
        let (name, mut rest) = fenced.strip_prefix("<attachment name=\"")?.split_once('"')?;
        let (mut note, mut state) = (None, "");
        while let Some(attribute) = rest.strip_prefix(' ') {
            let (key, after) = attribute.split_once("=\"")?;
            let (value, after) = after.split_once('"')?;
            match key {
                "note" => note = Some(value),
                "state" => state = value,
                _ => {}
            }
            rest = after;
        }
        let text = rest.strip_prefix(">\n")?.strip_suffix("\n</attachment>")?;
        let body = match state {
            "image" => Body::Image,
            "unreadable" => Body::Unreadable(text),
            _ => Body::Text(text),
        };
        Some(Self { name, note, body })
    }

    /// An image that the request carries as such: seen by models that see.
    pub(super) fn image() -> Self {
        Self { name: "", note: None, body: Body::Image }
    }

    fn text(&self) -> Option<&'a str> {
        match self.body {
            Body::Text(text) if !text.trim().is_empty() => Some(text),
            _ => None,
        }
    }

    /// Whether a question calls the file by its name, with or without the ending.
    pub(super) fn is_named_in(&self, question: &str) -> bool {
        let stem = self.name.rsplit_once('.').map_or(self.name, |(stem, _)| stem);
        let (question, stem) = (question.to_lowercase(), stem.to_lowercase());
        stem.chars().count() > 2
            && question.match_indices(&stem).any(|(at, found)| {
                let before = question[..at].chars().next_back();
                let after = question[at + found.len()..].chars().next();
                !before.is_some_and(char::is_alphanumeric) && !after.is_some_and(char::is_alphanumeric)
            })
    }
}

/// Answers from files.
pub(super) fn answer(task: Task, question: &str, documents: &[Document<'_>]) -> String {
    let named: Vec<Document<'_>> =
        documents.iter().filter(|document| document.is_named_in(question)).copied().collect();
    let meant = if named.is_empty() { documents } else { &named };
    let readable = bounded(meant.iter().filter(|document| document.text().is_some()));
    let mut parts = Vec::new();
    if !readable.is_empty() {
        parts.push(match task {
            Task::Summarise => summaries(&readable),
            Task::Quote => quotes(question, &readable),
        });
    }
    parts.extend(remarks(meant));
    parts.join("\n\n")
}

/// Whether files hold what a question asks.
pub(super) fn hold_an_answer(question: &str, documents: &[Document<'_>]) -> bool {
    !best_sentences(question, &bounded(documents.iter())).is_empty()
}

/// The files whose texts together are not too much to read.
fn bounded<'d, 'a: 'd>(documents: impl Iterator<Item = &'d Document<'a>>) -> Vec<Document<'a>> {
    let mut left = MOST_BYTES;
    documents
        .take_while(|document| {
            let size = document.text().map_or(0, str::len);
            let fits = left > 0;
            left = left.saturating_sub(size);
            fits
        })
        .copied()
        .collect()
}

fn summaries(documents: &[Document<'_>]) -> String {
    let most_chars = if documents.len() == 1 { SUMMARY_CHARS } else { SUMMARY_CHARS_OF_MANY };
    let mut parts = Vec::new();
    for document in documents {
        let text = unfenced(document.text().unwrap_or_default());
        let summary = summarise(&text, most_chars);
        let is_whole = summary.chars().count() >= text.trim().chars().count();
        let head = if is_whole { "is short enough to stand here whole" } else { "in short" };
        let comma = if is_whole { "" } else { "," };
        // Rows and headings stay lines of their own; everything else flows.
        let lines: Vec<String> =
            summary.lines().map(inline).filter(|line| !line.is_empty()).map(|line| format!("> {line}")).collect();
        parts.push(format!("{}{comma} {head}:\n\n{}", code(document.name), lines.join("\n>\n")));
    }
    let whole = documents.iter().all(|document| document.text().is_some_and(|text| text.chars().count() <= most_chars));
    if !whole {
        parts.push("These are sentences of the text itself, picked out by their words; nothing is rephrased.".to_owned());
    }
    parts.join("\n\n")
}

fn quotes(question: &str, documents: &[Document<'_>]) -> String {
    let found = best_sentences(question, documents);
    if found.is_empty() {
        let names: Vec<String> = documents.iter().map(|document| code(document.name)).collect();
        return format!(
            "I found nothing about that in {}. I can only look for the words of a question: try other words, or \
             ask for a summary.",
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
        let lines: Vec<String> = of_file.iter().map(|quote| format!("> {}", inline(&quote.text))).collect();
        parts.push(format!("From {}:\n\n{}", code(documents[file].name), lines.join("\n>\n")));
    }
    parts.push("These are the places that share most words with your question, word for word.".to_owned());
    parts.join("\n\n")
}

struct Quote {
    file: usize,
    index: usize,
    text: String,
    score: f32,
}

/// The best places of all files; none where they share too little with the question.
fn best_sentences(question: &str, documents: &[Document<'_>]) -> Vec<Quote> {
    let mut found: Vec<Quote> = Vec::new();
    for (file, document) in documents.iter().enumerate() {
        let Some(text) = document.text() else { continue };
        found.extend(rank_sentences(question, text, MOST_QUOTES).into_iter().map(|sentence| Quote {
            file,
            index: sentence.index,
            text: cut(&unfenced(&sentence.text)),
            score: sentence.score,
        }));
    }
    // Scores of several files are only roughly comparable, as the files' words differ; that is good enough here.
    found.sort_by(|left, right| right.score.partial_cmp(&left.score).unwrap_or(Ordering::Equal));
    let best = found.first().map_or(0.0, |quote| quote.score);
    found.retain(|quote| quote.score >= best * WEAKEST);
    found.truncate(MOST_QUOTES);
    let quoted: Vec<&str> = found.iter().map(|quote| quote.text.as_str()).collect();
    if shared(question, &quoted.join("\n")) < LEAST_SHARED {
        found.clear();
    }
    found
}

/// What part of a question's content words stand in a text, by stem.
fn shared(question: &str, text: &str) -> f32 {
    let question = Text::new(question);
    let mut words: Vec<&str> = question.words.iter().map(|word| word.text.as_str()).collect();
    words.retain(|word| !is_function_word(word));
    if words.iter().any(|word| !is_noise(word)) {
        words.retain(|word| !is_noise(word));
    }
    words.sort_unstable();
    words.dedup();
    words.truncate(40);
    let held = words.iter().filter(|word| !rank_sentences(word, text, 1).is_empty()).count();
    held as f32 / words.len().max(1) as f32
}

/// What to say of files that cannot be read, or not wholly.
fn remarks(documents: &[Document<'_>]) -> Vec<String> {
    let mut remarks = Vec::new();
    for document in documents {
        let name = code(document.name);
        match document.body {
            Body::Image if document.name.is_empty() => remarks.push("I cannot see images.".to_owned()),
            Body::Image => remarks.push(format!("{name} is an image, and I cannot see images.")),
            Body::Unreadable(reason) => {
                let reason = inline(reason.lines().next().unwrap_or_default());
                let reason = reason.trim_end_matches('.');
                let because = if reason.is_empty() { String::new() } else { format!(": {reason}") };
                remarks.push(format!("{name} could not be read{because}."));
            }
            Body::Text(text) if text.trim().is_empty() => remarks.push(format!("{name} holds no text.")),
            Body::Text(_) => {
                if let Some(note) = document.note {
                    remarks.push(format!("Of {name}: {}.", inline(note).trim_end_matches('.')));
                }
            }
        }
    }
    remarks.dedup();
    remarks
}

/// Whether a question asks for a summary, or says nothing that could be looked for.
pub(super) fn task_of(question: &Text<'_>) -> Task {
    let wants_summary = question.has_any(&[
        "summarise", "summarize", "summary", "summarising", "summarizing", "tldr", "gist", "overview", "outline",
        "recap", "condense", "shorten", "resume", "résumé", "zusammenfassung", "resumen",
    ]) || question.has_phrase(&["tl dr", "key points", "main points", "main ideas", "in short", "fasse zusammen"]);
    const OF_FILES: [&str; 24] = [
        "article", "attached", "attachment", "content", "contents", "contain", "contains", "doc", "document",
        "documents", "explain", "describe", "file", "files", "inside", "look", "paper", "pdf", "report", "say",
        "says", "text", "uploaded", "page",
    ];
    let says_nothing =
        question.words.iter().all(|word| is_noise(&word.text) || OF_FILES.contains(&word.text.as_str()));
    if wants_summary || says_nothing { Task::Summarise } else { Task::Quote }
}

/// An extractive summary of a text that was said rather than attached.
pub(super) fn summary_of_text(text: &str) -> String {
    let summary = summarise(text, SUMMARY_CHARS);
    let lines: Vec<String> =
        summary.lines().map(inline).filter(|line| !line.is_empty()).map(|line| format!("> {line}")).collect();
    format!("Your text, in its own words and in short:\n\n{}", lines.join("\n>\n"))
}

/// The first sentence of a text.
pub(super) fn first_sentence(text: &str) -> &str {
    split_sentences(text).first().copied().unwrap_or_default()
}

/// Undoes what keeps a file's text from ending its fence.
fn unfenced(text: &str) -> String {
    text.replace("<\\/attachment", "</attachment").replace("<\\attachment", "<attachment")
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(QUOTE_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => {
            let kept = &text[..end];
            format!("{} …", kept.rsplit_once(char::is_whitespace).map_or(kept, |(before, _)| before))
        }
    }
}
