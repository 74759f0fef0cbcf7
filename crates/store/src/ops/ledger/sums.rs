//! Sums of the ledger: by day of each account, and from these, once a day is closed, by month and of all accounts together.
//!
//! A report takes from each what it can, so that it reads few rows however many days there are. A call in the present
//! adds to one row alone; only one that is charged on a closed day adds to all of them.

use crate::{Backend, StoreError, Tx, ops::reports::Sum, tx::params};
use chatai_types::{Day, UserId};

/// What calls have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group<'a> {
    pub(super) owner: UserId,
    pub(super) day: Day,
    pub(super) model: &'a str,
    pub(super) scope: &'a str,
}

/// Adds what a source gives to the rows of a table, by the columns of its key.
macro_rules! add_to {
    ($table:literal, $key:literal, $source:expr) => {
        concat!(
            "insert into ",
            $table,
            " (",
            $key,
            ", calls, fresh_input, cache_read, cache_write, output, reasoning, amount, unpriced) ",
            $source,
            " on conflict (",
            $key,
            ") do update set calls = ",
            $table,
            ".calls + excluded.calls, fresh_input = ",
            $table,
            ".fresh_input + excluded.fresh_input, cache_read = ",
            $table,
            ".cache_read + excluded.cache_read, cache_write = ",
            $table,
            ".cache_write + excluded.cache_write, output = ",
            $table,
            ".output + excluded.output, reasoning = ",
            $table,
            ".reasoning + excluded.reasoning, amount = ",
            $table,
            ".amount + excluded.amount, unpriced = ",
            $table,
            ".unpriced + excluded.unpriced"
        )
    };
}

const ADD_TO_DAY: &str = add_to!(
    "usage_days",
    "user_id, day, model, scope",
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
);
const ADD_TO_MONTH: &str = add_to!(
    "usage_months",
    "user_id, month, model, scope",
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
);
const ADD_TO_ALL_OF_DAY: &str = add_to!(
    "all_usage_days",
    "day, model, scope",
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);
const ADD_TO_ALL_OF_MONTH: &str = add_to!(
    "all_usage_months",
    "month, model, scope",
    "values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
);

/// The rows of a closed day go on to the coarser sums as they are.
const MONTHS_OF_DAY: &str = add_to!(
    "usage_months",
    "user_id, month, model, scope",
    "select user_id, cast($2 as bigint), model, scope, calls, fresh_input, cache_read, cache_write, output, reasoning, \
     amount, unpriced from usage_days where day = $1"
);

/// The sums of a day's rows, under a number of a day or of a month.
macro_rules! of_day {
    ($number:literal) => {
        concat!(
            "select cast(",
            $number,
            " as bigint), model, scope, cast(sum(calls) as bigint), cast(sum(fresh_input) as bigint), \
             cast(sum(cache_read) as bigint), cast(sum(cache_write) as bigint), cast(sum(output) as bigint), \
             cast(sum(reasoning) as bigint), cast(sum(amount) as bigint), cast(sum(unpriced) as bigint) from usage_days where day = $1 \
             group by model, scope"
        )
    };
}
const ALL_OF_DAY: &str = add_to!("all_usage_days", "day, model, scope", of_day!("$1"));
const ALL_OF_MONTH: &str = add_to!("all_usage_months", "month, model, scope", of_day!("$2"));

/// Adds calls to every sum that they are part of. The caller has taken the account's budget.
pub(super) fn add(tx: &mut Tx<'_>, group: Group<'_>, sum: &Sum) -> Result<(), StoreError> {
    let (day, month) = (group.day, group.day.month_start());
    let tokens = &sum.tokens;
    macro_rules! sums {
        ($($key:expr),+) => {
            params![
                $($key,)+
                group.model,
                group.scope,
                sum.calls,
                tokens.fresh_input,
                tokens.cache_read,
                tokens.cache_write,
                tokens.output,
                tokens.reasoning,
                sum.amount,
                sum.unpriced
            ]
        };
    }
    tx.exec(ADD_TO_DAY, sums![group.owner, day])?;
    // Looked at after the row was written: see `close_day`.
    if day <= closed_through(tx)? {
        tx.exec(ADD_TO_MONTH, sums![group.owner, month])?;
        tx.exec(ADD_TO_ALL_OF_DAY, sums![day])?;
        tx.exec(ADD_TO_ALL_OF_MONTH, sums![month])?;
    }
    Ok(())
}

/// The last day that is closed.
pub(in crate::ops) fn closed_through(tx: &mut Tx<'_>) -> Result<Day, StoreError> {
    tx.query_one("select through from closed_days", params![], |row| row.get(0))
}

/// Closes days up to this one, as far as the first of them that has lines. False when there is no more to close.
pub fn close_day(tx: &mut Tx<'_>, through: Day) -> Result<bool, StoreError> {
    // The row is taken, so that of two instances one adds a day's sums.
    let sql = match tx.backend() {
        Backend::Sqlite => "select through from closed_days",
        Backend::Postgres => "select through from closed_days for update",
    };
    let closed: Day = tx.query_one(sql, params![], |row| row.get(0))?;
    if closed >= through {
        return Ok(false);
    }
    if tx.backend() == Backend::Postgres {
        // Whoever is adding to a day has done so before it is summed, or sees that it is closed.
        tx.exec("lock table usage_days in share row exclusive mode", params![])?;
    }
    let next: Option<Day> = tx.query_one(
        "select min(day) from usage_days where day > $1 and day <= $2",
        params![closed, through],
        |row| row.get(0),
    )?;
    if let Some(day) = next {
        tx.exec(MONTHS_OF_DAY, params![day, day.month_start()])?;
        tx.exec(ALL_OF_DAY, params![day])?;
        tx.exec(ALL_OF_MONTH, params![day, day.month_start()])?;
    }
    tx.exec(
        "update closed_days set through = $1",
        params![next.unwrap_or(through)],
    )?;
    Ok(next.is_some_and(|day| day < through))
}
