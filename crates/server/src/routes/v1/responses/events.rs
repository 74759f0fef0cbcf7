//! A response's output as events, and as the items that they make.
//!
//! Both follow from the pieces alone: told again, each event has the same words and the same number, so that a stream can
//! be left and resumed after any of them.

use super::{
    face::ResponseFace,
    object::{self, Standing},
};
use crate::{
    error::ApiError,
    routes::v1::{
        call::{Frames, failure},
        normal::seal,
        writer::{index, raw, string, value},
    },
};
use chatai_engine::{CallAbout, CallOutcome, Piece};
use std::sync::Arc;

/// A message's only part.
const PART: &str = r#","content_index":0"#;
/// A reasoning's only part.
const SUMMARY: &str = r#","summary_index":0"#;

/// The events of one response.
pub(super) struct Events {
    about: Arc<CallAbout>,
    face: ResponseFace,
    /// The number of the first event that is told.
    first: u64,
    /// The next event's number.
    next: u64,
    /// The finished items, with commas between them.
    items: Vec<u8>,
    /// The place of the item that is open, or would be opened next.
    place: usize,
    open: Open,
}

/// The item that is being written.
enum Open {
    Nothing,
    Message(String),
    Reasoning(String),
}

impl Events {
    /// From the beginning.
    pub(super) fn new(about: Arc<CallAbout>, face: ResponseFace) -> Self {
        Self {
            about,
            face,
            first: 0,
            next: 0,
            items: Vec::new(),
            place: 0,
            open: Open::Nothing,
        }
    }

    /// Those after the one of this number.
    pub(super) fn after(self, number: u64) -> Self {
        Self {
            first: number.saturating_add(1),
            ..self
        }
    }

    /// The object that they have made so far, or in the end.
    pub(super) fn object(mut self, pieces: &[Piece], outcome: Option<&CallOutcome>) -> Vec<u8> {
        self.first = u64::MAX;
        let mut untold = Vec::new();
        for piece in pieces {
            self.piece(&mut untold, piece);
        }
        let standing = match outcome {
            Some(outcome) => Standing::Ended(outcome),
            None if pieces.is_empty() && self.face.background => Standing::Queued,
            None => Standing::InProgress,
        };
        self.close(&mut untold, item_status(&standing));
        let mut out = Vec::new();
        object::write(&mut out, &self.about, &self.face, &standing, &self.items);
        out
    }

