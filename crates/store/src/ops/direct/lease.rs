//! Who owns a running direct call: leases that are renewed, the sweep of those that are not, and wishes to end one.

use super::{
    close::{self, CallEnd},
    kept,
};
use crate::{
    Backend, StoreError, Tx,
    ops::{
        budgets::{self, Payer},
        leases::CALLS,
        prices,
    },
    tx::params,
};
use chatai_types::{CallId, CallKind, PriceVersionId, Rates, Timestamp, UserId};

/// A running call whose owner is gone.
#[derive(Clone, Debug)]
pub struct AbandonedCall {
    /// Its model.
    pub model: String,
    /// The estimated tokens of its request.
    pub request_tokens: i64,
    /// The model's prices when it began.
    pub price: Option<(PriceVersionId, Rates)>,
    /// The pieces of its output that were written; `None` for a call of which nothing is kept.
    pub pieces: Option<Vec<String>>,
    /// When it is settled.
    pub now: Timestamp,
}

/// What the row of a running call says of it.
struct Taken {
    id: CallId,
    payer: Payer,
    kind: CallKind,
    model: String,
    request_tokens: i64,
    price_version: Option<PriceVersionId>,
}

/// Which running calls are settled before their owners close them.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) enum Unclosed {
    /// One, which is about to be deleted.
    Call(CallId),
    /// All of an account that is about to be removed.
    OfAccount(UserId),
}

/// Renews the leases of running calls. Returns how many are still running.
pub fn renew(tx: &mut Tx<'_>, calls: &[CallId], lease_until: Timestamp) -> Result<u64, StoreError> {
    CALLS.renew(tx, calls.iter().map(|call| call.0), lease_until)
}

/// Asks whoever runs this call to end it. False when nothing is kept of it, or it is missing or another's.
pub fn request_cancel(tx: &mut Tx<'_>, owner: UserId, call: CallId) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update kept_calls set cancel_requested = $3 where call_id = $1 and user_id = $2",
        params![call, owner, true],
    )? == 1)
}

/// Which of these running, kept calls are to be ended: somebody wants them ended, or they were deleted.
pub fn calls_to_be_ended(tx: &mut Tx<'_>, calls: &[CallId]) -> Result<Vec<CallId>, StoreError> {
    let ended = CALLS.to_be_ended(tx, calls.iter().map(|call| call.0))?;
    Ok(ended.into_iter().map(CallId).collect())
}

/// The running calls, of whatever instance, whose key is deleted or whose account is shut.
pub fn revoked(tx: &mut Tx<'_>) -> Result<Vec<CallId>, StoreError> {
    let calls = CALLS.revoked(tx)?;
    Ok(calls.into_iter().map(CallId).collect())
}

/// Cuts leases that last beyond `latest` down to it: they were given before the clock was set back. Returns how many.
pub fn shorten(tx: &mut Tx<'_>, latest: Timestamp) -> Result<u64, StoreError> {
    CALLS.shorten(tx, latest)
}

/// Marks running calls whose lease ended before `expired_before` as interrupted, `most` at once, with the charges that
/// `settle` finds; returns how many.
pub fn sweep(
    tx: &mut Tx<'_>,
    now: Timestamp,
    expired_before: Timestamp,
    most: i64,
    settle: impl Fn(&AbandonedCall) -> CallEnd,
) -> Result<u64, StoreError> {
    let expired: Vec<CallId> = tx.query(
        "select id from direct_calls where status = 'running' and lease_until < $1 order by lease_until limit $2",
        params![expired_before, most],
        |row| row.get(0),
    )?;
    let mut swept = 0;
    for call in expired {
        if let Some(taken) = take(tx, call, expired_before)? {
            interrupt(tx, taken, now, &settle)?;
            swept += 1;
        }
    }
    Ok(swept)
}

/// Settles what runs of calls that are about to be deleted, in the transaction that deletes them, as a sweep would:
/// whenever the process dies, what was used is on the books and nothing is held. An owner that lives has its say after
/// all, in [`super::close`].
pub(in crate::ops) fn before_deletion(
    tx: &mut Tx<'_>,
    which: Unclosed,
    now: Timestamp,
    settle: impl Fn(&AbandonedCall) -> CallEnd,
) -> Result<(), StoreError> {
    let running = match which {
        Unclosed::Call(id) => vec![id],
        Unclosed::OfAccount(owner) => tx.query(
            "select id from direct_calls where status = 'running' and user_id = $1 order by id",
            params![owner],
            |row| row.get(0),
        )?,
    };
    for call in running {
        if let Some(taken) = take(tx, call, Timestamp::from_micros(i64::MAX))? {
            interrupt(tx, taken, now, &settle)?;
        }
    }
    Ok(())
}

/// Marks a running call as swept, if its lease is over before this moment. The update takes the row: of two sweeps one
/// gets it, and an owner that renews its lease keeps it.
fn take(tx: &mut Tx<'_>, call: CallId, expired_before: Timestamp) -> Result<Option<Taken>, StoreError> {
    tx.query_opt(
        "update direct_calls set swept = $3 where id = $1 and status = 'running' and lease_until < $2 \
         returning id, user_id, key_id, model, request_tokens, price_version, kind",
        params![call, expired_before, true],
        |row| {
            Ok(Taken {
                id: row.get(0)?,
                payer: Payer {
                    owner: row.get(1)?,
                    key: row.get(2)?,
                },
                model: row.get(3)?,
                request_tokens: row.get(4)?,
                price_version: row.get(5)?,
                kind: row.get(6)?,
            })
        },
    )
}

fn interrupt(
    tx: &mut Tx<'_>,
    call: Taken,
    now: Timestamp,
    settle: &impl Fn(&AbandonedCall) -> CallEnd,
) -> Result<(), StoreError> {
    // On PostgreSQL the row is taken, so that no piece is written, and shown, after they were counted.
    let kept = match tx.backend() {
        Backend::Sqlite => "select 1 from kept_calls where call_id = $1",
        Backend::Postgres => "select 1 from kept_calls where call_id = $1 for update",
    };
    let is_kept = tx
        .query_opt(kept, params![call.id], |row| row.get::<i64>(0))?
        .is_some();
    let pieces = if is_kept {
        Some(kept::pieces(tx, call.id, -1)?)
    } else {
        None
    };
    let abandoned = AbandonedCall {
        model: call.model,
        request_tokens: call.request_tokens,
        price: prices::of_version(tx, call.price_version)?,
        pieces,
        now,
    };
    let end = settle(&abandoned);
    close::write_end(tx, call.id, &end)?;
    if let Some(pieces) = &abandoned.pieces {
        close::keep_output(tx, call.id, &format!("[{}]", pieces.join(",")))?;
    }
    budgets::release(tx, call.payer.owner, super::holder(call.id))?;
    close::charge(tx, call.payer, call.id, call.kind, &abandoned.model, &end)
}
