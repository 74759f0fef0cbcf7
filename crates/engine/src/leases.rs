//! Who runs which turn and which call: leases of our own are renewed, what an owner that is gone has left is settled, and
//! what was kept long enough is forgotten.

use crate::{chat, direct as calls, inner::Inner};
use chatai_store::{
    Backend, Store, StoreError, Tx,
    ops::{direct, turns},
};
use chatai_types::{MessageId, Timestamp, UserId};
use std::{sync::Arc, time::Duration};
use tokio::time::{MissedTickBehavior, interval};

/// How long an owner is believed alive without renewing.
pub(crate) const LEASE_SECS: i64 = 60;
/// A lease that lasts longer from now was given before the clock was set back. It leaves room for instances whose clocks
/// differ.
const LONGEST_LEASE_SECS: i64 = 90;
/// How often leases are renewed, in looks.
const RENEWAL: u32 = 15;
/// How often it is looked whether another instance was asked to stop something of ours, or to delete it.
const LOOK: Duration = Duration::from_secs(1);
/// Turns, and calls, that are settled in one transaction.
const SWEPT_AT_ONCE: i64 = 100;
/// How long a client may repeat a request, in seconds.
pub(crate) const REPEATABLE_SECS: i64 = 24 * 60 * 60;
/// Keys, and kept calls, that are forgotten in one transaction, and transactions at one look.
const KEYS_AT_ONCE: i64 = 1_000;
const KEPT_AT_ONCE: i64 = 100;
const FORGETTINGS: usize = 20;

/// What was settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Swept {
    pub(crate) turns: u64,
    pub(crate) calls: u64,
}

/// Renews the leases of what this instance runs, settles what nobody owns, and forgets what is old, until the end.
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
            forget_old(&inner).await;
        }
        looks = looks.wrapping_add(1);
        // Where one file has one process, nobody else can be asked.
        if inner.store.backend() == Backend::Postgres {
            stop_those_asked_for(&inner).await;
        }
    }
}

pub(crate) async fn renew(inner: &Inner) {
    let (turns, calls) = (inner.turns.running(), inner.calls.ids());
    let now = inner.clock.now();
    let (until, latest) = (now.plus_secs(LEASE_SECS), now.plus_secs(LONGEST_LEASE_SECS));
    // Apart: what holds up the sweep must not keep our own leases from being renewed.
    let renewing = move |tx: &mut Tx<'_>| {
        turns::renew_leases(tx, &turns, until)?;
        turns::shorten_leases(tx, latest)?;
        direct::renew(tx, &calls, until)?;
        direct::shorten(tx, latest)
    };
    if let Err(error) = inner.store.write(renewing).await {
        tracing::warn!(%error, "leases could not be renewed");
        return;
    }
    match sweep(&inner.store, now, now).await {
        Ok(swept) if swept == Swept::default() => {}
        Ok(Swept { turns, calls }) => {
            tracing::warn!(turns, calls, "what nobody owned was marked as interrupted");
        }
        Err(error) => tracing::warn!(%error, "what runs could not be looked through"),
    }
}

pub(crate) async fn forget_old(inner: &Inner) {
    let now = inner.clock.now();
    let old = now.plus_secs(-REPEATABLE_SECS);
    let forgetting = move |tx: &mut Tx<'_>| turns::forget_repeatable(tx, old, KEYS_AT_ONCE);
    if let Err(error) = inner.store.write(forgetting).await {
        tracing::warn!(%error, "old keys of repeatable requests could not be forgotten");
    }
    for _ in 0..FORGETTINGS {
        let forgetting = move |tx: &mut Tx<'_>| direct::forget_kept(tx, now, KEPT_AT_ONCE);
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

pub(crate) async fn stop_those_asked_for(inner: &Inner) {
    let (turns, calls, kept) = (inner.turns.running(), inner.calls.ids(), inner.calls.kept_ids());
    if turns.is_empty() && calls.is_empty() {
        return;
    }
    let looking = move |tx: &mut Tx<'_>| {
        let (mut turns, mut calls) = (
            turns::to_be_ended(tx, &turns)?,
            direct::calls_to_be_ended(tx, &kept)?,
        );
        turns.extend(turns::revoked(tx)?);
        calls.extend(direct::revoked(tx)?);
        Ok::<_, StoreError>((turns, calls))
    };
    match inner.store.read(looking).await {
        Ok((turns, calls)) => {
            for log in turns.into_iter().filter_map(|answer| inner.turns.log(answer)) {
                log.stop.cancel();
            }
            calls.into_iter().for_each(|id| inner.calls.stop(id));
        }
        Err(error) => tracing::warn!(%error, "it is not known whether something is to be stopped"),
    }
}

/// Settles an answer whose lease has ended, for somebody who asks for it before the next sweep.
pub(crate) async fn settle_abandoned(
    inner: &Inner,
    owner: UserId,
    answer: MessageId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let settling = move |tx: &mut Tx<'_>| turns::sweep_one(tx, owner, answer, now, chat::settle);
    if inner.store.write(settling).await? {
        tracing::warn!(%answer, "an answer that nobody owned was marked as interrupted");
    }
    Ok(())
}

/// Marks running answers and calls whose lease ended before `expired_before` as interrupted: what was written of them is
/// kept, and what is known of their use is charged.
pub(crate) async fn sweep(
    store: &Store,
    now: Timestamp,
    expired_before: Timestamp,
) -> Result<Swept, StoreError> {
    let mut swept = Swept::default();
    loop {
        let sweeping = move |tx: &mut Tx<'_>| {
            Ok::<_, StoreError>(Swept {
                turns: turns::sweep(tx, now, expired_before, SWEPT_AT_ONCE, chat::settle)?,
                calls: direct::sweep(tx, now, expired_before, SWEPT_AT_ONCE, calls::settle)?,
            })
        };
        let some = store.write(sweeping).await?;
        if some == Swept::default() {
            return Ok(swept);
        }
        swept.turns += some.turns;
        swept.calls += some.calls;
    }
}
