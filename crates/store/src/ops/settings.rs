//! Values of the instance itself, by name.

use crate::{StoreError, Tx, tx::params};
use chatai_types::Timestamp;

/// The value under a name; `value` becomes it where there is none yet. However many instances start at once, all of
/// them get the same.
pub fn get_or_set(tx: &mut Tx<'_>, name: &str, value: &str, now: Timestamp) -> Result<String, StoreError> {
    tx.exec(
        "insert into settings (key, value, updated_at) values ($1, $2, $3) on conflict (key) do nothing",
        params![name, value, now],
    )?;
    tx.query_one(
        "select value from settings where key = $1",
        params![name],
        |row| row.get(0),
    )
}

/// The value under a name.
pub fn get(tx: &mut Tx<'_>, name: &str) -> Result<Option<String>, StoreError> {
    tx.query_opt(
        "select value from settings where key = $1",
        params![name],
        |row| row.get(0),
    )
}

/// Sets the value under a name.
pub fn set(tx: &mut Tx<'_>, name: &str, value: &str, now: Timestamp) -> Result<(), StoreError> {
    tx.exec(
        "insert into settings (key, value, updated_at) values ($1, $2, $3) \
         on conflict (key) do update set value = excluded.value, updated_at = excluded.updated_at",
        params![name, value, now],
    )?;
    Ok(())
}

/// Lets one administrative change be decided after the other: whoever calls this first in a transaction sees what
/// earlier callers wrote.
pub(super) fn queue_up(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.exec(
        "update settings set value = value where key = 'first_administrator'",
        params![],
    )?;
    Ok(())
}
