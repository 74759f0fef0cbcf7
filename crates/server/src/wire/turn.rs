//! A turn's events as an event stream sends them, and the cursors they carry.

use super::message::input_total;
use chatai_engine::{EngineError, Outcome, Position, ToolEvent, TurnEvent, TurnIds};
use chatai_types::{MessageId, Money, TokenCounts};
use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// What a position looks like: the answer, what was told of its text and beside it, or `end`.
const END: &str = "end";

/// The cursor of a position in an answer's stream.
pub(crate) fn cursor(answer: MessageId, position: Position) -> String {
    if position.ended {
        format!("{answer}-{END}")
    } else {
        format!("{answer}-{}-{}", position.text, position.beside)
    }
}

/// The position that a cursor of this answer stands for; `None` for everything else.
pub(crate) fn read_cursor(answer: MessageId, text: &str) -> Option<Position> {
    let rest = text.strip_prefix(&answer.to_string())?.strip_prefix('-')?;
    let position = if rest == END {
        Position {
            ended: true,
            ..Position::default()
        }
    } else {
        let (text, beside) = rest.split_once('-')?;
        Position {
            text: text.parse().ok()?,
            beside: beside.parse().ok()?,
            ended: false,
        }
    };
    // What is written for a position is the only spelling of it.
    (cursor(answer, position) == text).then_some(position)
}

/// Data of `turn`.
#[derive(Serialize)]
struct Opened<'a> {
    conversation_id: i64,
    request_message_id: i64,
    response_message_id: i64,
    model: &'a str,
}

/// Data of `delta` and `reasoning`.
#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

/// Data of `tool`.
#[derive(Serialize)]
struct Tool<'a> {
    id: &'a str,
    name: &'a str,
    /// JSON where the model sent JSON, its text else.
    arguments: Arguments<'a>,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Arguments<'a> {
    Json(&'a RawValue),
    Text(&'a str),
}

/// Data of `title`.
#[derive(Serialize)]
struct Title<'a> {
    conversation_id: i64,
    title: &'a str,
}

/// Data of `done`.
#[derive(Serialize)]
struct Done<'a> {
    response_message_id: i64,
    status: &'static str,
    usage: UsageSum,
    price: f64,
    /// Null where a model was called whose price is unknown.
    price_exact: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<TurnError<'a>>,
}

/// The sum of a turn's model calls.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsageSum {
    /// Input tokens, cached ones included.
    input_tokens: i64,
    /// Output tokens, reasoning included.
    output_tokens: i64,
    /// Input tokens read from the provider's cache, a part of `input_tokens`.
    cached_tokens: i64,
    /// Input tokens written to the provider's cache, a part of `input_tokens`.
    cache_write_tokens: i64,
    /// Output tokens spent on reasoning, a part of `output_tokens`.
    reasoning_tokens: i64,
}

#[derive(Serialize)]
struct TurnError<'a> {
    code: &'static str,
    detail: &'a str,
}

/// Appends an event as its frame.
pub(crate) fn write_frame(frames: &mut Vec<u8>, ids: TurnIds, position: Position, event: &TurnEvent) {
    let id = cursor(ids.response_message_id, position);
    match event {
        TurnEvent::Opened { ids, model } => {
            let data = Opened {
                conversation_id: ids.conversation_id.0,
                request_message_id: ids.request_message_id.0,
                response_message_id: ids.response_message_id.0,
                model,
            };
            frame(frames, &id, "turn", &data);
        }
        TurnEvent::Text(text) => frame(frames, &id, "delta", &Text { text }),
        TurnEvent::Reasoning(text) => frame(frames, &id, "reasoning", &Text { text }),
        TurnEvent::Tool(event) => frame(frames, &id, "tool", &tool(event)),
        TurnEvent::Title(conversation, title) => {
            let data = Title {
                conversation_id: conversation.0,
                title,
            };
            frame(frames, &id, "title", &data);
        }
        TurnEvent::Ended(outcome) => frame(frames, &id, "done", &done(ids, outcome)),
    }
}

