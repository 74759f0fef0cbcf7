//! The events of `POST /messages` in the normal form.
//!
//! <https://docs.anthropic.com/en/docs/build-with-claude/streaming>

use super::{
    error::{ErrorBody, from_stream},
    wire::{ANSWER_TOOL, Kept},
};
use crate::{
    answer_stream::Decode,
    decoding::{AnswerSize, bounded_id, check_call_count, parse, possible},
    failure::Failure,
    model::{Dialect, Event, Finished, ReasoningState, StopReason, ToolCall},
    secret::Secrets,
};
use chatai_types::TokenCounts;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    secrets: Secrets,
    size: AnswerSize,
    /// Whether the answer comes as a tool's arguments.
    answers_by_tool: bool,
    response_id: Option<String>,
    usage: Reported,
    reason: Option<StopReason>,
    /// Thinking and tool calls, by place in the output. They are handed over at the end: a call of an answer that
    /// broke off is never made.
    blocks: BTreeMap<u64, Kind>,
}

#[derive(Debug)]
enum Kind {
    Thinking {
        text: String,
        signature: String,
    },
    Redacted(String),
    Call {
        id: String,
        name: String,
        arguments: String,
    },
    /// The tool by which the model answers.
    Answer,
}

#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: u64,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
    #[serde(borrow, default)]
    content_block: Option<&'a RawValue>,
    #[serde(borrow, default)]
    message: Option<&'a RawValue>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Started<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Begun {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: String,
        #[serde(default)]
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: String,
        name: String,
        #[serde(default)]
        input: Value,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
#[serde(tag = "type")]
enum Delta {
    #[serde(rename = "text_delta")]
    Text { text: String },
    #[serde(rename = "thinking_delta")]
    Thinking { thinking: String },
    #[serde(rename = "signature_delta")]
    Signature { signature: String },
    #[serde(rename = "input_json_delta")]
    InputJson { partial_json: String },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Ending {
    #[serde(default)]
    stop_reason: Option<String>,
}

/// The report of use: first what came in, at the end what went out. Later numbers replace earlier ones, they are
/// never added up.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Reported {
    input_tokens: Option<i64>,
    cache_read_input_tokens: Option<i64>,
    cache_creation_input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    #[serde(skip)]
    is_unreadable: bool,
    /// Whether the output was told at the end; what stands at the beginning is none.
    #[serde(skip)]
    is_complete: bool,
}

impl Decoder {
    /// A decoder for one answer of at most `max_answer_bytes`; `secrets` are scrubbed from error texts.
    pub(super) fn new(secrets: Secrets, max_answer_bytes: usize, answers_by_tool: bool) -> Self {
        Self {
            secrets,
            size: AnswerSize::new(max_answer_bytes),
            answers_by_tool,
            response_id: None,
            usage: Reported::default(),
            reason: None,
            blocks: BTreeMap::new(),
        }
    }

    fn begin(&mut self, index: u64, block: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let kind = match parse(block)? {
            Begun::Text { text } => return self.size.pass_on(text, Event::Text, events),
            Begun::Thinking { thinking, signature } => {
                self.size.count(thinking.len() + signature.len())?;
                self.size.pass_on(thinking.clone(), Event::Reasoning, events)?;
                Kind::Thinking {
                    text: thinking,
                    signature,
                }
            }
            Begun::RedactedThinking { data } => {
                self.size.count(data.len())?;
                Kind::Redacted(data)
            }
            Begun::ToolUse { name, .. } if self.answers_by_tool && name == ANSWER_TOOL => Kind::Answer,
            Begun::ToolUse { id, name, input } => {
                // Usually empty here, and told piece by piece.
                let arguments = match input {
                    Value::Object(members) if !members.is_empty() => Value::Object(members).to_string(),
                    _ => String::new(),
                };
                self.size.count(id.len() + name.len() + arguments.len())?;
                Kind::Call { id, name, arguments }
            }
            Begun::Other => return Ok(()),
        };
        check_call_count(self.blocks.len() + 1)?;
        self.blocks.insert(index, kind);
        Ok(())
    }

