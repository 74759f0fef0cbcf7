//! The chunks of `streamGenerateContent` in the normal form. There is no mark of the end: the chunk that says why
//! the model ended is the last, or nearly.
//!
//! <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>

use super::{
    MADE_UP_ID,
    error::{ErrorObject, from_stream},
    usage::Usage,
};
use crate::{
    answer_stream::Decode,
    decoding::{AnswerSize, bounded_id, check_call_count, parse},
    failure::Failure,
    model::{Dialect, Event, Finished, ReasoningState, StopReason, ToolCall},
    provider::LlmError,
    secret::Secrets,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::collections::VecDeque;

/// The state of one answer.
#[derive(Debug)]
pub(super) struct Decoder {
    secrets: Secrets,
    size: AnswerSize,
    /// How many calls the conversation has already: ids that are made up go on from there.
    earlier_calls: usize,
    response_id: Option<String>,
    /// In the model's order. They are handed over at the end: a call of an answer that broke off is never made.
    calls: Vec<ToolCall>,
    /// The signature of each call, where it has one.
    signatures: Vec<Option<String>>,
    /// Each chunk reports all that was used until then.
    usage: Option<Usage>,
    /// Why the model ended, once it has.
    reason: Option<StopReason>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk<'a> {
    #[serde(borrow, default)]
    candidates: Vec<Candidate<'a>>,
    #[serde(default)]
    prompt_feedback: Option<Feedback>,
    #[serde(default)]
    usage_metadata: Option<Usage>,
    #[serde(default)]
    response_id: Option<String>,
    #[serde(default)]
    error: Option<ErrorObject>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Feedback {
    #[serde(default)]
    block_reason: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Candidate<'a> {
    #[serde(default)]
    index: u64,
    #[serde(borrow, default)]
    content: Option<Content<'a>>,
    #[serde(default)]
    finish_reason: Option<String>,
    #[serde(default)]
    finish_message: Option<String>,
}

#[derive(Deserialize)]
struct Content<'a> {
    #[serde(borrow, default)]
    parts: Vec<Part<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part<'a> {
    #[serde(default)]
    text: Option<String>,
    /// Whether the text is a summary of the reasoning.
    #[serde(default)]
    thought: bool,
    #[serde(default)]
    thought_signature: Option<String>,
    #[serde(borrow, default)]
    function_call: Option<FunctionCall<'a>>,
}

#[derive(Deserialize)]
struct FunctionCall<'a> {
    #[serde(default)]
    id: Option<String>,
    name: String,
    #[serde(borrow, default)]
    args: Option<&'a RawValue>,
}

impl Decoder {
    /// A decoder for one answer of at most `max_answer_bytes` in a conversation that has `earlier_calls`.
    pub(super) fn new(secrets: Secrets, max_answer_bytes: usize, earlier_calls: usize) -> Self {
        Self {
            secrets,
            size: AnswerSize::new(max_answer_bytes),
            earlier_calls,
            response_id: None,
            calls: Vec::new(),
            signatures: Vec::new(),
            usage: None,
            reason: None,
        }
    }

    fn part(&mut self, part: Part<'_>, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        if let Some(text) = part.text {
            let kind = if part.thought {
                Event::Reasoning
            } else {
                Event::Text
            };
            self.size.pass_on(text, kind, events)?;
        }
        let Some(call) = part.function_call else {
            return Ok(());
        };
        check_call_count(self.calls.len() + 1)?;
        let arguments = call.args.map_or("{}", RawValue::get);
        let signature = part.thought_signature.filter(|signature| !signature.is_empty());
        let kept = call.name.len() + arguments.len() + signature.as_ref().map_or(0, String::len);
        self.size.count(kept)?;
        let id = match call.id.filter(|id| !id.is_empty()) {
            Some(id) => bounded_id(id),
            None => format!("{MADE_UP_ID}{}", self.earlier_calls + self.calls.len()),
        };
        self.calls.push(ToolCall {
            id,
            name: call.name,
            arguments: arguments.to_owned(),
        });
        self.signatures.push(signature);
        Ok(())
    }

    fn stopped(&mut self, reason: &str, message: Option<&str>) -> Result<(), Failure> {
        self.reason = Some(match reason {
            "FINISH_REASON_UNSPECIFIED" => return Ok(()),
            "MAX_TOKENS" => StopReason::Length,
            "SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII"
            | "IMAGE_SAFETY" => StopReason::Refusal,
            "STOP" => StopReason::Stop,
            // A call that cannot be read, one too many, or `OTHER`: in any case not an answer.
            _ => {
                let said = message.map_or_else(String::new, |message| format!(": {message}"));
                let what = self
                    .secrets
                    .scrub(&format!("it ended the answer with {reason}{said}"));
                return Err(Failure::refused(LlmError::Failed(what)));
            }
        });
        Ok(())
    }

    /// The calls' signatures, in the calls' order.
    fn state(&self) -> Option<ReasoningState> {
        if self.signatures.iter().all(Option::is_none) {
            return None;
        }
        Some(ReasoningState {
            dialect: Dialect::Gemini,
            text: String::new(),
            opaque: serde_json::to_string(&self.signatures).ok()?,
        })
    }
}

impl Decode for Decoder {
    fn event(&mut self, _name: &str, data: &str, events: &mut VecDeque<Event>) -> Result<(), Failure> {
        let chunk: Chunk<'_> = parse(data)?;
        if let Some(error) = chunk.error {
            return Err(from_stream(&error, &self.secrets));
        }
        if self.response_id.is_none() {
            self.response_id = chunk.response_id.filter(|id| !id.is_empty()).map(bounded_id);
        }
        let reports = chunk.usage_metadata.is_some();
        self.usage = chunk.usage_metadata.or(self.usage);
        // One answer was asked for; whatever a server adds to it is not this one.
        for candidate in chunk
            .candidates
            .into_iter()
            .filter(|candidate| candidate.index == 0)
        {
            for part in candidate.content.into_iter().flat_map(|content| content.parts) {
                self.part(part, events)?;
            }
            if let Some(reason) = candidate.finish_reason {
                self.stopped(&reason, candidate.finish_message.as_deref())?;
            }
        }
        let blocked = chunk.prompt_feedback.and_then(|feedback| feedback.block_reason);
        if blocked.is_some_and(|reason| reason != "BLOCK_REASON_UNSPECIFIED") {
            self.reason = Some(StopReason::Refusal);
        }
        if let Some(reason) = self.reason.filter(|_| reports) {
            self.finish(reason, events);
        }
        Ok(())
    }

    fn nearly_done(&self) -> Option<StopReason> {
        self.reason
    }

    fn finish(&mut self, reason: StopReason, events: &mut VecDeque<Event>) {
        let calls = std::mem::take(&mut self.calls);
        let reason = match reason {
            // The API has no word of its own for calls.
            StopReason::Stop if !calls.is_empty() => {
                events.extend(self.state().map(Event::State));
                events.extend(calls.into_iter().map(Event::ToolCall));
                StopReason::ToolCalls
            }
            other => other,
        };
        events.push_back(Event::Finished(Finished {
            reason,
            usage: self.usage.and_then(Usage::counts),
            response_id: self.response_id.take(),
        }));
    }
}
