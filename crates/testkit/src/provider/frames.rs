//! An answer as the events of `POST /responses`, in the order and with the members the vendor sends.

use super::{
    RecordedRequest,
    reply::{Answer, End, Fault, ReportedUsage, Usage, Wait},
};
use serde::Serialize;
use serde_json::{Value, json};
use std::{fmt::Write as _, time::Duration};

/// When every scripted answer was made, in seconds since 1970.
const CREATED_AT: i64 = 1_750_000_000;

/// A piece of a body.
#[derive(Debug)]
pub(super) enum Segment {
    /// Bytes of the body.
    Bytes(Vec<u8>),
    /// Something to wait for, after what came before was sent.
    Wait(Wait),
    /// Nothing more; the connection stays open.
    Hang,
    /// The connection closes without the body's end.
    Cut,
    /// These bytes again and again.
    Endless(&'static [u8]),
}

/// A rendered answer.
#[derive(Debug)]
pub(super) struct Rendered {
    pub(super) segments: Vec<Segment>,
    /// What the last event reports, if it is sent.
    pub(super) usage: Option<ReportedUsage>,
}

/// Renders `answer` to `request`.
pub(super) fn render(answer: &Answer, request: &RecordedRequest) -> Rendered {
    let mut writer = Writer {
        segments: Vec::new(),
        bytes: String::with_capacity(2_048),
        sequence: 0,
    };
    let usage = writer.answer(answer, request);
    writer.flush();
    Rendered {
        segments: writer.segments,
        usage,
    }
}

struct Writer {
    segments: Vec<Segment>,
    bytes: String,
    sequence: u64,
}

impl Writer {
    fn answer(&mut self, answer: &Answer, request: &RecordedRequest) -> Option<ReportedUsage> {
        let (id, model) = (request.response_id(), request.model());
        let response = |status: &str, members: Value| {
            let mut response = json!({
                "id": id, "object": "response", "created_at": CREATED_AT, "status": status, "background": false,
                "error": null, "incomplete_details": null, "model": model, "output": [],
                "parallel_tool_calls": true, "store": false, "temperature": 1.0, "tool_choice": "auto",
                "top_p": 1.0, "truncation": "disabled", "usage": null, "metadata": {}
            });
            let changes = members.as_object().into_iter().flatten();
            for (name, value) in changes {
                response[name] = value.clone();
            }
            response
        };
        let start = response("in_progress", Value::Null);
        self.event("response.created", json!({ "response": start }));
        self.event("response.in_progress", json!({ "response": start }));

        let mut output = Vec::new();
        if let Some(reasoning) = &answer.reasoning {
            self.reasoning(&id, reasoning, &mut output);
        }
        // An answer of tool calls alone has no message.
        if !answer.text.is_empty() || answer.tool_calls.is_empty() {
            if self.message(&id, answer, &mut output).is_break() {
                return None;
            }
        } else if self.point(answer, 0).is_break() {
            return None;
        }
        for (name, arguments) in &answer.tool_calls {
            self.tool_call(request.index, name, arguments, &mut output);
        }
        let counts = match &answer.usage {
            Usage::Plausible => Some(plausible(answer, request)),
            Usage::Counts(counts) => Some(*counts),
            Usage::Raw(_) | Usage::Missing => None,
        };
        let usage = match (&answer.usage, counts) {
            (Usage::Raw(usage), _) => usage.clone(),
            (_, Some(counts)) => usage_object(&counts),
            (_, None) => Value::Null,
        };
        match &answer.end {
            End::Completed => {
                let end = response("completed", json!({"output": output, "usage": usage}));
                self.event("response.completed", json!({ "response": end }));
            }
            End::Incomplete(reason) => {
                let details = json!({ "reason": reason });
                let end = json!({"output": output, "usage": usage, "incomplete_details": details});
                self.event(
                    "response.incomplete",
                    json!({ "response": response("incomplete", end) }),
                );
            }
            End::Failed { code, message } => {
                let end = response("failed", json!({"error": {"code": code, "message": message}}));
                self.event("response.failed", json!({ "response": end }));
                return None;
            }
            End::Error { code, message } => {
                self.event("error", json!({"code": code, "message": message, "param": null}));
                return None;
            }
        }
        counts
    }

