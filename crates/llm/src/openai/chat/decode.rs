//! The chunks of `POST /chat/completions` in the normal form, from OpenAI and from everybody who says to be
//! compatible: with or without `[DONE]`, ids, indices or usage.
//!
//! <https://platform.openai.com/docs/api-reference/chat-streaming>; beside it DeepSeek (`reasoning_content`,
//! `prompt_cache_hit_tokens`), OpenRouter (`reasoning`, `reasoning_details`), Mistral (content in parts) and xAI
//! (reasoning beside the output).

use super::{usage::counts, wire::KeptReasoning};
use crate::{
    answer_stream::Decode,
    decoding::{AnswerSize, bounded_id, check_call_count, parse},
    failure::Failure,
    model::{Dialect, Event, Finished, ReasoningState, StopReason, ToolCall},
    openai::error::{ErrorObject, from_stream},
    provider::LlmError,
    secret::Secrets,
};
use chatai_types::TokenCounts;
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::collections::VecDeque;

/// Pieces of OpenRouter's reasoning details that are kept.
const MAX_DETAILS: usize = 4_096;

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    secrets: Secrets,
    size: AnswerSize,
    /// How many calls the conversation has already: ids that are made up go on from there.
    earlier_calls: usize,
    response_id: Option<String>,
    refused: bool,
    reasoning: String,
    kept: KeptReasoning,
    /// In the model's order. They are handed over at the end: a call of an answer that broke off is never made.
    calls: Vec<PartialCall>,
    usage: Option<TokenCounts>,
    /// Why the model ended, once it has.
    reason: Option<StopReason>,
}

#[derive(Debug, Default)]
struct PartialCall {
    index: Option<u64>,
    id: String,
    name: String,
    arguments: String,
}

#[derive(Deserialize)]
struct Chunk<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    choices: Option<Vec<Choice<'a>>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    error: Option<StreamError>,
    /// `error` is how vLLM marks one whose members stand at the top.
    #[serde(borrow, default)]
    object: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum StreamError {
    Object(ErrorObject),
    Text(String),
}

#[derive(Deserialize)]
struct Choice<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow, default)]
    delta: Option<Delta<'a>>,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Delta<'a> {
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
    #[serde(default)]
    refusal: Option<String>,
    #[serde(default)]
    reasoning_content: Option<String>,
    #[serde(default)]
    reasoning: Option<String>,
    #[serde(default)]
    reasoning_details: Option<Vec<Value>>,
    #[serde(default)]
    tool_calls: Option<Vec<CallDelta>>,
}

#[derive(Deserialize)]
struct CallDelta {
    #[serde(default)]
    index: Option<u64>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    function: Option<FunctionDelta>,
}

#[derive(Deserialize)]
struct FunctionDelta {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    arguments: Value,
}

/// A part of content as Mistral's reasoning models send it.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text {
        #[serde(default)]
        text: String,
    },
    Thinking {
        #[serde(default)]
        thinking: Vec<Part>,
    },
    #[serde(other)]
    Other,
}

impl Decoder {
    /// A decoder for one answer of at most `max_answer_bytes` in a conversation that has `earlier_calls`.
    pub(super) fn new(secrets: Secrets, max_answer_bytes: usize, earlier_calls: usize) -> Self {
        Self {
            secrets,
            size: AnswerSize::new(max_answer_bytes),
            earlier_calls,
            response_id: None,
            refused: false,
            reasoning: String::new(),
            kept: KeptReasoning::default(),
            calls: Vec::new(),
            usage: None,
            reason: None,
        }
    }

