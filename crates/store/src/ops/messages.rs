//! Messages as stored, always by their owner.

use super::{
    attachments::{self, Attachment},
    branches,
};
use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{ConversationId, MessageId, Money, Role, Timestamp, TokenCounts, TurnStatus, UserId};
use std::collections::HashMap;

/// A message with everything that is stored of it but the contents of its attachments.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id.
    pub id: MessageId,
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The message it follows.
    pub parent_id: Option<MessageId>,
    /// The question an answer answers.
    pub request_id: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// Where it stands.
    pub status: TurnStatus,
    /// The text.
    pub text: String,
    /// Its compact form.
    pub summary: Option<String>,
    /// The model asked or answering.
    pub model: Option<String>,
    /// Its estimated size with attachments, in tokens.
    pub size_tokens: i64,
    /// The sum of the sizes before it on its branch.
    pub tokens_before: i64,
    /// What the turn used; answers alone.
    pub tokens: Option<TokenCounts>,
    /// What the turn cost; answers alone.
    pub price: Option<Money>,
    /// The code and sentence of a failure.
    pub error: Option<(String, String)>,
    /// When it was written.
    pub created_at: Timestamp,
    /// Milliseconds to its first piece and to its end, where they are known; answers alone.
    pub times: Times,
    /// What came with it.
    pub attachments: Vec<Attachment>,
    /// The messages that follow the same one, itself included.
    pub siblings: Vec<MessageId>,
}

/// How long an answer took, in milliseconds from its question.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Times {
    /// To its first piece.
    pub first_ms: Option<i64>,
    /// To its end.
    pub total_ms: Option<i64>,
}

/// A `select` of all columns that [`message`] reads, with the rest of the statement.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, conversation_id, parent_id, request_id, role, status, text, summary, model, \
             size_tokens, tokens_before, fresh_input, cache_read, cache_write, output, reasoning, price, \
             error_code, error_detail, created_at, first_ms, total_ms from messages ",
            $rest
        )
    };
}

fn message(row: &Row<'_>) -> Result<Message, StoreError> {
    let fresh_input: Option<i64> = row.get(11)?;
    let tokens = match fresh_input {
        None => None,
        Some(fresh_input) => Some(TokenCounts {
            fresh_input,
            cache_read: row.get::<Option<i64>>(12)?.unwrap_or(0),
            cache_write: row.get::<Option<i64>>(13)?.unwrap_or(0),
            output: row.get::<Option<i64>>(14)?.unwrap_or(0),
            reasoning: row.get::<Option<i64>>(15)?.unwrap_or(0),
        }),
    };
    let error_code: Option<String> = row.get(17)?;
    let error_detail: Option<String> = row.get(18)?;
    Ok(Message {
        id: row.get(0)?,
        conversation_id: row.get(1)?,
        parent_id: row.get(2)?,
        request_id: row.get(3)?,
        role: row.get(4)?,
        status: row.get(5)?,
        text: row.get(6)?,
        summary: row.get(7)?,
        model: row.get(8)?,
        size_tokens: row.get(9)?,
        tokens_before: row.get(10)?,
        tokens,
        price: row.get(16)?,
        error: error_code.map(|code| (code, error_detail.unwrap_or_default())),
        created_at: row.get(19)?,
        times: Times {
            first_ms: row.get(20)?,
            total_ms: row.get(21)?,
        },
        attachments: Vec::new(),
        siblings: vec![row.get(0)?],
    })
}

/// Which part of a conversation's active branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// All of it.
    All,
    /// The latest so many.
    Latest(i64),
    /// The latest so many before this message, on the branch that it is on itself.
    Before(MessageId, i64),
    /// The first so many after this message.
    After(MessageId, i64),
}

/// The active branch, or a part of it, oldest first, with siblings. `None` when the conversation is missing or
/// another's.
pub fn branch(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    part: Part,
) -> Result<Option<Vec<Message>>, StoreError> {
    let Some((head, branched)) = branches::state(tx, owner, conversation)? else {
        return Ok(None);
    };
    let mut messages = match (branched, head, part) {
        (false, _, Part::All) => after(tx, owner, conversation, MessageId(0), i64::MAX)?,
        (false, _, Part::After(message, limit)) => after(tx, owner, conversation, message, limit)?,
        (false, _, Part::Latest(limit)) => before(tx, owner, conversation, MessageId(i64::MAX), limit)?,
        (false, _, Part::Before(message, limit)) => before(tx, owner, conversation, message, limit)?,
        (true, None, _) => Vec::new(),
        (true, Some(head), Part::All) => path(tx, owner, conversation, head, MessageId(0), i64::MAX)?,
        (true, Some(head), Part::After(message, limit)) => {
            path(tx, owner, conversation, head, message, limit)?
        }
        (true, Some(head), Part::Latest(limit)) => back(tx, owner, conversation, head, limit)?,
        (true, Some(_), Part::Before(message, limit)) => match parent(tx, owner, conversation, message)? {
            Some(parent) => back(tx, owner, conversation, parent, limit)?,
            None => Vec::new(),
        },
    };
    messages.sort_unstable_by_key(|message| message.id);
    complete(tx, owner, conversation, branched, &mut messages)?;
    Ok(Some(messages))
}

