//! The ledger: every charge, for good, and its sums in the same transaction.
//!
//! Whatever appends takes the budgets of those who are charged first, so that a budget is never counted anew between
//! a line and the amount it adds to the budget.

mod sums;

pub use sums::close_day;
pub(in crate::ops) use sums::closed_through;

use super::{budgets, reports::Sum};
use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{
    ApiKeyId, ConversationId, Day, MessageId, Money, PriceVersionId, Scope, Timestamp, TokenCounts,
    UsageSource, UserId,
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
    /// The key the request came with.
    pub key: Option<ApiKeyId>,
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
    /// What it cost; `None` where nobody knows its price: such a line amounts to nothing and is counted apart.
    pub amount: Option<Money>,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// When it ended.
    pub at: Timestamp,
}

/// An entry as the ledger believes it: as it is, or taken back with the opposite sign.
struct Line<'e> {
    entry: &'e Entry<'e>,
    sum: Sum,
}

impl<'e> Line<'e> {
    fn new(entry: &'e Entry<'e>, calls: i64) -> Self {
        let count = |count: i64| calls * count.clamp(0, MOST_TOKENS);
        let (tokens, amount) = (entry.tokens, entry.amount.unwrap_or(Money::ZERO));
        let sum = Sum {
            calls,
            unpriced: if entry.amount.is_none() { calls } else { 0 },
            tokens: TokenCounts {
                fresh_input: count(tokens.fresh_input),
                cache_read: count(tokens.cache_read),
                cache_write: count(tokens.cache_write),
                output: count(tokens.output),
                reasoning: count(tokens.reasoning),
            },
            amount: Money::from_pico(calls * amount.as_pico().clamp(-HIGHEST_AMOUNT, HIGHEST_AMOUNT)),
        };
        Self { entry, sum }
    }
}

/// Adds lines, and adds them to the sums and to the budgets of those who are charged.
pub fn append(tx: &mut Tx<'_>, entries: &[Entry<'_>]) -> Result<(), StoreError> {
    let lines: Vec<Line<'_>> = entries.iter().map(|entry| Line::new(entry, 1)).collect();
    add(tx, &lines)
}

/// Takes back what an answer was charged so far: its lines stand once more with the opposite sign, and its calls no
/// longer count.
pub fn reverse(tx: &mut Tx<'_>, owner: UserId, message: MessageId) -> Result<(), StoreError> {
    let charged = tx.query(
        "select calls, conversation_id, scope, model, fresh_input, cache_read, cache_write, output, reasoning, \
         usage_source, amount, price_version, created_at, key_id, unpriced from ledger \
         where message_id = $1 and user_id = $2 order by id",
        params![message, owner],
        |row| Charged::read(row, owner, message),
    )?;
    // What was taken back already stands with its opposite: both are left as they are.
    let taken_back = charged.iter().filter(|line| line.calls < 0).count();
    let entries: Vec<Entry<'_>> = charged
        .iter()
        .filter(|line| line.calls > 0)
        .skip(taken_back)
        .map(Charged::entry)
        .collect();
    let lines: Vec<Line<'_>> = entries.iter().map(|entry| Line::new(entry, -1)).collect();
    add(tx, &lines)
}

/// A line as it stands.
struct Charged {
    calls: i64,
    model: String,
    entry: Entry<'static>,
}

impl Charged {
    fn read(row: &Row<'_>, owner: UserId, message_id: MessageId) -> Result<Self, StoreError> {
        let is_priced = row.get::<i64>(14)? == 0;
        let entry = Entry {
            owner,
            key: row.get(13)?,
            conversation_id: row.get(1)?,
            message_id,
            scope: row.get(2)?,
            model: "",
            tokens: TokenCounts {
                fresh_input: row.get(4)?,
                cache_read: row.get(5)?,
                cache_write: row.get(6)?,
                output: row.get(7)?,
                reasoning: row.get(8)?,
            },
            source: row.get(9)?,
            amount: Some(row.get(10)?).filter(|_| is_priced),
            price_version: row.get(11)?,
            at: row.get(12)?,
        };
        Ok(Self {
            calls: row.get(0)?,
            model: row.get(3)?,
            entry,
        })
    }

    fn entry(&self) -> Entry<'_> {
        Entry {
            model: &self.model,
            ..self.entry.clone()
        }
    }
}

fn add(tx: &mut Tx<'_>, lines: &[Line<'_>]) -> Result<(), StoreError> {
    let mut days = BTreeMap::<(UserId, Day, &str, &str), Sum>::new();
    let mut charges = BTreeMap::<(UserId, Day), Money>::new();
    let mut with_keys = BTreeMap::<(ApiKeyId, Day), Money>::new();
    for line in lines {
        let entry = line.entry;
        let (owner, day) = (entry.owner, Day::of(entry.at));
        let sum = days
            .entry((owner, day, entry.model, entry.scope.as_str()))
            .or_default();
        *sum = sum.checked_add(&line.sum).ok_or_else(overflow)?;
        let charged = charges.entry((owner, day)).or_default();
        *charged = charged.checked_add(line.sum.amount).ok_or_else(overflow)?;
        if let Some(key) = entry.key {
            let charged = with_keys.entry((key, day)).or_default();
            *charged = charged.checked_add(line.sum.amount).ok_or_else(overflow)?;
        }
    }
    for ((owner, day), amount) in charges {
        budgets::spend(tx, owner, day, amount)?;
    }
    for ((key, day), amount) in with_keys {
        budgets::spend_with_key(tx, key, day, amount)?;
    }
    for line in lines {
        add_line(tx, line)?;
    }
    for ((owner, day, model, scope), sum) in days {
        let group = sums::Group {
            owner,
            day,
            model,
            scope,
        };
        sums::add(tx, group, &sum)?;
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

fn add_line(tx: &mut Tx<'_>, line: &Line<'_>) -> Result<(), StoreError> {
    let (entry, sum) = (line.entry, &line.sum);
    let tokens = sum.tokens;
    tx.exec(
        "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, \
         cache_write, output, reasoning, usage_source, amount, price_version, created_at, calls, key_id, unpriced) \
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)",
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
            sum.amount,
            entry.price_version,
            entry.at,
            sum.calls,
            entry.key,
            sum.unpriced
        ],
    )?;
    Ok(())
}

fn overflow() -> StoreError {
    StoreError::Invalid("sums of the ledger overflow".to_owned())
}
