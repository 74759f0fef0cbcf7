//! Model calls of a turn: written down before they are made, charged when the turn ends.

use super::{events::Appended, open::OpenedTurn};
use crate::{
    StoreError, Tx,
    ops::{
        budgets::Payer,
        ledger::{self, Entry},
    },
    row::Row,
    tx::params,
};
use chatai_types::{
    MessageId, Money, PriceVersionId, Rates, Scope, Timestamp, TokenCounts, UsageSource, UserId,
};

/// One model call that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelCall {
    /// What it was for.
    pub scope: Scope,
    /// The model called.
    pub model: String,
    /// What it used.
    pub tokens: TokenCounts,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost, and by which version of the prices.
    pub price: Option<Money>,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// The model that was asked first, where this one answered in its place.
    pub fallback_from: Option<String>,
    /// When it ended.
    pub at: Timestamp,
}

/// A model call about to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BegunCall {
    /// Its place among the turn's calls, from 0.
    pub number: i64,
    /// What it is for.
    pub scope: Scope,
    /// The model asked.
    pub model: String,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// The model that was asked first, where this one is asked in its place.
    pub fallback_from: Option<String>,
    /// The estimated tokens of its request.
    pub request_tokens: i64,
    /// The estimated tokens of the answer's text before it.
    pub tokens_before: i64,
}

/// A call of a turn whose owner died.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AbandonedCall {
    /// What is known of it: of one that had not ended, the request's tokens and, as `output`, those of the text before.
    pub call: ModelCall,
    /// The prices of its version.
    pub rates: Option<Rates>,
    /// Whether it had ended.
    pub ended: bool,
}

/// Writes down calls that have ended, by their numbers, and those that are about to be made. Nothing when the turn is
/// no longer running; one that is gone may make no more.
pub fn record_calls(
    tx: &mut Tx<'_>,
    answer: MessageId,
    ended: &[(i64, ModelCall)],
    begun: &[BegunCall],
    now: Timestamp,
) -> Result<Appended, StoreError> {
    let mut is_running = true;
    for (number, call) in ended {
        is_running &= put(tx, answer, *number, call, true)?;
    }
    for begun in begun {
        is_running &= put(tx, answer, begun.number, &begun.as_call(now), false)?;
    }
    if is_running {
        return Ok(Appended::Written);
    }
    let exists = "select 1 from messages where id = $1";
    let found = tx.query_opt(exists, params![answer], |row| row.get::<i64>(0))?;
    Ok(found.map_or(Appended::Gone, |_| Appended::Closed))
}

impl BegunCall {
    fn as_call(&self, now: Timestamp) -> ModelCall {
        ModelCall {
            scope: self.scope,
            model: self.model.clone(),
            tokens: TokenCounts {
                fresh_input: self.request_tokens,
                output: self.tokens_before,
                ..TokenCounts::default()
            },
            source: UsageSource::None,
            price: None,
            price_version: self.price_version,
            fallback_from: self.fallback_from.clone(),
            at: now,
        }
    }
}

/// False when the turn is no longer running.
fn put(
    tx: &mut Tx<'_>,
    answer: MessageId,
    number: i64,
    call: &ModelCall,
    ended: bool,
) -> Result<bool, StoreError> {
    let written = tx.exec(
        "insert into turn_calls (message_id, number, scope, model, fresh_input, cache_read, cache_write, output, \
         reasoning, usage_source, price, price_version, ended, created_at, fallback_from) \
         select id, cast($2 as bigint), $3, $4, cast($5 as bigint), cast($6 as bigint), cast($7 as bigint), \
         cast($8 as bigint), cast($9 as bigint), $10, cast($11 as bigint), cast($12 as bigint), cast($13 as boolean), \
         cast($14 as bigint), cast($15 as text) from messages where id = $1 and status = 'running' \
         on conflict (message_id, number) do update set scope = excluded.scope, model = excluded.model, \
         fresh_input = excluded.fresh_input, cache_read = excluded.cache_read, \
         cache_write = excluded.cache_write, output = excluded.output, reasoning = excluded.reasoning, \
         usage_source = excluded.usage_source, price = excluded.price, \
         price_version = excluded.price_version, ended = excluded.ended, created_at = excluded.created_at, \
         fallback_from = excluded.fallback_from",
        params![
            answer,
            number,
            call.scope,
            &call.model,
            call.tokens.fresh_input,
            call.tokens.cache_read,
            call.tokens.cache_write,
            call.tokens.output,
            call.tokens.reasoning,
            call.source,
            call.price,
            call.price_version,
            ended,
            call.at,
            call.fallback_from.as_deref()
        ],
    )?;
    Ok(written == 1)
}

