//! Sums over the ledger: whole days from its sums by day, what is left of a period from its lines.

use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{ConversationId, Day, Money, Timestamp, TokenCounts, UserId};
use std::collections::BTreeMap;

/// A report of more groups is refused: it would be no report.
const MOST_GROUPS: i64 = 50_000;

/// What is summed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scope {
    /// Of one account, or of all.
    pub owner: Option<UserId>,
    /// From this moment on.
    pub from: Option<Timestamp>,
    /// Up to this moment, itself excluded.
    pub to: Option<Timestamp>,
}

/// By what it is grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupBy {
    /// By account.
    pub user: bool,
    /// By day.
    pub day: bool,
    /// By model.
    pub model: bool,
    /// By what calls were for.
    pub scope: bool,
    /// By conversation; this alone needs all lines to be read.
    pub conversation: bool,
}

/// What a group has in common; `None` for what it is not grouped by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The account.
    pub user: Option<UserId>,
    /// The day.
    pub day: Option<Day>,
    /// The model.
    pub model: Option<String>,
    /// What the calls were for.
    pub scope: Option<String>,
    /// The conversation.
    pub conversation: Option<ConversationId>,
}

/// What a group amounts to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// Model calls.
    pub calls: i64,
    /// What they used.
    pub tokens: TokenCounts,
    /// What they cost.
    pub amount: Money,
}

impl Sum {
    /// Both together. `None` beyond 64 bits.
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        Some(Self {
            calls: self.calls.checked_add(other.calls)?,
            tokens: self.tokens.checked_add(&other.tokens)?,
            amount: self.amount.checked_add(other.amount)?,
        })
    }
}

/// The groups with at least one call, in order. `None` when there are too many.
pub fn report(tx: &mut Tx<'_>, scope: &Scope, by: GroupBy) -> Result<Option<BTreeMap<Key, Sum>>, StoreError> {
    let from = scope.from.unwrap_or(Timestamp::from_micros(i64::MIN));
    let to = scope.to.unwrap_or(Timestamp::from_micros(i64::MAX));
    let first = match scope.from {
        None => Day::FIRST,
        Some(from) if Day::of(from).start() == from => Day::of(from),
        Some(from) => Day::of(from).next(),
    };
    let end = scope.to.map_or(Day::LAST, Day::of);
    let mut report = BTreeMap::new();
    let parts: &[Part] = if by.conversation || first >= end {
        &[Part::Lines(from, to)]
    } else {
        &[
            Part::Lines(from, first.start()),
            Part::Days(first, end),
            Part::Lines(end.start(), to),
        ]
    };
    for part in parts {
        for (key, sum) in part.groups(tx, scope.owner, by)? {
            let known: &mut Sum = report.entry(key).or_default();
            let both = known.checked_add(&sum);
            *known = both.ok_or_else(|| StoreError::Corrupt("sums of the ledger overflow".to_owned()))?;
        }
    }
    // Of a call that was taken back nothing is left.
    report.retain(|_, sum| *sum != Sum::default());
    let few = i64::try_from(report.len()).is_ok_and(|groups| groups <= MOST_GROUPS);
    Ok(few.then_some(report))
}

/// A piece of the period, and where its sums come from.
#[derive(Clone, Copy)]
enum Part {
    Lines(Timestamp, Timestamp),
    Days(Day, Day),
}

impl Part {
    fn groups(
        self,
        tx: &mut Tx<'_>,
        owner: Option<UserId>,
        by: GroupBy,
    ) -> Result<Vec<(Key, Sum)>, StoreError> {
        let (from, to) = match self {
            Self::Lines(from, to) => (from.as_micros(), to.as_micros()),
            Self::Days(from, to) => (from.number(), to.number()),
        };
        if from >= to {
            return Ok(Vec::new());
        }
        // The first parameter is used even where all accounts are summed, so that the others keep their numbers.
        let owned = owner.map_or(-1, |owner| owner.0);
        tx.query_dynamic(
            &self.sql(owner.is_some(), by),
            params![owned, from, to, MOST_GROUPS + 1],
            group,
        )
    }

    /// The statement, out of fixed pieces.
    fn sql(self, of_one: bool, by: GroupBy) -> String {
        let (table, moment, day) = match self {
            Self::Lines(..) => (
                "ledger",
                "created_at",
                "(created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000",
            ),
            Self::Days(..) => ("usage_days", "day", "day"),
        };
        let columns = [
            (by.user, "user_id", "bigint"),
            (by.day, day, "bigint"),
            (by.model, "model", "text"),
            (by.scope, "scope", "text"),
            (by.conversation, "conversation_id", "bigint"),
        ];
        let mut selected = String::new();
        let mut grouped = Vec::new();
        for (place, (wanted, column, kind)) in columns.into_iter().enumerate() {
            if wanted {
                selected.push_str(&format!("{column}, "));
                grouped.push((place + 1).to_string());
            } else {
                selected.push_str(&format!("cast(null as {kind}), "));
            }
        }
        let sums: Vec<String> = [
            "sum(calls)",
            "sum(fresh_input)",
            "sum(cache_read)",
            "sum(cache_write)",
            "sum(output)",
            "sum(reasoning)",
            "sum(amount)",
        ]
        .iter()
        .map(|sum| format!("cast(coalesce({sum}, 0) as bigint)"))
        .collect();
        let whose = if of_one { "user_id = $1" } else { "$1 < 0" };
        let grouped = match grouped.is_empty() {
            true => String::new(),
            false => format!(" group by {}", grouped.join(", ")),
        };
        format!(
            "select {selected}{} from {table} where {whose} and {moment} >= $2 and {moment} < $3{grouped} limit $4",
            sums.join(", ")
        )
    }
}

fn group(row: &Row<'_>) -> Result<(Key, Sum), StoreError> {
    let key = Key {
        user: row.get(0)?,
        day: row.get(1)?,
        model: row.get(2)?,
        scope: row.get(3)?,
        conversation: row.get(4)?,
    };
    let sum = Sum {
        calls: row.get(5)?,
        tokens: TokenCounts {
            fresh_input: row.get(6)?,
            cache_read: row.get(7)?,
            cache_write: row.get(8)?,
            output: row.get(9)?,
            reasoning: row.get(10)?,
        },
        amount: row.get(11)?,
    };
    Ok((key, sum))
}
