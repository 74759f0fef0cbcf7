//! How people speak of files.

use super::{
    super::words::{Text, is_in, is_noise},
    Task,
};

/// Words that speak of a file as such, not of what stands in it.
const OF_FILES: &str = "article attached attachment attachments contain contains content contents describe doc document \
    documents explain file files inside look page paper pdf report say says text uploaded";

/// What a question wants of a file: a summary too where it says nothing that could be looked for.
pub(in super::super) fn task_of(question: &Text<'_>) -> Task {
    let summary = "summarise summarize summary summarising summarizing compare tldr gist overview outline recap condense shorten \
        zusammenfassung zusammenfassen resumen resume résumé";
    let wants_summary = question.has_any(summary)
        || question.has_phrase("tl dr, key points, main points, main ideas, in short, fasse zusammen");
    let reworks = "translate proofread rewrite paraphrase convert correct debug fix";
    let first = question
        .words
        .iter()
        .find(|word| !is_in(&word.text, "please can could would you kindly hi hello hey now"));
    if first.is_some_and(|word| is_in(&word.text, reworks)) {
        return Task::Rework;
    }
    let says_nothing = question
        .words
        .iter()
        .all(|word| is_noise(&word.text) || is_word_of_files(&word.text));
    if wants_summary || says_nothing {
        Task::Summarise
    } else {
        Task::Quote
    }
}

/// Whether a topic is only a way of speaking of files.
pub(in super::super) fn speaks_of_files_alone(topic: &str) -> bool {
    Text::new(topic)
        .words
        .iter()
        .all(|word| is_noise(&word.text) || is_word_of_files(&word.text))
}

/// Whether a word speaks of a file as such.
pub(super) fn is_word_of_files(word: &str) -> bool {
    is_in(word, OF_FILES)
}

/// Whether a text speaks of a file, where there are files.
pub(in super::super) fn speaks_of_a_file(text: &Text<'_>) -> bool {
    let nouns =
        "file files document documents report article paper text letter contract slides image picture photo";
    let is_pointed_at = |at: usize| {
        is_in(text.word(at), nouns) && is_in(text.word_before(at, 1), "the this that my these those both")
    };
    text.has_any("attached attachment attachments uploaded pdf docx csv spreadsheet")
        || (0..text.len()).any(is_pointed_at)
}

/// Whether a text speaks of a file even where there is none.
pub(in super::super) fn speaks_surely_of_a_file(text: &Text<'_>) -> bool {
    text.has_phrase(
        "the attached, the attachment, the uploaded, the file, this file, my file, the pdf, this pdf, attached file, \
         this document, the document, i attached, i uploaded, this picture, this image",
    )
}

/// `summarise it`, `what does that say`: nothing but a word that stands for the file.
pub(in super::super) fn speaks_of_nothing_else(text: &Text<'_>) -> bool {
    text.all_in("summarise summarize it this that please a summary give me of what does say is about tldr in short whats")
}
