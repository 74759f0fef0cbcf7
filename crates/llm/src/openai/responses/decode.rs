//! The events of `POST /responses` in the normal form.
//!
//! Thousands of deltas a second pass here, so the data of an event is scanned once for its `type` and
//! `delta`, and only the few other events that matter are parsed further.

use super::super::error::{ErrorObject, from_stream};
use crate::{
    answer_stream::Decode,
    decoding::{AnswerSize, bounded_id, check_call_count, parse, possible},
    failure::Failure,
    model::{Dialect, Event, Finished, ReasoningState, StopReason, ToolCall},
    secret::Secrets,
};
use chatai_types::TokenCounts;
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::{
    borrow::Cow,
    collections::{BTreeMap, VecDeque},
};

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    secrets: Secrets,
    size: AnswerSize,
    refused: bool,
    /// Reasoning as the next call needs it back, by place in the output.
    states: BTreeMap<u64, ReasoningState>,
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
    id: Option<String>,
    summary: Option<Vec<SummaryPart>>,
    encrypted_content: Option<String>,
    call_id: Option<String>,
    name: Option<String>,
    arguments: Option<String>,
}

#[derive(Deserialize)]
struct SummaryPart {
    #[serde(default)]
    text: String,
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
    /// A decoder for one answer of at most `max_answer_bytes`; `secrets` are scrubbed from error texts.
    pub(super) fn new(secrets: Secrets, max_answer_bytes: usize) -> Self {
        Self {
            secrets,
            size: AnswerSize::new(max_answer_bytes),
            refused: false,
            states: BTreeMap::new(),
            calls: BTreeMap::new(),
        }
    }

    fn text(
        &mut self,
        frame: &Frame<'_>,
        events: &mut VecDeque<Event>,
        kind: fn(String) -> Event,
    ) -> Result<(), Failure> {
        let Some(delta) = frame.delta else { return Ok(()) };
        self.size.pass_on(parse(delta.get())?, kind, events)
    }

    fn call(&mut self, output_index: u64) -> Result<&mut PartialCall, Failure> {
        if !self.calls.contains_key(&output_index) {
            check_call_count(self.calls.len() + 1)?;
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
        self.size.count(bytes)?;
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
        match item.kind.as_str() {
            "function_call" => {}
            "reasoning" if done => return self.reasoned(output_index, item),
            _ => return Ok(()),
        }
        self.learn(output_index, item.call_id, item.name, item.arguments)?;
        if done {
            // A call without arguments is complete too.
            self.call(output_index)?.arguments.get_or_insert_default();
        }
        Ok(())
    }

    /// Keeps a reasoning item that can be handed back: without its encrypted content the vendor, who stores
    /// nothing of ours, does not know it.
    fn reasoned(&mut self, output_index: u64, item: OutputItem) -> Result<(), Failure> {
        let (Some(id), Some(encrypted)) = (item.id, item.encrypted_content) else {
            return Ok(());
        };
        let text: Vec<String> = item
            .summary
            .unwrap_or_default()
            .into_iter()
            .map(|part| part.text)
            .collect();
        let text = text.join("\n\n");
        let opaque = json!({"id": id, "encrypted_content": encrypted}).to_string();
        self.size.count(text.len() + opaque.len())?;
        check_call_count(self.states.len() + 1)?;
        let state = ReasoningState {
            dialect: Dialect::OpenAiResponses,
            text,
            opaque,
        };
        self.states.insert(output_index, state);
        Ok(())
    }

    fn finish(&mut self, data: &str, complete: bool, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let EndFrame { response } = parse(data)?;
        let reason = if complete {
            match (self.refused, self.hand_over_calls(events)) {
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
        let response_id = response.id.map(bounded_id);
        let usage = response.usage.and_then(|usage| counts(usage.get()));
        events.push_back(Event::Finished(Finished {
            reason,
            usage,
            response_id,
        }));
        Ok(())
    }

    /// Passes the calls on in the model's order, each behind the reasoning that led to it; gives whether there
    /// are any.
    fn hand_over_calls(&mut self, events: &mut VecDeque<Event>) -> bool {
        let mut states = std::mem::take(&mut self.states);
        let mut any = false;
        for (index, call) in std::mem::take(&mut self.calls) {
            let Some(call) = call.whole(index) else { continue };
            let later = states.split_off(&index);
            events.extend(
                std::mem::replace(&mut states, later)
                    .into_values()
                    .map(Event::State),
            );
            events.push_back(Event::ToolCall(call));
            any = true;
        }
        any
    }

    fn failed(&self, data: &str) -> Failure {
        match parse::<EndFrame<'_>>(data) {
            Ok(frame) => from_stream(&frame.response.error.unwrap_or_default(), &self.secrets),
            Err(failure) => failure,
        }
    }

    fn error(&self, data: &str) -> Failure {
        let nested = parse::<ErrorFrame>(data).ok().and_then(|frame| frame.error);
        let object = match nested {
            Some(object) => Ok(object),
            None => parse::<ErrorObject>(data),
        };
        object.map_or_else(|failure| failure, |object| from_stream(&object, &self.secrets))
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

/// The reported usage. Its input includes what was read from the cache, its output the reasoning; nothing is
/// billed for writing to the cache.
fn counts(usage: &str) -> Option<TokenCounts> {
    let reported: Result<Usage, _> = serde_json::from_str(usage);
    possible(reported.map_err(|error| error.to_string()).and_then(|usage| {
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
    }))
}
