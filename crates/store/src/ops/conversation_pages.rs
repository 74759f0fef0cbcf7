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

/// Which conversations a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of the owner's.
    All,
    /// Those that are pinned.
    Pinned,
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

/// A statement over the conversations that a list is of, by what stands before and behind the owner.
macro_rules! over {
    ($which:expr, $before:literal, $behind:literal) => {
        match $which {
            Which::All => concat!($before, " from conversations where user_id = $1 ", $behind),
            Which::Pinned => concat!(
                $before,
                " from conversations where user_id = $1 and pinned_at is not null ",
                $behind
            ),
        }
    };
}

/// The same over their rows.
macro_rules! select {
    ($which:expr, $behind:literal) => {
        over!(
            $which,
            "select id, title, summary, created_at, pinned_at",
            $behind
        )
    };
}

/// At most `limit` conversations.
pub fn page(
    tx: &mut Tx<'_>,
    owner: UserId,
    which: Which,
    from: From,
    limit: u32,
) -> Result<Page, StoreError> {
    let wanted = usize::try_from(limit).unwrap_or(usize::MAX);
    // One more than asked for says whether the list goes on.
    let limit = i64::from(limit) + 1;
    let mut rows = match from {
        From::Newest => tx.query(
            select!(which, "order by created_at desc, id desc limit $2"),
            params![owner, limit],
            conversation,
        )?,
        From::OlderThan((at, id)) => tx.query(
            select!(
                which,
                "and (created_at, id) < ($2, $3) order by created_at desc, id desc limit $4"
            ),
            params![owner, at, id, limit],
            conversation,
        )?,
        From::NewerThan((at, id)) => tx.query(
            select!(
                which,
                "and (created_at, id) > ($2, $3) order by created_at, id limit $4"
            ),
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
        (From::OlderThan(_), Some(first), _) => {
            (goes_on, is_newer(tx, owner, which, (first.created_at, first.id))?)
        }
        (From::NewerThan(_), _, Some(last)) => {
            (is_older(tx, owner, which, (last.created_at, last.id))?, goes_on)
        }
        (_, None, _) | (_, _, None) => (false, false),
    };
    Ok(Page {
        rows,
        has_older,
        has_newer,
    })
}

/// Whether the list has a conversation newer than this key.
fn is_newer(tx: &mut Tx<'_>, owner: UserId, which: Which, (at, id): Key) -> Result<bool, StoreError> {
    tx.query_one(
        over!(
            which,
            "select exists (select 1",
            "and (created_at, id) > ($2, $3))"
        ),
        params![owner, at, id],
        |row| row.get(0),
    )
}

/// Whether the list has a conversation older than this key.
fn is_older(tx: &mut Tx<'_>, owner: UserId, which: Which, (at, id): Key) -> Result<bool, StoreError> {
    tx.query_one(
        over!(
            which,
            "select exists (select 1",
            "and (created_at, id) < ($2, $3))"
        ),
        params![owner, at, id],
        |row| row.get(0),
    )
}
