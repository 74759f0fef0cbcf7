//! What administrators do to accounts, and how an account ends.

use super::{
    accounts::{Account, account},
    attachments, models,
    models::ModelOverride,
    settings,
};
use crate::{StoreError, Tx, tx::params};
use chatai_types::{ConversationId, Timestamp, UserId, UserRole};

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

/// Removes an account with all its content, and the contents nobody else refers to. The ledger keeps its amounts.
pub fn delete(tx: &mut Tx<'_>, owner: UserId) -> Result<Changed, StoreError> {
    settings::queue_up(tx)?;
    let Some(account) = super::accounts::get(tx, owner)? else {
        return Ok(Changed::NotFound);
    };
    if is_last_administrator(tx, &account)? {
        return Ok(Changed::LastAdministrator);
    }
    // The rows are taken first, so that a message sent at the same time is either deleted too or refused.
    let conversations: Vec<ConversationId> = tx.query(
        "update conversations set head_id = null where user_id = $1 returning id",
        params![owner],
        |row| row.get(0),
    )?;
    let mut contents = Vec::new();
    for conversation in conversations {
        contents.extend(attachments::contents_of_conversation(tx, conversation)?);
    }
    let email_folded: String = tx.query_one(
        "delete from users where id = $1 returning email_folded",
        params![owner],
        |row| row.get(0),
    )?;
    for content in contents {
        attachments::forget_content(tx, &content)?;
    }
    // Imported accounts may differ by case alone: the e-mail stays taken while one of them is left.
    tx.exec(
        "insert into email_claims (email_folded, user_id) \
         select email_folded, min(id) from users where email_folded = $1 group by email_folded \
         on conflict (email_folded) do nothing",
        params![&email_folded],
    )?;
    Ok(Changed::Account(account))
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
