//! What accounts said of tools from outside: whether their models may call them.

use crate::{StoreError, Tx, tx::params};
use chatai_types::{Timestamp, UserId};

/// The most tools that one account says something of.
pub const GRANTS: i64 = 1_000;

/// What an account said of tools, by their names.
pub fn list(tx: &mut Tx<'_>, owner: UserId) -> Result<Vec<(String, bool)>, StoreError> {
    tx.query(
        "select tool, granted from tool_grants where user_id = $1 order by tool",
        params![owner],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// What an account said of one tool; `None` where it said nothing.
pub fn get(tx: &mut Tx<'_>, owner: UserId, tool: &str) -> Result<Option<bool>, StoreError> {
    tx.query_opt(
        "select granted from tool_grants where user_id = $1 and tool = $2",
        params![owner, tool],
        |row| row.get(0),
    )
}

/// Says it. False when the account is gone, or has said something of as many tools as it may.
pub fn set(
    tx: &mut Tx<'_>,
    owner: UserId,
    tool: &str,
    granted: bool,
    now: Timestamp,
) -> Result<bool, StoreError> {
    // The account's row is taken first: what is said at the same time is counted one after another.
    let taken = tx.exec("update users set epoch = epoch where id = $1", params![owner])?;
    let others: i64 = tx.query_one(
        "select count(*) from tool_grants where user_id = $1 and tool <> $2",
        params![owner, tool],
        |row| row.get(0),
    )?;
    if taken == 0 || others >= GRANTS {
        return Ok(false);
    }
    tx.exec(
        "insert into tool_grants (user_id, tool, granted, updated_at) values ($1, $2, $3, $4) \
         on conflict (user_id, tool) do update set granted = excluded.granted, updated_at = excluded.updated_at",
        params![owner, tool, granted, now],
    )?;
    Ok(true)
}
