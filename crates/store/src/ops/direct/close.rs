//! The end of a direct call, once: what it used, its ledger line, its reservation given back, its output kept.

use super::{NO_CONVERSATION, holder};
use crate::{
    StoreError, Tx,
    ops::{
        budgets::{self, Payer},
        ledger::{self, Entry},
    },
    tx::params,
};
use chatai_types::{
    CallId, CallKind, ErrorCode, Money, PriceVersionId, Scope, Timestamp, TokenCounts, TurnStatus,
    UsageSource,
};

/// A call to close.
#[derive(Clone, Debug)]
pub struct CloseCall {
    /// Whose, and with which key.
    pub payer: Payer,
    /// Which.
    pub id: CallId,
    /// The interface it came through.
    pub kind: CallKind,
    /// Whether something was set aside for it.
    pub is_reserved: bool,
    /// The model that was asked.
    pub model: String,
    /// How it ended.
    pub end: CallEnd,
    /// All pieces of a kept call's output, a JSON array.
    pub output: Option<String>,
    /// Whether it gave nothing, so that its client may try again with the same key.
    pub gives_key_back: bool,
}

/// How a call ended, and what it used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallEnd {
    /// How.
    pub status: TurnStatus,
    /// Why the model ended.
    pub stop_reason: Option<String>,
    /// Why it failed.
    pub error: Option<(ErrorCode, String)>,
    /// What it used; `None` where it gave nothing, which nobody charges for.
    pub used: Option<CallUse>,
    /// When.
    pub at: Timestamp,
}

/// What a call used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallUse {
    /// What the model counted, or what is believed that it did.
    pub tokens: TokenCounts,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost; `None` where no price is known.
    pub price: Option<Money>,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
}

/// Ends a call. An owner that lives, though a sweep believed it gone, still has its say: what the sweep charged is
/// taken back. False when it was closed before: then nothing is written.
pub fn close(tx: &mut Tx<'_>, call: &CloseCall) -> Result<bool, StoreError> {
    let closed =
        write_end(tx, call.id, &call.end)? || (reopen(tx, call)? && write_end(tx, call.id, &call.end)?);
    if !closed {
        return Ok(false);
    }
    if let Some(output) = &call.output {
        keep_output(tx, call.id, output)?;
    }
    if call.gives_key_back {
        tx.exec(
            "delete from idempotency_keys where user_id = $1 and call_id = $2",
            params![call.payer.owner, call.id],
        )?;
    }
    if call.is_reserved {
        budgets::release(tx, call.payer.owner, holder(call.id))?;
    }
    charge(tx, call.payer, call.id, call.kind, &call.model, &call.end)?;
    Ok(true)
}

/// Takes back what a sweep made of a call whose owner lives; false when no sweep did.
fn reopen(tx: &mut Tx<'_>, call: &CloseCall) -> Result<bool, StoreError> {
    let was_swept = tx.exec(
        "update direct_calls set swept = $3, status = $5 where id = $1 and user_id = $2 and status = 'interrupted' \
         and swept = $4",
        params![call.id, call.payer.owner, false, true, TurnStatus::Running],
    )? == 1;
    if was_swept {
        ledger::reverse(tx, call.payer.owner, holder(call.id))?;
    }
    Ok(was_swept)
}

/// Writes the end into the record of a running call; false when it does not run.
pub(super) fn write_end(tx: &mut Tx<'_>, id: CallId, end: &CallEnd) -> Result<bool, StoreError> {
    let (error_code, error_detail) = match &end.error {
        Some((code, detail)) => (Some(code.as_str()), Some(detail.as_str())),
        None => (None, None),
    };
    let used = end.used.as_ref();
    let count = |of: fn(&TokenCounts) -> i64| used.map(|used| of(&used.tokens));
    let written = tx.exec(
        "update direct_calls set status = $2, fresh_input = $3, cache_read = $4, cache_write = $5, output = $6, \
         reasoning = $7, usage_source = $8, price = $9, price_version = coalesce($10, price_version), \
         error_code = $11, error_detail = $12, stop_reason = $13, ended_at = $14, lease_until = null \
         where id = $1 and status = 'running'",
        params![
            id,
            end.status,
            count(|tokens| tokens.fresh_input),
            count(|tokens| tokens.cache_read),
            count(|tokens| tokens.cache_write),
            count(|tokens| tokens.output),
            count(|tokens| tokens.reasoning),
            used.map(|used| used.source),
            used.and_then(|used| used.price),
            used.and_then(|used| used.price_version),
            error_code,
            error_detail,
            end.stop_reason.as_deref(),
            end.at
        ],
    )?;
    Ok(written == 1)
}

/// Keeps the whole output in place of its pieces.
pub(super) fn keep_output(tx: &mut Tx<'_>, id: CallId, output: &str) -> Result<(), StoreError> {
    tx.exec(
        "update kept_calls set output = $2 where call_id = $1",
        params![id, output],
    )?;
    tx.exec("delete from kept_pieces where call_id = $1", params![id])?;
    Ok(())
}

/// Adds the ledger's line of a call that used something.
pub(super) fn charge(
    tx: &mut Tx<'_>,
    payer: Payer,
    id: CallId,
    kind: CallKind,
    model: &str,
    end: &CallEnd,
) -> Result<(), StoreError> {
    let Some(used) = &end.used else { return Ok(()) };
    let entry = Entry {
        owner: payer.owner,
        key: payer.key,
        conversation_id: NO_CONVERSATION,
        message_id: holder(id),
        scope: match kind {
            CallKind::Embedding => Scope::Embedding,
            CallKind::Chat | CallKind::Response | CallKind::Message => Scope::Direct,
        },
        model,
        tokens: used.tokens,
        source: used.source,
        amount: used.price,
        price_version: used.price_version,
        at: end.at,
    };
    ledger::append(tx, &[entry])
}
