//! What answers a chat completion, whole and chunk by chunk.

use super::{
    super::{
        call::{Frames, failure_or_end},
        writer::{index, input_tokens, number, raw, string},
    },
    reasoning,
};
use crate::{error::ApiError, face::Face};
use chatai_engine::{CallAbout, CallOutcome, Piece, llm::StopReason};
use chatai_types::TokenCounts;
use std::sync::Arc;

/// The end of every stream that was not cut short.
const DONE: &str = "data: [DONE]\n\n";

/// The id under which a call is known here.
fn id(about: &CallAbout) -> String {
    format!("chatcmpl-{}", about.public_id)
}

/// The chunks of one answer.
pub(super) struct Chunks {
    about: Arc<CallAbout>,
    /// What every chunk begins with, its choices excepted; written when it is known who answers.
    prefix: Vec<u8>,
    /// What every chunk but the last ends with.
    suffix: &'static str,
    with_usage: bool,
    tool_calls: usize,
    states: usize,
}

impl Chunks {
    pub(super) fn new(about: Arc<CallAbout>, with_usage: bool) -> Self {
        Self {
            about,
            prefix: Vec::new(),
            suffix: if with_usage {
                "],\"usage\":null}\n\n"
            } else {
                "]}\n\n"
            },
            with_usage,
            tool_calls: 0,
            states: 0,
        }
    }

