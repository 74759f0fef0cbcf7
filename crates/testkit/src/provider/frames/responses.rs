//! The events of OpenAI's `POST /responses`, in the order and with the members the vendor sends.
//!
//! <https://platform.openai.com/docs/api-reference/responses-streaming>

use super::{CREATED_AT, Events, Form, Report, merged, split};
use crate::provider::{
    RecordedRequest,
    reply::{Answer, End, ReportedUsage},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::fmt::Write as _;

pub(super) struct Responses {
    /// The request's number, for the ids of calls.
    number: u64,
    id: String,
    model: String,
    /// Whether reasoning is handed over in a form that can be handed back.
    encrypts: bool,
    /// Whether thoughts are told: of models that think, only to who asks for a summary.
    tells: bool,
    is_refusal: bool,
    report: Report,
    sequence: u64,
    output: Vec<Value>,
}

impl Responses {
    pub(super) fn new(answer: &Answer, request: &RecordedRequest, report: Report) -> Self {
        let included = request.json()["include"].as_array();
        let is_asked = request.json()["reasoning"]["summary"].is_string();
        Self {
            number: request.index,
            id: request.response_id(),
            model: request.model().into_owned(),
            encrypts: included.is_some_and(|members| {
                members
                    .iter()
                    .any(|member| member == "reasoning.encrypted_content")
            }),
            tells: is_asked || !thinks(&request.model()),
            is_refusal: answer.refusal,
            report,
            sequence: 0,
            output: Vec::new(),
        }
    }

    fn response(&self, status: &str, members: Value) -> Value {
        let response = json!({
            "id": self.id, "object": "response", "created_at": CREATED_AT, "status": status, "background": false,
            "error": null, "incomplete_details": null, "model": self.model, "output": [],
            "parallel_tool_calls": true, "store": false, "temperature": 1.0, "tool_choice": "auto",
            "top_p": 1.0, "truncation": "disabled", "usage": null, "metadata": {}
        });
        json!({"response": merged(&response, members)})
    }

    fn event(&mut self, name: &str, members: Value, events: &mut Events) {
        #[derive(Serialize)]
        struct Event<'a> {
            #[serde(rename = "type")]
            name: &'a str,
            sequence_number: u64,
            #[serde(flatten)]
            members: Value,
        }
        let event = Event {
            name,
            sequence_number: self.sequence,
            members,
        };
        self.sequence += 1;
        events.named(name, &event);
    }

    fn added(&mut self, item: &Value, events: &mut Events) {
        let members = json!({"output_index": self.output.len(), "item": item});
        self.event("response.output_item.added", members, events);
    }

    fn done(&mut self, item: Value, events: &mut Events) {
        let members = json!({"output_index": self.output.len(), "item": item});
        self.event("response.output_item.done", members, events);
        self.output.push(item);
    }

    fn kind(&self) -> (&'static str, &'static str) {
        if self.is_refusal {
            ("refusal", "refusal")
        } else {
            ("output_text", "text")
        }
    }

    fn message(&self, status: &str, content: &Value) -> Value {
        json!({"id": format!("msg_{}", self.id), "type": "message", "status": status, "content": content,
               "role": "assistant"})
    }

    fn part(&self, text: &str) -> Value {
        let (kind, member) = self.kind();
        let mut part = json!({ "type": kind });
        if !self.is_refusal {
            part["annotations"] = json!([]);
            part["logprobs"] = json!([]);
        }
        part[member] = text.into();
        part
    }

    fn place(&self) -> Value {
        json!({"item_id": format!("msg_{}", self.id), "output_index": self.output.len(), "content_index": 0})
    }
}

/// Models that no vendor has may think aloud: tests give their answers to any name.
fn thinks(model: &str) -> bool {
    let name = model.rsplit('/').next().unwrap_or(model);
    ["o1", "o3", "gpt-5", "gpt-6"]
        .iter()
        .any(|known| name.starts_with(known))
}

impl Form for Responses {
    fn start(&mut self, events: &mut Events) {
        let start = self.response("in_progress", Value::Null);
        self.event("response.created", start.clone(), events);
        self.event("response.in_progress", start, events);
    }