/// The calls of a running turn that were written down, in order.
pub(super) fn recorded(tx: &mut Tx<'_>, answer: MessageId) -> Result<Vec<AbandonedCall>, StoreError> {
    tx.query(
        "select c.scope, c.model, c.fresh_input, c.cache_read, c.cache_write, c.output, c.reasoning, c.usage_source, \
         c.price, c.price_version, c.created_at, c.ended, c.fallback_from, v.input, v.cache_read, v.cache_write, \
         v.output from turn_calls c left join price_versions v on v.id = c.price_version \
         where c.message_id = $1 order by c.number",
        params![answer],
        abandoned,
    )
}

fn abandoned(row: &Row<'_>) -> Result<AbandonedCall, StoreError> {
    Ok(AbandonedCall {
        call: ModelCall {
            scope: row.get(0)?,
            model: row.get(1)?,
            tokens: TokenCounts {
                fresh_input: row.get(2)?,
                cache_read: row.get(3)?,
                cache_write: row.get(4)?,
                output: row.get(5)?,
                reasoning: row.get(6)?,
            },
            source: row.get(7)?,
            price: row.get(8)?,
            price_version: row.get(9)?,
            at: row.get(10)?,
            fallback_from: row.get(12)?,
        },
        rates: rates(row)?,
        ended: row.get(11)?,
    })
}

fn rates(row: &Row<'_>) -> Result<Option<Rates>, StoreError> {
    let Some(input) = row.get(13)? else {
        return Ok(None);
    };
    Ok(Some(Rates {
        input,
        cache_read: row.get(14)?,
        cache_write: row.get(15)?,
        output: row.get(16)?,
    }))
}

/// Forgets what was written down: it has become usage rows.
pub(super) fn forget(tx: &mut Tx<'_>, answer: MessageId) -> Result<(), StoreError> {
    tx.exec("delete from turn_calls where message_id = $1", params![answer])?;
    Ok(())
}

/// Writes the usage rows and ledger lines of a turn's calls; the ledger alone where its message is gone.
pub(super) fn charge(
    tx: &mut Tx<'_>,
    payer: Payer,
    ids: OpenedTurn,
    calls: &[ModelCall],
    exists: bool,
) -> Result<(), StoreError> {
    if exists {
        for call in calls {
            add_usage(tx, payer.owner, ids, call)?;
        }
    }
    let entries: Vec<Entry<'_>> = calls.iter().map(|call| entry(payer, ids, call)).collect();
    ledger::append(tx, &entries)
}

fn entry(payer: Payer, ids: OpenedTurn, call: &ModelCall) -> Entry<'_> {
    Entry {
        owner: payer.owner,
        key: payer.key,
        conversation_id: ids.conversation_id,
        message_id: ids.response_message_id,
        scope: call.scope,
        model: &call.model,
        tokens: call.tokens,
        source: call.source,
        amount: call.price,
        price_version: call.price_version,
        at: call.at,
    }
}

fn add_usage(tx: &mut Tx<'_>, owner: UserId, ids: OpenedTurn, call: &ModelCall) -> Result<(), StoreError> {
    tx.exec(
        "insert into usage_details (message_id, conversation_id, user_id, scope, model, fresh_input, \
         cache_read, cache_write, output, reasoning, usage_source, price, price_version, created_at, fallback_from) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        params![
            ids.response_message_id,
            ids.conversation_id,
            owner,
            call.scope,
            &call.model,
            call.tokens.fresh_input,
            call.tokens.cache_read,
            call.tokens.cache_write,
            call.tokens.output,
            call.tokens.reasoning,
            call.source,
            call.price,
            call.price_version,
            call.at,
            call.fallback_from.as_deref()
        ],
    )?;
    Ok(())
}

/// Takes back every charge of a turn: usage rows go, the ledger gets the same lines with the opposite sign.
pub(super) fn reverse(tx: &mut Tx<'_>, owner: UserId, ids: OpenedTurn) -> Result<(), StoreError> {
    ledger::reverse(tx, owner, ids.response_message_id)?;
    tx.exec(
        "delete from usage_details where message_id = $1 and user_id = $2",
        params![ids.response_message_id, owner],
    )?;
    Ok(())
}