fn frame(frames: &mut Vec<u8>, id: &str, name: &str, data: &impl Serialize) {
    frames.extend_from_slice(format!("id: {id}\nevent: {name}\ndata: ").as_bytes());
    // JSON has no line breaks of its own, so the data is one line.
    serde_json::to_writer(&mut *frames, data).expect("texts and finite numbers are JSON");
    frames.extend_from_slice(b"\n\n");
}

fn tool(event: &ToolEvent) -> Tool<'_> {
    let is_one_line = !event.arguments.contains(['\n', '\r']);
    let arguments = match serde_json::from_str::<&RawValue>(&event.arguments) {
        Ok(json) if is_one_line => Arguments::Json(json),
        _ => Arguments::Text(&event.arguments),
    };
    Tool {
        id: &event.id,
        name: &event.name,
        arguments,
        state: event.state.as_str(),
        result: event.result.as_deref(),
    }
}

fn done(ids: TurnIds, outcome: &Outcome) -> Done<'_> {
    let price = outcome.price.unwrap_or(Money::ZERO);
    Done {
        response_message_id: ids.response_message_id.0,
        status: outcome.status.as_str(),
        usage: UsageSum::from(&outcome.tokens.unwrap_or_default()),
        price: price.to_f64(),
        price_exact: (outcome.price.is_some() || outcome.tokens.is_none()).then(|| price.to_string()),
        error: outcome.error.as_ref().map(error),
    }
}

fn error(error: &EngineError) -> TurnError<'_> {
    TurnError {
        code: error.code.as_str(),
        detail: &error.detail,
    }
}

impl From<&TokenCounts> for UsageSum {
    fn from(tokens: &TokenCounts) -> Self {
        Self {
            input_tokens: input_total(tokens),
            output_tokens: tokens.output,
            cached_tokens: tokens.cache_read,
            cache_write_tokens: tokens.cache_write,
            reasoning_tokens: tokens.reasoning,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ANSWER: MessageId = MessageId(12);

    #[test]
    fn nothing_else_is_a_cursor() {
        for text in [
            "",
            "12",
            "12-",
            "12-1",
            "12-1-",
            "12--1",
            "13-1-1",
            "12-1-1-1",
            "012-1-1",
            "12-01-1",
            "12-+1-1",
            "12-END",
            "12-1--1",
            "12-99999999999999999999999-1",
            " 12-1-1",
        ] {
            assert_eq!(read_cursor(ANSWER, text), None, "{text}");
        }
        let end = Position {
            ended: true,
            ..Position::default()
        };
        assert_eq!(read_cursor(ANSWER, "12-end"), Some(end));
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(text: usize, beside: u64) {
            let position = Position { text, beside, ended: false };
            prop_assert_eq!(read_cursor(ANSWER, &cursor(ANSWER, position)), Some(position));
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,40}") {
            read_cursor(ANSWER, &text);
        }

        #[test]
        fn a_frame_is_three_lines_and_a_blank_one(text in "(?s).{0,40}", arguments in "(?s).{0,40}") {
            let ids = TurnIds {
                conversation_id: chatai_types::ConversationId(1),
                request_message_id: MessageId(11),
                response_message_id: ANSWER,
            };
            let tool = ToolEvent {
                id: text.clone(),
                name: text.clone(),
                arguments,
                state: chatai_engine::ToolState::Done,
                result: Some(text.clone()),
            };
            for event in [TurnEvent::Text(text.clone()), TurnEvent::Tool(tool)] {
                let mut frames = Vec::new();
                write_frame(&mut frames, ids, Position::default(), &event);
                let frames = String::from_utf8(frames).unwrap();
                let lines: Vec<&str> = frames.split(['\n', '\r']).collect();
                prop_assert_eq!(lines.len(), 5, "{:?}", lines);
                let is_data = lines[2].starts_with("data: {");
                prop_assert!(is_data, "{}", lines[2]);
            }
        }
    }
}
