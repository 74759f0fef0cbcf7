//! What decoders of all vendors share: their bounds, and how they read what cannot be trusted.

use crate::{failure::Failure, model::Event};
use chatai_types::TokenCounts;
use serde::Deserialize;
use std::{collections::VecDeque, fmt::Display};

/// More tool calls in one answer than any model makes.
pub(crate) const MAX_CALLS: usize = 128;

/// The longest id that is kept.
const MAX_ID_CHARS: usize = 128;

/// How much of an answer has come: text, reasoning, and all that is kept of tool calls.
#[derive(Debug)]
pub(crate) struct AnswerSize {
    bytes: usize,
    max_bytes: usize,
}

impl AnswerSize {
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self { bytes: 0, max_bytes }
    }

    /// Counts what is about to be kept or passed on.
    pub(crate) fn count(&mut self, bytes: usize) -> Result<(), Failure> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes <= self.max_bytes {
            return Ok(());
        }
        Err(Failure::unreadable(format!(
            "the answer is larger than {} bytes",
            self.max_bytes
        )))
    }

    /// Passes a piece of text or reasoning on, joined to what is still on its way: events that arrive together
    /// leave together.
    pub(crate) fn pass_on(
        &mut self,
        piece: String,
        kind: fn(String) -> Event,
        events: &mut VecDeque<Event>,
    ) -> Result<(), Failure> {
        if piece.is_empty() {
            return Ok(());
        }
        self.count(piece.len())?;
        match (events.back_mut(), kind(piece)) {
            (Some(Event::Text(text)), Event::Text(more))
            | (Some(Event::Reasoning(text)), Event::Reasoning(more)) => text.push_str(&more),
            (_, fresh) => events.push_back(fresh),
        }
        Ok(())
    }
}

/// Refuses a number of tool calls that no answer has.
pub(crate) fn check_call_count(calls: usize) -> Result<(), Failure> {
    if calls <= MAX_CALLS {
        return Ok(());
    }
    Err(Failure::unreadable(format!(
        "the answer has more than {MAX_CALLS} tool calls"
    )))
}

/// A vendor's id, shortened where it is absurd.
pub(crate) fn bounded_id(id: impl AsRef<str>) -> String {
    id.as_ref().chars().take(MAX_ID_CHARS).collect()
}

/// The reported usage; `None`, and a warning, where it cannot be.
pub(crate) fn possible<E: Display>(counts: Result<TokenCounts, E>) -> Option<TokenCounts> {
    counts
        .map_err(|error| tracing::warn!(%error, "provider reported impossible usage"))
        .ok()
}

/// Reads an event's data.
pub(crate) fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Failure> {
    // The text of a syntax error names a place, never the content; the content may be anybody's words.
    serde_json::from_str(data).map_err(|error| {
        let place = format!("{:?} error at column {}", error.classify(), error.column()).to_lowercase();
        Failure::unreadable(format!("an event of the stream cannot be read: {place}"))
    })
}

/// The most models that are taken from a vendor's list.
pub(crate) const MAX_LISTED: usize = 10_000;

/// Reads a list of models.
pub(crate) fn listed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::unreadable(format!(
            "the list of models cannot be read: column {}",
            error.column()
        ))
    })
}
