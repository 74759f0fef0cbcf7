//! An account and all that is its own, gone in one transaction. The ledger keeps the amounts.

use super::{
    attachments,
    direct::{self, AbandonedCall, CallEnd, Unclosed},
    search_purge, settings,
    turns::{self, Abandoned, Deleted, Settled},
};
use crate::{Backend, StoreError, Tx, tx::params};
use chatai_types::{ConversationId, Timestamp, UserId, UserRole};

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Removed {
    /// It is gone, and so are these conversations.
    Gone(Vec<ConversationId>),
    /// There is no such account.
    Missing,
    /// It is the only administrator, and there are other accounts.
    LastAdministrator,
}

/// What an import noted of rows that go, by kind and the rows' table.
const IMPORTED: &[&str] = &[
    "delete from imported_rows where kind = 'usage' and exists \
     (select 1 from usage_details u where u.id = imported_rows.local_id and u.user_id = $1)",
    "delete from imported_rows where kind = 'attachment' and exists \
     (select 1 from attachments a where a.id = imported_rows.local_id and a.user_id = $1)",
    "delete from imported_rows where kind = 'message' and exists \
     (select 1 from messages m where m.id = imported_rows.local_id and m.user_id = $1)",
    "delete from imported_rows where kind = 'conversation' and exists \
     (select 1 from conversations c where c.id = imported_rows.local_id and c.user_id = $1)",
    "delete from imported_rows where kind = 'user' and local_id = $1",
];

/// Removes an account. The ledger gets what is found of turns and of direct calls that still run.
pub fn remove(
    tx: &mut Tx<'_>,
    owner: UserId,
    now: Timestamp,
    settle_turn: impl Fn(&Abandoned) -> Settled,
    settle_call: impl Fn(&AbandonedCall) -> CallEnd,
) -> Result<Removed, StoreError> {
    // One row is taken by every removal: of two last administrators one stays. Then the account's own row and those
    // of its conversations, so that what is written for it at the same time is either gone too or refused.
    settings::queue_up(tx)?;
    let role: Option<UserRole> = tx.query_opt(
        match tx.backend() {
            Backend::Sqlite => "select role from users where id = $1",
            // An update that leaves the key alone would let others refer to the row.
            Backend::Postgres => "select role from users where id = $1 for update",
        },
        params![owner],
        |row| row.get(0),
    )?;
    let Some(role) = role else {
        return Ok(Removed::Missing);
    };
    let (others, administrators): (bool, bool) = tx.query_one(
        "select exists (select 1 from users where id <> $1), \
         exists (select 1 from users where id <> $1 and role = 'admin' and not disabled)",
        params![owner],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    if role == UserRole::Admin && others && !administrators {
        return Ok(Removed::LastAdministrator);
    }
    let conversations = tx.query(
        "update conversations set head_id = null where user_id = $1 returning id",
        params![owner],
        |row| row.get(0),
    )?;
    turns::before_deletion(tx, owner, Deleted::Account, now, settle_turn)?;
    direct::before_deletion(tx, Unclosed::OfAccount(owner), now, settle_call)?;
    let contents: Vec<String> = tx.query(
        "select distinct a.content_hash from conversations c join messages m on m.conversation_id = c.id \
         join attachments a on a.message_id = m.id where c.user_id = $1 order by a.content_hash",
        params![owner],
        |row| row.get(0),
    )?;
    for sql in IMPORTED {
        tx.exec(sql, params![owner])?;
    }
    tx.exec("delete from conversations where user_id = $1", params![owner])?;
    let email_folded: String = tx.query_one(
        "delete from users where id = $1 returning email_folded",
        params![owner],
        |row| row.get(0),
    )?;
    // Imported accounts may differ by case alone: the e-mail stays taken while one of them is left.
    tx.exec(
        "insert into email_claims (email_folded, user_id) \
         select email_folded, min(id) from users where email_folded = $1 group by email_folded \
         on conflict (email_folded) do nothing",
        params![&email_folded],
    )?;
    for content in contents {
        attachments::forget_content(tx, &content)?;
    }
    if !others {
        // The next account is the instance's first again.
        tx.exec(
            "update settings set value = 'open' where key = 'first_administrator'",
            params![],
        )?;
    }
    search_purge::forget_deleted(tx)?;
    Ok(Removed::Gone(conversations))
}