    fn reasoning(&mut self, text: &str, events: &mut Events) {
        let item_id = format!("rs_{}", self.id);
        let encrypted = self.encrypts.then(|| format!("gAAAA-{}", self.id));
        let item = |summary: Value| {
            let mut item = json!({"id": item_id, "type": "reasoning", "summary": summary});
            if let Some(encrypted) = &encrypted {
                item["encrypted_content"] = encrypted.as_str().into();
            }
            item
        };
        self.added(&item(json!([])), events);
        if !self.tells {
            return self.done(item(json!([])), events);
        }
        let place = json!({"item_id": item_id, "output_index": self.output.len(), "summary_index": 0});
        for (event, member) in [
            ("response.reasoning_summary_text.delta", "delta"),
            ("response.reasoning_summary_text.done", "text"),
        ] {
            self.event(event, merged(&place, json!({ member: text })), events);
        }
        self.done(item(json!([{"type": "summary_text", "text": text}])), events);
    }

    fn begin_text(&mut self, events: &mut Events) {
        self.added(&self.message("in_progress", &json!([])), events);
        let members = merged(&self.place(), json!({"part": self.part("")}));
        self.event("response.content_part.added", members, events);
    }

    /// The event that comes by the thousand, written without building a tree first.
    fn delta(&mut self, text: &str, events: &mut Events) {
        let (event, sequence, id) = (self.kind().0, self.sequence, &self.id);
        let output_index = self.output.len();
        let text = serde_json::to_string(text).expect("text is always JSON");
        self.sequence += 1;
        write!(
            events.0,
            "event: response.{event}.delta\ndata: {{\"type\":\"response.{event}.delta\",\
             \"sequence_number\":{sequence},\"item_id\":\"msg_{id}\",\"output_index\":{output_index},\
             \"content_index\":0,\"delta\":{text},\"logprobs\":[]}}\n\n"
        )
        .expect("a string takes everything");
    }

    fn end_text(&mut self, text: &str, events: &mut Events) {
        let (kind, member) = self.kind();
        let place = self.place();
        let ended = merged(&place, json!({ member: text }));
        self.event(&format!("response.{kind}.done"), ended, events);
        let members = merged(&place, json!({"part": self.part(text)}));
        self.event("response.content_part.done", members, events);
        self.done(self.message("completed", &json!([self.part(text)])), events);
    }

    fn tool_call(&mut self, name: &str, arguments: &str, events: &mut Events) {
        let (number, index) = (self.number, self.output.len());
        let item_id = format!("fc_{number}_{index}");
        let item = |status: &str, arguments: &str| {
            json!({"id": item_id, "type": "function_call", "status": status, "arguments": arguments,
                   "call_id": format!("call_{number}_{index}"), "name": name})
        };
        self.added(&item("in_progress", ""), events);
        let place = json!({"item_id": item_id, "output_index": index});
        for delta in split(arguments, 3) {
            let members = merged(&place, json!({ "delta": delta }));
            self.event("response.function_call_arguments.delta", members, events);
        }
        let members = merged(&place, json!({ "arguments": arguments }));
        self.event("response.function_call_arguments.done", members, events);
        self.done(item("completed", arguments), events);
    }

    fn finish(&mut self, incomplete: Option<&str>, events: &mut Events) {
        let status = if incomplete.is_some() {
            "incomplete"
        } else {
            "completed"
        };
        let usage = self.report.in_form(usage);
        let details = incomplete.map(|reason| json!({ "reason": reason }));
        let end = json!({"output": self.output, "usage": usage, "incomplete_details": details});
        let response = self.response(status, end);
        self.event(&format!("response.{status}"), response, events);
    }

    fn fail(&mut self, end: &End, events: &mut Events) {
        match end {
            End::Failed { code, message } => {
                let error = json!({"error": {"code": code, "message": message}});
                let response = self.response("failed", error);
                self.event("response.failed", response, events);
            }
            End::Error { code, message } => {
                let members = json!({"code": code, "message": message, "param": null});
                self.event("error", members, events);
            }
            End::Completed | End::Incomplete(_) => {}
        }
    }
}

fn usage(counts: &ReportedUsage) -> Value {
    json!({
        "input_tokens": counts.input,
        "input_tokens_details": {"cached_tokens": counts.cached},
        "output_tokens": counts.output,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.input.saturating_add(counts.output)
    })
}
