//! Who owns a running answer: leases that are renewed, the sweep of those that are not, and wishes to end one.

use super::{
    calls::{self, AbandonedCall, ModelCall},
    close::move_followers,
    events,
    open::OpenedTurn,
};
use crate::{
    StoreError, Tx,
    ops::{
        branches,
        budgets::{self, Payer},
    },
    tx::params,
};
use chatai_types::{
    ConversationId, ErrorCode, MessageId, Money, PriceVersionId, Rates, Timestamp, TokenCounts, UserId,
};
use std::collections::HashMap;

/// How long a reservation outlives a deleted answer: longer than any turn that may still settle it.
const DELETED_SECS: i64 = 3_600;

/// A running answer whose owner is gone.
#[derive(Clone, Debug)]
pub struct Abandoned {
    /// Its id.
    pub answer: MessageId,
    /// Its model.
    pub model: String,
    /// Its text as far as it was written.
    pub text: String,
    /// The estimated tokens of its first request.
    pub request_tokens: i64,
    /// The model's prices when it began.
    pub price: Option<(PriceVersionId, Rates)>,
    /// Its other calls, in order.
    pub calls: Vec<AbandonedCall>,
    /// When it is settled.
    pub now: Timestamp,
}

/// What is known of an abandoned answer's use.
#[derive(Clone, Debug, Default)]
pub struct Settled {
    /// The text's estimated size in tokens.
    pub size_tokens: i64,
    /// Its calls.
    pub calls: Vec<ModelCall>,
    /// Their sum.
    pub tokens: Option<TokenCounts>,
    /// What they cost together.
    pub price: Option<Money>,
}

/// Renews the lease of running answers. Returns how many are still running.
pub fn renew_leases(
    tx: &mut Tx<'_>,
    answers: &[MessageId],
    lease_until: Timestamp,
) -> Result<u64, StoreError> {
    let mut renewed = 0;
    for answer in answers {
        renewed += tx.exec(
            "update messages set lease_until = $2 where id = $1 and status = 'running'",
            params![*answer, lease_until],
        )?;
    }
    Ok(renewed)
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
    let running: HashMap<MessageId, bool> = tx
        .query(
            "select id, cancel_requested from messages where status = 'running'",
            params![],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .into_iter()
        .collect();
    let mut ended = Vec::new();
    for answer in answers {
        let is_to_end = match running.get(answer) {
            Some(requested) => *requested,
            // Closed, believed abandoned, or gone: the last alone is a reason to end.
            None => tx
                .query_opt("select 1 from messages where id = $1", params![*answer], |row| {
                    row.get::<i64>(0)
                })?
                .is_none(),
        };
        if is_to_end {
            ended.push(*answer);
        }
    }
    Ok(ended)
}

/// Cuts leases that last beyond `latest` down to it: they were given before the clock was set back, and nobody is believed
/// alive for that much longer. Whoever lives renews its own in time. Returns how many.
pub fn shorten_leases(tx: &mut Tx<'_>, latest: Timestamp) -> Result<u64, StoreError> {
    tx.exec(
        "update messages set lease_until = $1 where status = 'running' and lease_until > $1",
        params![latest],
    )
}

/// Marks running answers whose lease ended before `now` as interrupted, `most` at once, with the text that was
/// written and the charges that `settle` finds; returns how many.
pub fn sweep(
    tx: &mut Tx<'_>,
    now: Timestamp,
    expired_before: Timestamp,
    most: i64,
    settle: impl Fn(&Abandoned) -> Settled,
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
        swept += u64::from(interrupt(tx, answer, now, expired_before, &settle)?);
    }
    budgets::release_ended(tx, now.plus_secs(-DELETED_SECS))?;
    Ok(swept)
}

/// What is needed of an answer to close it.
struct Taken {
    payer: Payer,
    ids: OpenedTurn,
    model: String,
    request_tokens: i64,
    created_at: Timestamp,
}

fn interrupt(
    tx: &mut Tx<'_>,
    answer: MessageId,
    now: Timestamp,
    expired_before: Timestamp,
    settle: &impl Fn(&Abandoned) -> Settled,
) -> Result<bool, StoreError> {
    // The update takes the row: of two sweeps one gets it, and an owner that renews its lease keeps it.
    let Some(taken) = take(tx, answer, expired_before)? else {
        return Ok(false);
    };
    let abandoned = Abandoned {
        answer,
        text: events::text(tx, answer)?.trim_end().to_owned(),
        request_tokens: taken.request_tokens,
        price: price_at(tx, &taken.model, taken.created_at)?,
        calls: calls::recorded(tx, answer)?,
        model: taken.model,
        now,
    };
    let settled = settle(&abandoned);
    tx.exec(
        "update messages set text = $2, size_tokens = $3, fresh_input = $4, cache_read = $5, cache_write = $6, \
         output = $7, reasoning = $8, price = $9 where id = $1",
        params![
            answer,
            &abandoned.text,
            settled.size_tokens,
            settled.tokens.map(|counts| counts.fresh_input),
            settled.tokens.map(|counts| counts.cache_read),
            settled.tokens.map(|counts| counts.cache_write),
            settled.tokens.map(|counts| counts.output),
            settled.tokens.map(|counts| counts.reasoning),
            settled.price
        ],
    )?;
    events::fold(tx, answer)?;
    calls::forget(tx, answer)?;
    move_followers(tx, taken.ids, settled.size_tokens)?;
    budgets::release(tx, taken.payer.owner, answer)?;
    calls::charge(tx, taken.payer, taken.ids, &settled.calls, true)?;
    Ok(true)
}

fn take(tx: &mut Tx<'_>, answer: MessageId, expired_before: Timestamp) -> Result<Option<Taken>, StoreError> {
    tx.query_opt(
        "update messages set status = 'interrupted', swept = $3, lease_until = null, error_code = $4, \
         error_detail = $5 where id = $1 and status = 'running' and lease_until < $2 \
         returning user_id, conversation_id, request_id, tokens_before, model, request_tokens, created_at, \
         key_id",
        params![
            answer,
            expired_before,
            true,
            ErrorCode::Interrupted.as_str(),
            "The service ended before the answer was complete"
        ],
        |row| {
            let conversation_id: ConversationId = row.get(1)?;
            let request: Option<MessageId> = row.get(2)?;
            Ok(Taken {
                payer: Payer {
                    owner: row.get(0)?,
                    key: row.get(7)?,
                },
                ids: OpenedTurn {
                    conversation_id,
                    request_message_id: request.unwrap_or(answer),
                    response_message_id: answer,
                    parent_id: None,
                    tokens_before: row.get(3)?,
                    question_tokens: 0,
                    is_reserved: false,
                },
                model: row.get::<Option<String>>(4)?.unwrap_or_default(),
                request_tokens: row.get::<Option<i64>>(5)?.unwrap_or(0),
                created_at: row.get(6)?,
            })
        },
    )
}

/// The version of a model's prices at a moment.
fn price_at(
    tx: &mut Tx<'_>,
    model: &str,
    moment: Timestamp,
) -> Result<Option<(PriceVersionId, Rates)>, StoreError> {
    tx.query_opt(
        "select id, input, cache_read, cache_write, output from price_versions \
         where model = $1 order by case when created_at <= $2 then 0 else 1 end, id desc limit 1",
        params![model, moment],
        |row| {
            Ok((
                row.get(0)?,
                Rates {
                    input: row.get(1)?,
                    cache_read: row.get(2)?,
                    cache_write: row.get(3)?,
                    output: row.get(4)?,
                },
            ))
        },
    )
}
