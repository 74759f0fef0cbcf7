//! Budgets: what an account may spend in a window of time, what each of its keys may, and what running turns have set
//! aside of both.
//!
//! `spent` is the sum of the ledger over the window's days, never anything else: a window that was left, by a clock
//! that jumped or another period, is counted anew when it is entered again, so no jump opens a spent window or closes
//! an unspent one. Everything that changes an account's money takes the account's row of `budgets` first, and the row of
//! the key after it.

mod purse;

use crate::{Backend, StoreError, Tx, tx::params};
use chatai_types::{ApiKeyId, BudgetPeriod, Day, MessageId, Money, Timestamp, UserId};
use purse::{ACCOUNT, KEY, Taking};

/// Who pays: an account, and the key the request came with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Payer {
    /// The account.
    pub owner: UserId,
    /// Its key, where a program asked.
    pub key: Option<ApiKeyId>,
}

impl From<UserId> for Payer {
    fn from(owner: UserId) -> Self {
        Self { owner, key: None }
    }
}

/// What came of asking for money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// No limit applies; nothing was set aside.
    Unlimited,
    /// The amount is set aside.
    Reserved(Held),
    /// It does not fit what is left of the account's budget.
    OverBudget,
    /// It does not fit what is left of the key's budget.
    OverKeyBudget,
}

/// What is set aside of each budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Of the account's.
    pub of_account: Money,
    /// Of the key's.
    pub of_key: Money,
}

/// A budget as it stands.
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

/// Makes the row of a new account.
pub(in crate::ops) fn add(tx: &mut Tx<'_>, owner: UserId) -> Result<(), StoreError> {
    tx.exec(
        "insert into budgets (user_id) values ($1) on conflict (user_id) do nothing",
        params![owner],
    )?;
    Ok(())
}

/// Sets an amount aside if it fits what is left in the windows of now. Who is told [`Admission::Reserved`] says with
/// [`hold`] for which answer, in the same transaction; who is refused rolls it back.
pub fn reserve(
    tx: &mut Tx<'_>,
    payer: Payer,
    amount: Money,
    now: Timestamp,
) -> Result<Admission, StoreError> {
    if amount <= Money::ZERO {
        return Ok(Admission::Unlimited);
    }
    let of_account = match ACCOUNT.reserve(tx, payer.owner.0, amount, now)? {
        Taking::NoLimit => Money::ZERO,
        Taking::Taken => amount,
        Taking::DoesNotFit => return Ok(Admission::OverBudget),
    };
    let of_key = match payer.key {
        None => Money::ZERO,
        Some(key) => match KEY.reserve(tx, key.0, amount, now)? {
            Taking::NoLimit => Money::ZERO,
            Taking::Taken => amount,
            Taking::DoesNotFit => return Ok(Admission::OverKeyBudget),
        },
    };
    let held = Held { of_account, of_key };
    Ok(if held == Held::NOTHING {
        Admission::Unlimited
    } else {
        Admission::Reserved(held)
    })
}

impl Held {
    const NOTHING: Self = Self {
        of_account: Money::ZERO,
        of_key: Money::ZERO,
    };
}

/// Notes for which answer a reserved amount is.
pub fn hold(
    tx: &mut Tx<'_>,
    payer: Payer,
    message: MessageId,
    held: Held,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.exec(
        "insert into reservations (message_id, user_id, amount, key_id, key_amount, created_at) \
         values ($1, $2, $3, $4, $5, $6)",
        params![message, payer.owner, held.of_account, payer.key, held.of_key, now],
    )?;
    Ok(())
}

/// Gives back what an answer still holds; nothing where it holds nothing, so twice is once. What it used is charged
/// by [`super::ledger::append`], in the same transaction.
pub fn release(tx: &mut Tx<'_>, owner: UserId, message: MessageId) -> Result<(), StoreError> {
    // With `returning` SQLite takes longer, and mostly nothing is held.
    let sql = match tx.backend() {
        Backend::Sqlite => {
            "select key_id, amount, key_amount from reservations where message_id = $1 and user_id = $2"
        }
        Backend::Postgres => {
            "delete from reservations where message_id = $1 and user_id = $2 returning key_id, amount, key_amount"
        }
    };
    let held: Option<(Option<ApiKeyId>, Held)> = tx.query_opt(sql, params![message, owner], |row| {
        let held = Held {
            of_account: row.get(1)?,
            of_key: row.get(2)?,
        };
        Ok((row.get(0)?, held))
    })?;
    let Some((key, held)) = held else {
        return Ok(());
    };
    if tx.backend() == Backend::Sqlite {
        tx.exec(
            "delete from reservations where message_id = $1 and user_id = $2",
            params![message, owner],
        )?;
    }
    give_back(tx, Payer { owner, key }, held)
}

