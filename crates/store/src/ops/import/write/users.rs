//! Accounts of the original.

use super::{WriteError, keep_clear, note, written};
use crate::{
    StoreError, Tx,
    ops::{
        budgets,
        import::{Kind, MARK},
    },
    tx::params,
};
use chatai_types::{Timestamp, UserId, UserRole};

/// An account to bring.
#[derive(Clone, Debug)]
pub struct UserWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Where the row is that this id meant when it came before, if it meant another one.
    pub replaces: Option<i64>,
    /// A hash of its lasting columns.
    pub mark: i64,
    /// Its id here.
    pub id: UserId,
    /// Its columns; `None` when it goes into the account that has `id` already.
    pub new: Option<NewUser>,
}

/// The columns of an account that is new here.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Its e-mail.
    pub email: String,
    /// Its e-mail without case.
    pub email_folded: String,
    /// Its hash.
    pub password_hash: String,
    /// Its shown name.
    pub display_name: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Writes accounts. From the first one on, nobody becomes administrator by registering.
pub fn write_users(
    tx: &mut Tx<'_>,
    source: &str,
    rows: &[UserWrite],
    now: Timestamp,
) -> Result<(), WriteError> {
    keep_clear(
        tx,
        Kind::User,
        rows.iter().filter(|row| row.new.is_some()).map(|row| row.id.0),
    )?;
    for row in rows {
        if let Some(new) = &row.new {
            written(tx.exec(
                "insert into users (id, email, email_folded, password_hash, display_name, role, created_at) \
                 values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing",
                params![
                    row.id,
                    &new.email,
                    &new.email_folded,
                    &new.password_hash,
                    new.display_name.as_deref(),
                    UserRole::User,
                    new.created_at
                ],
            )?)?;
            tx.exec(
                "insert into email_claims (email_folded, user_id) values ($1, $2) \
                 on conflict (email_folded) do nothing",
                params![&new.email_folded, row.id],
            )?;
            budgets::add(tx, row.id)?;
        }
        note(
            tx,
            source,
            Kind::User.as_str(),
            row.source_id,
            row.id.0,
            row.replaces,
        )?;
        mark(tx, source, row)?;
    }
    if !rows.is_empty() {
        tx.exec(
            "update settings set value = 'taken', updated_at = $1 \
             where key = 'first_administrator' and value = 'open'",
            params![now],
        )?;
    }
    Ok(())
}

/// Notes by what an account is recognised.
fn mark(tx: &mut Tx<'_>, source: &str, row: &UserWrite) -> Result<(), StoreError> {
    tx.exec(
        "insert into imported_rows (source, kind, source_id, local_id) values ($1, $2, $3, $4) \
         on conflict (source, kind, source_id) do update set local_id = excluded.local_id",
        params![source, MARK, row.source_id, row.mark],
    )?;
    Ok(())
}
