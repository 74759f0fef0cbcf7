//! Who owns a running answer: leases that are renewed, the sweep of those that are not, and wishes to end one.

use super::{
    calls,
    close::move_followers,
    events,
    settle::{self, Abandoned, Settled, Taken, taken, taken_columns},
};
use crate::{
    StoreError, Tx,
    ops::{branches, budgets, leases::ANSWERS},
    tx::params,
};
use chatai_types::{ConversationId, ErrorCode, MessageId, Scope, Timestamp, UserId};

/// How long a deleted answer is remembered: longer than any turn that may still close it.
const DELETED_SECS: i64 = 3_600;

/// Renews the lease of running answers. Returns how many are still running.
pub fn renew_leases(
    tx: &mut Tx<'_>,
    answers: &[MessageId],
    lease_until: Timestamp,
) -> Result<u64, StoreError> {
    ANSWERS.renew(tx, answers.iter().map(|answer| answer.0), lease_until)
}

/// Asks whoever runs this answer to end it. False when it is not running, missing, or another's.
pub fn request_cancel(tx: &mut Tx<'_>, owner: UserId, answer: MessageId) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update messages set cancel_requested = $3 where id = $1 and user_id = $2 and status = 'running'",
        params![answer, owner, true],
    )? == 1)
}

/// Which of these running answers are to be ended: somebody wants them ended, or their conversation is gone.
pub fn to_be_ended(tx: &mut Tx<'_>, answers: &[MessageId]) -> Result<Vec<MessageId>, StoreError> {
    let ended = ANSWERS.to_be_ended(tx, answers.iter().map(|answer| answer.0))?;
    Ok(ended.into_iter().map(MessageId).collect())
}

/// The running answers, of whatever instance, whose key is deleted or whose account is shut.
pub fn revoked(tx: &mut Tx<'_>) -> Result<Vec<MessageId>, StoreError> {
    let answers = ANSWERS.revoked(tx)?;
    Ok(answers.into_iter().map(MessageId).collect())
}

/// Cuts leases that last beyond `latest` down to it: they were given before the clock was set back. Returns how many.
pub fn shorten_leases(tx: &mut Tx<'_>, latest: Timestamp) -> Result<u64, StoreError> {
    ANSWERS.shorten(tx, latest)
}

/// Marks running answers whose lease ended before `now` as interrupted, `most` at once, with the text that was
/// written and the charges that `settling` finds; returns how many.
pub fn sweep(
    tx: &mut Tx<'_>,
    now: Timestamp,
    expired_before: Timestamp,
    most: i64,
    settling: impl Fn(&Abandoned) -> Settled,
) -> Result<u64, StoreError> {
    let expired: Vec<(MessageId, UserId, ConversationId)> = tx.query(
        "select id, user_id, conversation_id from messages where status = 'running' and lease_until < $1 order by lease_until limit $2",
        params![expired_before, most],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let mut swept = 0;
    for (answer, owner, conversation) in expired {
        // In the order in which turns are closed.
        branches::take(tx, owner, conversation)?;
        swept += u64::from(interrupt(tx, answer, now, expired_before, &settling)?);
    }
    budgets::release_ended(tx, now.plus_secs(-DELETED_SECS))?;
    settle::forget_deleted(tx, now.plus_secs(-DELETED_SECS))?;
    Ok(swept)
}

/// Whether an answer is running and its lease ended before `now`: nobody will close it.
pub fn is_abandoned(tx: &mut Tx<'_>, answer: MessageId, now: Timestamp) -> Result<bool, StoreError> {
    let found = tx.query_opt(
        "select 1 from messages where id = $1 and status = 'running' and lease_until < $2",
        params![answer, now],
        |row| row.get::<i64>(0),
    )?;
    Ok(found.is_some())
}

/// Does for one answer of an owner's what [`sweep`] does for all, for somebody who asks for it. False when it is not
/// running, its lease has not ended, or it is missing or another's.
pub fn sweep_one(
    tx: &mut Tx<'_>,
    owner: UserId,
    answer: MessageId,
    now: Timestamp,
    settling: impl Fn(&Abandoned) -> Settled,
) -> Result<bool, StoreError> {
    let conversation = tx.query_opt(
        "select conversation_id from messages where id = $1 and user_id = $2 and status = 'running'",
        params![answer, owner],
        |row| row.get::<ConversationId>(0),
    )?;
    let Some(conversation) = conversation else {
        return Ok(false);
    };
    branches::take(tx, owner, conversation)?;
    interrupt(tx, answer, now, now, &settling)
}

fn interrupt(
    tx: &mut Tx<'_>,
    answer: MessageId,
    now: Timestamp,
    expired_before: Timestamp,
    settling: &impl Fn(&Abandoned) -> Settled,
) -> Result<bool, StoreError> {
    // The update takes the row: of two sweeps one gets it, and an owner that renews its lease keeps it.
    let Some(taken) = take(tx, answer, expired_before)? else {
        return Ok(false);
    };
    let (payer, ids) = (taken.payer, taken.ids);
    let abandoned = taken.read(tx, now)?;
    let settled = settling(&abandoned);
    // Another model may have answered than the one that was asked first.
    let mut answering = settled.calls.iter().rev();
    let answering = answering.find(|call| matches!(call.scope, Scope::Tool | Scope::Final));
    let model = answering.map_or(&abandoned.model, |call| &call.model);
    tx.exec(
        "update messages set text = $2, size_tokens = $3, fresh_input = $4, cache_read = $5, cache_write = $6, \
         output = $7, reasoning = $8, price = $9, model = $10 where id = $1",
        params![
            answer,
            &abandoned.text,
            settled.size_tokens,
            settled.tokens.map(|counts| counts.fresh_input),
            settled.tokens.map(|counts| counts.cache_read),
            settled.tokens.map(|counts| counts.cache_write),
            settled.tokens.map(|counts| counts.output),
            settled.tokens.map(|counts| counts.reasoning),
            settled.price,
            model
        ],
    )?;
    events::fold(tx, answer)?;
    calls::forget(tx, answer)?;
    move_followers(tx, ids, settled.size_tokens)?;
    settle::charge(tx, payer, ids, &settled, true)?;
    Ok(true)
}

/// Marks an answer as interrupted, if its lease is still over.
fn take(tx: &mut Tx<'_>, answer: MessageId, expired_before: Timestamp) -> Result<Option<Taken>, StoreError> {
    tx.query_opt(
        concat!(
            "update messages set status = 'interrupted', swept = $3, lease_until = null, error_code = $4, \
             error_detail = $5 where id = $1 and status = 'running' and lease_until < $2 returning ",
            taken_columns!()
        ),
        params![
            answer,
            expired_before,
            true,
            ErrorCode::Interrupted.as_str(),
            "The service ended before the answer was complete"
        ],
        taken,
    )
}
