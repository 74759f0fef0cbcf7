//! Pages of an owner's conversations, newest first: a page begins at a key, so that it costs the same wherever it
//! lies and neither skips nor repeats a row when others come and go.

use super::conversations::{Conversation, conversation};
use crate::{StoreError, Tx, tx::params};
use chatai_types::{ConversationId, Timestamp, UserId};

/// What conversations are ordered by. It never changes.
pub type Key = (Timestamp, ConversationId);

/// Where a page begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// At the newest.
    Newest,
    /// Behind this one: the newest of the older ones.
    OlderThan(Key),
    /// Ahead of this one: the oldest of the newer ones.
    NewerThan(Key),
}

/// A part of the list, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// Its conversations.
    pub rows: Vec<Conversation>,
    /// Whether there are older ones.
    pub has_older: bool,
    /// Whether there are newer ones; not looked for on a page that begins at the newest.
    pub has_newer: bool,
}

/// At most `limit` conversations.
pub fn page(tx: &mut Tx<'_>, owner: UserId, from: From, limit: u32) -> Result<Page, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    // One more than asked for says whether the list goes on.
    let limit = i64::from(limit) + 1;
    let mut rows = match from {
        From::Newest => tx.query(
            "select id, title, summary, created_at from conversations where user_id = $1 \
             order by created_at desc, id desc limit $2",
            params![owner, limit],
            conversation,
        )?,
        From::OlderThan((at, id)) => tx.query(
            "select id, title, summary, created_at from conversations \
             where user_id = $1 and (created_at, id) < ($2, $3) order by created_at desc, id desc limit $4",
            params![owner, at, id, limit],
            conversation,
        )?,
        From::NewerThan((at, id)) => tx.query(
            "select id, title, summary, created_at from conversations \
             where user_id = $1 and (created_at, id) > ($2, $3) order by created_at, id limit $4",
            params![owner, at, id, limit],
            conversation,
        )?,
    };
    let goes_on = rows.len() > wanted;
    rows.truncate(wanted);
    if matches!(from, From::NewerThan(_)) {
        rows.reverse();
    }
    let (has_older, has_newer) = match (from, rows.first(), rows.last()) {
        (From::Newest, ..) => (goes_on, false),
        (From::OlderThan(_), Some(first), _) => (goes_on, is_newer(tx, owner, (first.created_at, first.id))?),
        (From::NewerThan(_), _, Some(last)) => (is_older(tx, owner, (last.created_at, last.id))?, goes_on),
        (_, None, _) | (_, _, None) => (false, false),
    };
    Ok(Page {
        rows,
        has_older,
        has_newer,
    })
}

/// Whether the owner has a conversation newer than this key.
fn is_newer(tx: &mut Tx<'_>, owner: UserId, (at, id): Key) -> Result<bool, StoreError> {
    tx.query_one(
        "select exists (select 1 from conversations where user_id = $1 and (created_at, id) > ($2, $3))",
        params![owner, at, id],
        |row| row.get(0),
    )
}

/// Whether the owner has a conversation older than this key.
fn is_older(tx: &mut Tx<'_>, owner: UserId, (at, id): Key) -> Result<bool, StoreError> {
    tx.query_one(
        "select exists (select 1 from conversations where user_id = $1 and (created_at, id) < ($2, $3))",
        params![owner, at, id],
        |row| row.get(0),
    )
}