    fn delta(&mut self, delta: Delta<'_>, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        if let Some(details) = delta.reasoning_details.filter(|details| !details.is_empty()) {
            self.keep_details(details)?;
        }
        match (delta.reasoning_content, delta.reasoning) {
            (Some(text), _) if !text.is_empty() => self.reason(text, events)?,
            (_, Some(text)) if !text.is_empty() => {
                self.kept.is_short_name = true;
                self.reason(text, events)?;
            }
            _ => {}
        }
        if let Some(content) = delta.content {
            self.content(content.get(), events)?;
        }
        if let Some(refusal) = delta.refusal.filter(|text| !text.is_empty()) {
            self.refused = true;
            self.size.pass_on(refusal, Event::Text, events)?;
        }
        for call in delta.tool_calls.into_iter().flatten() {
            self.call(call)?;
        }
        Ok(())
    }

    fn reason(&mut self, text: String, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        // Kept and passed on: it counts twice.
        self.size.count(text.len())?;
        self.reasoning.push_str(&text);
        self.size.pass_on(text, Event::Reasoning, events)
    }

    fn keep_details(&mut self, details: Vec<Value>) -> Result<(), Failure> {
        for detail in details {
            self.size.count(detail.to_string().len())?;
            let kept = self.kept.details.get_or_insert_default();
            if kept.len() == MAX_DETAILS {
                return Err(Failure::unreadable(format!(
                    "the reasoning has more than {MAX_DETAILS} pieces"
                )));
            }
            kept.push(detail);
        }
        Ok(())
    }

    fn content(&mut self, content: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        match content.as_bytes().first() {
            Some(b'"') => self.size.pass_on(parse(content)?, Event::Text, events),
            Some(b'[') => {
                for part in parse::<Vec<Part>>(content)? {
                    match part {
                        Part::Text { text } => self.size.pass_on(text, Event::Text, events)?,
                        Part::Thinking { thinking } => {
                            for part in thinking {
                                if let Part::Text { text } = part {
                                    self.size.pass_on(text, Event::Reasoning, events)?;
                                }
                            }
                        }
                        Part::Other => {}
                    }
                }
                Ok(())
            }
            _ => parse::<Option<String>>(content).map(|_| ()),
        }
    }

    /// Adds a piece of a tool call to the call it belongs to. Servers that send calls whole may leave out the
    /// index, or give the same one to each.
    fn call(&mut self, delta: CallDelta) -> Result<(), Failure> {
        let id = delta.id.unwrap_or_default();
        let (name, arguments) = match delta.function {
            Some(function) => (
                function.name.unwrap_or_default(),
                match function.arguments {
                    Value::Null => String::new(),
                    Value::String(text) => text,
                    whole => whole.to_string(),
                },
            ),
            None => Default::default(),
        };
        self.size.count(id.len() + name.len() + arguments.len())?;
        let last = self.calls.iter().rposition(|call| match delta.index {
            Some(index) => call.index == Some(index),
            None => id.is_empty() || call.id == id,
        });
        let begins = |call: &PartialCall| {
            let has_other_id = !id.is_empty() && !call.id.is_empty() && call.id != id;
            has_other_id || delta.index.is_none() && id.is_empty() && !name.is_empty()
        };
        let place = match last {
            Some(place) if !begins(&self.calls[place]) => place,
            _ => {
                check_call_count(self.calls.len() + 1)?;
                self.calls.push(PartialCall {
                    index: delta.index,
                    ..PartialCall::default()
                });
                self.calls.len() - 1
            }
        };
        let call = &mut self.calls[place];
        if !id.is_empty() {
            call.id = id;
        }
        if !name.is_empty() {
            call.name = name;
        }
        call.arguments.push_str(&arguments);
        Ok(())
    }

    fn stopped(&mut self, reason: &str) -> Result<(), Failure> {
        self.reason = Some(match reason {
            "length" | "model_length" => StopReason::Length,
            "tool_calls" | "function_call" => StopReason::ToolCalls,
            "content_filter" => StopReason::Refusal,
            "error" | "insufficient_system_resource" => {
                let what = format!("it ended the answer: {}", self.secrets.scrub(reason));
                return Err(Failure::fatal(LlmError::Failed(what)));
            }
            _ => StopReason::Stop,
        });
        Ok(())
    }

    fn whole_calls(&mut self) -> Vec<ToolCall> {
        let first = self.earlier_calls;
        let calls = std::mem::take(&mut self.calls).into_iter().enumerate();
        calls
            .filter_map(|(place, call)| {
                if call.name.is_empty() {
                    tracing::warn!(place, "provider sent a tool call without a name");
                    return None;
                }
                Some(ToolCall {
                    id: if call.id.is_empty() {
                        format!("call_{}", first + place)
                    } else {
                        call.id
                    },
                    name: call.name,
                    arguments: if call.arguments.trim().is_empty() {
                        "{}".to_owned()
                    } else {
                        call.arguments
                    },
                })
            })
            .collect()
    }

    fn state(&mut self) -> Option<ReasoningState> {
        if self.reasoning.is_empty() && self.kept.details.is_none() {
            return None;
        }
        Some(ReasoningState {
            dialect: Dialect::OpenAiChat,
            text: std::mem::take(&mut self.reasoning),
            opaque: self.kept.to_text(),
        })
    }
}

impl Decode for Decoder {
    fn event(&mut self, name: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        if data.trim() == "[DONE]" {
            // It says by itself that this is all.
            self.finish(self.reason.unwrap_or(StopReason::Stop), events);
            return Ok(());
        }
        let chunk: Chunk<'_> = parse(data)?;
        if let Some(error) = chunk.error {
            let object = match error {
                StreamError::Object(object) => object,
                StreamError::Text(message) => ErrorObject::in_words(message),
            };
            return Err(from_stream(&object, &self.secrets));
        }
        if name == "error" || chunk.object.is_some_and(|object| object.get() == r#""error""#) {
            return Err(from_stream(&parse(data)?, &self.secrets));
        }
        if self.response_id.is_none() {
            self.response_id = chunk.id.filter(|id| !id.is_empty()).map(bounded_id);
        }
        if let Some(usage) = chunk.usage.filter(|usage| usage.get() != "null") {
            self.usage = counts(usage.get());
        }
        // One answer was asked for; whatever a server adds to it is not this one.
        for choice in chunk
            .choices
            .into_iter()
            .flatten()
            .filter(|choice| choice.index == 0)
        {
            if let Some(delta) = choice.delta {
                self.delta(delta, events)?;
            }
            if let Some(reason) = choice.finish_reason.filter(|reason| !reason.is_empty()) {
                self.stopped(&reason)?;
            }
        }
        Ok(())
    }

    fn nearly_done(&self) -> Option<StopReason> {
        self.reason
    }

    fn finish(&mut self, reason: StopReason, events: &mut VecDeque<Event>) {
        let is_whole = matches!(reason, StopReason::Stop | StopReason::ToolCalls);
        let calls = self.whole_calls();
        let reason = match reason {
            // Some say `stop` to calls, and some `tool_calls` to none.
            StopReason::Stop | StopReason::ToolCalls if !calls.is_empty() => StopReason::ToolCalls,
            StopReason::Stop | StopReason::ToolCalls if self.refused => StopReason::Refusal,
            StopReason::ToolCalls => StopReason::Stop,
            other => other,
        };
        if is_whole && !calls.is_empty() {
            events.extend(self.state().map(Event::State));
            events.extend(calls.into_iter().map(Event::ToolCall));
        }
        events.push_back(Event::Finished(Finished {
            reason,
            usage: self.usage,
            response_id: self.response_id.take(),
        }));
    }
}
