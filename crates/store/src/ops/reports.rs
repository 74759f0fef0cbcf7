//! Sums over the ledger: whole months and days from its sums, what is left of a period from its lines.
//!
//! Days that are not closed are in no coarser sum, and are added from those of each account.

use super::ledger;
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

/// A stretch of the calendar, in UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    /// A day.
    Day,
    /// A month.
    Month,
}

/// By what it is grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupBy {
    /// By account.
    pub user: bool,
    /// By time.
    pub every: Option<Every>,
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
    /// The day, or the first day of the month.
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
    /// Of these, the ones whose price nobody knows: they are not in the amount.
    pub unpriced: i64,
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
            unpriced: self.unpriced.checked_add(other.unpriced)?,
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
    let parts = if by.conversation || first >= end {
        vec![Part::Lines(from, to)]
    } else {
        let open = ledger::closed_through(tx)?.next();
        let mut parts = vec![
            Part::Lines(from, first.start()),
            Part::Lines(end.start(), to),
            Part::OpenDays(first.max(open), end),
        ];
        // A month that is whole in the period is one row where it would be thirty. Of the one that is not over, its row
        // has the days that are closed.
        let (first_month, end_month) = (first_month_from(first), end.month_start());
        if by.every == Some(Every::Day) || first_month >= end_month {
            parts.push(Part::Days(first, end.min(open)));
        } else {
            parts.push(Part::Days(first, first_month.min(open)));
            parts.push(Part::Months(first_month, end_month));
            parts.push(Part::Days(end_month, end.min(open)));
        }
        parts
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

/// The first month that begins on this day or after it.
fn first_month_from(day: Day) -> Day {
    if day.month_start() == day {
        day
    } else {
        day.next_month()
    }
}

/// A piece of the period, and where its sums come from.
#[derive(Clone, Copy)]
enum Part {
    Lines(Timestamp, Timestamp),
    OpenDays(Day, Day),
    Days(Day, Day),
    Months(Day, Day),
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
            Self::OpenDays(from, to) | Self::Days(from, to) | Self::Months(from, to) => {
                (from.number(), to.number())
            }
        };
        if from >= to {
            return Ok(Vec::new());
        }
        // The first parameter is used even where all accounts are summed, so that the others keep their numbers.
        let owned = owner.map_or(-1, |owner| owner.0);
        tx.query_dynamic(
            &self.sql(owner.is_some(), by),
            params![owned, from, to, MOST_GROUPS + 1],
            |row| group(row, by.every),
        )
    }

    /// The statement, out of fixed pieces.
    fn sql(self, of_one: bool, by: GroupBy) -> String {
        // Of all accounts together there are sums of their own.
        let is_by_account = of_one || by.user;
        let (table, moment, day) = match self {
            Self::Lines(..) => (
                "ledger",
                "created_at",
                "(created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000",
            ),
            Self::OpenDays(..) => ("usage_days", "day", "day"),
            Self::Days(..) if is_by_account => ("usage_days", "day", "day"),
            Self::Days(..) => ("all_usage_days", "day", "day"),
            Self::Months(..) if is_by_account => ("usage_months", "month", "month"),
            Self::Months(..) => ("all_usage_months", "month", "month"),
        };
        let columns = [
            (by.user, "user_id", "bigint"),
            (by.every.is_some(), day, "bigint"),
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
            "sum(unpriced)",
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

fn group(row: &Row<'_>, every: Option<Every>) -> Result<(Key, Sum), StoreError> {
    let day: Option<Day> = row.get(1)?;
    let key = Key {
        user: row.get(0)?,
        day: match every {
            Some(Every::Month) => day.map(Day::month_start),
            Some(Every::Day) | None => day,
        },
        model: row.get(2)?,
        scope: row.get(3)?,
        conversation: row.get(4)?,
    };
    let sum = Sum {
        calls: row.get(5)?,
        unpriced: row.get(12)?,
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
