//! Extractive help with longer texts, such as attachments: sentences, the ones that fit a question, a summary.
//!
//! Nothing here writes a word of its own: everything returned stands in the text.

mod rank;
mod sentences;
mod summary;

pub use rank::{RankedSentence, rank_sentences};
pub use sentences::split_sentences;
pub use summary::summarise;

/// The most of a text that is read, in bytes. What lies behind is not looked at.
const MAX_BYTES: usize = 4 * 1024 * 1024;

fn clip(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_BYTES)]
}
