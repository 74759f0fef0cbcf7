//! The events of `POST /messages` in the normal form.
//!
//! An answer is a row of blocks: text, thinking, tool calls. Each is begun, told in deltas and stopped; the
//! reason for the end and the usage come in `message_delta`, the end itself in `message_stop`.
//!
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

use super::{error::from_stream, wire::Kept};
use crate::{
    answer_stream::Decode,
    decoding::{AnswerSize, bounded_id, check_call_count, parse, possible},
    failure::Failure,
    model::{Dialect, Event, Finished, ReasoningState, StopReason, ToolCall},
    secret::Secrets,
};
use chatai_types::TokenCounts;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    secrets: Secrets,
    size: AnswerSize,
    /// The tool whose arguments are the answer's text.
    answer_tool: Option<String>,
    answered: bool,
    /// What is told only at the end, by place in the answer: a call of an answer that broke off is never made.
    blocks: BTreeMap<u64, Block>,
    response_id: Option<String>,
    usage: Usage,
    stop_reason: Option<String>,
    stop_sequence: Option<String>,
}

#[derive(Debug)]
enum Block {
    Call {
        call: ToolCall,
        stopped: bool,
    },
    /// The call of the answer tool; whether any of its arguments came.
    Answer {
        begun: bool,
    },
    Thinking {
        text: String,
        signature: String,
    },
    Redacted {
        data: String,
    },
}

/// What is looked at in every event.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    index: u64,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    partial_json: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    signature: Option<String>,
}

#[derive(Deserialize)]
struct StartFrame {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    usage: Option<Box<RawValue>>,
}

