//! From text to comparable words: folding, tokens, number words, stems.
//!
//! Both sides of every comparison, collection and query, go through the same functions, so that a strange rule costs
//! at most precision, never a match.

mod analyse;
mod fold;
mod numbers;
mod root;
mod stop_words;
mod tokens;

pub(crate) use analyse::{Analyser, Term};
pub(crate) use fold::fold;
pub(crate) use numbers::merge_spelled_words;
pub(crate) use root::root;
pub(crate) use stop_words::{is_request_word, is_soft_word, is_stop_word};
pub(crate) use tokens::{Token, for_each_token, tokens, words};
