//! What administrators do to accounts and models.

use super::{
    accounts::{Account, account},
    models,
    models::ModelOverride,
    settings,
};
use crate::{StoreError, Tx, tx::params};
use chatai_types::{Timestamp, UserId, UserRole};

/// What came of changing an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Changed {
    /// It is done; the account as it is now, or was.
    Account(Account),
    /// There is no such account.
    NotFound,
    /// No administrator would be left.
    LastAdministrator,
}

/// Accounts by id, those after `after`.
pub fn accounts(tx: &mut Tx<'_>, after: UserId, limit: i64) -> Result<Vec<Account>, StoreError> {
    tx.query(
        "select id, email, display_name, role, disabled, epoch, created_at from users \
         where id > $1 order by id limit $2",
        params![after, limit],
        account,
    )
}

/// Sets what an account may do and whether it is shut, each where it is given. Shutting ends its sessions.
pub fn change(
    tx: &mut Tx<'_>,
    id: UserId,
    role: Option<UserRole>,
    disabled: Option<bool>,
) -> Result<Changed, StoreError> {
    settings::queue_up(tx)?;
    let Some(before) = super::accounts::get(tx, id)? else {
        return Ok(Changed::NotFound);
    };
    let role = role.unwrap_or(before.role);
    let disabled = disabled.unwrap_or(before.disabled);
    let still_administers = role == UserRole::Admin && !disabled;
    if !still_administers && is_last_administrator(tx, &before)? {
        return Ok(Changed::LastAdministrator);
    }
    let epochs = i64::from(disabled != before.disabled);
    let changed = tx.query_opt(
        "update users set role = $2, disabled = $3, epoch = epoch + $4 where id = $1 \
         returning id, email, display_name, role, disabled, epoch, created_at",
        params![id, role, disabled, epochs],
        account,
    )?;
    Ok(changed.map_or(Changed::NotFound, Changed::Account))
}

/// Changes what is set of a model; what `change` says is judged on what is set now.
pub fn change_model(
    tx: &mut Tx<'_>,
    model: &str,
    change: impl Fn(&mut ModelOverride),
    now: Timestamp,
) -> Result<(), StoreError> {
    settings::queue_up(tx)?;
    let known = models::overrides(tx)?.into_iter().find(|set| set.model == model);
    let mut set = known.unwrap_or_else(|| ModelOverride::none(model));
    change(&mut set);
    models::set(tx, &set, now)
}

fn is_last_administrator(tx: &mut Tx<'_>, account: &Account) -> Result<bool, StoreError> {
    if account.role != UserRole::Admin || account.disabled {
        return Ok(false);
    }
    let other = tx.query_opt(
        "select id from users where id <> $1 and role = 'admin' and disabled = $2 limit 1",
        params![account.id, false],
        |row| row.get::<UserId>(0),
    )?;
    Ok(other.is_none())
}
