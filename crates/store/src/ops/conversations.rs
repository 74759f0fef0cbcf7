//! Conversations, always by their owner.

use super::{
    attachments, search_purge,
    turns::{self, Abandoned, Deleted, Settled},
};
use crate::{
    StoreError, Tx,
    row::Row,
    tx::{insert_id, params},
};
use chatai_types::{ConversationId, Timestamp, UserId};

/// A conversation as lists show it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Its title.
    pub title: Option<String>,
    /// Its summary.
    pub summary: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it is pinned.
    pub pinned_at: Option<Timestamp>,
}

pub(super) fn conversation(row: &Row<'_>) -> Result<Conversation, StoreError> {
    Ok(Conversation {
        id: row.get(0)?,
        title: row.get(1)?,
        summary: row.get(2)?,
        created_at: row.get(3)?,
        pinned_at: row.get(4)?,
    })
}

/// The owner's conversations, newest first by creation.
pub fn list(tx: &mut Tx<'_>, owner: UserId) -> Result<Vec<Conversation>, StoreError> {
    tx.query(
        "select id, title, summary, created_at, pinned_at from conversations where user_id = $1 \
         order by created_at desc, id desc",
        params![owner],
        conversation,
    )
}

/// One of them. `None` when it is missing or another's.
pub fn get(tx: &mut Tx<'_>, owner: UserId, id: ConversationId) -> Result<Option<Conversation>, StoreError> {
    tx.query_opt(
        "select id, title, summary, created_at, pinned_at from conversations where id = $1 and user_id = $2",
        params![id, owner],
        conversation,
    )
}

/// Adds one. `None` when the account is gone.
pub fn add(
    tx: &mut Tx<'_>,
    owner: UserId,
    title: Option<&str>,
    summary: Option<&str>,
    now: Timestamp,
) -> Result<Option<ConversationId>, StoreError> {
    insert_id!(
        tx,
        "insert into conversations (user_id, title, summary, created_at) \
         select id, cast($2 as text), cast($3 as text), cast($4 as bigint) from users where id = $1",
        params![owner, title, summary, now]
    )
}

/// Whether it exists and is the owner's.
pub fn is_owned(tx: &mut Tx<'_>, owner: UserId, id: ConversationId) -> Result<bool, StoreError> {
    let found = tx.query_opt(
        "select 1 from conversations where id = $1 and user_id = $2",
        params![id, owner],
        |row| row.get::<i64>(0),
    )?;
    Ok(found.is_some())
}

/// Renames it. False when it is missing or another's.
pub fn rename(tx: &mut Tx<'_>, owner: UserId, id: ConversationId, title: &str) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update conversations set title = $3 where id = $1 and user_id = $2",
        params![id, owner, title],
    )? == 1)
}

/// Pins it; what is pinned already keeps its moment. False when it is missing or another's.
pub fn pin(tx: &mut Tx<'_>, owner: UserId, id: ConversationId, now: Timestamp) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update conversations set pinned_at = coalesce(pinned_at, $3) where id = $1 and user_id = $2",
        params![id, owner, now],
    )? == 1)
}

/// Pins it no longer. False when it is missing or another's.
pub fn unpin(tx: &mut Tx<'_>, owner: UserId, id: ConversationId) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update conversations set pinned_at = null where id = $1 and user_id = $2",
        params![id, owner],
    )? == 1)
}

/// Puts the made title in the place of the provisional one, unless the user has renamed it meanwhile.
pub fn settle_title(
    tx: &mut Tx<'_>,
    owner: UserId,
    id: ConversationId,
    provisional: &str,
    title: &str,
) -> Result<bool, StoreError> {
    Ok(tx.exec(
        "update conversations set title = $4 where id = $1 and user_id = $2 and title = $3",
        params![id, owner, provisional, title],
    )? == 1)
}

/// Deletes it with its messages, attachments and usage details, and the contents nobody else refers to.
/// The ledger keeps the amounts, and gets those that `settling` finds of turns that still run. False when it is missing
/// or another's.
pub fn delete(
    tx: &mut Tx<'_>,
    owner: UserId,
    id: ConversationId,
    now: Timestamp,
    settling: impl Fn(&Abandoned) -> Settled,
) -> Result<bool, StoreError> {
    // The row is taken first, so that a message sent at the same time is either deleted too or refused.
    let taken = tx.exec(
        "update conversations set head_id = null where id = $1 and user_id = $2",
        params![id, owner],
    )?;
    if taken == 0 {
        return Ok(false);
    }
    turns::before_deletion(tx, owner, Deleted::Conversation(id), now, settling)?;
    let contents = attachments::contents_of_conversation(tx, id)?;
    tx.exec(
        "delete from conversations where id = $1 and user_id = $2",
        params![id, owner],
    )?;
    for content in contents {
        attachments::forget_content(tx, &content)?;
    }
    search_purge::forget_deleted(tx)?;
    Ok(true)
}
