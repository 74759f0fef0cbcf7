//! Budgets: what an account may spend in a window of time, and what its running turns have set aside.
//!
//! `spent` is the sum of the ledger over the window's days, never anything else: a window that was left, by a clock
//! that jumped or another period, is counted anew when it is entered again, so no jump opens a spent window or closes
//! an unspent one. Everything that changes an account's money takes the account's row of `budgets` first.

use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{BudgetPeriod, BudgetWindow, Day, MessageId, Money, Timestamp, UserId};

/// What came of asking for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// No limit applies; nothing was set aside.
    Unlimited,
    /// The amount is set aside.
    Reserved,
    /// It does not fit what is left.
    OverBudget,
}

/// An account's budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What may be spent in a window; `None` where there is no limit.
    pub limit: Option<Money>,
    /// How long a window is.
    pub period: BudgetPeriod,
    /// What was spent in the window of now.
    pub spent: Money,
    /// What running turns have set aside.
    pub reserved: Money,
}

/// A budget's row as it stands, whatever window it is in.
struct Stored {
    budget: Budget,
    window: BudgetWindow,
}

/// Makes the row of a new account.
pub(in crate::ops) fn add(tx: &mut Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    tx.exec(
        "insert into budgets (user_id) values ($1) on conflict (user_id) do nothing",
        params![owner],
    )?;
    Ok(())
}

/// Sets an amount aside if it fits what is left in the window of now. Who is told [`Admission::Reserved`] says with
/// [`hold`] for which answer, in the same transaction.
pub fn reserve(
    tx: &mut Tx<'_>,
    owner: UserId,
    amount: Money,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    if amount <= Money::ZERO {
        return Ok(Admission::Unlimited);
    }
    // Taken first: what another transaction charges is either in the sums that follow or added after this one.
    let taken = tx.query_opt(
        "update budgets set reserved = reserved where user_id = $1 and limit_amount is not null \
         returning limit_amount, period, spent, reserved, window_from, window_to",
        params![owner],
        stored,
    )?;
    let Some(taken) = taken else {
        return Ok(Admission::Unlimited);
    };
    let window = taken.budget.period.window(now);
    if window != taken.window {
        count_window(tx, owner, window)?;
    }
    let reserved = tx.exec(
        "update budgets set reserved = reserved + $2 \
         where user_id = $1 and limit_amount - spent - reserved >= $2",
        params![owner, amount],
    )?;
    Ok(if reserved == 1 {
        Admission::Reserved
    } else {
        Admission::OverBudget
    })
}

/// Notes for which answer a reserved amount is.
pub fn hold(
    tx: &mut Tx<'_>,
    owner: UserId,
    message: MessageId,
    amount: Money,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.exec(
        "insert into reservations (message_id, user_id, amount, created_at) values ($1, $2, $3, $4)",
        params![message, owner, amount, now],
    )?;
    Ok(())
}

/// Gives back what an answer still holds; nothing where it holds nothing, so twice is once. What it used is charged
/// by [`super::ledger::append`], in the same transaction.
pub fn release(tx: &mut Tx<'_>, owner: UserId, message: MessageId) -> Result<(), StoreError> {
    let held: Option<Money> = tx.query_opt(
        "delete from reservations where message_id = $1 and user_id = $2 returning amount",
        params![message, owner],
        |row| row.get(0),
    )?;
    match held {
        Some(amount) => give_back(tx, owner, amount),
        None => Ok(()),
    }
}

/// Gives back what answers hold that have ended, and what those hold that were deleted and whose reservation is from
/// before `deleted_before`. Returns how many.
pub fn release_ended(tx: &mut Tx<'_>, deleted_before: Timestamp) -> Result<usize, StoreError> {
    let mut held: Vec<(UserId, Money)> = tx.query(
        "delete from reservations where \
         exists (select 1 from messages m where m.id = reservations.message_id and m.status <> 'running') \
         or (created_at < $1 and not exists (select 1 from messages m where m.id = reservations.message_id)) \
         returning user_id, amount",
        params![deleted_before],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    held.sort_unstable_by_key(|(owner, _)| *owner);
    for (owner, amount) in &held {
        give_back(tx, *owner, *amount)?;
    }
    Ok(held.len())
}

/// Adds what was charged on a day to the budget's window, if the day is in it. For the ledger alone.
pub(in crate::ops) fn spend(
    tx: &mut Tx<'_>,
    owner: UserId,
    day: Day,
    amount: Money,
) -> Result<(), StoreError> {
    if amount == Money::ZERO {
        return Ok(());
    }
    // The row is taken whatever window it is in: who counts a window anew waits for this transaction.
    tx.exec(
        "update budgets set spent = spent + case when $2 >= window_from and $2 < window_to then cast($3 as bigint) else 0 end \
         where user_id = $1",
        params![owner, day, amount],
    )?;
    Ok(())
}

/// The budget as it stands in the window of now; `None` for an unknown account.
pub fn get(tx: &mut Tx<'_>, owner: UserId, now: Timestamp) -> Result<Option<Budget>, StoreError> {
    let found = tx.query_opt(
        "select limit_amount, period, spent, reserved, window_from, window_to from budgets where user_id = $1",
        params![owner],
        stored,
    )?;
    let Some(stored) = found else {
        return Ok(None);
    };
    let window = stored.budget.period.window(now);
    let spent = if window == stored.window {
        stored.budget.spent
    } else {
        spent_in(tx, owner, window)?
    };
    Ok(Some(Budget {
        spent,
        ..stored.budget
    }))
}

/// Sets limit and period. False for an unknown account.
pub fn set(
    tx: &mut Tx<'_>,
    owner: UserId,
    limit: Option<Money>,
    period: BudgetPeriod,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let taken = tx.exec(
        "update budgets set limit_amount = $2, period = $3 where user_id = $1",
        params![owner, limit, period],
    )?;
    if taken == 0 {
        return Ok(false);
    }
    count_window(tx, owner, period.window(now))?;
    Ok(true)
}

fn stored(row: &Row<'_>) -> Result<Stored, StoreError> {
    Ok(Stored {
        budget: Budget {
            limit: row.get(0)?,
            period: row.get(1)?,
            spent: row.get(2)?,
            reserved: row.get(3)?,
        },
        window: BudgetWindow {
            from: row.get(4)?,
            to: row.get(5)?,
        },
    })
}

/// Counts a window from the ledger's sums. The row must have been taken by an earlier statement.
fn count_window(tx: &mut Tx<'_>, owner: UserId, window: BudgetWindow) -> Result<(), StoreError> {
    let spent = spent_in(tx, owner, window)?;
    tx.exec(
        "update budgets set window_from = $2, window_to = $3, spent = $4 where user_id = $1",
        params![owner, window.from, window.to, spent],
    )?;
    Ok(())
}

fn spent_in(tx: &mut Tx<'_>, owner: UserId, window: BudgetWindow) -> Result<Money, StoreError> {
    tx.query_one(
        "select cast(coalesce(sum(amount), 0) as bigint) from usage_days \
         where user_id = $1 and day >= $2 and day < $3",
        params![owner, window.from, window.to],
        |row| row.get(0),
    )
}

fn give_back(tx: &mut Tx<'_>, owner: UserId, amount: Money) -> Result<(), StoreError> {
    tx.exec(
        "update budgets set reserved = reserved - $2 where user_id = $1",
        params![owner, amount],
    )?;
    Ok(())
}
