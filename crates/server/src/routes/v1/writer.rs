//! JSON written by hand into frames, without a tree in between: a delta costs its bytes.

use chatai_types::TokenCounts;
use serde::Serialize;

/// Appends a string with its quotes.
pub(crate) fn string(out: &mut Vec<u8>, text: &str) {
    value(out, text);
}

/// Appends a member's value.
pub(crate) fn value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) {
    // JSON has no line breaks of its own, so whatever is written is one line.
    serde_json::to_writer(out, value).expect("texts, finite numbers and lists are JSON");
}

/// Appends JSON that is text already.
pub(crate) fn raw(out: &mut Vec<u8>, text: &str) {
    out.extend_from_slice(text.as_bytes());
}

/// Appends a number.
pub(crate) fn number(out: &mut Vec<u8>, number: impl Into<i64>) {
    value(out, &number.into());
}

/// All input tokens of a call, cached ones included.
pub(crate) fn input_tokens(tokens: &TokenCounts) -> i64 {
    crate::wire::message::input_total(tokens)
}

/// A place in a list, as a number on the wire.
pub(crate) fn index(place: usize) -> i64 {
    i64::try_from(place).expect("lists in memory are shorter than that")
}