/// Gives back what answers hold that have ended, and what those hold that were deleted and whose reservation is from
/// before `deleted_before`. Returns how many.
pub fn release_ended(tx: &mut Tx<'_>, deleted_before: Timestamp) -> Result<usize, StoreError> {
    let mut held: Vec<(Payer, Held)> = tx.query(
        "delete from reservations where \
         exists (select 1 from messages m where m.id = reservations.message_id and m.status <> 'running') \
         or (created_at < $1 and message_id > 0 \
         and not exists (select 1 from messages m where m.id = reservations.message_id)) \
         returning user_id, key_id, amount, key_amount",
        params![deleted_before],
        |row| {
            let payer = Payer {
                owner: row.get(0)?,
                key: row.get(1)?,
            };
            let held = Held {
                of_account: row.get(2)?,
                of_key: row.get(3)?,
            };
            Ok((payer, held))
        },
    )?;
    held.sort_unstable_by_key(|(payer, _)| (payer.owner, payer.key));
    for (payer, held) in &held {
        give_back(tx, *payer, *held)?;
    }
    Ok(held.len())
}

fn give_back(tx: &mut Tx<'_>, payer: Payer, held: Held) -> Result<(), StoreError> {
    // The account's row is taken even where nothing of it is held: it stands for the key's.
    ACCOUNT.give_back(tx, payer.owner.0, held.of_account)?;
    match payer.key {
        Some(key) if held.of_key > Money::ZERO => KEY.give_back(tx, key.0, held.of_key),
        _ => Ok(()),
    }
}

/// Adds what was charged on a day to the window of the account's budget, if the day is in it. For the ledger alone.
pub(in crate::ops) fn spend(
    tx: &mut Tx<'_>,
    owner: UserId,
    day: Day,
    amount: Money,
) -> Result<(), StoreError> {
    ACCOUNT.spend(tx, owner.0, day, amount)
}

/// Adds what was charged with a key on a day to the key's sums, and to the window of its budget if the day is in it. For
/// the ledger alone, which has taken the account's row.
pub(in crate::ops) fn spend_with_key(
    tx: &mut Tx<'_>,
    key: ApiKeyId,
    day: Day,
    amount: Money,
) -> Result<(), StoreError> {
    KEY.spend(tx, key.0, day, amount)?;
    tx.exec(
        "insert into key_days (key_id, day, amount) values ($1, $2, $3) \
         on conflict (key_id, day) do update set amount = key_days.amount + excluded.amount",
        params![key, day, amount],
    )?;
    Ok(())
}

/// The budget as it stands in the window of now; `None` for an unknown account.
pub fn get(tx: &mut Tx<'_>, owner: UserId, now: Timestamp) -> Result<Option<Budget>, StoreError> {
    ACCOUNT.get(tx, owner.0, now)
}

/// A key's budget as it stands in the window of now; `None` where it has no limit.
pub fn of_key(tx: &mut Tx<'_>, key: ApiKeyId, now: Timestamp) -> Result<Option<Budget>, StoreError> {
    KEY.get(tx, key.0, now)
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
    ACCOUNT.count_window(tx, owner.0, period.window(now))?;
    Ok(true)
}

/// Sets a key's limit and period, or takes the limit away. What running turns hold of it stays held. The key is the
/// owner's: see [`super::keys`].
pub(in crate::ops) fn set_of_key(
    tx: &mut Tx<'_>,
    owner: UserId,
    key: ApiKeyId,
    limit: Option<(Money, BudgetPeriod)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    // Nobody charges or reserves meanwhile, whether the key has a row yet or not.
    tx.exec(
        "update budgets set spent = spent where user_id = $1",
        params![owner],
    )?;
    let Some((limit, period)) = limit else {
        tx.exec("delete from key_budgets where key_id = $1", params![key])?;
        return Ok(());
    };
    tx.exec(
        "insert into key_budgets (key_id, limit_amount, period, reserved) values ($1, $2, $3, \
         (select cast(coalesce(sum(key_amount), 0) as bigint) from reservations where key_id = $1)) \
         on conflict (key_id) do update set limit_amount = excluded.limit_amount, period = excluded.period",
        params![key, limit, period],
    )?;
    KEY.count_window(tx, key.0, period.window(now))
}
