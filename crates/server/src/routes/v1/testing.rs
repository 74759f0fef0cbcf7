//! What the tests of the faces share: a call, its pieces and its end.

use super::call::Frames;
use chatai_engine::{
    CallAbout, CallOutcome, EngineError, Piece,
    llm::{Dialect, ReasoningState, StopReason},
};
use chatai_types::{CallKind, ErrorCode, Money, Timestamp, TokenCounts, TurnStatus, UsageSource};
use proptest::prelude::*;
use std::sync::{Arc, OnceLock};

pub(super) fn about(kind: CallKind) -> Arc<CallAbout> {
    Arc::new(CallAbout {
        public_id: "x".to_owned(),
        kind,
        model: "m".to_owned(),
        previous_id: None,
        face: String::new(),
        input: r#""hi""#.to_owned(),
        created_at: Timestamp::from_micros(1_000_000),
        answered_by: OnceLock::new(),
    })
}

pub(super) fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

pub(super) fn reasoning(text: &str) -> Piece {
    Piece::Reasoning(text.to_owned())
}

pub(super) fn call(id: &str) -> Piece {
    Piece::ToolCall {
        id: id.to_owned(),
        name: "f".to_owned(),
        arguments: r#"{"a":1}"#.to_owned(),
    }
}

pub(super) fn state() -> Piece {
    Piece::State(ReasoningState {
        dialect: Dialect::Anthropic,
        text: "why".to_owned(),
        opaque: "o".to_owned(),
    })
}

/// One that ended as the model wished.
pub(super) fn ended(stop_reason: StopReason) -> CallOutcome {
    CallOutcome {
        model: "m".to_owned(),
        status: TurnStatus::Complete,
        stop_reason: Some(stop_reason),
        error: None,
        tokens: TokenCounts::from_inclusive(10, 4, 5, 2).unwrap(),
        source: UsageSource::Provider,
        price: Some(Money::ZERO),
        at: Timestamp::from_micros(2_000_000),
    }
}

/// One that failed.
pub(super) fn failed() -> CallOutcome {
    CallOutcome {
        status: TurnStatus::Failed,
        error: Some(EngineError::new(ErrorCode::ProviderError, "it broke")),
        ..ended(StopReason::Stop)
    }
}

/// A whole stream.
pub(super) fn stream(mut frames: impl Frames, pieces: &[Piece], outcome: &CallOutcome) -> String {
    let mut out = Vec::new();
    frames.start(&mut out);
    for piece in pieces {
        frames.piece(&mut out, piece);
    }
    frames.end(&mut out, outcome);
    String::from_utf8(out).unwrap()
}

/// Any pieces.
pub(super) fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        4 => "(?s).{1,8}".prop_map(Piece::Text),
        2 => "(?s).{1,8}".prop_map(Piece::Reasoning),
        1 => Just(state()),
        1 => ("(?s).{0,4}", "(?s).{0,4}").prop_map(|(id, arguments)| Piece::ToolCall { id, name: "f".to_owned(), arguments }),
    ];
    proptest::collection::vec(piece, 0..8)
}

/// Any end.
pub(super) fn outcomes() -> impl Strategy<Value = CallOutcome> {
    prop_oneof![
        Just(ended(StopReason::Stop)),
        Just(ended(StopReason::Length)),
        Just(ended(StopReason::ToolCalls)),
        Just(failed()),
        Just(CallOutcome {
            status: TurnStatus::Stopped,
            ..ended(StopReason::Stop)
        }),
    ]
}