    /// Appends an event, unless it was read before.
    fn tell(&mut self, frames: &mut Vec<u8>, name: &str, members: impl FnOnce(&Self, &mut Vec<u8>)) {
        let number = self.next;
        self.next += 1;
        if number < self.first {
            return;
        }
        raw(frames, "event: ");
        raw(frames, name);
        raw(frames, "\ndata: {\"type\":\"");
        raw(frames, name);
        raw(frames, r#"","sequence_number":"#);
        value(frames, &number);
        members(self, frames);
        raw(frames, "}\n\n");
    }

    fn tell_response(&mut self, frames: &mut Vec<u8>, name: &str, standing: &Standing<'_>) {
        self.tell(frames, name, |events, out| {
            raw(out, r#","response":"#);
            object::write(out, &events.about, &events.face, standing, &events.items);
        });
    }

    /// Appends an event of the open item, with its id and place.
    fn tell_item(
        &mut self,
        frames: &mut Vec<u8>,
        name: &str,
        kind: &str,
        members: impl FnOnce(&mut Vec<u8>),
    ) {
        self.tell(frames, name, |events, out| {
            raw(out, r#","item_id":"#);
            string(out, &events.item_id(kind));
            events.write_place(out);
            members(out);
        });
    }

    /// Appends an event that holds the whole item.
    fn tell_whole_item(&mut self, frames: &mut Vec<u8>, name: &str, item: &[u8]) {
        self.tell(frames, name, |events, out| {
            events.write_place(out);
            raw(out, r#","item":"#);
            out.extend_from_slice(item);
        });
    }

    fn write_place(&self, out: &mut Vec<u8>) {
        raw(out, r#","output_index":"#);
        value(out, &index(self.place));
    }

    fn item_id(&self, kind: &str) -> String {
        format!("{kind}_{}_{}", self.about.public_id, self.place)
    }

    /// Ends the open item.
    fn close(&mut self, frames: &mut Vec<u8>, status: &str) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Nothing => {}
            Open::Message(text) => self.close_message(frames, &text, status),
            Open::Reasoning(text) => self.close_reasoning(frames, &text, None),
        }
    }

    fn finish_item(&mut self, frames: &mut Vec<u8>, item: &[u8]) {
        self.tell_whole_item(frames, "response.output_item.done", item);
        if !self.items.is_empty() {
            raw(&mut self.items, ",");
        }
        self.items.extend_from_slice(item);
        self.place += 1;
    }

    fn open_message(&mut self, frames: &mut Vec<u8>) {
        let item = message(&self.item_id("msg"), "in_progress", None);
        self.tell_whole_item(frames, "response.output_item.added", &item);
        self.tell_item(frames, "response.content_part.added", "msg", |out| {
            raw(out, PART);
            raw(out, r#","part":"#);
            output_text(out, "");
        });
        self.open = Open::Message(String::new());
    }

    fn close_message(&mut self, frames: &mut Vec<u8>, text: &str, status: &str) {
        self.tell_item(frames, "response.output_text.done", "msg", |out| {
            raw(out, PART);
            raw(out, r#","text":"#);
            string(out, text);
            raw(out, r#","logprobs":[]"#);
        });
        self.tell_item(frames, "response.content_part.done", "msg", |out| {
            raw(out, PART);
            raw(out, r#","part":"#);
            output_text(out, text);
        });
        let item = message(&self.item_id("msg"), status, Some(text));
        self.finish_item(frames, &item);
    }

    fn open_reasoning(&mut self, frames: &mut Vec<u8>) {
        let item = reasoning(&self.item_id("rs"), "", None);
        self.tell_whole_item(frames, "response.output_item.added", &item);
        self.tell_item(frames, "response.reasoning_summary_part.added", "rs", |out| {
            raw(out, SUMMARY);
            raw(out, r#","part":"#);
            summary_text(out, "");
        });
        self.open = Open::Reasoning(String::new());
    }

    fn close_reasoning(&mut self, frames: &mut Vec<u8>, text: &str, sealed: Option<&str>) {
        self.tell_item(frames, "response.reasoning_summary_text.done", "rs", |out| {
            raw(out, SUMMARY);
            raw(out, r#","text":"#);
            string(out, text);
        });
        self.tell_item(frames, "response.reasoning_summary_part.done", "rs", |out| {
            raw(out, SUMMARY);
            raw(out, r#","part":"#);
            summary_text(out, text);
        });
        let item = reasoning(&self.item_id("rs"), text, sealed);
        self.finish_item(frames, &item);
    }

    /// What the model needs back belongs to the reasoning before it, which it ends.
    fn state(&mut self, frames: &mut Vec<u8>, sealed: Option<&str>) {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Reasoning(text) => self.close_reasoning(frames, &text, sealed),
            other => {
                self.open = other;
                if sealed.is_some() {
                    self.close(frames, "completed");
                    let id = self.item_id("rs");
                    let item = reasoning(&id, "", None);
                    self.tell_whole_item(frames, "response.output_item.added", &item);
                    self.finish_item(frames, &reasoning(&id, "", sealed));
                }
            }
        }
    }

    fn tool_call(&mut self, frames: &mut Vec<u8>, call_id: &str, name: &str, arguments: &str) {
        let id = self.item_id("fc");
        let item = function_call(&id, "in_progress", call_id, name, "");
        self.tell_whole_item(frames, "response.output_item.added", &item);
        self.tell_item(frames, "response.function_call_arguments.delta", "fc", |out| {
            raw(out, r#","delta":"#);
            string(out, arguments);
        });
        self.tell_item(frames, "response.function_call_arguments.done", "fc", |out| {
            raw(out, r#","name":"#);
            string(out, name);
            raw(out, r#","arguments":"#);
            string(out, arguments);
        });
        let item = function_call(&id, "completed", call_id, name, arguments);
        self.finish_item(frames, &item);
    }
}

impl Frames for Events {
    fn start(&mut self, frames: &mut Vec<u8>) {
        let standing = match self.face.background {
            true => Standing::Queued,
            false => Standing::InProgress,
        };
        self.tell_response(frames, "response.created", &standing);
        self.tell_response(frames, "response.in_progress", &Standing::InProgress);
    }

    fn piece(&mut self, frames: &mut Vec<u8>, piece: &Piece) {
        match piece {
            Piece::Text(more) => {
                if !matches!(self.open, Open::Message(_)) {
                    self.close(frames, "completed");
                    self.open_message(frames);
                }
                self.tell_item(frames, "response.output_text.delta", "msg", |out| {
                    raw(out, PART);
                    raw(out, r#","delta":"#);
                    string(out, more);
                    raw(out, r#","logprobs":[]"#);
                });
                if let Open::Message(text) = &mut self.open {
                    text.push_str(more);
                }
            }
            Piece::Reasoning(more) => {
                if !matches!(self.open, Open::Reasoning(_)) {
                    self.close(frames, "completed");
                    self.open_reasoning(frames);
                }
                self.tell_item(frames, "response.reasoning_summary_text.delta", "rs", |out| {
                    raw(out, SUMMARY);
                    raw(out, r#","delta":"#);
                    string(out, more);
                });
                if let Open::Reasoning(text) = &mut self.open {
                    text.push_str(more);
                }
            }
            Piece::State(state) => {
                let sealed = self.face.sealed.then(|| seal(state));
                self.state(frames, sealed.as_deref());
            }
            Piece::ToolCall { id, name, arguments } => {
                self.close(frames, "completed");
                self.tool_call(frames, id, name, arguments);
            }
            // No response tells of it.
            Piece::StoppedAt(_) | Piece::Vectors(_) => {}
        }
    }

    fn failure(outcome: &CallOutcome) -> Option<ApiError> {
        failure(outcome)
    }

    fn end(&mut self, frames: &mut Vec<u8>, outcome: &CallOutcome) {
        let standing = Standing::Ended(outcome);
        self.close(frames, item_status(&standing));
        let name = match standing.status() {
            "completed" => "response.completed",
            "failed" => "response.failed",
            // There is no event of its own for one that was cancelled.
            _ => "response.incomplete",
        };
        self.tell_response(frames, name, &standing);
    }

    fn broken(&mut self, frames: &mut Vec<u8>, error: &ApiError) {
        self.tell(frames, "error", |_, out| {
            raw(out, r#","code":"#);
            string(out, error.code().as_str());
            raw(out, r#","message":"#);
            string(out, &error.message());
            raw(out, r#","param":null"#);
        });
    }
}

/// How an item ends with its response.
fn item_status(standing: &Standing<'_>) -> &'static str {
    match standing.status() {
        "completed" => "completed",
        "queued" | "in_progress" => "in_progress",
        _ => "incomplete",
    }
}

fn message(id: &str, status: &str, text: Option<&str>) -> Vec<u8> {
    let mut item = br#"{"id":"#.to_vec();
    string(&mut item, id);
    raw(&mut item, r#","type":"message","status":"#);
    string(&mut item, status);
    raw(&mut item, r#","role":"assistant","content":["#);
    if let Some(text) = text {
        output_text(&mut item, text);
    }
    raw(&mut item, "]}");
    item
}

fn output_text(out: &mut Vec<u8>, text: &str) {
    raw(
        out,
        r#"{"type":"output_text","annotations":[],"logprobs":[],"text":"#,
    );
    string(out, text);
    raw(out, "}");
}

fn reasoning(id: &str, text: &str, sealed: Option<&str>) -> Vec<u8> {
    let mut item = br#"{"id":"#.to_vec();
    string(&mut item, id);
    raw(&mut item, r#","type":"reasoning","summary":["#);
    if !text.is_empty() {
        summary_text(&mut item, text);
    }
    raw(&mut item, "]");
    if let Some(sealed) = sealed {
        raw(&mut item, r#","encrypted_content":"#);
        string(&mut item, sealed);
    }
    raw(&mut item, "}");
    item
}

fn summary_text(out: &mut Vec<u8>, text: &str) {
    raw(out, r#"{"type":"summary_text","text":"#);
    string(out, text);
    raw(out, "}");
}

fn function_call(id: &str, status: &str, call_id: &str, name: &str, arguments: &str) -> Vec<u8> {
    let mut item = br#"{"id":"#.to_vec();
    string(&mut item, id);
    raw(&mut item, r#","type":"function_call","status":"#);
    string(&mut item, status);
    raw(&mut item, r#","call_id":"#);
    string(&mut item, call_id);
    raw(&mut item, r#","name":"#);
    string(&mut item, name);
    raw(&mut item, r#","arguments":"#);
    string(&mut item, arguments);
    raw(&mut item, "}");
    item
}
