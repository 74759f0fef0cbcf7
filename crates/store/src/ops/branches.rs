//! The branches of a conversation. A message follows its parent; the active branch is what leads from the beginning to
//! the conversation's head. Until a message has a sibling, a conversation is one line, in order of ids.

use crate::{Backend, StoreError, Tx, tx::params};
use chatai_types::{ConversationId, MessageId, UserId};

/// How deep a branch is followed to its end at most; what lies deeper is reached by choosing again.
const DEEPEST: usize = 100_000;

/// The last message of the active branch; the outer `None` for a conversation that is missing or another's.
pub fn head(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<Option<MessageId>>, StoreError> {
    tx.query_opt(
        "select head_id from conversations where id = $1 and user_id = $2",
        params![conversation, owner],
        |row| row.get(0),
    )
}

/// Its head, and whether it has branches; `None` for a conversation that is missing or another's.
pub(crate) fn state(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<(Option<MessageId>, bool)>, StoreError> {
    tx.query_opt(
        "select head_id, branched from conversations where id = $1 and user_id = $2",
        params![conversation, owner],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// How much of a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The active branch.
    Branch,
    /// Every branch.
    Tree,
}

/// The ids of its messages, oldest first, without the messages themselves. `None` for a conversation that is missing or
/// another's.
pub fn ids(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    extent: Extent,
) -> Result<Option<Vec<MessageId>>, StoreError> {
    let Some((head, branched)) = state(tx, owner, conversation)? else {
        return Ok(None);
    };
    if extent == Extent::Tree || !branched {
        let all = tx.query(
            "select id from messages where conversation_id = $1 and user_id = $2 order by id",
            params![conversation, owner],
            |row| row.get(0),
        )?;
        return Ok(Some(all));
    }
    let line = tx.query(
        "with recursive line (id, parent_id) as ( \
         select id, parent_id from messages where id = $1 and conversation_id = $2 and user_id = $3 \
         union all select m.id, m.parent_id from messages m join line l on m.id = l.parent_id where m.user_id = $3) \
         select id from line order by id",
        params![head, conversation, owner],
        |row| row.get(0),
    )?;
    Ok(Some(line))
}

/// As [`head`], and takes the row: turns of one conversation open one after another.
pub(super) fn take(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<Option<MessageId>>, StoreError> {
    // SQLite has one writer.
    let sql = match tx.backend() {
        Backend::Sqlite => "select head_id from conversations where id = $1 and user_id = $2",
        Backend::Postgres => {
            "select head_id from conversations where id = $1 and user_id = $2 for no key update"
        }
    };
    tx.query_opt(sql, params![conversation, owner], |row| row.get(0))
}

/// Notes that a message is about to follow `parent`, which may be followed already. False when there is no such
/// message in the conversation.
pub(super) fn fork(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    parent: Option<MessageId>,
) -> Result<bool, StoreError> {
    if let Some(parent) = parent
        && !contains(tx, owner, conversation, parent)?
    {
        return Ok(false);
    }
    tx.exec(
        "update conversations set branched = $2 where id = $1",
        params![conversation, true],
    )?;
    Ok(true)
}

pub(super) fn set_head(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
    message: MessageId,
) -> Result<(), StoreError> {
    tx.exec(
        "update conversations set head_id = $2 where id = $1",
        params![conversation, message],
    )?;
    Ok(())
}

fn contains(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<bool, StoreError> {
    let found = tx.query_opt(
        "select 1 from messages where id = $1 and conversation_id = $2 and user_id = $3",
        params![message, conversation, owner],
        |row| row.get::<i64>(0),
    )?;
    Ok(found.is_some())
}

/// What choosing a branch came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chosen {
    /// The conversation's head is this message now.
    Head(MessageId),
    /// The conversation is missing or another's.
    NoConversation,
    /// The message is not in it.
    NoMessage,
}

/// Makes the branch through `message` the active one: up to its latest end.
pub fn choose(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Chosen, StoreError> {
    if take(tx, owner, conversation)?.is_none() {
        return Ok(Chosen::NoConversation);
    }
    if !contains(tx, owner, conversation, message)? {
        return Ok(Chosen::NoMessage);
    }
    let mut end = message;
    for _ in 0..DEEPEST {
        let latest: Option<MessageId> = tx.query_opt(
            "select id from messages where parent_id = $1 and conversation_id = $2 order by id desc limit 1",
            params![end, conversation],
            |row| row.get(0),
        )?;
        match latest {
            Some(latest) => end = latest,
            None => break,
        }
    }
    set_head(tx, conversation, end)?;
    Ok(Chosen::Head(end))
}
