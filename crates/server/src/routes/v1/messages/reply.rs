//! What answers Anthropic's messages, whole and event by event.

use super::super::{
    call::{Frames, failure_or_end},
    normal::seal,
    writer::{index, number, raw, string, value},
};
use crate::{error::ApiError, face::Face};
use chatai_engine::{
    CallAbout, CallOutcome, Piece,
    llm::{ReasoningState, StopReason},
};
use chatai_types::TokenCounts;
use serde_json::{Map, Value};
use std::sync::Arc;

/// The events of one message.
pub(super) struct Events {
    about: Arc<CallAbout>,
    /// The place of the block that is open, or would be opened next.
    place: usize,
    open: Open,
    calls_tools: bool,
    /// The text at which the model ended.
    stopped_at: Option<String>,
}

/// The block that is being written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Nothing,
    Text,
    Thinking,
}

impl Events {
    pub(super) fn new(about: &Arc<CallAbout>) -> Self {
        Self {
            about: Arc::clone(about),
            place: 0,
            open: Open::Nothing,
            calls_tools: false,
            stopped_at: None,
        }
    }

    fn start_block(&self, frames: &mut Vec<u8>, block: impl FnOnce(&mut Vec<u8>)) {
        event(frames, "content_block_start", |out| {
            self.write_place(out);
            raw(out, r#","content_block":"#);
            block(out);
        });
    }

    fn delta(&self, frames: &mut Vec<u8>, kind: &str, member: &str, text: &str) {
        event(frames, "content_block_delta", |out| {
            self.write_place(out);
            raw(out, r#","delta":{"type":""#);
            raw(out, kind);
            raw(out, r#"",""#);
            raw(out, member);
            raw(out, r#"":"#);
            string(out, text);
            raw(out, "}");
        });
    }

    fn stop_block(&mut self, frames: &mut Vec<u8>) {
        event(frames, "content_block_stop", |out| self.write_place(out));
        self.place += 1;
        self.open = Open::Nothing;
    }

    fn write_place(&self, out: &mut Vec<u8>) {
        raw(out, r#","index":"#);
        number(out, index(self.place));
    }

    /// Has a block of this kind open, and no other.
    fn be_in(&mut self, frames: &mut Vec<u8>, wanted: Open) {
        if self.open == wanted {
            return;
        }
        if self.open != Open::Nothing {
            self.stop_block(frames);
        }
        match wanted {
            Open::Nothing => {}
            Open::Text => self.start_block(frames, |out| raw(out, r#"{"type":"text","text":""}"#)),
            Open::Thinking => self.start_block(frames, |out| {
                raw(out, r#"{"type":"thinking","thinking":"","signature":""}"#);
            }),
        }
        self.open = wanted;
    }
}

impl Frames for Events {
    fn start(&mut self, frames: &mut Vec<u8>) {
        event(frames, "message_start", |out| {
            raw(out, r#","message":"#);
            let model = self.about.answering();
            let tokens = TokenCounts::default();
            message(out, &self.about, model, b"", None, &tokens);
        });
        event(frames, "ping", |_| {});
    }

    fn piece(&mut self, frames: &mut Vec<u8>, piece: &Piece) {
        match piece {
            Piece::Text(text) => {
                self.be_in(frames, Open::Text);
                self.delta(frames, "text_delta", "text", text);
            }
            Piece::Reasoning(text) => {
                self.be_in(frames, Open::Thinking);
                self.delta(frames, "thinking_delta", "thinking", text);
            }
            Piece::State(state) => {
                self.be_in(frames, Open::Thinking);
                self.delta(frames, "signature_delta", "signature", &seal(state));
                self.stop_block(frames);
            }
            Piece::ToolCall { id, name, arguments } => {
                self.calls_tools = true;
                self.be_in(frames, Open::Nothing);
                self.start_block(frames, |out| tool_use(out, id, name, "{}"));
                self.delta(frames, "input_json_delta", "partial_json", arguments);
                self.stop_block(frames);
            }
            Piece::StoppedAt(text) => self.stopped_at = Some(text.clone()),
            // Nothing of this interface carries it.
            Piece::Vectors(_) => {}
        }
    }

    fn failure(outcome: &CallOutcome) -> Option<ApiError> {
        failure_or_end(outcome)
    }

    fn end(&mut self, frames: &mut Vec<u8>, outcome: &CallOutcome) {
        if let Some(error) = Self::failure(outcome) {
            return self.broken(frames, &error);
        }
        self.be_in(frames, Open::Nothing);
        event(frames, "message_delta", |out| {
            raw(out, r#","delta":{"#);
            Stop::of(outcome, self.calls_tools, self.stopped_at.as_deref()).write(out);
            raw(out, r#"},"usage":"#);
            usage(out, &outcome.tokens);
        });
        event(frames, "message_stop", |_| {});
    }

    fn broken(&mut self, frames: &mut Vec<u8>, error: &ApiError) {
        raw(frames, "event: error\ndata: ");
        frames.extend_from_slice(&error.in_stream(Face::Anthropic));
        raw(frames, "\n\n");
    }
}

/// A whole message.
pub(super) fn whole(about: &CallAbout, pieces: &[Piece], outcome: &CallOutcome) -> Vec<u8> {
    let mut content = Content::default();
    for piece in pieces {
        content.add(piece);
    }
    let stopped_at = content.stopped_at.take();
    let stop = Stop::of(outcome, content.calls_tools, stopped_at.as_deref());
    let mut out = Vec::new();
    let blocks = content.finish();
    message(
        &mut out,
        about,
        &outcome.model,
        &blocks,
        Some(&stop),
        &outcome.tokens,
    );
    out
}

/// Blocks as they are finished.
#[derive(Default)]
struct Content {
    blocks: Vec<u8>,
    text: String,
    thinking: String,
    calls_tools: bool,
    stopped_at: Option<String>,
}

impl Content {
    fn add(&mut self, piece: &Piece) {
        match piece {
            Piece::Text(more) => {
                self.end_thinking(None);
                self.text.push_str(more);
            }
            Piece::Reasoning(more) => {
                self.end_text();
                self.thinking.push_str(more);
            }
            Piece::State(state) => {
                self.end_text();
                self.end_thinking(Some(state));
            }
            Piece::ToolCall { id, name, arguments } => {
                self.end_text();
                self.end_thinking(None);
                self.calls_tools = true;
                let blocks = self.next_block();
                tool_use(blocks, id, name, arguments);
            }
            Piece::StoppedAt(text) => self.stopped_at = Some(text.clone()),
            Piece::Vectors(_) => {}
        }
    }

    fn next_block(&mut self) -> &mut Vec<u8> {
        if !self.blocks.is_empty() {
            raw(&mut self.blocks, ",");
        }
        &mut self.blocks
    }

    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            let out = self.next_block();
            raw(out, r#"{"type":"text","text":"#);
            string(out, &text);
            raw(out, "}");
        }
    }

    fn end_thinking(&mut self, state: Option<&ReasoningState>) {
        let thinking = std::mem::take(&mut self.thinking);
        if !thinking.is_empty() || state.is_some() {
            let out = self.next_block();
            raw(out, r#"{"type":"thinking","thinking":"#);
            string(out, &thinking);
            raw(out, r#","signature":"#);
            string(out, &state.map(seal).unwrap_or_default());
            raw(out, "}");
        }
    }

    fn finish(mut self) -> Vec<u8> {
        self.end_thinking(None);
        self.end_text();
        self.blocks
    }
}

/// Appends an event; every member of it begins with a comma.
fn event(frames: &mut Vec<u8>, name: &str, members: impl FnOnce(&mut Vec<u8>)) {
    raw(frames, "event: ");
    raw(frames, name);
    raw(frames, "\ndata: {\"type\":\"");
    raw(frames, name);
    raw(frames, "\"");
    members(frames);
    raw(frames, "}\n\n");
}

fn message(
    out: &mut Vec<u8>,
    about: &CallAbout,
    model: &str,
    content: &[u8],
    stop: Option<&Stop<'_>>,
    tokens: &TokenCounts,
) {
    raw(out, r#"{"id":"#);
    string(out, &format!("msg_{}", about.public_id));
    raw(out, r#","type":"message","role":"assistant","model":"#);
    string(out, model);
    raw(out, r#","content":["#);
    out.extend_from_slice(content);
    raw(out, "],");
    match stop {
        None => raw(out, r#""stop_reason":null,"stop_sequence":null"#),
        Some(stop) => stop.write(out),
    }
    raw(out, r#","usage":"#);
    usage(out, tokens);
    raw(out, "}");
}

/// The block of a tool call; arguments that are no JSON object are told as one.
fn tool_use(out: &mut Vec<u8>, id: &str, name: &str, arguments: &str) {
    raw(out, r#"{"type":"tool_use","id":"#);
    string(out, id);
    raw(out, r#","name":"#);
    string(out, name);
    raw(out, r#","input":"#);
    match serde_json::from_str::<Map<String, Value>>(arguments) {
        Ok(input) => value(out, &input),
        Err(_) => raw(out, "{}"),
    }
    raw(out, "}");
}

/// Why a message ended, and the text that it ended at.
struct Stop<'a> {
    reason: &'static str,
    sequence: Option<&'a str>,
}

impl<'a> Stop<'a> {
    fn of(outcome: &CallOutcome, calls_tools: bool, stopped_at: Option<&'a str>) -> Self {
        let (reason, sequence) = match (outcome.stop_reason, stopped_at) {
            (Some(StopReason::Length), _) => ("max_tokens", None),
            (Some(StopReason::Refusal), _) => ("refusal", None),
            _ if calls_tools => ("tool_use", None),
            (_, Some(text)) => ("stop_sequence", Some(text)),
            (_, None) => ("end_turn", None),
        };
        Self { reason, sequence }
    }

    /// Appends both members.
    fn write(&self, out: &mut Vec<u8>) {
        raw(out, r#""stop_reason":"#);
        string(out, self.reason);
        raw(out, r#","stop_sequence":"#);
        value(out, &self.sequence);
    }
}

fn usage(out: &mut Vec<u8>, tokens: &TokenCounts) {
    raw(out, r#"{"input_tokens":"#);
    number(out, tokens.fresh_input);
    raw(out, r#","cache_creation_input_tokens":"#);
    number(out, tokens.cache_write);
    raw(out, r#","cache_read_input_tokens":"#);
    number(out, tokens.cache_read);
    raw(out, r#","output_tokens":"#);
    number(out, tokens.output);
    raw(out, "}");
}
