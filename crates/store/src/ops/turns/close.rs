//! The end of a turn, once: answer, status, summary, usage rows and ledger lines, and what was kept for a crash is
//! forgotten.

use super::{
    calls::{self, ModelCall, charge},
    events::{self, NewEvent},
    open::OpenedTurn,
    settle,
};
use crate::{
    StoreError, Tx,
    ops::{
        branches,
        budgets::{self, Payer},
        ledger,
        messages::Times,
    },
    tx::params,
};
use chatai_types::{ErrorCode, Money, TokenCounts, TurnStatus};

/// A turn to close.
#[derive(Clone, Debug)]
pub struct CloseTurn {
    /// Whose, and with which key.
    pub payer: Payer,
    /// Its ids.
    pub ids: OpenedTurn,
    /// How it ended.
    pub status: TurnStatus,
    /// The model that answered, or was asked last.
    pub model: String,
    /// The answer.
    pub text: String,
    /// The answer's estimated size in tokens.
    pub size_tokens: i64,
    /// The compact form of a long answer.
    pub answer_summary: Option<String>,
    /// The compact form of a long question.
    pub question_summary: Option<String>,
    /// What readers have still to see, pieces of the text apart.
    pub events: Vec<NewEvent>,
    /// Why it failed.
    pub error: Option<(ErrorCode, String)>,
    /// How long it took.
    pub times: Times,
    /// The sum of all calls; `None` where no model was called.
    pub tokens: Option<TokenCounts>,
    /// What they cost together.
    pub price: Option<Money>,
    /// All calls, in order.
    pub calls: Vec<ModelCall>,
}

/// Ends a turn. An owner that lives, though a sweep believed it gone, still has its say: what the sweep charged is
/// taken back. False when its conversation was deleted meanwhile, or when it was closed before: then the ledger alone
/// is written, in the place of what the deletion charged, unless it has been.
pub fn close(tx: &mut Tx<'_>, turn: &CloseTurn) -> Result<bool, StoreError> {
    let answer = turn.ids.response_message_id;
    // A turn opened at the same time counts this answer either as empty, to be corrected below, or in full.
    branches::take(tx, turn.payer.owner, turn.ids.conversation_id)?;
    let closed = write_answer(tx, turn, TurnStatus::Running)?
        || (reopen(tx, turn)? && write_answer(tx, turn, TurnStatus::Interrupted)?);
    if closed {
        if let Some(summary) = &turn.question_summary {
            tx.exec(
                "update messages set summary = $3 where id = $1 and user_id = $2",
                params![turn.ids.request_message_id, turn.payer.owner, summary],
            )?;
        }
        events::fold(tx, answer)?;
        events::write(tx, answer, &turn.events)?;
        calls::forget(tx, answer)?;
        move_followers(tx, turn.ids, turn.size_tokens)?;
    }
    // A commit whose outcome was unknown is tried again: what it charged is not charged twice.
    budgets::release(tx, turn.payer.owner, answer)?;
    let is_due = closed
        || settle::take_back_deleted(tx, turn.payer.owner, answer)?
        || !ledger::is_charged(tx, answer)?;
    if is_due {
        charge(tx, turn.payer, turn.ids, &turn.calls, closed)?;
    }
    Ok(closed)
}

/// Takes back what a sweep made of a turn whose owner lives: the ledger gets the same with the opposite sign. False when
/// no sweep did.
fn reopen(tx: &mut Tx<'_>, turn: &CloseTurn) -> Result<bool, StoreError> {
    let answer = turn.ids.response_message_id;
    let was_swept = tx.query_opt(
        "update messages set swept = $3 where id = $1 and user_id = $2 and status = 'interrupted' \
             and swept = $4 returning size_tokens",
        params![answer, turn.payer.owner, false, true],
        |row| row.get::<i64>(0),
    )?;
    let Some(size_tokens) = was_swept else {
        return Ok(false);
    };
    move_followers(tx, turn.ids, -size_tokens)?;
    calls::reverse(tx, turn.payer.owner, turn.ids)?;
    Ok(true)
}

/// Writes the end into the row of an answer that stands as `from`; false when it does not.
fn write_answer(tx: &mut Tx<'_>, turn: &CloseTurn, from: TurnStatus) -> Result<bool, StoreError> {
    let (error_code, error_detail) = match &turn.error {
        Some((code, detail)) => (Some(code.as_str()), Some(detail.as_str())),
        None => (None, None),
    };
    let tokens = turn.tokens;
    let written = tx.exec(
        "update messages set status = $3, text = $4, summary = $5, size_tokens = $6, error_code = $7, \
         error_detail = $8, fresh_input = $9, cache_read = $10, cache_write = $11, output = $12, \
         reasoning = $13, price = $14, model = $16, first_ms = $17, total_ms = $18, lease_until = null \
         where id = $1 and user_id = $2 and status = $15",
        params![
            turn.ids.response_message_id,
            turn.payer.owner,
            turn.status,
            &turn.text,
            turn.answer_summary.as_deref(),
            turn.size_tokens,
            error_code,
            error_detail,
            tokens.map(|counts| counts.fresh_input),
            tokens.map(|counts| counts.cache_read),
            tokens.map(|counts| counts.cache_write),
            tokens.map(|counts| counts.output),
            tokens.map(|counts| counts.reasoning),
            turn.price,
            from,
            &turn.model,
            turn.times.first_ms,
            turn.times.total_ms
        ],
    )?;
    Ok(written == 1)
}

/// Turns that were opened meanwhile counted this answer as empty.
pub(super) fn move_followers(tx: &mut Tx<'_>, ids: OpenedTurn, by: i64) -> Result<(), StoreError> {
    if by == 0 {
        return Ok(());
    }
    let follower = tx.query_opt(
        "select 1 from messages where parent_id = $1 limit 1",
        params![ids.response_message_id],
        |row| row.get::<i64>(0),
    )?;
    if follower.is_none() {
        return Ok(());
    }
    tx.exec(
        "with recursive follower (id) as ( \
         select id from messages where parent_id = $2 and conversation_id = $1 \
         union all select m.id from messages m join follower f on m.parent_id = f.id) \
         update messages set tokens_before = tokens_before + $3 where id in (select id from follower)",
        params![ids.conversation_id, ids.response_message_id, by],
    )?;
    Ok(())
}