    fn reasoning(&mut self, id: &str, text: &str, output: &mut Vec<Value>) {
        let (index, item_id) = (output.len(), format!("rs_{id}"));
        let item = json!({"id": item_id, "type": "reasoning", "summary": []});
        self.event(
            "response.output_item.added",
            json!({"output_index": index, "item": item}),
        );
        let place = json!({"item_id": item_id, "output_index": index, "summary_index": 0});
        self.event(
            "response.reasoning_summary_text.delta",
            merged(&place, json!({ "delta": text })),
        );
        self.event(
            "response.reasoning_summary_text.done",
            merged(&place, json!({ "text": text })),
        );
        let item =
            json!({"id": item_id, "type": "reasoning", "summary": [{"type": "summary_text", "text": text}]});
        self.event(
            "response.output_item.done",
            json!({"output_index": index, "item": item}),
        );
        output.push(item);
    }

    fn message(&mut self, id: &str, answer: &Answer, output: &mut Vec<Value>) -> std::ops::ControlFlow<()> {
        let (index, item_id) = (output.len(), format!("msg_{id}"));
        let (kind, member) = if answer.refusal {
            ("refusal", "refusal")
        } else {
            ("output_text", "text")
        };
        let item = |status: &str, content: Value| json!({"id": item_id, "type": "message", "status": status, "content": content, "role": "assistant"});
        let part = |text: &str| {
            let mut part = json!({ "type": kind });
            if !answer.refusal {
                part["annotations"] = json!([]);
                part["logprobs"] = json!([]);
            }
            part[member] = text.into();
            part
        };
        let place = json!({"item_id": item_id, "output_index": index, "content_index": 0});
        let added = item("in_progress", json!([]));
        self.event(
            "response.output_item.added",
            json!({"output_index": index, "item": added}),
        );
        self.event(
            "response.content_part.added",
            merged(&place, json!({ "part": part("") })),
        );

        let event = format!("response.{kind}.delta");
        let deltas = split(&answer.text, answer.delta_count);
        for (number, delta) in deltas.iter().enumerate() {
            self.point(answer, number)?;
            if let Some(pause) = answer.pause_between.filter(|_| number > 0) {
                self.wait(Wait::Time(pause));
            }
            self.delta(&event, &item_id, index, delta);
        }
        self.point(answer, deltas.len())?;

        self.event(
            &format!("response.{kind}.done"),
            merged(&place, json!({ member: answer.text })),
        );
        self.event(
            "response.content_part.done",
            merged(&place, json!({ "part": part(&answer.text) })),
        );
        let done = item("completed", json!([part(&answer.text)]));
        self.event(
            "response.output_item.done",
            json!({"output_index": index, "item": done}),
        );
        output.push(done);
        std::ops::ControlFlow::Continue(())
    }

    fn tool_call(&mut self, request: u64, name: &str, arguments: &str, output: &mut Vec<Value>) {
        let index = output.len();
        let (item_id, call_id) = (format!("fc_{request}_{index}"), format!("call_{request}_{index}"));
        let item = |status: &str, arguments: &str| {
            json!({"id": item_id, "type": "function_call", "status": status, "arguments": arguments,
                   "call_id": call_id, "name": name})
        };
        let added = item("in_progress", "");
        self.event(
            "response.output_item.added",
            json!({"output_index": index, "item": added}),
        );
        let place = json!({"item_id": item_id, "output_index": index});
        for delta in split(arguments, 3) {
            self.event(
                "response.function_call_arguments.delta",
                merged(&place, json!({ "delta": delta })),
            );
        }
        self.event(
            "response.function_call_arguments.done",
            merged(&place, json!({ "arguments": arguments })),
        );
        let done = item("completed", arguments);
        self.event(
            "response.output_item.done",
            json!({"output_index": index, "item": done}),
        );
        output.push(done);
    }

    /// What is to happen after `deltas` deltas: waits, then the fault.
    fn point(&mut self, answer: &Answer, deltas: usize) -> std::ops::ControlFlow<()> {
        for wait in answer.waits.get(&deltas).into_iter().flatten() {
            self.wait(wait.clone());
        }
        match &answer.fault {
            Some((at, fault)) if *at == deltas => self.fault(fault),
            _ => std::ops::ControlFlow::Continue(()),
        }
    }

    fn wait(&mut self, wait: Wait) {
        self.flush();
        self.segments.push(Segment::Wait(wait));
    }

