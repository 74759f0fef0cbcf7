//! The chunks of `POST /chat/completions` as OpenAI sends them, with the reasoning that compatible servers add.
//!
//! <https://platform.openai.com/docs/api-reference/chat-streaming>

use super::{CREATED_AT, Events, Form, Report, split};
use crate::provider::{
    RecordedRequest,
    refusals::Problem,
    reply::{Answer, End, ReportedUsage},
};
use serde_json::{Value, json};

pub(super) struct Chat {
    /// The request's number, for the ids of calls.
    number: u64,
    id: String,
    model: String,
    is_refusal: bool,
    /// Whether the client asks for the report of use: without that there is none.
    reports: bool,
    report: Report,
    calls: usize,
}

impl Chat {
    pub(super) fn new(answer: &Answer, request: &RecordedRequest, report: Report) -> Self {
        Self {
            number: request.index,
            id: request.response_id(),
            model: request.model().into_owned(),
            is_refusal: answer.refusal,
            reports: request.json()["stream_options"]["include_usage"] == true,
            report,
            calls: 0,
        }
    }

    fn chunk(&self, choices: Value, usage: Value, events: &mut Events) {
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": CREATED_AT, "model": self.model,
            "service_tier": "default", "system_fingerprint": "fp_scripted", "choices": choices
        });
        if self.reports {
            chunk["usage"] = usage;
        }
        events.data(&chunk);
    }

    fn choice(&self, delta: Value, finish_reason: Option<&str>, events: &mut Events) {
        let choice = json!({"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason});
        self.chunk(json!([choice]), Value::Null, events);
    }
}

impl Form for Chat {
    fn start(&mut self, events: &mut Events) {
        self.choice(
            json!({"role": "assistant", "content": "", "refusal": null}),
            None,
            events,
        );
    }

    fn reasoning(&mut self, text: &str, events: &mut Events) {
        for piece in split(text, 2) {
            self.choice(json!({"content": null, "reasoning_content": piece}), None, events);
        }
    }

    fn begin_text(&mut self, _: &mut Events) {}

    fn delta(&mut self, text: &str, events: &mut Events) {
        let member = if self.is_refusal { "refusal" } else { "content" };
        self.choice(json!({ member: text }), None, events);
    }

    fn end_text(&mut self, _: &str, _: &mut Events) {}

    fn tool_call(&mut self, name: &str, arguments: &str, events: &mut Events) {
        let (number, index) = (self.number, self.calls);
        self.calls += 1;
        let begun = json!({"index": index, "id": format!("call_{number}_{index}"), "type": "function",
                           "function": {"name": name, "arguments": ""}});
        self.choice(json!({"tool_calls": [begun]}), None, events);
        for piece in split(arguments, 3) {
            let more = json!({"index": index, "function": {"arguments": piece}});
            self.choice(json!({"tool_calls": [more]}), None, events);
        }
    }

    fn finish(&mut self, incomplete: Option<&str>, events: &mut Events) {
        let reason = match incomplete {
            Some("content_filter") => "content_filter",
            Some(_) => "length",
            None if self.calls > 0 => "tool_calls",
            None => "stop",
        };
        self.choice(json!({}), Some(reason), events);
        let usage = self.report.in_form(usage);
        if self.reports && !usage.is_null() {
            self.chunk(json!([]), usage, events);
        }
        events.0.push_str("data: [DONE]\n\n");
    }

    fn fail(&mut self, end: &End, events: &mut Events) {
        if let Some((problem, message)) = Problem::at_the_end(end) {
            let (_, body) = problem.openai(message);
            events.data(&body);
        }
    }
}

fn usage(counts: &ReportedUsage) -> Value {
    let mut usage = json!({
        "prompt_tokens": counts.input,
        "completion_tokens": counts.output,
        "total_tokens": counts.input.saturating_add(counts.output),
        "prompt_tokens_details": {"cached_tokens": counts.cached, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": counts.reasoning, "audio_tokens": 0}
    });
    if counts.written != 0 {
        // Routers before vendors that bill it say so.
        usage["prompt_tokens_details"]["cache_write_tokens"] = counts.written.into();
    }
    usage
}
