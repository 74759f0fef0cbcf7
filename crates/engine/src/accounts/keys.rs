//! Keys: how programs sign in without a password. A key speaks for its account until it is deleted, expires, or the
//! account is shut; a new password does not end it, as people who change theirs expect of their scripts. A key makes,
//! changes and deletes no keys and no account, so that a leaked one can be taken back. What it may spend, and on which
//! models, can be less than what its account may.

use crate::{
    Engine, EngineError,
    money::{Budget, check_limit},
    views::Caller,
};
use chatai_store::ops::keys::{self as rows, KeyChange, NewKey};
use chatai_types::{ApiKeyId, BudgetPeriod, ErrorCode, Money, Timestamp};
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// What every key begins with; no other token does.
pub(super) const PREFIX: &str = "sk-";
/// Random bytes of a key.
const BYTES: usize = 24;
/// Signs of a key that stay visible.
const VISIBLE: usize = PREFIX.len() + 8;

/// A key as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it.
    pub name: String,
    /// Its first signs.
    pub prefix: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used.
    pub last_used_at: Option<Timestamp>,
    /// When it ends by itself.
    pub expires_at: Option<Timestamp>,
    /// The models it may use; `None` for all.
    pub models: Option<Vec<String>>,
    /// Its own budget; `None` where it may spend what its account may.
    pub budget: Option<Budget>,
}

/// A key to make, or what to change of one.
#[derive(Clone, Debug, Default)]
pub struct KeyWish {
    /// What to call it.
    pub name: Option<String>,
    /// The models it may use, or all.
    pub models: Option<Option<Vec<String>>>,
    /// What it may spend in a period, or what its account may.
    pub limit: Option<Option<(Money, BudgetPeriod)>>,
}

impl KeyWish {
    fn check(&self) -> Result<(), EngineError> {
        check_limit(self.limit.flatten().map(|(amount, _)| amount))
    }
}

impl Engine {
    /// The caller's keys, the oldest first.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn keys(&self, caller: &Caller) -> Result<Vec<ApiKey>, EngineError> {
        let (owner, now) = (caller.user_id, self.now());
        let rows = self.read(move |tx| rows::list(tx, owner, now)).await?;
        Ok(rows.into_iter().map(|row| self.with_use(row, now)).collect())
    }

    /// Makes a key. The key itself is given out here and never again.
    ///
    /// # Errors
    /// `forbidden` for a caller with a key, `validation_error` for a moment that is over or a limit out of range,
    /// `too_many_keys`.
    pub async fn create_key(
        &self,
        caller: &Caller,
        wish: KeyWish,
        expires_at: Option<Timestamp>,
    ) -> Result<(ApiKey, String), EngineError> {
        caller.signed_in_by_a_person()?;
        wish.check()?;
        let now = self.now();
        if expires_at.is_some_and(|at| at <= now) {
            let detail = "`expires_at` is over; give a moment to come";
            return Err(EngineError::new(ErrorCode::Validation, detail));
        }
        let key = format!("{PREFIX}{}", self.inner.accounts.random.hex(BYTES));
        let new = NewKey {
            name: wish.name.unwrap_or_default(),
            prefix: key[..VISIBLE].to_owned(),
            hash: hash(&key),
            created_at: now,
            expires_at,
            models: wish.models.flatten(),
            limit: wish.limit.flatten(),
        };
        let owner = caller.user_id;
        let added = self.store().write(move |tx| rows::add(tx, owner, &new)).await?;
        let added = added.ok_or_else(|| {
            let detail = format!("An account has at most {} keys; delete one first", rows::KEYS);
            EngineError::new(ErrorCode::TooManyKeys, detail)
        })?;
        Ok((self.with_use(added, now), key))
    }

    /// Changes what a key is called, what it may spend and which models it may use, from its next request on.
    ///
    /// # Errors
    /// `forbidden` for a caller with a key, `validation_error` for a limit out of range, `key_not_found`.
    pub async fn change_key(
        &self,
        caller: &Caller,
        id: ApiKeyId,
        wish: KeyWish,
    ) -> Result<ApiKey, EngineError> {
        caller.signed_in_by_a_person()?;
        wish.check()?;
        let (owner, now) = (caller.user_id, self.now());
        let change = KeyChange {
            name: wish.name,
            models: wish.models,
            limit: wish.limit,
        };
        let changed = self
            .store()
            .write(move |tx| rows::change(tx, owner, id, &change, now))
            .await?;
        self.inner.accounts.forget_checked();
        let changed = changed.ok_or_else(key_not_found)?;
        Ok(self.with_use(changed, now))
    }

    /// Deletes a key, which ends it at once, and with it what runs for it.
    ///
    /// # Errors
    /// `forbidden` for a caller with a key, `key_not_found`.
    pub async fn delete_key(&self, caller: &Caller, id: ApiKeyId) -> Result<(), EngineError> {
        caller.signed_in_by_a_person()?;
        let owner = caller.user_id;
        let deleted = self.store().write(move |tx| rows::delete(tx, owner, id)).await?;
        if !deleted {
            return Err(key_not_found());
        }
        self.inner.revoke(|payer| payer.key == Some(id));
        self.inner.accounts.uses.keys.forget(&id);
        Ok(())
    }

    /// Whom a key speaks for.
    pub(super) async fn authenticate_key(&self, key: &str, generation: u64) -> Result<Caller, EngineError> {
        let hash = hash(key);
        let found = self.store().read(move |tx| rows::bearer(tx, &hash)).await?;
        let end_of_time = Timestamp::from_micros(i64::MAX);
        let found = found
            .filter(|bearer| !bearer.disabled)
            .filter(|bearer| bearer.expires_at.unwrap_or(end_of_time) > self.now())
            .ok_or_else(EngineError::invalid_token)?;
        Ok(Caller {
            user_id: found.owner,
            role: found.role,
            session: format!("k:{}", found.id).into(),
            expires_at: found.expires_at.unwrap_or(end_of_time),
            key: Some(found.id),
            key_models: found.models.map(Arc::from),
            generation,
        })
    }

    fn with_use(&self, row: rows::Key, now: Timestamp) -> ApiKey {
        ApiKey {
            last_used_at: self.inner.accounts.uses.keys.of(&row.id).max(row.last_used_at),
            id: row.id,
            name: row.name,
            prefix: row.prefix,
            created_at: row.created_at,
            expires_at: row.expires_at,
            models: row.models,
            budget: row.budget.map(|budget| Budget::at(now, budget)),
        }
    }
}

fn key_not_found() -> EngineError {
    EngineError::new(ErrorCode::KeyNotFound, "Key not found")
}

impl Caller {
    /// Refuses a caller with a key.
    pub(crate) fn signed_in_by_a_person(&self) -> Result<(), EngineError> {
        match self.key {
            None => Ok(()),
            Some(_) => Err(EngineError::new(
                ErrorCode::Forbidden,
                "A key may not do this; sign in with the password",
            )),
        }
    }
}

/// The hash under which a key is kept. A plain one is enough: a key is 192 random bits, which nobody tries through,
/// other than a password. A slow one would be paid with each request.
fn hash(key: &str) -> String {
    let bytes = Sha256::digest(key.as_bytes());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
