//! Whatever comes in, in whatever pieces: all readers are told the same, and every cursor stays good.

use super::*;
use crate::chat::reader::{Position, TurnEvent, TurnReader};
use chatai_types::{ConversationId, MessageId, Timestamp};
use proptest::prelude::*;
use std::collections::HashSet;

fn log() -> Arc<TurnLog> {
    let ids = TurnIds {
        conversation_id: ConversationId(1),
        request_message_id: MessageId(2),
        response_message_id: MessageId(3),
    };
    Arc::new(TurnLog::new(UserId(1), ids, "a model".to_owned()))
}

fn complete(answer: &str) -> Outcome {
    Outcome {
        status: TurnStatus::Complete,
        answer: answer.to_owned(),
        error: None,
        tokens: None,
        price: None,
        is_stored: true,
    }
}

fn title(title: &str) -> Piece {
    Piece::Title {
        title: title.to_owned(),
        provisional: String::new(),
    }
}

/// A tool's event as the engine writes it.
fn tool(name: &str) -> Piece {
    let event = json(name);
    Piece::Tool(event)
}

fn json(name: &str) -> String {
    serde_json::json!({"id": "1", "name": name, "arguments": "", "state": "running", "result": null})
        .to_string()
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        4 => "[a-cé😀 ]{0,6}".prop_map(Piece::Text),
        2 => "[a-cé😀 ]{0,6}".prop_map(Piece::Reasoning),
        1 => "[a-z]{1,3}".prop_map(|name| tool(&name)),
        1 => "[a-z]{1,3}".prop_map(|name| title(&name)),
    ];
    prop::collection::vec(piece, 0..24)
}

