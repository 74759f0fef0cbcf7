//! The events of `POST /responses` in the normal form.
//!
//! Thousands of deltas a second pass here, so the data of an event is scanned once for its `type` and
//! `delta`, and only the few other events that matter are parsed further.

use super::super::error::{ErrorObject, from_stream};
use crate::{
    answer_stream::Decode,
    failure::Failure,
    model::{Event, Finished, StopReason, ToolCall},
    provider::LlmError,
    secret::Secret,
};
use chatai_types::TokenCounts;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

/// More tool calls in one answer than any model makes.
const MAX_CALLS: usize = 128;

/// The longest id that is kept.
const MAX_ID_CHARS: usize = 128;

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    key: Secret,
    max_answer_bytes: usize,
    /// Text, reasoning and arguments so far.
    answer_bytes: usize,
    refused: bool,
    /// By place in the output, so that parallel calls keep their order. They are handed over at the end: a
    /// call of an answer that broke off is never made.
    calls: BTreeMap<u64, PartialCall>,
}

/// A tool call as far as it was told.
#[derive(Debug, Default)]
struct PartialCall {
    id: String,
    name: String,
    arguments: Option<String>,
}

/// What is looked at in every event.
#[derive(Deserialize)]
struct Frame<'a> {
    #[serde(borrow, rename = "type", default)]
    kind: Cow<'a, str>,
    #[serde(borrow, default)]
    delta: Option<&'a RawValue>,
}

/// `response.output_item.added` and `.done`.
#[derive(Deserialize)]
struct ItemFrame {
    #[serde(default)]
    output_index: u64,
    item: OutputItem,
}

#[derive(Deserialize)]
#[serde(default)]
#[derive(Default)]
struct OutputItem {
    #[serde(rename = "type")]
    kind: String,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
}

/// `response.function_call_arguments.done`.
#[derive(Deserialize)]
struct ArgumentsFrame {
    #[serde(default)]
    output_index: u64,
    name: Option<String>,
    arguments: String,
}

/// `response.completed`, `.incomplete` and `.failed`.
#[derive(Deserialize)]
struct EndFrame<'a> {
    #[serde(borrow)]
    response: Response<'a>,
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(default)]
    id: Option<String>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
    #[serde(default)]
    incomplete_details: Option<IncompleteDetails>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
struct IncompleteDetails {
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Usage {
    input_tokens: i64,
    #[serde(default)]
    input_tokens_details: Option<InputDetails>,
    output_tokens: i64,
    #[serde(default)]
    output_tokens_details: Option<OutputDetails>,
}

#[derive(Debug, Deserialize)]
struct InputDetails {
    #[serde(default)]
    cached_tokens: Option<i64>,
}

#[derive(Debug, Deserialize)]
struct OutputDetails {
    #[serde(default)]
    reasoning_tokens: Option<i64>,
}

/// An `error` event: OpenAI puts the members beside `type`, some servers into `error`.
#[derive(Deserialize)]
struct ErrorFrame {
    error: Option<ErrorObject>,
}

impl Decoder {
    /// A decoder for one answer of at most `max_answer_bytes`; `key` is scrubbed from error texts.
    pub(super) fn new(key: Secret, max_answer_bytes: usize) -> Self {
        Self {
            key,
            max_answer_bytes,
            answer_bytes: 0,
            refused: false,
            calls: BTreeMap::new(),
        }
    }

    fn count(&mut self, bytes: usize) -> Result<(), Failure> {
        self.answer_bytes = self.answer_bytes.saturating_add(bytes);
        if self.answer_bytes <= self.max_answer_bytes {
            return Ok(());
        }
        let limit = self.max_answer_bytes;
        Err(Failure::refused(LlmError::Failed(format!(
            "the answer is larger than {limit} bytes"
        ))))
    }

    /// Text of a delta, joined to what is still on its way: events that arrive together leave together.
    fn text(
        &mut self,
        frame: &Frame<'_>,
        events: &mut VecDeque<Event>,
        kind: fn(String) -> Event,
    ) -> Result<(), Failure> {
        let Some(delta) = frame.delta else { return Ok(()) };
        let delta: String = parse(delta.get())?;
        if delta.is_empty() {
            return Ok(());
        }
        self.count(delta.len())?;
        let fresh = kind(delta);
        match (events.back_mut(), fresh) {
            (Some(Event::Text(text)), Event::Text(more))
            | (Some(Event::Reasoning(text)), Event::Reasoning(more)) => {
                text.push_str(&more);
            }
            (_, fresh) => events.push_back(fresh),
        }
        Ok(())
    }

    fn call(&mut self, output_index: u64) -> Result<&mut PartialCall, Failure> {
        if self.calls.len() >= MAX_CALLS && !self.calls.contains_key(&output_index) {
            let what = format!("the answer has more than {MAX_CALLS} tool calls");
            return Err(Failure::unreadable(what));
        }
        Ok(self.calls.entry(output_index).or_default())
    }

    /// Completes what is known of a call; what is given again replaces what was given before.
    fn learn(
        &mut self,
        output_index: u64,
        id: Option<String>,
        name: Option<String>,
        arguments: Option<String>,
    ) -> Result<(), Failure> {
        let bytes = [&id, &name, &arguments]
            .into_iter()
            .flatten()
            .map(String::len)
            .sum();
        self.count(bytes)?;
        let call = self.call(output_index)?;
        if let Some(id) = id.filter(|id| !id.is_empty()) {
            call.id = id;
        }
        if let Some(name) = name.filter(|name| !name.is_empty()) {
            call.name = name;
        }
        // The beginning of a call carries empty arguments.
        if let Some(arguments) = arguments.filter(|text| !text.is_empty() || call.arguments.is_some()) {
            call.arguments = Some(arguments);
        }
        Ok(())
    }