#[derive(Deserialize)]
struct BlockFrame {
    content_block: ContentBlock,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContentBlock {
    #[serde(rename = "type")]
    kind: String,
    text: Option<String>,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
    id: Option<String>,
    name: Option<String>,
    input: Option<Box<RawValue>>,
}

/// `message_delta`.
#[derive(Deserialize)]
struct EndFrame {
    #[serde(default)]
    delta: End,
    #[serde(default)]
    usage: Option<Box<RawValue>>,
}

#[derive(Default, Deserialize)]
struct End {
    #[serde(default)]
    stop_reason: Option<String>,
    #[serde(default)]
    stop_sequence: Option<String>,
}

/// What was reported so far. The counters run on: the later report replaces the earlier, where it has one.
#[derive(Debug, Default)]
struct Usage {
    start: Reported,
    end: Reported,
    unreadable: bool,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct Reported {
    input_tokens: Option<i64>,
    cache_read_input_tokens: Option<i64>,
    cache_creation_input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
struct OutputDetails {
    thinking_tokens: Option<i64>,
}

impl Decoder {
    /// A decoder for one answer of at most `max_answer_bytes`; `secrets` are scrubbed from error texts.
    pub(super) fn new(secrets: Secrets, max_answer_bytes: usize, answer_tool: Option<String>) -> Self {
        Self {
            secrets,
            size: AnswerSize::new(max_answer_bytes),
            answer_tool,
            answered: false,
            blocks: BTreeMap::new(),
            response_id: None,
            usage: Usage::default(),
            stop_reason: None,
            stop_sequence: None,
        }
    }

    /// Passes the model's own words on. Where the answer is a tool's arguments they are not the answer, and
    /// would make its JSON unreadable.
    fn words(&mut self, text: String, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let kind = if self.answer_tool.is_some() {
            Event::Reasoning
        } else {
            Event::Text
        };
        self.size.pass_on(text, kind, events)
    }

    fn begin(&mut self, index: u64, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let BlockFrame { content_block: block } = parse(data)?;
        let block = match block.kind.as_str() {
            "text" => return self.words(block.text.unwrap_or_default(), events),
            "thinking" => {
                let (text, signature) = (
                    block.thinking.unwrap_or_default(),
                    block.signature.unwrap_or_default(),
                );
                self.size.count(signature.len())?;
                self.size.pass_on(text.clone(), Event::Reasoning, events)?;
                Block::Thinking { text, signature }
            }
            "redacted_thinking" => {
                let data = block.data.unwrap_or_default();
                self.size.count(data.len())?;
                Block::Redacted { data }
            }
            "tool_use" => self.begin_call(index, block, events)?,
            _ => return Ok(()),
        };
        self.blocks.insert(index, block);
        check_call_count(self.blocks.len())
    }

    fn begin_call(
        &mut self,
        index: u64,
        block: ContentBlock,
        events: &mut VecDeque<Event>,
    ) -> Result<Block, Failure> {
        let name = block.name.unwrap_or_default();
        // Some servers give the arguments at once; an empty object here is only a place for what follows.
        let input = block.input.as_deref().map_or("", RawValue::get);
        let given = if matches!(input, "{}" | "null") { "" } else { input };
        if self.answer_tool.as_ref() == Some(&name) && !self.answered {
            self.answered = true;
            let begun = !given.is_empty();
            self.size.pass_on(given.to_owned(), Event::Text, events)?;
            return Ok(Block::Answer { begun });
        }
        let id = block
            .id
            .filter(|id| !id.is_empty())
            .unwrap_or_else(|| format!("call_{index}"));
        self.size.count(id.len() + name.len() + given.len())?;
        let call = ToolCall {
            id,
            name,
            arguments: given.to_owned(),
        };
        Ok(Block::Call { call, stopped: false })
    }

    fn more(&mut self, frame: &Frame<'_>, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let Some(delta) = frame.delta else { return Ok(()) };
        let delta: Delta<'_> = parse(delta.get())?;
        let block = self.blocks.get_mut(&frame.index);
        match &*delta.kind {
            "text_delta" => self.words(delta.text.unwrap_or_default(), events),
            "thinking_delta" => {
                let more = delta.thinking.unwrap_or_default();
                if let Some(Block::Thinking { text, .. }) = block {
                    text.push_str(&more);
                }
                self.size.pass_on(more, Event::Reasoning, events)
            }
            "signature_delta" => {
                let more = delta.signature.unwrap_or_default();
                self.size.count(more.len())?;
                if let Some(Block::Thinking { signature, .. }) = block {
                    signature.push_str(&more);
                }
                Ok(())
            }
            "input_json_delta" => {
                let more = delta.partial_json.unwrap_or_default();
                match block {
                    Some(Block::Answer { begun }) => {
                        *begun |= !more.is_empty();
                        self.size.pass_on(more, Event::Text, events)
                    }
                    Some(Block::Call { call, .. }) => {
                        self.size.count(more.len())?;
                        call.arguments.push_str(&more);
                        Ok(())
                    }
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    fn stop(&mut self, index: u64, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        match self.blocks.get_mut(&index) {
            Some(Block::Answer { begun: begun @ false }) => {
                *begun = true;
                self.size.pass_on("{}".to_owned(), Event::Text, events)
            }
            Some(Block::Call { call, stopped }) => {
                *stopped = true;
                if call.arguments.is_empty() {
                    call.arguments.push_str("{}");
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn finish(&mut self, events: &mut VecDeque<Event>) {
        let told = self.stop_reason.take();
        let reason = match told.as_deref() {
            Some("refusal") => StopReason::Refusal,
            // A turn that is paused has more to say, like one that came to its limit.
            Some("max_tokens" | "model_context_window_exceeded" | "pause_turn") => StopReason::Length,
            _ if self.hand_over_calls(events) => StopReason::ToolCalls,
            _ => StopReason::Stop,
        };
        if told.as_deref() == Some("stop_sequence") {
            events.extend(self.stop_sequence.take().map(Event::StoppedAt));
        }
        events.push_back(Event::Finished(Finished {
            reason,
            usage: self.usage.counts(),
            response_id: self.response_id.take(),
        }));
    }

    /// Passes the calls on in the model's order, each behind the thinking that led to it; gives whether there
    /// are any.
    fn hand_over_calls(&mut self, events: &mut VecDeque<Event>) -> bool {
        let (mut states, mut any) = (Vec::new(), false);
        for (index, block) in std::mem::take(&mut self.blocks) {
            match block {
                Block::Thinking { text, signature } if !signature.is_empty() => {
                    states.push(Event::State(state(text, &Kept::Thinking { signature })));
                }
                Block::Redacted { data } => {
                    states.push(Event::State(state(String::new(), &Kept::Redacted { data })));
                }
                Block::Call { call, stopped: true } if call.name.is_empty() => {
                    tracing::warn!(index, "provider sent a tool call without a name");
                }
                Block::Call { call, stopped: true } => {
                    events.extend(states.drain(..));
                    events.push_back(Event::ToolCall(call));
                    any = true;
                }
                Block::Thinking { .. } | Block::Answer { .. } | Block::Call { .. } => {}
            }
        }
        any
    }
}

impl Decode for Decoder {
    fn event(&mut self, name: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let frame: Frame<'_> = parse(data)?;
        let kind = if frame.kind.is_empty() { name } else { &frame.kind };
        match kind {
            "message_start" => {
                let StartFrame { message } = parse(data)?;
                self.response_id = message.id.map(bounded_id);
                self.usage.start = self.usage.read(message.usage.as_deref());
                Ok(())
            }
            "content_block_start" => self.begin(frame.index, data, events),
            "content_block_delta" => self.more(&frame, events),
            "content_block_stop" => self.stop(frame.index, events),
            "message_delta" => {
                let EndFrame { delta, usage } = parse(data)?;
                self.stop_reason = delta.stop_reason.or_else(|| self.stop_reason.take());
                self.stop_sequence = delta.stop_sequence.or_else(|| self.stop_sequence.take());
                if usage.is_some() {
                    self.usage.end = self.usage.read(usage.as_deref());
                }
                Ok(())
            }
            "message_stop" => {
                self.finish(events);
                Ok(())
            }
            "error" => Err(from_stream(data, &self.secrets)),
            _ => Ok(()),
        }
    }
}

impl Usage {
    fn read(&mut self, usage: Option<&RawValue>) -> Reported {
        let Some(usage) = usage else {
            return Reported::default();
        };
        // What cannot be read is a report that must not be billed, not an answer that must not be shown.
        let read = serde_json::from_str(usage.get());
        self.unreadable |= read.is_err();
        read.unwrap_or_default()
    }

    /// The counters as billed. They are disjoint already: input excludes what was read from the cache and
    /// written to it. The number of output tokens at the start is a beginning, not a report.
    fn counts(&self) -> Option<TokenCounts> {
        if self.unreadable {
            tracing::warn!("provider reported unreadable usage");
            return None;
        }
        let (start, end) = (self.start, self.end);
        let input = end.input_tokens.or(start.input_tokens)?;
        let read = end.cache_read_input_tokens.or(start.cache_read_input_tokens);
        let written = end
            .cache_creation_input_tokens
            .or(start.cache_creation_input_tokens);
        let thinking = end
            .output_tokens_details
            .and_then(|details| details.thinking_tokens);
        possible(TokenCounts::from_disjoint(
            input,
            read.unwrap_or(0),
            written.unwrap_or(0),
            end.output_tokens?,
            thinking.unwrap_or(0),
        ))
    }
}

fn state(text: String, kept: &Kept) -> ReasoningState {
    ReasoningState {
        dialect: Dialect::Anthropic,
        text,
        opaque: kept.to_text(),
    }
}