    fn chunk(&self, frames: &mut Vec<u8>, finish_reason: Option<&str>, delta: impl FnOnce(&mut Vec<u8>)) {
        frames.extend_from_slice(&self.prefix);
        raw(frames, r#"{"index":0,"delta":{"#);
        delta(frames);
        raw(frames, r#"},"logprobs":null,"finish_reason":"#);
        match finish_reason {
            None => raw(frames, "null"),
            Some(reason) => string(frames, reason),
        }
        raw(frames, "}");
        raw(frames, self.suffix);
    }
}

impl Frames for Chunks {
    fn start(&mut self, frames: &mut Vec<u8>) {
        let prefix = &mut self.prefix;
        raw(prefix, r#"data: {"id":"#);
        string(prefix, &id(&self.about));
        raw(prefix, r#","object":"chat.completion.chunk","created":"#);
        number(prefix, self.about.created_at.as_secs());
        raw(prefix, r#","model":"#);
        string(prefix, self.about.answering());
        raw(prefix, r#","choices":["#);
        self.chunk(frames, None, |out| {
            raw(out, r#""role":"assistant","content":"","refusal":null"#)
        });
    }

    fn piece(&mut self, frames: &mut Vec<u8>, piece: &Piece) {
        match piece {
            Piece::Text(text) => self.chunk(frames, None, |out| {
                raw(out, r#""content":"#);
                string(out, text);
            }),
            Piece::Reasoning(text) => self.chunk(frames, None, |out| {
                raw(out, r#""reasoning_content":"#);
                string(out, text);
            }),
            Piece::ToolCall { id, name, arguments } => {
                let place = self.tool_calls;
                self.tool_calls += 1;
                self.chunk(frames, None, |out| {
                    raw(out, r#""tool_calls":[{"index":"#);
                    number(out, index(place));
                    raw(out, ",");
                    tool_call(out, id, name, arguments);
                    raw(out, "}]");
                });
            }
            Piece::State(state) => {
                let place = self.states;
                self.states += 1;
                self.chunk(frames, None, |out| {
                    raw(out, r#""reasoning_details":["#);
                    reasoning::detail(out, place, self.tool_calls, state);
                    raw(out, "]");
                });
            }
            // Nothing of this interface carries it.
            Piece::StoppedAt(_) | Piece::Vectors(_) => {}
        }
    }

    fn failure(outcome: &CallOutcome) -> Option<ApiError> {
        failure_or_end(outcome)
    }

    fn end(&mut self, frames: &mut Vec<u8>, outcome: &CallOutcome) {
        if let Some(error) = Self::failure(outcome) {
            return self.broken(frames, &error);
        }
        let reason = finish_reason(outcome, self.tool_calls > 0);
        self.chunk(frames, Some(reason), |_| {});
        if self.with_usage {
            frames.extend_from_slice(&self.prefix);
            raw(frames, r#"],"usage":"#);
            usage(frames, &outcome.tokens);
            raw(frames, "}\n\n");
        }
        raw(frames, DONE);
    }

    fn broken(&mut self, frames: &mut Vec<u8>, error: &ApiError) {
        raw(frames, "data: ");
        frames.extend_from_slice(&error.in_stream(Face::OpenAi));
        raw(frames, "\n\n");
    }
}

/// A whole answer.
pub(super) fn whole(about: &CallAbout, pieces: &[Piece], outcome: &CallOutcome) -> Vec<u8> {
    let (mut text, mut reasoning) = (String::new(), String::new());
    let (mut calls, mut call_count) = (Vec::new(), 0);
    let (mut details, mut detail_count) = (Vec::new(), 0);
    for piece in pieces {
        match piece {
            Piece::Text(more) => text.push_str(more),
            Piece::Reasoning(more) => reasoning.push_str(more),
            Piece::ToolCall { id, name, arguments } => {
                let begin = if calls.is_empty() { "{" } else { ",{" };
                raw(&mut calls, begin);
                tool_call(&mut calls, id, name, arguments);
                raw(&mut calls, "}");
                call_count += 1;
            }
            Piece::State(state) => {
                if detail_count > 0 {
                    raw(&mut details, ",");
                }
                reasoning::detail(&mut details, detail_count, call_count, state);
                detail_count += 1;
            }
            Piece::StoppedAt(_) | Piece::Vectors(_) => {}
        }
    }
    let mut out = br#"{"id":"#.to_vec();
    string(&mut out, &id(about));
    raw(&mut out, r#","object":"chat.completion","created":"#);
    number(&mut out, about.created_at.as_secs());
    raw(&mut out, r#","model":"#);
    string(&mut out, &outcome.model);
    raw(
        &mut out,
        r#","choices":[{"index":0,"message":{"role":"assistant","content":"#,
    );
    if text.is_empty() && !calls.is_empty() {
        raw(&mut out, "null");
    } else {
        string(&mut out, &text);
    }
    raw(&mut out, r#","refusal":null,"annotations":[]"#);
    if !reasoning.is_empty() {
        raw(&mut out, r#","reasoning_content":"#);
        string(&mut out, &reasoning);
    }
    if !details.is_empty() {
        raw(&mut out, r#","reasoning_details":["#);
        out.extend_from_slice(&details);
        raw(&mut out, "]");
    }
    if !calls.is_empty() {
        raw(&mut out, r#","tool_calls":["#);
        out.extend_from_slice(&calls);
        raw(&mut out, "]");
    }
    raw(&mut out, r#"},"logprobs":null,"finish_reason":"#);
    string(&mut out, finish_reason(outcome, !calls.is_empty()));
    raw(&mut out, r#"}],"usage":"#);
    usage(&mut out, &outcome.tokens);
    raw(&mut out, "}");
    out
}

/// A tool call's members.
fn tool_call(out: &mut Vec<u8>, id: &str, name: &str, arguments: &str) {
    raw(out, r#""id":"#);
    string(out, id);
    raw(out, r#","type":"function","function":{"name":"#);
    string(out, name);
    raw(out, r#","arguments":"#);
    string(out, arguments);
    raw(out, "}");
}

fn finish_reason(outcome: &CallOutcome, calls_tools: bool) -> &'static str {
    match outcome.stop_reason {
        Some(StopReason::Length) => "length",
        Some(StopReason::Refusal) => "content_filter",
        _ if calls_tools => "tool_calls",
        _ => "stop",
    }
}

fn usage(out: &mut Vec<u8>, tokens: &TokenCounts) {
    let input = input_tokens(tokens);
    raw(out, r#"{"prompt_tokens":"#);
    number(out, input);
    raw(out, r#","completion_tokens":"#);
    number(out, tokens.output);
    raw(out, r#","total_tokens":"#);
    number(out, input.saturating_add(tokens.output));
    raw(out, r#","prompt_tokens_details":{"cached_tokens":"#);
    number(out, tokens.cache_read);
    raw(
        out,
        r#","audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":"#,
    );
    number(out, tokens.reasoning);
    raw(
        out,
        r#","audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
    );
}
