//! Keys that programs sign in with: of each only its hash, what it may spend, and which models it may use.

use super::budgets::{self, Budget};
use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{ApiKeyId, BudgetPeriod, Money, Timestamp, UserId, UserRole};

/// The most keys of one account.
pub const KEYS: i64 = 100;

/// A key to add.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// What its owner calls it.
    pub name: String,
    /// Its first signs, by which people tell keys apart.
    pub prefix: String,
    /// The hash of all of it.
    pub hash: String,
    /// When it is made.
    pub created_at: Timestamp,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The models it may use; `None` for all.
    pub models: Option<Vec<String>>,
    /// What it may spend in a period; `None` for what its account may.
    pub limit: Option<(Money, BudgetPeriod)>,
}

/// What to change of a key; what is `None` stays.
#[derive(Clone, Debug, Default)]
pub struct KeyChange {
    /// What its owner calls it.
    pub name: Option<String>,
    /// The models it may use.
    pub models: Option<Option<Vec<String>>>,
    /// What it may spend in a period.
    pub limit: Option<Option<(Money, BudgetPeriod)>>,
}

/// A key as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// Its first signs.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute or so.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The models it may use; `None` for all.
    pub models: Option<Vec<String>>,
    /// Its budget; `None` where it has no limit of its own.
    pub budget: Option<Budget>,
}

/// Whom a key speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bearer {
    /// The key.
    pub id: ApiKeyId,
    /// The account.
    pub owner: UserId,
    /// What the account may do.
    pub role: UserRole,
    /// Whether the account is shut.
    pub disabled: bool,
    /// When the key ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The models it may use; `None` for all.
    pub models: Option<Vec<String>>,
}

fn key(row: &Row<'_>) -> Result<Key, StoreError> {
    Ok(Key {
        id: row.get(0)?,
        name: row.get(1)?,
        prefix: row.get(2)?,
        created_at: row.get(3)?,
        last_used_at: row.get(4)?,
        expires_at: row.get(5)?,
        models: names(row.get(6)?)?,
        budget: None,
    })
}

/// A list of models as it is kept.
fn names(kept: Option<String>) -> Result<Option<Vec<String>>, StoreError> {
    let read = |json: String| {
        serde_json::from_str(&json)
            .map_err(|error| StoreError::Internal(format!("a key's list of models cannot be read: {error}")))
    };
    kept.map(read).transpose()
}

/// A list of models as it is to be kept.
fn kept(names: Option<&[String]>) -> Option<String> {
    names.map(|names| serde_json::Value::from(names).to_string())
}

/// Adds a key; `None` when the account has as many as it may have, or is gone.
pub fn add(tx: &mut Tx<'_>, owner: UserId, new: &NewKey) -> Result<Option<Key>, StoreError> {
    // The account's row is taken first: keys made at the same time are counted one after another.
    let taken = tx.exec("update users set epoch = epoch where id = $1", params![owner])?;
    let count: i64 = tx.query_one(
        "select count(*) from api_keys where user_id = $1",
        params![owner],
        |row| row.get(0),
    )?;
    if taken == 0 || count >= KEYS {
        return Ok(None);
    }
    let models = kept(new.models.as_deref());
    let mut added = tx.query_one(
        "insert into api_keys (user_id, name, prefix, key_hash, created_at, expires_at, models) \
         values ($1, $2, $3, $4, $5, $6, $7) \
         returning id, name, prefix, created_at, last_used_at, expires_at, models",
        params![
            owner,
            &new.name,
            &new.prefix,
            &new.hash,
            new.created_at,
            new.expires_at,
            models.as_deref()
        ],
        key,
    )?;
    if let Some(limit) = new.limit {
        budgets::set_of_key(tx, owner, added.id, Some(limit), new.created_at)?;
        added.budget = budgets::of_key(tx, added.id, new.created_at)?;
    }
    Ok(Some(added))
}

/// The owner's keys, the oldest first.
pub fn list(tx: &mut Tx<'_>, owner: UserId, now: Timestamp) -> Result<Vec<Key>, StoreError> {
    let mut keys = tx.query(
        "select id, name, prefix, created_at, last_used_at, expires_at, models from api_keys \
         where user_id = $1 order by id",
        params![owner],
        key,
    )?;
    for key in &mut keys {
        key.budget = budgets::of_key(tx, key.id, now)?;
    }
    Ok(keys)
}

/// Changes a key. `None` when it is missing or another's.
pub fn change(
    tx: &mut Tx<'_>,
    owner: UserId,
    id: ApiKeyId,
    change: &KeyChange,
    now: Timestamp,
) -> Result<Option<Key>, StoreError> {
    let models = kept(change.models.as_ref().and_then(Option::as_deref));
    let changed = tx.query_opt(
        "update api_keys set name = coalesce($3, name), models = case when $4 then $5 else models end \
         where id = $1 and user_id = $2 \
         returning id, name, prefix, created_at, last_used_at, expires_at, models",
        params![
            id,
            owner,
            change.name.as_deref(),
            change.models.is_some(),
            models.as_deref()
        ],
        key,
    )?;
    let Some(mut changed) = changed else {
        return Ok(None);
    };
    if let Some(limit) = change.limit {
        budgets::set_of_key(tx, owner, id, limit, now)?;
    }
    changed.budget = budgets::of_key(tx, id, now)?;
    Ok(Some(changed))
}

/// Deletes a key, which ends it. False when it is missing or another's.
pub fn delete(tx: &mut Tx<'_>, owner: UserId, id: ApiKeyId) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "delete from api_keys where id = $1 and user_id = $2",
        params![id, owner],
    )? == 1)
}

/// Whom the key of this hash speaks for.
pub fn bearer(tx: &mut Tx<'_>, hash: &str) -> Result<Option<Bearer>, StoreError> {
    tx.query_opt(
        "select k.id, k.user_id, u.role, u.disabled, k.expires_at, k.models \
         from api_keys k join users u on u.id = k.user_id where k.key_hash = $1",
        params![hash],
        |row| {
            Ok(Bearer {
                id: row.get(0)?,
                owner: row.get(1)?,
                role: row.get(2)?,
                disabled: row.get(3)?,
                expires_at: row.get(4)?,
                models: names(row.get(5)?)?,
            })
        },
    )
}

/// Notes when keys were last used.
pub fn note_uses(tx: &mut Tx<'_>, uses: &[(ApiKeyId, Timestamp)]) -> Result<(), StoreError> {
    for (id, at) in uses {
        tx.exec(
            "update api_keys set last_used_at = $2 where id = $1 and (last_used_at is null or last_used_at < $2)",
            params![*id, *at],
        )?;
    }
    Ok(())
}
