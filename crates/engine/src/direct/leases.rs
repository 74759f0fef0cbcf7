//! Who runs which call: leases of our own are renewed, calls whose owner is gone are settled, and what was kept long
//! enough is forgotten.

use super::Piece;
use crate::{
    catalog::BUILT_IN,
    chat::{
        leases::{LEASE_SECS, LONGEST_LEASE_SECS, LOOK, RENEWAL, SWEPT_AT_ONCE},
        size::TextSize,
    },
    inner::Inner,
};
use chatai_store::{
    Backend, Store, StoreError, Tx,
    ops::direct::{self, AbandonedCall, CallEnd, CallUse},
};
use chatai_types::{ErrorCode, Money, Timestamp, TokenCounts, TurnStatus, UsageSource};
use std::sync::Arc;
use tokio::time::{MissedTickBehavior, interval};

/// Kept calls that are forgotten in one transaction, and transactions at one look.
const FORGOTTEN_AT_ONCE: i64 = 100;
const FORGETTINGS: usize = 20;

/// Renews the leases of this instance's calls, settles those whose owner is gone, and forgets what is old, until the end.
pub(crate) async fn keep_calls(inner: Arc<Inner>) {
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
            forget_old(&inner).await;
        }
        looks = looks.wrapping_add(1);
        // Where one file has one process, nobody else can be asked.
        if inner.store.backend() == Backend::Postgres {
            stop_those_asked_for(&inner).await;
        }
    }
}

pub(super) async fn renew(inner: &Inner) {
    let running = inner.calls.ids();
    let now = inner.clock.now();
    // Apart: what holds up the sweep must not keep our own leases from being renewed.
    let renewing = move |tx: &mut Tx<'_>| {
        direct::renew(tx, &running, now.plus_secs(LEASE_SECS))?;
        direct::shorten(tx, now.plus_secs(LONGEST_LEASE_SECS))
    };
    if let Err(error) = inner.store.write(renewing).await {
        tracing::warn!(%error, "leases of calls could not be renewed");
        return;
    }
    match sweep(&inner.store, now, now).await {
        Ok(0) => {}
        Ok(swept) => tracing::warn!(swept, "calls whose owner is gone were marked as interrupted"),
        Err(error) => tracing::warn!(%error, "running calls could not be looked through"),
    }
}

pub(super) async fn forget_old(inner: &Inner) {
    let now = inner.clock.now();
    for _ in 0..FORGETTINGS {
        let forgetting = move |tx: &mut Tx<'_>| direct::forget_kept(tx, now, FORGOTTEN_AT_ONCE);
        match inner.store.write(forgetting).await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(%error, "old responses could not be forgotten");
                return;
            }
        }
    }
}

pub(super) async fn stop_those_asked_for(inner: &Inner) {
    let running = inner.calls.kept_ids();
    if running.is_empty() {
        return;
    }
    let asked = inner
        .store
        .read(move |tx| direct::calls_to_be_ended(tx, &running))
        .await;
    match asked {
        Ok(asked) => asked.into_iter().for_each(|id| inner.calls.stop(id)),
        Err(error) => tracing::warn!(%error, "it is not known whether calls are to be ended"),
    }
}

/// Marks running calls whose lease ended before `expired_before` as interrupted: what was written of them is kept, and
/// what is known of their use is charged. Returns how many.
pub(crate) async fn sweep(
    store: &Store,
    now: Timestamp,
    expired_before: Timestamp,
) -> Result<u64, StoreError> {
    let mut swept = 0;
    loop {
        let some = store
            .write(move |tx| direct::sweep(tx, now, expired_before, SWEPT_AT_ONCE, settle))
            .await?;
        if some == 0 {
            return Ok(swept);
        }
        swept += some;
    }
}

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
            Ok(Piece::State(_) | Piece::Vectors(_)) => {}
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
