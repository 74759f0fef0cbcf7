//! The chunks of Gemini's `streamGenerateContent`. Nothing marks the end but the reason for it.
//!
//! <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>

use super::{Events, Form, Report, split};
use crate::provider::{
    RecordedRequest,
    refusals::Problem,
    reply::{Answer, End, ReportedUsage},
};
use serde_json::{Value, json};

pub(super) struct Gemini {
    id: String,
    model: String,
    is_refusal: bool,
    /// Whether calls bear a signature that the model wants back: those that follow its thoughts do.
    signs: bool,
    report: Report,
    calls: usize,
}

impl Gemini {
    pub(super) fn new(answer: &Answer, request: &RecordedRequest, report: Report) -> Self {
        let model = request.model().into_owned();
        Self {
            id: request.response_id(),
            signs: answer.reasoning.is_some() || model.starts_with("gemini-3"),
            model,
            is_refusal: answer.refusal,
            report,
            calls: 0,
        }
    }

    /// A chunk of the one candidate. What was used so far is the prompt until the end.
    fn chunk(&self, part: &Value, reason: Option<&str>, usage: Value, events: &mut Events) {
        let mut candidate = json!({"content": {"parts": [part], "role": "model"}, "index": 0});
        if let Some(reason) = reason {
            candidate["finishReason"] = reason.into();
        }
        let mut chunk = json!({"candidates": [candidate], "modelVersion": self.model, "responseId": self.id});
        if !usage.is_null() {
            chunk["usageMetadata"] = usage;
        }
        send(&chunk, events);
    }

    fn part(&self, part: &Value, events: &mut Events) {
        let so_far = match self.report {
            Report::Counts(counts) => {
                json!({"promptTokenCount": counts.input, "totalTokenCount": counts.input})
            }
            Report::Raw(_) | Report::Nothing => Value::Null,
        };
        self.chunk(part, None, so_far, events);
    }
}

impl Form for Gemini {
    fn start(&mut self, _: &mut Events) {}

    fn reasoning(&mut self, text: &str, events: &mut Events) {
        for piece in split(text, 2) {
            self.part(&json!({"text": piece, "thought": true}), events);
        }
    }

    fn begin_text(&mut self, _: &mut Events) {}

    fn delta(&mut self, text: &str, events: &mut Events) {
        self.part(&json!({ "text": text }), events);
    }

    fn end_text(&mut self, _: &str, _: &mut Events) {}

    /// Arguments are an object to this vendor; what is none makes an event that cannot be read.
    fn tool_call(&mut self, name: &str, arguments: &str, events: &mut Events) {
        const ARGUMENTS: &str = "\"<ARGUMENTS>\"";
        let mut part = json!({"functionCall": {"name": name, "args": "<ARGUMENTS>"}});
        if self.signs && self.calls == 0 {
            part["thoughtSignature"] = format!("sig-{}", self.id).into();
        }
        self.calls += 1;
        let mut event = Events(String::new());
        self.part(&part, &mut event);
        events.0.push_str(&event.0.replace(ARGUMENTS, arguments));
    }

    fn finish(&mut self, incomplete: Option<&str>, events: &mut Events) {
        let reason = match incomplete {
            Some("content_filter") => "SAFETY",
            Some(_) => "MAX_TOKENS",
            None if self.is_refusal => "SAFETY",
            None => "STOP",
        };
        let usage = self.report.in_form(usage);
        self.chunk(&json!({"text": ""}), Some(reason), usage, events);
    }

    fn fail(&mut self, end: &End, events: &mut Events) {
        if let Some((problem, message)) = Problem::at_the_end(end) {
            let (_, body) = problem.google(message, None);
            send(&body, events);
        }
    }
}

/// Google ends its lines as HTTP does.
fn send(data: &Value, events: &mut Events) {
    events.0.push_str(&format!("data: {data}\r\n\r\n"));
}

/// Its prompt includes what came from the cache; thoughts are counted beside the answer.
fn usage(counts: &ReportedUsage) -> Value {
    let mut usage = json!({
        "promptTokenCount": counts.input,
        "candidatesTokenCount": counts.output.saturating_sub(counts.reasoning),
        "totalTokenCount": counts.input.saturating_add(counts.output)
    });
    if counts.cached != 0 {
        usage["cachedContentTokenCount"] = counts.cached.into();
    }
    if counts.reasoning != 0 {
        usage["thoughtsTokenCount"] = counts.reasoning.into();
    }
    usage
}
