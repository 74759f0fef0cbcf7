//! What an answer is charged that its owner has not closed: by what was written down of it. Its owner may be gone, or
//! the answer is about to be.

use super::{
    calls::{self, AbandonedCall, ModelCall},
    events::{self, EventKind, StoredEvent},
    open::OpenedTurn,
};
use crate::{
    Backend, StoreError, Tx,
    ops::{
        budgets::{self, Payer},
        ledger, prices,
    },
    row::Row,
    tx::params,
};
use chatai_types::{ConversationId, MessageId, Money, PriceVersionId, Rates, Timestamp, TokenCounts, UserId};

/// A running answer that its owner will not close.
#[derive(Clone, Debug)]
pub struct Abandoned {
    /// Its id.
    pub answer: MessageId,
    /// Its model.
    pub model: String,
    /// Its text as far as it was written.
    pub text: String,
    /// What was written to be shown beside its text, in order.
    pub beside: Vec<StoredEvent>,
    /// The estimated tokens of its first request.
    pub request_tokens: i64,
    /// The model's prices that it was opened with.
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

/// What the row of a running answer says of its turn.
pub(super) struct Taken {
    pub(super) payer: Payer,
    pub(super) ids: OpenedTurn,
    model: String,
    request_tokens: i64,
    price_version: Option<PriceVersionId>,
}

/// The columns that [`taken`] reads.
macro_rules! taken_columns {
    () => {
        "id, user_id, conversation_id, request_id, tokens_before, model, request_tokens, price_version, key_id"
    };
}
pub(super) use taken_columns;

pub(super) fn taken(row: &Row<'_>) -> Result<Taken, StoreError> {
    let answer: MessageId = row.get(0)?;
    let request: Option<MessageId> = row.get(3)?;
    Ok(Taken {
        payer: Payer {
            owner: row.get(1)?,
            key: row.get(8)?,
        },
        ids: OpenedTurn {
            conversation_id: row.get(2)?,
            request_message_id: request.unwrap_or(answer),
            response_message_id: answer,
            parent_id: None,
            tokens_before: row.get(4)?,
            question_tokens: 0,
            is_reserved: false,
        },
        model: row.get::<Option<String>>(5)?.unwrap_or_default(),
        request_tokens: row.get::<Option<i64>>(6)?.unwrap_or(0),
        price_version: row.get(7)?,
    })
}

impl Taken {
    /// Everything that was written down of it.
    pub(super) fn read(self, tx: &mut Tx<'_>, now: Timestamp) -> Result<Abandoned, StoreError> {
        let answer = self.ids.response_message_id;
        let (mut text, mut beside) = (String::new(), Vec::new());
        for event in events::events(tx, answer, -1)? {
            match event.kind {
                EventKind::Text => text.push_str(&event.data),
                _ => beside.push(event),
            }
        }
        text.truncate(text.trim_end().len());
        Ok(Abandoned {
            answer,
            text,
            beside,
            request_tokens: self.request_tokens,
            price: prices::of_version(tx, self.price_version)?,
            calls: calls::recorded(tx, answer)?,
            model: self.model,
            now,
        })
    }
}

/// Gives back what an answer holds, and charges it for its calls.
pub(super) fn charge(
    tx: &mut Tx<'_>,
    payer: Payer,
    ids: OpenedTurn,
    settled: &Settled,
    exists: bool,
) -> Result<(), StoreError> {
    budgets::release(tx, payer.owner, ids.response_message_id)?;
    calls::charge(tx, payer, ids, &settled.calls, exists)
}

/// Which answers are about to be deleted.
#[derive(Clone, Copy, Debug)]
pub(in crate::ops) enum Deleted {
    /// Those of a conversation.
    Conversation(ConversationId),
    /// All of the owner's.
    Account,
}

/// Charges what runs of the answers that are about to be deleted, in the transaction that deletes them: whenever the
/// process dies, what was used is on the books and nothing is held. An owner that lives has its say after all, in
/// [`super::close`]. The caller has taken the conversations' rows.
pub(in crate::ops) fn before_deletion(
    tx: &mut Tx<'_>,
    owner: UserId,
    deleted: Deleted,
    now: Timestamp,
    settle: impl Fn(&Abandoned) -> Settled,
) -> Result<(), StoreError> {
    for (taken, is_running) in unclosed(tx, owner, deleted)? {
        let (payer, ids) = (taken.payer, taken.ids);
        tx.exec(
            "insert into deleted_turns (message_id, user_id, created_at) values ($1, $2, $3)",
            params![ids.response_message_id, owner, now],
        )?;
        // What a sweep has charged stays charged until its owner says otherwise.
        if is_running {
            let abandoned = taken.read(tx, now)?;
            charge(tx, payer, ids, &settle(&abandoned), false)?;
        }
    }
    Ok(())
}

/// Answers whose owner has not closed them, taken so that nothing is written down for them any more; with each whether
/// it still runs.
fn unclosed(tx: &mut Tx<'_>, owner: UserId, deleted: Deleted) -> Result<Vec<(Taken, bool)>, StoreError> {
    macro_rules! unclosed {
        ($which:literal, $lock:literal) => {
            concat!(
                "select ",
                taken_columns!(),
                ", status = 'running' from messages where user_id = $1 and conversation_id ",
                $which,
                " and (status = 'running' or swept) order by id ",
                $lock
            )
        };
    }
    let read = |row: &Row<'_>| -> Result<(Taken, bool), StoreError> { Ok((taken(row)?, row.get(9)?)) };
    let backend = tx.backend();
    match deleted {
        Deleted::Conversation(id) => {
            let sql = match backend {
                Backend::Sqlite => unclosed!("= $2", ""),
                Backend::Postgres => unclosed!("= $2", "for update"),
            };
            tx.query(sql, params![owner, id], read)
        }
        Deleted::Account => {
            let sql = match backend {
                Backend::Sqlite => unclosed!("in (select id from conversations where user_id = $1)", ""),
                Backend::Postgres => {
                    unclosed!(
                        "in (select id from conversations where user_id = $1)",
                        "for update"
                    )
                }
            };
            tx.query(sql, params![owner], read)
        }
    }
}

/// Takes back what a deleted answer was charged in its owner's absence; false where it was not, or was taken back
/// before.
pub(super) fn take_back_deleted(
    tx: &mut Tx<'_>,
    owner: UserId,
    answer: MessageId,
) -> Result<bool, StoreError> {
    let marked = tx.exec(
        "delete from deleted_turns where message_id = $1 and user_id = $2",
        params![answer, owner],
    )?;
    if marked == 0 {
        return Ok(false);
    }
    ledger::reverse(tx, owner, answer)?;
    Ok(true)
}

/// Forgets answers that were deleted before this moment: no owner is left to close them.
pub(super) fn forget_deleted(tx: &mut Tx<'_>, before: Timestamp) -> Result<(), StoreError> {
    tx.exec("delete from deleted_turns where created_at < $1", params![before])?;
    Ok(())
}
