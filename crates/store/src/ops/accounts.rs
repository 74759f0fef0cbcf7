//! Accounts, their password hashes and their ended sessions.

use super::budgets::{self, Payer};
use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{Timestamp, UserId, UserRole};

/// An account to add.
#[derive(Clone, Debug)]
pub struct NewAccount {
    /// The e-mail as given.
    pub email: String,
    /// The e-mail without case.
    pub email_folded: String,
    /// The hash in its own notation, e.g. `$argon2id$…`.
    pub password_hash: String,
    /// A name to show.
    pub display_name: Option<String>,
    /// When it is made.
    pub created_at: Timestamp,
    /// Only if it is the first of the instance.
    pub only_as_first: bool,
}

/// What came of adding an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Added {
    /// It is there.
    Account(Account),
    /// Its e-mail is taken, by case or without.
    EmailTaken,
    /// It would not have been the first.
    NotFirst,
}

/// An account as stored, without its hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// Its id.
    pub id: UserId,
    /// Its e-mail.
    pub email: String,
    /// Its shown name.
    pub display_name: Option<String>,
    /// What it may do.
    pub role: UserRole,
    /// Whether it is shut.
    pub disabled: bool,
    /// Its tokens' epoch.
    pub epoch: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a sign-in has to check.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The account.
    pub account: Account,
    /// Its hash.
    pub password_hash: String,
}

/// What a token has to agree with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthState {
    /// The account's e-mail.
    pub email: String,
    /// What the account may do.
    pub role: UserRole,
    /// Whether it is shut.
    pub disabled: bool,
    /// Its tokens' epoch.
    pub epoch: i64,
    /// Whether this session was ended.
    pub ended: bool,
}

pub(super) fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    Ok(Account {
        id: row.get(0)?,
        email: row.get(1)?,
        display_name: row.get(2)?,
        role: row.get(3)?,
        disabled: row.get(4)?,
        epoch: row.get(5)?,
        created_at: row.get(6)?,
    })
}

/// Adds an account; the first of the instance becomes its administrator.
pub fn add(tx: &mut Tx<'_>, new: &NewAccount) -> Result<Added, StoreError> {
    let first = tx.exec(
        "update settings set value = 'taken', updated_at = $1 \
         where key = 'first_administrator' and value = 'open'",
        params![new.created_at],
    )? == 1;
    if new.only_as_first && !first {
        return Ok(Added::NotFirst);
    }
    let claimed = tx.exec(
        "insert into email_claims (email_folded) values ($1) on conflict (email_folded) do nothing",
        params![&new.email_folded],
    )?;
    if claimed == 0 {
        return Ok(Added::EmailTaken);
    }
    let role = if first { UserRole::Admin } else { UserRole::User };
    let added = tx.query_one(
        "insert into users (email, email_folded, password_hash, display_name, role, created_at) \
         values ($1, $2, $3, $4, $5, $6) \
         returning id, email, display_name, role, disabled, epoch, created_at",
        params![
            &new.email,
            &new.email_folded,
            &new.password_hash,
            new.display_name.as_deref(),
            role,
            new.created_at
        ],
        account,
    )?;
    tx.exec(
        "update email_claims set user_id = $1 where email_folded = $2",
        params![added.id, &new.email_folded],
    )?;
    budgets::add(tx, added.id)?;
    Ok(Added::Account(added))
}

/// Whether the instance has had its first account.
pub fn first_is_taken(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    let open = tx.query_opt(
        "select 1 from settings where key = 'first_administrator' and value = 'open'",
        params![],
        |row| row.get::<i64>(0),
    )?;
    Ok(open.is_none())
}

/// Whether an e-mail is taken, by case or without: a cheap look before a costly hash.
pub fn email_taken(tx: &mut Tx<'_>, email_folded: &str) -> Result<bool, StoreError> {
    let found = tx.query_opt(
        "select 1 from email_claims where email_folded = $1",
        params![email_folded],
        |row| row.get::<i64>(0),
    )?;
    Ok(found.is_some())
}

/// The account to sign in: by the e-mail as given, else without case, the oldest first.
pub fn credentials(
    tx: &mut Tx<'_>,
    email: &str,
    email_folded: &str,
) -> Result<Option<Credentials>, StoreError> {
    tx.query_opt(
        "select id, email, display_name, role, disabled, epoch, created_at, password_hash \
         from users where email_folded = $1 order by case when email = $2 then 0 else 1 end, id limit 1",
        params![email_folded, email],
        |row| {
            Ok(Credentials {
                account: account(row)?,
                password_hash: row.get(7)?,
            })
        },
    )
}

