//! The events of Anthropic's `POST /messages`.
//!
//! <https://platform.claude.com/docs/en/build-with-claude/streaming>

use super::{Events, Form, Report, split};
use crate::provider::{
    RecordedRequest,
    refusals::Problem,
    reply::{Answer, End, ReportedUsage},
};
use serde_json::{Value, json};

pub(super) struct Anthropic {
    /// The request's number, for the ids of calls.
    number: u64,
    id: String,
    model: String,
    /// The tool that the answer is to be given by.
    answer_tool: Option<String>,
    is_refusal: bool,
    report: Report,
    /// The place of the next block.
    index: usize,
    calls: usize,
}

impl Anthropic {
    pub(super) fn new(answer: &Answer, request: &RecordedRequest, report: Report) -> Self {
        let answers_by_tool = answer.tool_calls.is_empty() && !answer.refusal;
        Self {
            number: request.index,
            id: request.response_id(),
            model: request.model().into_owned(),
            answer_tool: request
                .answer_tool()
                .filter(|_| answers_by_tool)
                .map(str::to_owned),
            is_refusal: answer.refusal,
            report,
            index: 0,
            calls: 0,
        }
    }

    fn begin(&self, block: Value, events: &mut Events) {
        let event = json!({"type": "content_block_start", "index": self.index, "content_block": block});
        events.named("content_block_start", &event);
    }

    fn more(&self, delta: Value, events: &mut Events) {
        let event = json!({"type": "content_block_delta", "index": self.index, "delta": delta});
        events.named("content_block_delta", &event);
    }

    fn stop(&mut self, events: &mut Events) {
        let event = json!({"type": "content_block_stop", "index": self.index});
        events.named("content_block_stop", &event);
        self.index += 1;
    }

    fn begin_call(&mut self, name: &str, events: &mut Events) {
        let id = format!("toolu_{}_{}", self.number, self.calls);
        self.calls += 1;
        let block = json!({"type": "tool_use", "id": id, "name": name, "input": {}});
        self.begin(block, events);
    }
}

impl Form for Anthropic {
    fn start(&mut self, events: &mut Events) {
        let mut message = json!({
            "id": self.id, "type": "message", "role": "assistant", "model": self.model, "content": [],
            "stop_reason": null, "stop_sequence": null
        });
        if let Report::Counts(counts) = self.report {
            message["usage"] = usage(&ReportedUsage { output: 1, ..counts });
        }
        let event = json!({"type": "message_start", "message": message});
        events.named("message_start", &event);
        events.named("ping", &json!({"type": "ping"}));
    }

    fn reasoning(&mut self, text: &str, events: &mut Events) {
        self.begin(
            json!({"type": "thinking", "thinking": "", "signature": ""}),
            events,
        );
        for piece in split(text, 2) {
            self.more(json!({"type": "thinking_delta", "thinking": piece}), events);
        }
        let signature = format!("sig-{}", self.id);
        self.more(json!({"type": "signature_delta", "signature": signature}), events);
        self.stop(events);
    }

    fn begin_text(&mut self, events: &mut Events) {
        match self.answer_tool.clone() {
            Some(tool) => self.begin_call(&tool, events),
            None => self.begin(json!({"type": "text", "text": ""}), events),
        }
    }

    fn delta(&mut self, text: &str, events: &mut Events) {
        let delta = match self.answer_tool {
            Some(_) => json!({"type": "input_json_delta", "partial_json": text}),
            None => json!({"type": "text_delta", "text": text}),
        };
        self.more(delta, events);
    }

    fn end_text(&mut self, _: &str, events: &mut Events) {
        self.stop(events);
    }

    fn tool_call(&mut self, name: &str, arguments: &str, events: &mut Events) {
        self.begin_call(name, events);
        self.more(json!({"type": "input_json_delta", "partial_json": ""}), events);
        for piece in split(arguments, 3) {
            self.more(json!({"type": "input_json_delta", "partial_json": piece}), events);
        }
        self.stop(events);
    }

    fn finish(&mut self, incomplete: Option<&str>, events: &mut Events) {
        let reason = match incomplete {
            Some("content_filter") => "refusal",
            Some(_) => "max_tokens",
            None if self.is_refusal => "refusal",
            None if self.calls > 0 => "tool_use",
            None => "end_turn",
        };
        let mut event =
            json!({"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": null}});
        let reported = self.report.in_form(usage);
        if !reported.is_null() {
            event["usage"] = reported;
        }
        events.named("message_delta", &event);
        events.named("message_stop", &json!({"type": "message_stop"}));
    }

    fn fail(&mut self, end: &End, events: &mut Events) {
        if let Some((problem, message)) = Problem::at_the_end(end) {
            let (_, body) = problem.anthropic(message);
            events.named("error", &body);
        }
    }
}

/// Its counters are disjoint: input excludes what was read from the cache and written to it.
fn usage(counts: &ReportedUsage) -> Value {
    let mut usage = json!({
        "input_tokens": counts.input.saturating_sub(counts.cached).saturating_sub(counts.written),
        "cache_creation_input_tokens": counts.written,
        "cache_read_input_tokens": counts.cached,
        "output_tokens": counts.output
    });
    if counts.reasoning != 0 {
        usage["output_tokens_details"] = json!({"thinking_tokens": counts.reasoning});
    }
    usage
}