    fn fault(&mut self, fault: &Fault) -> std::ops::ControlFlow<()> {
        use std::ops::ControlFlow::{Break, Continue};
        self.flush();
        let (segment, flow) = match fault {
            Fault::Hang => (Segment::Hang, Break(())),
            Fault::Cut => (Segment::Cut, Break(())),
            Fault::End => return Break(()),
            Fault::EndlessLine => (Segment::Endless(&[b'a'; 16 * 1024]), Break(())),
            Fault::EndlessComments => (Segment::Endless(&COMMENTS), Break(())),
            Fault::Garbage => (
                Segment::Bytes(b"data: {\"type\": \"respo\x01nse.\"]]\n\n".to_vec()),
                Continue(()),
            ),
            Fault::BadUtf8 => {
                let delta = b"data: {\"type\":\"response.output_text.delta\",\"delta\":\"\xff\xfe\"}\n\n";
                (Segment::Bytes(delta.to_vec()), Continue(()))
            }
            Fault::Raw(bytes) => (Segment::Bytes(bytes.clone()), Continue(())),
        };
        self.segments.push(segment);
        flow
    }

    /// The event that comes by the thousand, written without building a tree first.
    fn delta(&mut self, event: &str, item_id: &str, output_index: usize, delta: &str) {
        let sequence = self.next_sequence();
        let text = serde_json::to_string(delta).expect("text is always JSON");
        write!(
            self.bytes,
            "event: {event}\ndata: {{\"type\":\"{event}\",\"sequence_number\":{sequence},\"item_id\":\"{item_id}\",\
             \"output_index\":{output_index},\"content_index\":0,\"delta\":{text},\"logprobs\":[]}}\n\n"
        )
        .expect("a string takes everything");
    }

    fn event(&mut self, name: &str, members: Value) {
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
            sequence_number: self.next_sequence(),
            members,
        };
        let data = serde_json::to_string(&event).expect("events have text keys only");
        write!(self.bytes, "event: {name}\ndata: {data}\n\n").expect("a string takes everything");
    }

    fn next_sequence(&mut self) -> u64 {
        self.sequence += 1;
        self.sequence - 1
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            self.segments
                .push(Segment::Bytes(std::mem::take(&mut self.bytes).into_bytes()));
        }
    }
}

/// 4,096 comment lines of four bytes.
static COMMENTS: [u8; 16 * 1024] = {
    let mut bytes = [b':'; 16 * 1024];
    let mut at = 3;
    while at < bytes.len() {
        bytes[at] = b'\n';
        at += 4;
    }
    bytes
};

fn merged(place: &Value, members: Value) -> Value {
    let mut merged = place.clone();
    for (name, value) in members.as_object().into_iter().flatten() {
        merged[name] = value.clone();
    }
    merged
}

/// `text` in `count` pieces of nearly equal length in characters; none is empty.
fn split(text: &str, count: usize) -> Vec<&str> {
    if count == 1 && !text.is_empty() {
        return vec![text];
    }
    let total = text.chars().count();
    let count = count.min(total);
    let mut ends = text.char_indices().map(|(at, _)| at).skip(1).chain([text.len()]);
    let (mut pieces, mut start, mut taken) = (Vec::with_capacity(count), 0, 0);
    for number in 1..=count {
        let until = total * number / count;
        let end = ends.by_ref().nth(until - taken - 1).unwrap_or(text.len());
        pieces.push(&text[start..end]);
        (start, taken) = (end, until);
    }
    pieces
}

fn plausible(answer: &Answer, request: &RecordedRequest) -> ReportedUsage {
    let tokens = |bytes: usize| i64::try_from(bytes / 4 + 1).unwrap_or(i64::MAX);
    let reasoning = answer.reasoning.as_deref().map_or(0, |text| tokens(text.len()));
    let calls: usize = answer
        .tool_calls
        .iter()
        .map(|(name, arguments)| name.len() + arguments.len())
        .sum();
    let output = tokens(answer.text.len() + calls) + reasoning;
    ReportedUsage {
        input: tokens(request.body.len()),
        cached: 0,
        output,
        reasoning,
    }
}

fn usage_object(counts: &ReportedUsage) -> Value {
    json!({
        "input_tokens": counts.input,
        "input_tokens_details": {"cached_tokens": counts.cached},
        "output_tokens": counts.output,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.input.saturating_add(counts.output)
    })
}

/// How long a wait lasts; gates have no length.
pub(super) async fn wait(wait: &Wait) {
    match wait {
        Wait::Gate(gate) => gate.wait().await,
        Wait::Time(Duration::ZERO) => {}
        Wait::Time(duration) => tokio::time::sleep(*duration).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_split_into_equal_pieces_at_characters() {
        for (text, count, expected) in [
            ("abcdef", 3, vec!["ab", "cd", "ef"]),
            ("abcde", 2, vec!["ab", "cde"]),
            ("äö", 5, vec!["ä", "ö"]),
            ("€", 1, vec!["€"]),
            ("", 3, vec![]),
            ("", 1, vec![]),
        ] {
            assert_eq!(split(text, count), expected);
        }
    }
}