/// bcrypt's cost of the costliest hash of the original that any account has; 0 where none has one. Costs that no
/// service would choose are passed over: whoever waits as long as they take must not depend on a file.
pub fn largest_bcrypt_cost(tx: &mut Tx<'_>) -> Result<u32, StoreError> {
    // `$2b$12$…`
    let cost: Option<String> = tx.query_one(
        "select max(substr(password_hash, 5, 2)) from users \
         where password_hash like $1 and substr(password_hash, 5, 2) between '04' and '14'",
        params!["$2_$%"],
        |row| row.get(0),
    )?;
    Ok(cost.and_then(|cost| cost.parse().ok()).unwrap_or(0))
}

/// The stored hash, for a password change.
pub fn credentials_of(tx: &mut Tx<'_>, owner: UserId) -> Result<Option<Credentials>, StoreError> {
    tx.query_opt(
        "select id, email, display_name, role, disabled, epoch, created_at, password_hash \
         from users where id = $1",
        params![owner],
        |row| {
            Ok(Credentials {
                account: account(row)?,
                password_hash: row.get(7)?,
            })
        },
    )
}

/// One account.
pub fn get(tx: &mut Tx<'_>, owner: UserId) -> Result<Option<Account>, StoreError> {
    tx.query_opt(
        "select id, email, display_name, role, disabled, epoch, created_at from users where id = $1",
        params![owner],
        account,
    )
}

/// All accounts by id, for the administrator's command.
pub fn list(tx: &mut Tx<'_>) -> Result<Vec<Account>, StoreError> {
    tx.query(
        "select id, email, display_name, role, disabled, epoch, created_at from users order by id",
        params![],
        account,
    )
}

/// What a token of this account and session has to agree with; `None` for an unknown account.
pub fn auth_state(tx: &mut Tx<'_>, owner: UserId, session: &str) -> Result<Option<AuthState>, StoreError> {
    tx.query_opt(
        "select email, role, disabled, epoch, \
         exists (select 1 from ended_sessions where session = $2 and user_id = $1) \
         from users where id = $1",
        params![owner, session],
        |row| {
            Ok(AuthState {
                email: row.get(0)?,
                role: row.get(1)?,
                disabled: row.get(2)?,
                epoch: row.get(3)?,
                ended: row.get(4)?,
            })
        },
    )
}

/// Whether this account, with this key, may still ask anything: the account is there and not shut, the key not deleted.
pub fn may_ask(tx: &mut Tx<'_>, payer: Payer) -> Result<bool, StoreError> {
    let found = tx.query_opt(
        "select 1 from users u where u.id = $1 and u.disabled = $2 and (cast($3 as bigint) is null \
         or exists (select 1 from api_keys k where k.id = $3 and k.user_id = u.id))",
        params![payer.owner, false, payer.key],
        |row| row.get::<i64>(0),
    )?;
    Ok(found.is_some())
}

/// Ends one session for good, and forgets those whose tokens have expired by themselves. One of an account that is gone
/// has ended with it.
pub fn end_session(
    tx: &mut Tx<'_>,
    owner: UserId,
    session: &str,
    expires_at: Timestamp,
    now: Timestamp,
) -> Result<(), StoreError> {
    tx.exec(
        "insert into ended_sessions (session, user_id, expires_at) \
         select $1, id, cast($3 as bigint) from users where id = $2 on conflict (session) do nothing",
        params![session, owner, expires_at],
    )?;
    tx.exec(
        "delete from sessions where session = $1 and user_id = $2",
        params![session, owner],
    )?;
    tx.exec("delete from ended_sessions where expires_at < $1", params![now])?;
    Ok(())
}

/// Sets a new password and ends all sessions; returns the new epoch, `None` for an unknown account.
pub fn set_password(tx: &mut Tx<'_>, owner: UserId, hash: &str) -> Result<Option<i64>, StoreError> {
    tx.query_opt(
        "update users set password_hash = $2, epoch = epoch + 1 where id = $1 returning epoch",
        params![owner, hash],
        |row| row.get(0),
    )
}

/// Replaces a hash of the same password by a better one, unless it has changed meanwhile.
pub fn renew_hash(tx: &mut Tx<'_>, owner: UserId, old: &str, new: &str) -> Result<(), StoreError> {
    tx.exec(
        "update users set password_hash = $3 where id = $1 and password_hash = $2",
        params![owner, old, new],
    )?;
    Ok(())
}

/// Sets what an account may do. False for an unknown account.
pub fn set_role(tx: &mut Tx<'_>, owner: UserId, role: UserRole) -> Result<bool, StoreError> {
    Ok(tx.exec("update users set role = $2 where id = $1", params![owner, role])? == 1)
}

/// Shuts or opens an account; shutting ends its sessions. False for an unknown account.
pub fn set_disabled(tx: &mut Tx<'_>, owner: UserId, disabled: bool) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update users set disabled = $2, epoch = epoch + 1 where id = $1",
        params![owner, disabled],
    )? == 1)
}
