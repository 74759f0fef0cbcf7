//! What a turn is charged that nobody closes: by what was written down of it.

use super::{
    closing::sums,
    size::{MESSAGE_OVERHEAD, TextSize, estimate_tokens},
};
use crate::{
    catalog::BUILT_IN,
    views::{ToolEvent, ToolState},
};
use chatai_store::ops::turns::{Abandoned, EventKind, ModelCall, Settled};
use chatai_types::{Money, Rates, Scope, TokenCounts, UsageSource};

/// What is known of an abandoned turn's use. A call that gave something, be it reasoning alone, is estimated, since its
/// provider bills it; of one that gave nothing nobody knows, so it is recorded and costs nothing.
pub(crate) fn settle(turn: &Abandoned) -> Settled {
    let output = output_tokens(turn);
    let mut calls: Vec<ModelCall> = turn
        .calls
        .iter()
        .filter(|abandoned| abandoned.ended)
        .map(|abandoned| abandoned.call.clone())
        .collect();
    let mut answering_known = false;
    for abandoned in turn.calls.iter().filter(|abandoned| !abandoned.ended) {
        let answers = abandoned.call.scope == Scope::Final;
        answering_known |= answers;
        let tokens_before = abandoned.call.tokens.output;
        let given = if answers { output - tokens_before } else { 0 };
        let began = ModelCall {
            tokens: TokenCounts {
                output: 0,
                ..abandoned.call.tokens
            },
            ..abandoned.call.clone()
        };
        calls.push(unended(abandoned.rates, began, given));
    }
    let first_has_ended = calls
        .iter()
        .any(|call| matches!(call.scope, Scope::Tool | Scope::Final));
    if !answering_known && !first_has_ended {
        let began = ModelCall {
            scope: Scope::Final,
            model: turn.model.clone(),
            tokens: TokenCounts {
                fresh_input: turn.request_tokens,
                ..TokenCounts::default()
            },
            source: UsageSource::None,
            price: None,
            price_version: turn.price.map(|(version, _)| version),
            fallback_from: None,
            at: turn.now,
        };
        calls.push(unended(turn.price.map(|(_, rates)| rates), began, output));
    }
    let (tokens, price) = sums(&calls);
    Settled {
        size_tokens: MESSAGE_OVERHEAD + estimate_tokens(&turn.text),
        calls,
        tokens,
        price,
    }
}

/// The estimated tokens of all that the models put out, as far as it was written.
fn output_tokens(turn: &Abandoned) -> i64 {
    let mut given = TextSize::of(&turn.text);
    for event in &turn.beside {
        match event.kind {
            EventKind::Reasoning => given.add(&event.data),
            EventKind::Tool => match serde_json::from_str::<ToolEvent>(&event.data) {
                // Each call is shown twice; what came of it is no model's output.
                Ok(tool) if tool.state == ToolState::Running => given.add(&tool.arguments),
                Ok(_) => {}
                // Whatever it is, its provider bills it.
                Err(_) => given.add(&event.data),
            },
            EventKind::Text | EventKind::Title => {}
        }
    }
    given.tokens()
}

/// A call that had not ended, with what it gave.
fn unended(rates: Option<Rates>, began: ModelCall, given: i64) -> ModelCall {
    if given <= 0 || began.model == BUILT_IN {
        return ModelCall {
            tokens: TokenCounts::default(),
            source: UsageSource::None,
            price: Some(Money::ZERO),
            ..began
        };
    }
    let tokens = TokenCounts {
        output: given,
        ..began.tokens
    };
    // The rates of the version that was in force when it began.
    let price = rates.and_then(|rates| rates.charge(&tokens).ok());
    ModelCall {
        tokens,
        source: UsageSource::Estimated,
        price,
        ..began
    }
}

#[cfg(test)]
mod tests;
