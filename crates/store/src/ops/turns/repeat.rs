//! Requests that a client may repeat: the same key of the same user gives the same turn.

use crate::{StoreError, Tx, tx::params};
use chatai_types::{ConversationId, MessageId, Timestamp, UserId};

/// What makes a request the same as another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repeatable {
    /// The client's key.
    pub key: String,
    /// A hash of what is asked.
    pub fingerprint: String,
    /// Keys of before this moment are forgotten.
    pub not_before: Timestamp,
}

/// Where a turn stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TurnIds {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// The question.
    pub request_message_id: MessageId,
    /// The answer.
    pub response_message_id: MessageId,
}

/// What a key stands for already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Claim {
    /// Nothing: it is this transaction's now.
    New,
    /// The same request.
    Same(TurnIds),
    /// Another request.
    Other,
    /// Nothing, since the account is gone.
    NoOwner,
}

/// The turn that an earlier request of this key made. The outer `None` when there was none; the inner one when that
/// request was another.
pub fn repeated(
    tx: &mut Tx<'_>,
    owner: UserId,
    request: &Repeatable,
) -> Result<Option<Option<TurnIds>>, StoreError> {
    tx.query_opt(
        "select fingerprint, conversation_id, request_message_id, response_message_id from idempotency_keys \
         where user_id = $1 and key = $2 and created_at >= $3 and response_message_id is not null",
        params![owner, &request.key, request.not_before],
        |row| {
            let same = row.get::<String>(0)? == request.fingerprint;
            let ids = TurnIds {
                conversation_id: row.get(1)?,
                request_message_id: row.get(2)?,
                response_message_id: row.get(3)?,
            };
            Ok(same.then_some(ids))
        },
    )
}

/// What came of taking a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ops) enum Taking {
    /// It is this transaction's now.
    Taken,
    /// It stands for something already.
    InUse,
    /// The account is gone.
    NoOwner,
}

/// Takes the key, or says what it stands for already.
pub(super) fn claim(
    tx: &mut Tx<'_>,
    owner: UserId,
    request: &Repeatable,
    now: Timestamp,
) -> Result<Claim, StoreError> {
    Ok(match take_key(tx, owner, request, now)? {
        Taking::Taken => Claim::New,
        Taking::NoOwner => Claim::NoOwner,
        Taking::InUse => match repeated(tx, owner, request)? {
            Some(Some(ids)) => Claim::Same(ids),
            _ => Claim::Other,
        },
    })
}

/// Takes the key. Another transaction that has taken it is waited for: the insertion settles who was first.
pub(in crate::ops) fn take_key(
    tx: &mut Tx<'_>,
    owner: UserId,
    request: &Repeatable,
    now: Timestamp,
) -> Result<Taking, StoreError> {
    tx.exec(
        "delete from idempotency_keys where user_id = $1 and key = $2 and created_at < $3",
        params![owner, &request.key, request.not_before],
    )?;
    let taken = tx.exec(
        "insert into idempotency_keys (user_id, key, fingerprint, created_at) \
         select id, $2, $3, cast($4 as bigint) from users where id = $1 on conflict (user_id, key) do nothing",
        params![owner, &request.key, &request.fingerprint, now],
    )?;
    if taken == 1 {
        return Ok(Taking::Taken);
    }
    let in_use = tx.query_opt(
        "select 1 from idempotency_keys where user_id = $1 and key = $2",
        params![owner, &request.key],
        |row| row.get::<i64>(0),
    )?;
    Ok(in_use.map_or(Taking::NoOwner, |_| Taking::InUse))
}

/// Says what the key stands for.
pub(super) fn settle(
    tx: &mut Tx<'_>,
    owner: UserId,
    request: &Repeatable,
    ids: TurnIds,
) -> Result<(), StoreError> {
    tx.exec(
        "update idempotency_keys set conversation_id = $3, request_message_id = $4, response_message_id = $5 \
         where user_id = $1 and key = $2",
        params![
            owner,
            &request.key,
            ids.conversation_id,
            ids.request_message_id,
            ids.response_message_id
        ],
    )?;
    Ok(())
}

/// Forgets keys of before this moment, so many at once at most; returns how many.
pub fn forget_repeatable(tx: &mut Tx<'_>, before: Timestamp, most: i64) -> Result<u64, StoreError> {
    let old: Vec<(UserId, String)> = tx.query(
        "select user_id, key from idempotency_keys where created_at < $1 order by created_at limit $2",
        params![before, most],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut forgotten = 0;
    for (owner, key) in old {
        forgotten += tx.exec(
            "delete from idempotency_keys where user_id = $1 and key = $2 and created_at < $3",
            params![owner, &key, before],
        )?;
    }
    Ok(forgotten)
}
