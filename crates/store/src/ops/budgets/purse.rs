//! The row of one budget. Accounts and keys have the same columns in tables of their own, so that the statements are the
//! same but for names.

use super::Budget;
use crate::{Backend, StoreError, Tx, row::Row, tx::params};
use chatai_types::{BudgetWindow, Day, Money, Timestamp};

/// The statements over the rows of one kind; `$1` is the row's id.
pub(super) struct Purse {
    take: OnEach,
    reserve: &'static str,
    give_back: &'static str,
    spend: &'static str,
    get: &'static str,
    enter_window: &'static str,
    spent_in: &'static str,
}

/// A statement that differs between the databases.
struct OnEach {
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! limited {
    ($table:literal, $id:literal, $lock:literal) => {
        concat!(
            "select limit_amount, period, spent, reserved, window_from, window_to from ",
            $table,
            " where ",
            $id,
            " = $1 and limit_amount is not null",
            $lock
        )
    };
}

macro_rules! purse {
    ($table:literal, $id:literal, $days:literal) => {
        Purse {
            take: OnEach {
                // The one writer has every row.
                sqlite: limited!($table, $id, ""),
                postgres: limited!($table, $id, " for no key update"),
            },
            reserve: concat!(
                "update ",
                $table,
                " set reserved = reserved + $2 where ",
                $id,
                " = $1 \
                 and limit_amount - spent - reserved >= $2"
            ),
            give_back: concat!(
                "update ",
                $table,
                " set reserved = reserved - $2 where ",
                $id,
                " = $1"
            ),
            spend: concat!(
                "update ",
                $table,
                " set spent = spent + case when $2 >= window_from and $2 < window_to \
                 then cast($3 as bigint) else 0 end where ",
                $id,
                " = $1"
            ),
            get: concat!(
                "select limit_amount, period, spent, reserved, window_from, window_to from ",
                $table,
                " where ",
                $id,
                " = $1"
            ),
            enter_window: concat!(
                "update ",
                $table,
                " set window_from = $2, window_to = $3, spent = $4 where ",
                $id,
                " = $1"
            ),
            spent_in: concat!(
                "select cast(coalesce(sum(amount), 0) as bigint) from ",
                $days,
                " \
                 where ",
                $id,
                " = $1 and day >= $2 and day < $3"
            ),
        }
    };
}

/// An account's.
pub(super) const ACCOUNT: Purse = purse!("budgets", "user_id", "usage_days");

/// A key's.
pub(super) const KEY: Purse = purse!("key_budgets", "key_id", "key_days");

/// What came of reaching into a purse.
pub(super) enum Taking {
    /// It has no limit.
    NoLimit,
    /// The amount is set aside.
    Taken,
    /// The amount is more than what is left.
    DoesNotFit,
}

/// A row as it stands, whatever window it is in.
struct Stored {
    budget: Budget,
    window: BudgetWindow,
}

impl Purse {
    /// Sets an amount aside if it fits what is left in the window of now.
    pub(super) fn reserve(
        &self,
        tx: &mut Tx<'_>,
        id: i64,
        amount: Money,
        now: Timestamp,
    ) -> Result<Taking, StoreError> {
        // Taken first: what another transaction charges is either in the sums that follow or added after this one.
        let take = match tx.backend() {
            Backend::Sqlite => self.take.sqlite,
            Backend::Postgres => self.take.postgres,
        };
        let Some(taken) = tx.query_opt(take, params![id], stored)? else {
            return Ok(Taking::NoLimit);
        };
        let window = taken.budget.period.window(now);
        if window != taken.window {
            self.count_window(tx, id, window)?;
        }
        let reserved = tx.exec(self.reserve, params![id, amount])?;
        Ok(if reserved == 1 {
            Taking::Taken
        } else {
            Taking::DoesNotFit
        })
    }

    /// Gives back what was set aside.
    pub(super) fn give_back(&self, tx: &mut Tx<'_>, id: i64, amount: Money) -> Result<(), StoreError> {
        tx.exec(self.give_back, params![id, amount])?;
        Ok(())
    }

    /// Adds what was charged on a day to the window, if the day is in it.
    pub(super) fn spend(&self, tx: &mut Tx<'_>, id: i64, day: Day, amount: Money) -> Result<(), StoreError> {
        if amount == Money::ZERO {
            return Ok(());
        }
        // The row is taken whatever window it is in: who counts a window anew waits for this transaction.
        tx.exec(self.spend, params![id, day, amount])?;
        Ok(())
    }

    /// The budget as it stands in the window of now; `None` where there is no row.
    pub(super) fn get(&self, tx: &mut Tx<'_>, id: i64, now: Timestamp) -> Result<Option<Budget>, StoreError> {
        let Some(stored) = tx.query_opt(self.get, params![id], stored)? else {
            return Ok(None);
        };
        let window = stored.budget.period.window(now);
        let spent = if window == stored.window {
            stored.budget.spent
        } else {
            self.spent_in(tx, id, window)?
        };
        Ok(Some(Budget {
            spent,
            ..stored.budget
        }))
    }

    /// Counts a window from the ledger's sums. The row must have been taken by an earlier statement.
    pub(super) fn count_window(
        &self,
        tx: &mut Tx<'_>,
        id: i64,
        window: BudgetWindow,
    ) -> Result<(), StoreError> {
        let spent = self.spent_in(tx, id, window)?;
        tx.exec(self.enter_window, params![id, window.from, window.to, spent])?;
        Ok(())
    }

    fn spent_in(&self, tx: &mut Tx<'_>, id: i64, window: BudgetWindow) -> Result<Money, StoreError> {
        tx.query_one(self.spent_in, params![id, window.from, window.to], |row| {
            row.get(0)
        })
    }
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
