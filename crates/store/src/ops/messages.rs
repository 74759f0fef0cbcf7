//! Messages as stored, always by their owner.

use super::{
    attachments::{self, Attachment},
    conversations,
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
    /// What came with it.
    pub attachments: Vec<Attachment>,
}

/// A `select` of all columns that [`message`] reads, with the rest of the statement.
macro_rules! select {
    ($rest:literal) => {
        concat!(
            "select id, conversation_id, parent_id, request_id, role, status, text, summary, model, \
             size_tokens, tokens_before, fresh_input, cache_read, cache_write, output, reasoning, price, \
             error_code, error_detail, created_at from messages ",
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
        attachments: Vec::new(),
    })
}

/// The whole conversation, oldest first. `None` when it is missing or another's.
pub fn of_conversation(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<Vec<Message>>, StoreError> {
    if !conversations::is_owned(tx, owner, conversation)? {
        return Ok(None);
    }
    let mut messages = tx.query(
        select!("where conversation_id = $1 and user_id = $2 order by id"),
        params![conversation, owner],
        message,
    )?;
    let files = attachments::of_conversation(tx, owner, conversation, MessageId(0))?;
    attach(&mut messages, files);
    Ok(Some(messages))
}

/// One message with its attachments. `None` when it is missing or another's.
pub fn get(tx: &mut Tx<'_>, owner: UserId, id: MessageId) -> Result<Option<Message>, StoreError> {
    let found = tx.query_opt(
        select!("where id = $1 and user_id = $2"),
        params![id, owner],
        message,
    )?;
    let Some(mut found) = found else { return Ok(None) };
    found.attachments = attachments::of_message(tx, owner, id)?;
    Ok(Some(found))
}

/// The latest messages before `before` (all when `None`), newest first, at most `limit`, with attachments.
pub(crate) fn latest(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    before: Option<MessageId>,
    limit: i64,
) -> Result<Vec<Message>, StoreError> {
    let mut messages = tx.query(
        select!("where conversation_id = $1 and user_id = $2 and id < $3 order by id desc limit $4"),
        params![conversation, owner, before.unwrap_or(MessageId(i64::MAX)), limit],
        message,
    )?;
    let Some(oldest) = messages.last().map(|last| last.id) else {
        return Ok(messages);
    };
    let files = attachments::of_conversation(tx, owner, conversation, oldest)?;
    attach(&mut messages, files);
    Ok(messages)
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