fn text_of(pieces: &[Piece]) -> String {
    let texts = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

/// What a reader was told, as one text in which everything has its place; neighbours of one kind are joined.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Told(Vec<(&'static str, String)>);

impl Told {
    fn add(&mut self, kind: &'static str, text: &str) {
        let joins = matches!(kind, "text" | "reasoning");
        match self.0.last_mut() {
            _ if text.is_empty() && joins => {}
            Some((last, before)) if *last == kind && joins => before.push_str(text),
            _ => self.0.push((kind, text.to_owned())),
        }
    }

    fn take(&mut self, event: &TurnEvent) {
        match event {
            TurnEvent::Opened { .. } => self.add("turn", ""),
            TurnEvent::Text(text) => self.add("text", text),
            TurnEvent::Reasoning(text) => self.add("reasoning", text),
            TurnEvent::Tool(event) => self.add("tool", &event.name),
            TurnEvent::Title(_, title) => self.add("title", title),
            TurnEvent::Ended(outcome) => self.add("done", outcome.status.as_str()),
        }
    }

    fn of(pieces: &[Piece]) -> Self {
        let mut told = Self::default();
        told.add("turn", "");
        for piece in pieces {
            match piece {
                Piece::Text(text) => told.add("text", text),
                Piece::Reasoning(text) => told.add("reasoning", text),
                Piece::Tool(json) => {
                    let event: serde_json::Value = serde_json::from_str(json).unwrap();
                    told.add("tool", event["name"].as_str().unwrap());
                }
                Piece::Title { title, .. } => told.add("title", title),
            }
        }
        told.add("done", "complete");
        told
    }
}

/// What is there for a reader without waiting.
fn ready(reader: &mut TurnReader) -> Vec<(Position, TurnEvent)> {
    futures_util::FutureExt::now_or_never(reader.next())
        .flatten()
        .unwrap_or_default()
}

/// Writes everything that waits, as the writer does.
fn write_all(log: &Arc<TurnLog>) {
    if let Some(unwritten) = log.take_unwritten(Timestamp::from_micros(0)) {
        unwritten.written();
    }
}

proptest! {
    /// However pieces come in, are written together, fail and are written again, and wherever readers leave and come back.
    #[test]
    fn any_reader_is_told_the_same(pieces in pieces(), steps in prop::collection::vec((0..4_u8, 0..5_usize), 0..60)) {
        let log = log();
        let expected = Told::of(&pieces);
        let answer = text_of(&pieces);
        let mut coming = pieces.into_iter();
        let mut reader = TurnReader::new(&log);
        let mut told = Told::default();
        let mut position = Position::default();
        let mut given_out = vec![position];
        for (step, count) in steps {
            match step {
                0 => for piece in coming.by_ref().take(count) {
                    log.push(piece);
                },
                1 => write_all(&log),
                2 => if let Some(unwritten) = log.take_unwritten(Timestamp::from_micros(0)) {
                    unwritten.failed();
                },
                _ => {
                    // It takes some of what is there, and leaves.
                    for (at, event) in ready(&mut reader).into_iter().take(count) {
                        told.take(&event);
                        position = at;
                        given_out.push(position);
                    }
                    reader = if told.0.is_empty() {
                        TurnReader::new(&log)
                    } else {
                        TurnReader::at(&log, position).expect("it was given out")
                    };
                }
            }
        }
        for piece in coming {
            log.push(piece);
        }
        let rest = futures_util::FutureExt::now_or_never(log.take_rest()).expect("nothing is in flight");
        log.finish(complete(&answer), rest);
        loop {
            let events = ready(&mut reader);
            if events.is_empty() {
                break;
            }
            for (at, event) in events {
                told.take(&event);
                given_out.push(at);
            }
        }
        prop_assert_eq!(&told, &expected);

        // One that comes late is told the same, and all that was given out is good.
        let mut fresh = TurnReader::new(&log);
        let mut all = Told::default();
        while let Some(Some(events)) = futures_util::FutureExt::now_or_never(fresh.next()) {
            for (_, event) in &events {
                all.take(event);
            }
        }
        prop_assert_eq!(&all, &expected);
        for position in given_out {
            prop_assert!(TurnReader::at(&log, position).is_some(), "{:?}", position);
        }
    }

    /// What is taken for a cursor is a place between two characters, in the order in which all was told.
    #[test]
    fn nothing_else_is_a_position(pieces in pieces()) {
        let log = log();
        let answer = text_of(&pieces);
        let mut places = HashSet::from([(0, 0)]);
        let (mut text, mut beside) = (0, 0_u64);
        for piece in &pieces {
            match piece {
                Piece::Text(more) => for character in more.chars() {
                    text += character.len_utf8();
                    places.insert((text, beside));
                },
                Piece::Reasoning(more) => for character in more.chars() {
                    beside += character.len_utf8() as u64;
                    places.insert((text, beside));
                },
                Piece::Tool(_) | Piece::Title { .. } => {
                    beside += 1;
                    places.insert((text, beside));
                }
            }
        }
        log.finish(complete(&answer), pieces);
        for at in 0..=text + 2 {
            for size in 0..=beside + 2 {
                prop_assert_eq!(log.holds(at, size), places.contains(&(at, size)), "{} {}", at, size);
            }
        }
        prop_assert!(!log.holds(usize::MAX, u64::MAX));
    }
}

#[test]
fn what_is_not_written_is_not_shown() {
    let log = log();
    let mut reader = TurnReader::new(&log);
    assert_eq!(ready(&mut reader).len(), 1, "the turn alone");
    assert!(log.push(Piece::Text("one".to_owned())), "to be queued");
    assert!(!log.push(Piece::Text(" two".to_owned())), "it is queued already");
    assert!(ready(&mut reader).is_empty());
    let unwritten = log.take_unwritten(Timestamp::from_micros(0)).expect("a piece");
    assert_eq!(unwritten.events.len(), 1, "neighbours are written as one");
    assert!(log.push(title("three")));
    assert!(ready(&mut reader).is_empty());
    // Its number is given out again, and it comes before what came meanwhile.
    unwritten.failed();
    let unwritten = log
        .take_unwritten(Timestamp::from_micros(0))
        .expect("both pieces");
    let numbers: Vec<(i64, i64)> = unwritten
        .events
        .iter()
        .map(|event| (event.number, event.text_offset))
        .collect();
    assert_eq!(numbers, [(0, 0), (1, 7)]);
    unwritten.written();
    let told: Vec<TurnEvent> = ready(&mut reader).into_iter().map(|(_, event)| event).collect();
    assert!(
        matches!(&told[..], [TurnEvent::Text(text), TurnEvent::Title(_, title)] if text == "one two" && title == "three")
    );
}

/// The turn is told as failed, and what a crash would lose is not shown.
#[test]
fn an_end_that_could_not_be_stored_shows_no_more() {
    let log = log();
    log.push(Piece::Text("shown".to_owned()));
    write_all(&log);
    log.push(Piece::Text(", not written".to_owned()));
    log.hold_back();
    assert!(log.take_unwritten(Timestamp::from_micros(0)).is_none());
    let outcome = Outcome {
        is_stored: false,
        ..complete("shown, not written")
    };
    log.finish(outcome, Vec::new());
    let mut told = Told::default();
    for (_, event) in ready(&mut TurnReader::new(&log)) {
        told.take(&event);
    }
    assert_eq!(told.0[1], ("text", "shown".to_owned()));
    assert_eq!(told.0.len(), 3);
}

#[test]
fn the_model_is_read_on_only_while_there_is_room() {
    let log = log();
    log.push(Piece::Text("x".repeat(PENDING_BYTES + 1)));
    assert!(futures_util::FutureExt::now_or_never(log.room()).is_none());
    write_all(&log);
    assert!(futures_util::FutureExt::now_or_never(log.room()).is_some());
}