    fn delta(&mut self, index: u64, delta: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        match (parse(delta)?, self.blocks.get_mut(&index)) {
            (Delta::Text { text }, _) => self.size.pass_on(text, Event::Text, events),
            (Delta::Thinking { thinking }, block) => {
                if let Some(Kind::Thinking { text, .. }) = block {
                    self.size.count(thinking.len())?;
                    text.push_str(&thinking);
                }
                self.size.pass_on(thinking, Event::Reasoning, events)
            }
            (Delta::Signature { signature: more }, Some(Kind::Thinking { signature, .. })) => {
                self.size.count(more.len())?;
                signature.push_str(&more);
                Ok(())
            }
            (Delta::InputJson { partial_json }, Some(Kind::Call { arguments, .. })) => {
                self.size.count(partial_json.len())?;
                arguments.push_str(&partial_json);
                Ok(())
            }
            (Delta::InputJson { partial_json }, Some(Kind::Answer)) => {
                self.size.pass_on(partial_json, Event::Text, events)
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, events: &mut VecDeque<Event>) {
        let is_whole = matches!(self.reason, Some(StopReason::Stop | StopReason::ToolCalls));
        let blocks = std::mem::take(&mut self.blocks);
        let has_calls = blocks.values().any(|block| matches!(block, Kind::Call { .. }));
        if is_whole && has_calls {
            events.extend(blocks.into_values().filter_map(Kind::handed_over));
        }
        let reason = match self.reason {
            // The model says that it calls a tool also where that is its answer.
            Some(StopReason::ToolCalls) | None if !has_calls => StopReason::Stop,
            Some(StopReason::Stop) if has_calls => StopReason::ToolCalls,
            Some(reason) => reason,
            None => StopReason::ToolCalls,
        };
        events.push_back(Event::Finished(Finished {
            reason,
            usage: self.usage.counts(),
            response_id: self.response_id.take(),
        }));
    }
}

impl Kind {
    fn handed_over(self) -> Option<Event> {
        let state = |text, kept: &Kept| {
            Some(Event::State(ReasoningState {
                dialect: Dialect::Anthropic,
                text,
                opaque: serde_json::to_string(kept).ok()?,
            }))
        };
        match self {
            // Without its signature it would be refused.
            Self::Thinking { signature, .. } if signature.is_empty() => None,
            Self::Thinking { text, signature } => state(text, &Kept::Signed { signature }),
            Self::Redacted(data) => state(String::new(), &Kept::Redacted { data }),
            Self::Call { id, name, arguments } => Some(Event::ToolCall(ToolCall {
                id,
                name,
                arguments: if arguments.is_empty() {
                    "{}".to_owned()
                } else {
                    arguments
                },
            })),
            Self::Answer => None,
        }
    }
}

impl Reported {
    fn update(&mut self, report: Option<&RawValue>, at_the_end: bool) {
        let Some(report) = report.filter(|report| report.get() != "null") else {
            return;
        };
        let Ok(fresh) = serde_json::from_str::<Self>(report.get()) else {
            self.is_unreadable = true;
            return;
        };
        self.input_tokens = fresh.input_tokens.or(self.input_tokens);
        self.cache_read_input_tokens = fresh.cache_read_input_tokens.or(self.cache_read_input_tokens);
        self.cache_creation_input_tokens = fresh
            .cache_creation_input_tokens
            .or(self.cache_creation_input_tokens);
        self.output_tokens = fresh.output_tokens.or(self.output_tokens);
        self.is_complete |= at_the_end && fresh.output_tokens.is_some();
    }

    /// The input excludes what was read from the cache and what was written to it; the output includes the
    /// thinking, which is not told apart.
    fn counts(&self) -> Option<TokenCounts> {
        if self.is_unreadable {
            return possible(Err("it cannot be read"));
        }
        let (input, output) = self
            .input_tokens
            .zip(self.output_tokens.filter(|_| self.is_complete))?;
        possible(TokenCounts::from_disjoint(
            input,
            self.cache_read_input_tokens.unwrap_or(0),
            self.cache_creation_input_tokens.unwrap_or(0),
            output,
            0,
        ))
    }
}

impl Decode for Decoder {
    fn event(&mut self, name: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let frame: Frame<'_> = parse(data)?;
        let kind = if frame.kind.is_empty() { name } else { &frame.kind };
        match kind {
            "message_start" => {
                if let Some(message) = frame.message {
                    let started: Started<'_> = parse(message.get())?;
                    self.response_id = started.id.map(bounded_id);
                    self.usage.update(started.usage, false);
                }
                Ok(())
            }
            "content_block_start" => match frame.content_block {
                Some(block) => self.begin(frame.index, block.get(), events),
                None => Ok(()),
            },
            "content_block_delta" => match frame.delta {
                Some(delta) => self.delta(frame.index, delta.get(), events),
                None => Ok(()),
            },
            "message_delta" => {
                self.usage.update(frame.usage, true);
                let Some(delta) = frame.delta else { return Ok(()) };
                let ending: Ending = parse(delta.get())?;
                if let Some(reason) = ending.stop_reason {
                    self.reason = Some(match reason.as_str() {
                        "max_tokens" | "model_context_window_exceeded" => StopReason::Length,
                        "tool_use" => StopReason::ToolCalls,
                        "refusal" => StopReason::Refusal,
                        // `end_turn`, `stop_sequence`, and `pause_turn`, which only tools of the vendor's bring.
                        _ => StopReason::Stop,
                    });
                }
                Ok(())
            }
            "message_stop" => {
                self.finish(events);
                Ok(())
            }
            "error" => Err(from_stream(&parse::<ErrorBody>(data)?, &self.secrets)),
            _ => Ok(()),
        }
    }

    fn is_nearly_done(&self) -> bool {
        self.reason.is_some()
    }

    fn end(&mut self, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        if self.reason.is_none() {
            return Err(Failure::unreadable("the stream ended before the answer did"));
        }
        self.finish(events);
        Ok(())
    }
}
