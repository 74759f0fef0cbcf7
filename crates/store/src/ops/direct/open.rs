//! The beginning of a direct call: its record, its reservation, its key, or nothing at all.

use super::holder;
use crate::{
    StoreError, Tx,
    ops::{
        budgets::{self, Admission, Payer},
        turns::{Repeatable, Taking, take_key},
    },
    tx::{insert_id, params},
};
use chatai_types::{CallId, CallKind, Money, PriceVersionId, Timestamp, TurnStatus, UserId};

/// A call to open.
#[derive(Clone, Debug)]
pub struct OpenCall {
    /// Whose, and with which key.
    pub payer: Payer,
    /// The interface it came through.
    pub kind: CallKind,
    /// The model that is asked.
    pub model: String,
    /// The version of its prices.
    pub price_version: Option<PriceVersionId>,
    /// The estimated tokens of the request.
    pub request_tokens: i64,
    /// What it may cost at most, to be set aside where a limit applies.
    pub worst_case: Money,
    /// Set when it can be read again.
    pub kept: Option<NewKept>,
    /// Set when the client may repeat the request; such a call is kept.
    pub repeatable: Option<Repeatable>,
    /// When.
    pub now: Timestamp,
    /// Until when its owner is believed alive.
    pub lease_until: Timestamp,
}

/// What is kept of a call from its beginning.
#[derive(Clone, Debug)]
pub struct NewKept {
    /// The name it is read by.
    pub public_id: String,
    /// The response that it goes on from.
    pub previous_id: Option<String>,
    /// What was asked for beside the input, in the interface's words.
    pub face: String,
    /// The input, in the interface's words.
    pub input: String,
    /// When it is forgotten.
    pub keep_until: Timestamp,
}

/// What became of it. Whoever is refused rolls the whole job back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedCall {
    /// It is open.
    Call {
        /// Its id.
        id: CallId,
        /// Whether its worst case was set aside.
        is_reserved: bool,
    },
    /// The key was used by the same request: this is its call.
    Repeated(CallId),
    /// The key was used by another request.
    OtherRequest,
    /// The account is gone.
    NoOwner,
    /// Its worst case does not fit what is left of the owner's budget.
    OverBudget,
    /// Its worst case does not fit what is left of the key's budget.
    OverKeyBudget,
}

/// Writes the record of a call that is about to be made.
pub fn open(tx: &mut Tx<'_>, call: &OpenCall) -> Result<OpenedCall, StoreError> {
    if let Some(request) = &call.repeatable {
        match take_key(tx, call.payer.owner, request, call.now)? {
            Taking::Taken => {}
            Taking::NoOwner => return Ok(OpenedCall::NoOwner),
            Taking::InUse => {
                return Ok(match earlier(tx, call.payer.owner, request)? {
                    Some(Some(id)) => OpenedCall::Repeated(id),
                    _ => OpenedCall::OtherRequest,
                });
            }
        }
    }
    let held = match budgets::reserve(tx, call.payer, call.worst_case, call.now)? {
        Admission::Unlimited => None,
        Admission::Reserved(held) => Some(held),
        Admission::OverBudget => return Ok(OpenedCall::OverBudget),
        Admission::OverKeyBudget => return Ok(OpenedCall::OverKeyBudget),
    };
    let added: Option<CallId> = insert_id!(
        tx,
        "insert into direct_calls (user_id, key_id, kind, model, status, request_tokens, price_version, lease_until, \
         created_at) select id, cast($2 as bigint), $3, $4, $5, cast($6 as bigint), cast($7 as bigint), \
         cast($8 as bigint), cast($9 as bigint) from users where id = $1",
        params![
            call.payer.owner,
            call.payer.key,
            call.kind,
            &call.model,
            TurnStatus::Running,
            call.request_tokens,
            call.price_version,
            call.lease_until,
            call.now
        ]
    )?;
    let Some(id) = added else {
        return Ok(OpenedCall::NoOwner);
    };
    if let Some(held) = held {
        budgets::hold(tx, call.payer, holder(id), held, call.now)?;
    }
    if let Some(kept) = &call.kept {
        tx.exec(
            "insert into kept_calls (call_id, user_id, public_id, previous_id, face, input, keep_until, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            params![
                id,
                call.payer.owner,
                &kept.public_id,
                &kept.previous_id,
                &kept.face,
                &kept.input,
                kept.keep_until,
                call.now
            ],
        )?;
    }
    if let Some(request) = &call.repeatable {
        tx.exec(
            "update idempotency_keys set call_id = $3 where user_id = $1 and key = $2",
            params![call.payer.owner, &request.key, id],
        )?;
    }
    Ok(OpenedCall::Call {
        id,
        is_reserved: held.is_some(),
    })
}

/// Another model is about to be asked in place of one that gave nothing.
#[derive(Clone, Debug)]
pub struct AskedAgain {
    /// The call.
    pub id: CallId,
    /// The model that is asked now.
    pub model: String,
    /// The version of its prices.
    pub price_version: Option<PriceVersionId>,
    /// The model that was asked first.
    pub fallback_from: String,
}

/// Writes down who is asked now. False when the call no longer runs: then nobody may be asked, since nothing would say so.
pub fn ask_again(tx: &mut Tx<'_>, again: &AskedAgain) -> Result<bool, StoreError> {
    let written = tx.exec(
        "update direct_calls set model = $2, price_version = $3, fallback_from = $4 \
         where id = $1 and status = 'running'",
        params![again.id, &again.model, again.price_version, &again.fallback_from],
    )?;
    Ok(written == 1)
}

/// The call that an earlier request of this key made. The outer `None` when there was none; the inner one when that
/// request was another.
pub fn earlier(
    tx: &mut Tx<'_>,
    owner: UserId,
    request: &Repeatable,
) -> Result<Option<Option<CallId>>, StoreError> {
    tx.query_opt(
        "select fingerprint, call_id from idempotency_keys where user_id = $1 and key = $2 and created_at >= $3",
        params![owner, &request.key, request.not_before],
        |row| {
            let is_same = row.get::<String>(0)? == request.fingerprint;
            let call: Option<CallId> = row.get(1)?;
            Ok(call.filter(|_| is_same))
        },
    )
}
