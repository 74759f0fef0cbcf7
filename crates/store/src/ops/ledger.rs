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
pub struct Entry {
    /// Who is charged.
    pub owner: UserId,
    /// In which conversation.
    pub conversation_id: ConversationId,
    /// For which answer.
    pub message_id: MessageId,
    /// What the call was for.
    pub scope: Scope,
    /// The model called.
    pub model: String,
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

impl Entry {
    /// The counts as the ledger believes them.
    fn counted(&self, sign: Sign) -> TokenCounts {
        let tokens = self.tokens;
        let counted = |count: i64| count.clamp(0, MOST_TOKENS) * sign.calls();
        TokenCounts {
            fresh_input: counted(tokens.fresh_input),
            cache_read: counted(tokens.cache_read),
            cache_write: counted(tokens.cache_write),
            output: counted(tokens.output),
            reasoning: counted(tokens.reasoning),
        }
    }

    fn charged(&self, sign: Sign) -> Money {
        let amount = self.amount.as_pico().clamp(-HIGHEST_AMOUNT, HIGHEST_AMOUNT);
        Money::from_pico(amount * sign.calls())
    }
}

/// What a line does: adds a call, or takes one back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Adds,
    TakesBack,
}

impl Sign {
    fn calls(self) -> i64 {
        match self {
            Self::Adds => 1,
            Self::TakesBack => -1,
        }
    }
}

/// Adds lines, and adds them to the sums by day and to the budgets of those who are charged.
pub fn append(tx: &mut Tx<'_>, entries: &[Entry]) -> Result<(), StoreError> {
    write(tx, entries, Sign::Adds)
}

/// Takes back what an answer was charged: the same lines with the opposite sign, since nothing is ever deleted.
pub fn reverse(tx: &mut Tx<'_>, owner: UserId, message: MessageId) -> Result<(), StoreError> {
    let lines = tx.query(
        "select conversation_id, scope, model, fresh_input, cache_read, cache_write, output, reasoning, usage_source, \
         amount, price_version, created_at from ledger where message_id = $1 and user_id = $2 order by id",
        params![message, owner],
        |row| {
            Ok(Entry {
                owner,
                conversation_id: row.get(0)?,
                message_id: message,
                scope: row.get(1)?,
                model: row.get(2)?,
                tokens: TokenCounts {
                    fresh_input: row.get(3)?,
                    cache_read: row.get(4)?,
                    cache_write: row.get(5)?,
                    output: row.get(6)?,
                    reasoning: row.get(7)?,
                },
                source: row.get(8)?,
                amount: row.get(9)?,
                price_version: row.get(10)?,
                at: row.get(11)?,
            })
        },
    )?;
    write(tx, &lines, Sign::TakesBack)
}

fn write(tx: &mut Tx<'_>, entries: &[Entry], sign: Sign) -> Result<(), StoreError> {
    let mut days = BTreeMap::<(UserId, Day, &str, &str), (i64, TokenCounts, Money)>::new();
    let mut charges = BTreeMap::<(UserId, Day), Money>::new();
    for entry in entries {
        let (owner, day) = (entry.owner, Day::of(entry.at));
        let (calls, tokens, amount) = days
            .entry((owner, day, &entry.model, entry.scope.as_str()))
            .or_default();
        let charged = charges.entry((owner, day)).or_default();
        *calls += sign.calls();
        *tokens = tokens.checked_add(&entry.counted(sign)).ok_or_else(overflow)?;
        *amount = amount.checked_add(entry.charged(sign)).ok_or_else(overflow)?;
        *charged = charged.checked_add(entry.charged(sign)).ok_or_else(overflow)?;
    }
    for ((owner, day), amount) in charges {
        budgets::spend(tx, owner, day, amount)?;
    }
    for entry in entries {
        add_line(tx, entry, sign)?;
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

fn add_line(tx: &mut Tx<'_>, entry: &Entry, sign: Sign) -> Result<(), StoreError> {
    let tokens = entry.counted(sign);
    tx.exec(
        "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, \
         cache_write, output, reasoning, usage_source, amount, price_version, created_at, calls) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)",
        params![
            entry.owner,
            entry.conversation_id,
            entry.message_id,
            entry.scope,
            &entry.model,
            tokens.fresh_input,
            tokens.cache_read,
            tokens.cache_write,
            tokens.output,
            tokens.reasoning,
            entry.source,
            entry.charged(sign),
            entry.price_version,
            entry.at,
            sign.calls()
        ],
    )?;
    Ok(())
}

fn overflow() -> StoreError {
    StoreError::Invalid("sums of the ledger overflow".to_owned())
}