    fn item(&mut self, data: &str, done: bool) -> Result<(), Failure> {
        let ItemFrame { output_index, item } = parse(data)?;
        if item.kind != "function_call" {
            return Ok(());
        }
        self.learn(output_index, item.call_id, item.name, item.arguments)?;
        if done {
            // A call without arguments is complete too.
            self.call(output_index)?.arguments.get_or_insert_default();
        }
        Ok(())
    }

    fn finish(&mut self, data: &str, complete: bool, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let EndFrame { response } = parse(data)?;
        let reason = if complete {
            let calls = std::mem::take(&mut self.calls);
            let before = events.len();
            events.extend(
                calls
                    .into_iter()
                    .filter_map(|(index, call)| call.whole(index))
                    .map(Event::ToolCall),
            );
            match (self.refused, events.len() > before) {
                (_, true) => StopReason::ToolCalls,
                (true, false) => StopReason::Refusal,
                (false, false) => StopReason::Stop,
            }
        } else {
            let reason = response.incomplete_details.and_then(|details| details.reason);
            match reason.as_deref() {
                Some("content_filter") => StopReason::Refusal,
                _ => StopReason::Length,
            }
        };
        let response_id = response.id.map(|id| id.chars().take(MAX_ID_CHARS).collect());
        let usage = response.usage.and_then(|usage| counts(usage.get()));
        events.push_back(Event::Finished(Finished {
            reason,
            usage,
            response_id,
        }));
        Ok(())
    }

    fn failed(&self, data: &str) -> Failure {
        match parse::<EndFrame<'_>>(data) {
            Ok(frame) => from_stream(&frame.response.error.unwrap_or_default(), &self.key),
            Err(failure) => failure,
        }
    }

    fn error(&self, data: &str) -> Failure {
        let nested = parse::<ErrorFrame>(data).ok().and_then(|frame| frame.error);
        let object = match nested {
            Some(object) => Ok(object),
            None => parse::<ErrorObject>(data),
        };
        object.map_or_else(|failure| failure, |object| from_stream(&object, &self.key))
    }
}

impl Decode for Decoder {
    fn event(&mut self, name: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        // How some compatible servers end a stream; the answer's end is an event of its own.
        if data == "[DONE]" {
            return Ok(());
        }
        let frame: Frame<'_> = parse(data)?;
        let kind = if frame.kind.is_empty() { name } else { &frame.kind };
        match kind {
            "response.output_text.delta" => self.text(&frame, events, Event::Text),
            "response.refusal.delta" => {
                self.refused = true;
                self.text(&frame, events, Event::Text)
            }
            "response.reasoning_summary_text.delta" => self.text(&frame, events, Event::Reasoning),
            "response.output_item.added" => self.item(data, false),
            "response.output_item.done" => self.item(data, true),
            "response.function_call_arguments.done" => {
                let ArgumentsFrame {
                    output_index,
                    name,
                    arguments,
                } = parse(data)?;
                self.learn(output_index, None, name, Some(arguments))?;
                self.call(output_index)?.arguments.get_or_insert_default();
                Ok(())
            }
            "response.completed" => self.finish(data, true, events),
            "response.incomplete" => self.finish(data, false, events),
            "response.failed" => Err(self.failed(data)),
            "error" => Err(self.error(data)),
            _ => Ok(()),
        }
    }
}

impl PartialCall {
    /// The call, where it was told to its end. One without a name cannot be answered.
    fn whole(self, output_index: u64) -> Option<ToolCall> {
        let arguments = self.arguments?;
        if self.name.is_empty() {
            tracing::warn!(output_index, "provider sent a tool call without a name");
            return None;
        }
        let id = if self.id.is_empty() {
            format!("call_{output_index}")
        } else {
            self.id
        };
        Some(ToolCall {
            id,
            name: self.name,
            arguments,
        })
    }
}

/// The reported usage; `None`, and a warning, where it cannot be.
fn counts(usage: &str) -> Option<TokenCounts> {
    let reported: Result<Usage, _> = serde_json::from_str(usage);
    let counts = reported.map_err(|error| error.to_string()).and_then(|usage| {
        let cached = usage
            .input_tokens_details
            .and_then(|details| details.cached_tokens)
            .unwrap_or(0);
        let reasoning = usage
            .output_tokens_details
            .and_then(|details| details.reasoning_tokens)
            .unwrap_or(0);
        TokenCounts::from_inclusive(usage.input_tokens, cached, usage.output_tokens, reasoning)
            .map_err(|error| error.to_string())
    });
    counts
        .map_err(|reason| tracing::warn!(reason, "provider reported impossible usage"))
        .ok()
}

fn parse<'a, T: Deserialize<'a>>(data: &'a str) -> Result<T, Failure> {
    // The text of a syntax error names a place, never the content; the content may be anybody's words.
    serde_json::from_str(data).map_err(|error| {
        let place = format!("{:?} error at column {}", error.classify(), error.column()).to_lowercase();
        Failure::unreadable(format!("an event of the stream cannot be read: {place}"))
    })
}
