//! Who runs which turn: leases of our own are renewed, and turns whose owner is gone are settled.

use super::{
    closing::sums,
    size::{MESSAGE_OVERHEAD, estimate_tokens},
};
use crate::{catalog::BUILT_IN, inner::Inner};
use chatai_store::{
    Backend, Store, StoreError, Tx,
    ops::turns::{self, Abandoned, ModelCall, Settled},
};
use chatai_types::{Money, Rates, Scope, Timestamp, TokenCounts, UsageSource};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How long a running answer's owner is believed alive without renewing.
pub(crate) const LEASE_SECS: i64 = 60;
/// A lease that lasts longer from now was given before the clock was set back. It leaves room for instances whose clocks
/// differ.
pub(crate) const LONGEST_LEASE_SECS: i64 = 90;
/// How often leases are renewed, in looks.
pub(crate) const RENEWAL: u32 = 15;
/// How often it is looked whether another instance was asked to stop a turn of ours, or to delete it.
pub(crate) const LOOK: Duration = Duration::from_secs(1);
/// Turns that are settled in one transaction.
pub(crate) const SWEPT_AT_ONCE: i64 = 100;
/// How long a client may repeat a request, in seconds.
pub(crate) const REPEATABLE_SECS: i64 = 24 * 60 * 60;
/// Keys that are forgotten in one transaction.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

/// Renews the leases of this instance's running turns, and marks those whose owner is gone, until the end.
pub(crate) async fn keep_leases(inner: Arc<Inner>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut looks = 0;
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = inner.turns.stopped.cancelled() => return,
        }
        if looks % RENEWAL == 0 {
            renew(&inner).await;
        }
        looks = looks.wrapping_add(1);
        // Where one file has one process, nobody else can be asked.
        if inner.store.backend() == Backend::Postgres {
            stop_those_asked_for(&inner).await;
        }
    }
}

async fn renew(inner: &Inner) {
    let running = inner.turns.running();
    let now = inner.clock.now();
    // Apart: what holds up the sweep must not keep our own leases from being renewed.
    let renewing = move |tx: &mut Tx<'_>| {
        turns::renew_leases(tx, &running, now.plus_secs(LEASE_SECS))?;
        turns::shorten_leases(tx, now.plus_secs(LONGEST_LEASE_SECS))
    };
    if let Err(error) = inner.store.write(renewing).await {
        tracing::warn!(%error, "leases could not be renewed");
        return;
    }
    match sweep(&inner.store, now, now).await {
        Ok(0) => {}
        Ok(swept) => tracing::warn!(swept, "turns whose owner is gone were marked as interrupted"),
        Err(error) => tracing::warn!(%error, "running turns could not be looked through"),
    }
    let old = now.plus_secs(-REPEATABLE_SECS);
    let forgetting = move |tx: &mut Tx<'_>| turns::forget_repeatable(tx, old, FORGOTTEN_AT_ONCE);
    if let Err(error) = inner.store.write(forgetting).await {
        tracing::warn!(%error, "old keys of repeatable requests could not be forgotten");
    }
}

async fn stop_those_asked_for(inner: &Inner) {
    let running = inner.turns.running();
    if running.is_empty() {
        return;
    }
    let asked = inner.store.read(move |tx| turns::to_be_ended(tx, &running)).await;
    match asked {
        Ok(asked) => {
            for log in asked.into_iter().filter_map(|answer| inner.turns.log(answer)) {
                log.stop.cancel();
            }
        }
        Err(error) => tracing::warn!(%error, "it is not known whether turns are to be stopped"),
    }
}

/// Marks running answers whose lease ended before `expired_before` as interrupted: their text is kept, and what is known
/// of their use is charged. Returns how many.
pub(crate) async fn sweep(
    store: &Store,
    now: Timestamp,
    expired_before: Timestamp,
) -> Result<u64, StoreError> {
    let mut swept = 0;
    loop {
        let some = store
            .write(move |tx| turns::sweep(tx, now, expired_before, SWEPT_AT_ONCE, settle))
            .await?;
        if some == 0 {
            return Ok(swept);
        }
        swept += some;
    }
}

/// What is known of an abandoned turn's use. A call that gave text is estimated, since its provider bills it; of one that
/// gave nothing nobody knows, so it is recorded and costs nothing.
pub(crate) fn settle(turn: &Abandoned) -> Settled {
    let output = estimate_tokens(&turn.text);
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
        size_tokens: MESSAGE_OVERHEAD + output,
        calls,
        tokens,
        price,
    }
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
