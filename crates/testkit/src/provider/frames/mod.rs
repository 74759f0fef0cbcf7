//! An answer as the body of a stream: its events in the caller's dialect, with what goes wrong between them.

mod anthropic;
mod chat;
mod gemini;
mod responses;

use super::{
    Dialect, RecordedRequest,
    reply::{Answer, End, Fault, ReportedUsage, Usage, Wait},
};
use serde::Serialize;
use serde_json::Value;
use std::{
    ops::ControlFlow::{self, Break, Continue},
    time::Duration,
};

/// When every scripted answer was made, in seconds since 1970.
const CREATED_AT: i64 = 1_750_000_000;

/// Stands for bytes that are no text until an event is complete.
const NO_TEXT: &str = "<NO TEXT>";

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

/// How a dialect tells the parts of an answer, in the order in which they are called.
trait Form {
    fn start(&mut self, events: &mut Events);
    fn reasoning(&mut self, text: &str, events: &mut Events);
    fn begin_text(&mut self, events: &mut Events);
    fn delta(&mut self, text: &str, events: &mut Events);
    fn end_text(&mut self, text: &str, events: &mut Events);
    fn tool_call(&mut self, name: &str, arguments: &str, events: &mut Events);
    /// The end, before its time where there is a reason: `max_output_tokens` or `content_filter`.
    fn finish(&mut self, incomplete: Option<&str>, events: &mut Events);
    /// An error in place of the end.
    fn fail(&mut self, end: &End, events: &mut Events);
}

/// What an answer reports as used.
#[derive(Clone, Debug)]
enum Report {
    Counts(ReportedUsage),
    Raw(Value),
    Nothing,
}

impl Report {
    /// The report in a dialect's own form; null where there is none.
    fn in_form(&self, form: impl FnOnce(&ReportedUsage) -> Value) -> Value {
        match self {
            Self::Counts(counts) => form(counts),
            Self::Raw(usage) => usage.clone(),
            Self::Nothing => Value::Null,
        }
    }
}

/// Renders `answer` to `request`.
pub(super) fn render(answer: &Answer, request: &RecordedRequest) -> Rendered {
    let report = match &answer.usage {
        Usage::Plausible => Report::Counts(plausible(answer, request)),
        Usage::Counts(counts) => Report::Counts(*counts),
        Usage::Raw(usage) => Report::Raw(usage.clone()),
        Usage::Missing => Report::Nothing,
    };
    let counts = match report {
        Report::Counts(counts) => Some(counts),
        Report::Raw(_) | Report::Nothing => None,
    };
    let form: Box<dyn Form> = match request.vendor() {
        Dialect::Responses => Box::new(responses::Responses::new(answer, request, report)),
        Dialect::Chat => Box::new(chat::Chat::new(answer, request, report)),
        Dialect::Anthropic => Box::new(anthropic::Anthropic::new(answer, request, report)),
        Dialect::Gemini => Box::new(gemini::Gemini::new(answer, request, report)),
    };
    let mut writer = Writer {
        segments: Vec::new(),
        events: Events(String::with_capacity(2_048)),
        form,
    };
    let is_billed = writer.answer(answer).is_continue();
    writer.flush();
    Rendered {
        segments: writer.segments,
        usage: counts.filter(|_| is_billed),
    }
}

/// Events that were told and not yet sent.
struct Events(String);

impl Events {
    /// An event with a name, as OpenAI's newer API and Anthropic have it.
    fn named(&mut self, name: &str, data: &impl Serialize) {
        let data = serde_json::to_string(data).expect("events have text keys only");
        self.0.extend(["event: ", name, "\ndata: ", &data, "\n\n"]);
    }

    /// An event that is data alone.
    fn data(&mut self, data: &impl Serialize) {
        let data = serde_json::to_string(data).expect("events have text keys only");
        self.0.extend(["data: ", &data, "\n\n"]);
    }
}

struct Writer {
    segments: Vec<Segment>,
    events: Events,
    form: Box<dyn Form>,
}

impl Writer {
    /// Breaks where nothing is billed: after a fault that ends the answer, or an error.
    fn answer(&mut self, answer: &Answer) -> ControlFlow<()> {
        self.form.start(&mut self.events);
        if let Some(reasoning) = &answer.reasoning {
            self.form.reasoning(reasoning, &mut self.events);
        }
        // An answer of tool calls alone has no message.
        if !answer.text.is_empty() || answer.tool_calls.is_empty() {
            self.text(answer)?;
        } else {
            self.point(answer, 0)?;
        }
        for (name, arguments) in &answer.tool_calls {
            self.form.tool_call(name, arguments, &mut self.events);
        }
        match &answer.end {
            End::Completed => self.form.finish(None, &mut self.events),
            End::Incomplete(reason) => self.form.finish(Some(reason), &mut self.events),
            End::Failed { .. } | End::Error { .. } => {
                self.form.fail(&answer.end, &mut self.events);
                return Break(());
            }
        }
        Continue(())
    }

    fn text(&mut self, answer: &Answer) -> ControlFlow<()> {
        self.form.begin_text(&mut self.events);
        let deltas = split(&answer.text, answer.delta_count);
        for (number, delta) in deltas.iter().enumerate() {
            self.point(answer, number)?;
            if let Some(pause) = answer.pause_between.filter(|_| number > 0) {
                self.wait(Wait::Time(pause));
            }
            self.form.delta(delta, &mut self.events);
        }
        self.point(answer, deltas.len())?;
        self.form.end_text(&answer.text, &mut self.events);
        Continue(())
    }

    /// What is to happen after `deltas` deltas: waits, then the fault.
    fn point(&mut self, answer: &Answer, deltas: usize) -> ControlFlow<()> {
        for wait in answer.waits.get(&deltas).into_iter().flatten() {
            self.wait(wait.clone());
        }
        match &answer.fault {
            Some((at, fault)) if *at == deltas => self.fault(fault),
            _ => Continue(()),
        }
    }

    fn wait(&mut self, wait: Wait) {
        self.flush();
        self.segments.push(Segment::Wait(wait));
    }

    fn fault(&mut self, fault: &Fault) -> ControlFlow<()> {
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
                self.form.delta(NO_TEXT, &mut self.events);
                let event = std::mem::take(&mut self.events.0);
                let (before, after) = event.split_once(NO_TEXT).expect("a delta carries its text");
                let bytes = [before.as_bytes(), b"\xff\xfe", after.as_bytes()].concat();
                (Segment::Bytes(bytes), Continue(()))
            }
            Fault::Raw(bytes) => (Segment::Bytes(bytes.clone()), Continue(())),
        };
        self.segments.push(segment);
        flow
    }

    fn flush(&mut self) {
        if !self.events.0.is_empty() {
            let bytes = std::mem::take(&mut self.events.0).into_bytes();
            self.segments.push(Segment::Bytes(bytes));
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

/// An object with the members of two.
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
        output,
        reasoning,
        ..ReportedUsage::default()
    }
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
