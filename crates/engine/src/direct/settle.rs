//! What a call is charged that nobody closes: by what was written of it.

use super::Piece;
use crate::{catalog::BUILT_IN, chat::size::TextSize};
use chatai_store::ops::direct::{AbandonedCall, CallEnd, CallUse};
use chatai_types::{ErrorCode, Money, TokenCounts, TurnStatus, UsageSource};

/// What is known of an abandoned call's use. One that gave something is estimated, since its provider bills it; of one
/// that gave nothing that was written nobody knows, so it is recorded and costs nothing.
pub(crate) fn settle(call: &AbandonedCall) -> CallEnd {
    let mut given = TextSize::default();
    for piece in call.pieces.iter().flatten() {
        match serde_json::from_str(piece) {
            Ok(Piece::Text(text) | Piece::Reasoning(text)) => given.add(&text),
            Ok(Piece::ToolCall { name, arguments, .. }) => {
                given.add(&name);
                given.add(&arguments);
            }
            Ok(Piece::State(_) | Piece::StoppedAt(_) | Piece::Vectors(_)) => {}
            // Whatever it is, its provider bills it.
            Err(_) => given.add(piece),
        }
    }
    let version = call.price.map(|(version, _)| version);
    let used = if given.is_empty() || call.model == BUILT_IN {
        CallUse {
            tokens: TokenCounts::default(),
            source: UsageSource::None,
            price: Some(Money::ZERO),
            price_version: version,
        }
    } else {
        let tokens = TokenCounts {
            fresh_input: call.request_tokens,
            output: given.tokens(),
            ..TokenCounts::default()
        };
        CallUse {
            tokens,
            source: UsageSource::Estimated,
            // The rates of the version that was in force when it began.
            price: call.price.and_then(|(_, rates)| rates.charge(&tokens).ok()),
            price_version: version,
        }
    };
    CallEnd {
        status: TurnStatus::Interrupted,
        stop_reason: None,
        error: Some((
            ErrorCode::Interrupted,
            "The service ended before the answer was complete".to_owned(),
        )),
        used: Some(used),
        at: call.now,
    }
}