/// Every message of every branch, oldest first. `None` when the conversation is missing or another's.
pub fn tree(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<Vec<Message>>, StoreError> {
    let Some((_, branched)) = branches::state(tx, owner, conversation)? else {
        return Ok(None);
    };
    let mut messages = after(tx, owner, conversation, MessageId(0), i64::MAX)?;
    complete(tx, owner, conversation, branched, &mut messages)?;
    Ok(Some(messages))
}

/// Messages of a conversation that has one line, from `after` on.
fn after(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    after: MessageId,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    tx.query(
        select!("where conversation_id = $1 and user_id = $2 and id > $3 order by id limit $4"),
        params![conversation, owner, after, limit],
        message,
    )
}

/// The latest messages before `before` of a conversation that has one line, newest first.
fn before(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    before: MessageId,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    tx.query(
        select!("where conversation_id = $1 and user_id = $2 and id < $3 order by id desc limit $4"),
        params![conversation, owner, before, limit],
        message,
    )
}

/// What a message follows. `None` when it is the first, missing, elsewhere or another's.
fn parent(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    message: MessageId,
) -> Result<Option<MessageId>, StoreError> {
    let found: Option<Option<MessageId>> = tx.query_opt(
        "select parent_id from messages where id = $1 and conversation_id = $2 and user_id = $3",
        params![message, conversation, owner],
        |row| row.get(0),
    )?;
    Ok(found.flatten())
}

/// The messages that lead to `last`, the first `limit` of those after `above`. The way there is gone over by ids alone.
fn path(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    last: MessageId,
    above: MessageId,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    // A child is always younger than its parent, so the order of ids is the order of the branch.
    tx.query(
        select!(
            "where user_id = $3 and id in (with recursive line (id, parent_id) as ( \
             select id, parent_id from messages where id = $1 and conversation_id = $2 \
             union all select m.id, m.parent_id from messages m join line l on m.id = l.parent_id \
             where m.id > $4) select id from line where id > $4 order by id limit $5)"
        ),
        params![last, conversation, owner, above, limit],
        message,
    )
}

/// `last` and what leads to it, at most `limit` messages, newest first.
fn back(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    last: MessageId,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    tx.query(
        select!(
            "where user_id = $3 and id in (with recursive line (id, parent_id, depth) as ( \
             select id, parent_id, cast(1 as bigint) from messages where id = $1 and conversation_id = $2 \
             union all select m.id, m.parent_id, l.depth + 1 from messages m join line l on m.id = l.parent_id \
             where l.depth < $4) select id from line) order by id desc"
        ),
        params![last, conversation, owner, limit],
        message,
    )
}

/// At most `limit` messages before `last` and itself, on the way that leads to it, newest first, with attachments.
pub(crate) fn leading_to(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    last: MessageId,
    branched: bool,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let mut messages = if branched {
        back(tx, owner, conversation, last, limit)?
    } else {
        let next = MessageId(last.0.saturating_add(1));
        before(tx, owner, conversation, next, limit)?
    };
    if let [newest, ..] = &messages[..]
        && let [.., oldest] = &messages[..]
    {
        let files = attachments::of_conversation(tx, owner, conversation, oldest.id, newest.id)?;
        attach(&mut messages, files);
    }
    Ok(messages)
}

/// Adds what lies in other tables, and siblings.
fn complete(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    branched: bool,
    messages: &mut [Message],
) -> Result<(), StoreError> {
    let (Some(oldest), Some(newest)) = (messages.first(), messages.last()) else {
        return Ok(());
    };
    let (oldest, newest) = (oldest.id, newest.id);
    let files = attachments::of_conversation(tx, owner, conversation, oldest, newest)?;
    if branched {
        let siblings = siblings(tx, owner, conversation, oldest, newest)?;
        for message in messages.iter_mut() {
            message.siblings = siblings.get(&message.parent_id).cloned().unwrap_or_default();
        }
    }
    attach(messages, files);
    Ok(())
}

/// Messages by what they follow, of all that have a sibling between two messages, these included.
fn siblings(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    first: MessageId,
    last: MessageId,
) -> Result<HashMap<Option<MessageId>, Vec<MessageId>>, StoreError> {
    let mut by_parent: HashMap<Option<MessageId>, Vec<MessageId>> = HashMap::new();
    let rows: Vec<(MessageId, MessageId)> = tx.query(
        "select s.id, s.parent_id from messages s where s.user_id = $2 and s.parent_id in \
         (select parent_id from messages where conversation_id = $1 and user_id = $2 and id between $3 and $4) \
         order by s.id",
        params![conversation, owner, first, last],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (id, parent) in rows {
        by_parent.entry(Some(parent)).or_default().push(id);
    }
    by_parent.insert(None, roots(tx, owner, conversation)?);
    Ok(by_parent)
}

/// The messages that follow none.
fn roots(tx: &mut Tx<'_>, owner: UserId, conversation: ConversationId) -> Result<Vec<MessageId>, StoreError> {
    tx.query(
        "select id from messages where conversation_id = $1 and user_id = $2 and parent_id is null order by id",
        params![conversation, owner],
        |row| row.get(0),
    )
}

/// One message with its attachments and siblings. `None` when it is missing or another's.
pub fn get(tx: &mut Tx<'_>, owner: UserId, id: MessageId) -> Result<Option<Message>, StoreError> {
    let found = tx.query_opt(
        select!("where id = $1 and user_id = $2"),
        params![id, owner],
        message,
    )?;
    let Some(mut found) = found else { return Ok(None) };
    found.attachments = attachments::of_message(tx, owner, id)?;
    found.siblings = match found.parent_id {
        Some(parent) => tx.query(
            "select id from messages where parent_id = $1 and user_id = $2 order by id",
            params![parent, owner],
            |row| row.get(0),
        )?,
        None => roots(tx, owner, found.conversation_id)?,
    };
    Ok(Some(found))
}

fn attach(messages: &mut [Message], files: Vec<Attachment>) {
    if files.is_empty() {
        return;
    }
    let mut by_message: HashMap<MessageId, Vec<Attachment>> = HashMap::new();
    for file in files {
        by_message.entry(file.message_id).or_default().push(file);
    }
    for message in messages {
        message.attachments = by_message.remove(&message.id).unwrap_or_default();
    }
}
