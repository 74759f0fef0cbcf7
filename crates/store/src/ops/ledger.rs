//! The ledger: every charge, for good, and its sums by day in the same transaction.
//!
//! Whatever appends takes the budgets of those who are charged first, so that a budget is never counted anew between
//! a line and the amount it adds to the budget.

use super::budgets;
use crate::{StoreError, Tx, tx::params};
use chatai_types::{
    ConversationId, Day, MessageId, Money, PriceVersionId, Scope, Timestamp, TokenCounts, UsageSource, UserId,
};
use std::collections::BTreeMap;

/// Beyond these no model call goes, whatever was reported or imported: the sums stay far from 64 bits.
const MOST_TOKENS: i64 = 1_000_000_000_000;
const HIGHEST_AMOUNT: i64 = 10_000 * 1_000_000_000_000;

/// A line to add.
#[derive(Clone, Debug)]
pub struct Entry<'a> {
    /// Who is charged.
    pub owner: UserId,
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// For which answer.
    pub message_id: MessageId,
    /// What the call was for.
    pub scope: Scope,
    /// The model called.
    pub model: &'a str,
    /// What it used.
    pub tokens: TokenCounts,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost; nothing where no price is known.
    pub amount: Money,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// When it ended.
    pub at: Timestamp,
}

impl Entry<'_> {
    /// The counts as the ledger believes them.
    fn counted(&self) -> TokenCounts {
        let tokens = self.tokens;
        TokenCounts {
            fresh_input: tokens.fresh_input.clamp(0, MOST_TOKENS),
            cache_read: tokens.cache_read.clamp(0, MOST_TOKENS),
            cache_write: tokens.cache_write.clamp(0, MOST_TOKENS),
            output: tokens.output.clamp(0, MOST_TOKENS),
            reasoning: tokens.reasoning.clamp(0, MOST_TOKENS),
        }
    }

    fn charged(&self) -> Money {
        Money::from_pico(self.amount.as_pico().clamp(-HIGHEST_AMOUNT, HIGHEST_AMOUNT))
    }
}

/// Adds lines, and adds them to the sums by day and to the budgets of those who are charged.
pub fn append(tx: &mut Tx<'_>, entries: &[Entry<'_>]) -> Result<(), StoreError> {
    let mut days = BTreeMap::<(UserId, Day, &str, &str), (i64, TokenCounts, Money)>::new();
    let mut charges = BTreeMap::<(UserId, Day), Money>::new();
    for entry in entries {
        let (owner, day) = (entry.owner, Day::of(entry.at));
        let (calls, tokens, amount) = days
            .entry((owner, day, entry.model, entry.scope.as_str()))
            .or_default();
        let charged = charges.entry((owner, day)).or_default();
        *calls += 1;
        *tokens = tokens.checked_add(&entry.counted()).ok_or_else(overflow)?;
        *amount = amount.checked_add(entry.charged()).ok_or_else(overflow)?;
        *charged = charged.checked_add(entry.charged()).ok_or_else(overflow)?;
    }
    for ((owner, day), amount) in charges {
        budgets::spend(tx, owner, day, amount)?;
    }
    for entry in entries {
        add_line(tx, entry)?;
    }
    for ((owner, day, model, scope), (calls, tokens, amount)) in days {
        tx.exec(
            "insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, \
             output, reasoning, amount) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             on conflict (user_id, day, model, scope) do update set calls = usage_days.calls + excluded.calls, \
             fresh_input = usage_days.fresh_input + excluded.fresh_input, \
             cache_read = usage_days.cache_read + excluded.cache_read, \
             cache_write = usage_days.cache_write + excluded.cache_write, \
             output = usage_days.output + excluded.output, \
             reasoning = usage_days.reasoning + excluded.reasoning, \
             amount = usage_days.amount + excluded.amount",
            params![
                owner,
                day,
                model,
                scope,
                calls,
                tokens.fresh_input,
                tokens.cache_read,
                tokens.cache_write,
                tokens.output,
                tokens.reasoning,
                amount
            ],
        )?;
    }
    Ok(())
}

/// Whether the calls of an answer have been charged.
pub fn is_charged(tx: &mut Tx<'_>, message: MessageId) -> Result<bool, StoreError> {
    let found = tx.query_opt(
        "select 1 from ledger where message_id = $1 limit 1",
        params![message],
        |row| row.get::<i64>(0),
    )?;
    Ok(found.is_some())
}

fn add_line(tx: &mut Tx<'_>, entry: &Entry<'_>) -> Result<(), StoreError> {
    let tokens = entry.counted();
    tx.exec(
        "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, \
         cache_write, output, reasoning, usage_source, amount, price_version, created_at) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)",
        params![
            entry.owner,
            entry.conversation_id,
            entry.message_id,
            entry.scope,
            entry.model,
            tokens.fresh_input,
            tokens.cache_read,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
            entry.source,
            entry.charged(),
            entry.price_version,
            entry.at
        ],
    )?;
    Ok(())
}

fn overflow() -> StoreError {
    StoreError::Invalid("sums of the ledger overflow".to_owned())
}
