//! The rows of an import, a page in a transaction.

use super::{Kind, MARK, raise};
use crate::{StoreError, Tx, ops::attachments::ExtractedText, tx::params};
use bytes::Bytes;
use chatai_types::{
    AttachmentId, ConversationId, MessageId, Money, Role, Scope, Timestamp, TokenCounts, TurnStatus, UsageId,
    UsageSource, UserId, UserRole,
};

/// Why a page was not written. Nothing of it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WriteError {
    /// The database is no longer as it was when the page was decided: decide again.
    #[error("the database changed meanwhile")]
    Moved,
    /// The write failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for WriteError {
    fn from(error: StoreError) -> Self {
        match error {
            // An id or an e-mail was taken, or an owner deleted, since it was looked at.
            StoreError::Duplicate(_) | StoreError::Foreign(_) => Self::Moved,
            other => Self::Store(other),
        }
    }
}

fn written(rows: u64) -> Result<(), WriteError> {
    if rows == 0 { Err(WriteError::Moved) } else { Ok(()) }
}

/// Ids that were brought along are not given out again.
fn keep_clear(tx: &mut Tx<'_>, kind: Kind, ids: impl Iterator<Item = i64>) -> Result<(), StoreError> {
    match ids.max() {
        Some(highest) => raise(tx, kind, highest.max(1)),
        None => Ok(()),
    }
}

/// Notes where a row of the original is now. An id that the original gave out twice means the later row.
fn note(tx: &mut Tx<'_>, source: &str, kind: &str, source_id: i64, local_id: i64) -> Result<(), StoreError> {
    tx.exec(
        "insert into imported_rows (source, kind, source_id, local_id) values ($1, $2, $3, $4) \
         on conflict (source, kind, source_id) do update set local_id = excluded.local_id",
        params![source, kind, source_id, local_id],
    )?;
    Ok(())
}

/// An account to bring.
#[derive(Clone, Debug)]
pub struct UserWrite {
    /// Its id in the original.
    pub source_id: i64,
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
        }
        note(tx, source, Kind::User.as_str(), row.source_id, row.id.0)?;
        note(tx, source, MARK, row.source_id, row.mark)?;
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

/// A conversation to bring.
#[derive(Clone, Debug)]
pub struct ConversationWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Its id here.
    pub id: ConversationId,
    /// Its owner here.
    pub owner: UserId,
    /// Its title.
    pub title: Option<String>,
    /// Its summary.
    pub summary: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Writes conversations, without messages.
pub fn write_conversations(
    tx: &mut Tx<'_>,
    source: &str,
    rows: &[ConversationWrite],
) -> Result<(), WriteError> {
    keep_clear(tx, Kind::Conversation, rows.iter().map(|row| row.id.0))?;
    for row in rows {
        written(tx.exec(
            "insert into conversations (id, user_id, title, summary, created_at) values ($1, $2, $3, $4, $5) \
             on conflict do nothing",
            params![
                row.id,
                row.owner,
                row.title.as_deref(),
                row.summary.as_deref(),
                row.created_at
            ],
        )?)?;
        note(tx, source, Kind::Conversation.as_str(), row.source_id, row.id.0)?;
    }
    Ok(())
}

/// A message to bring.
#[derive(Clone, Debug)]
pub struct MessageWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Its id here.
    pub id: MessageId,
    /// Its conversation here.
    pub conversation_id: ConversationId,
    /// Its owner here.
    pub owner: UserId,
    /// The message before it.
    pub parent_id: Option<MessageId>,
    /// The question it answers.
    pub request_id: Option<MessageId>,
    /// Who speaks.
    pub role: Role,
    /// The text.
    pub text: String,
    /// Its compact form.
    pub summary: Option<String>,
    /// The model asked or answering.
    pub model: Option<String>,
    /// Its estimated size in tokens, without attachments.
    pub size_tokens: i64,
    /// The sum of all sizes before it.
    pub tokens_before: i64,
    /// What its turn used.
    pub tokens: Option<TokenCounts>,
    /// What its turn cost.
    pub price: Option<Money>,
    /// When it was written.
    pub created_at: Timestamp,
}

/// A conversation that ends with another message now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeadMove {
    /// The conversation.
    pub conversation_id: ConversationId,
    /// Its owner.
    pub owner: UserId,
    /// The message it must end with before.
    pub from: Option<MessageId>,
    /// The message it ends with after.
    pub to: MessageId,
}

/// Writes messages at the ends of their conversations.
pub fn write_messages(
    tx: &mut Tx<'_>,
    source: &str,
    rows: &[MessageWrite],
    heads: &[HeadMove],
) -> Result<(), WriteError> {
    keep_clear(tx, Kind::Message, rows.iter().map(|row| row.id.0))?;
    for head in heads {
        written(tx.exec(
            "update conversations set head_id = $4 \
             where id = $1 and user_id = $2 and head_id is not distinct from cast($3 as bigint)",
            params![head.conversation_id, head.owner, head.from, head.to],
        )?)?;
    }
    for row in rows {
        let tokens = row.tokens;
        written(tx.exec(
            "insert into messages (id, conversation_id, user_id, parent_id, request_id, role, status, text, \
             summary, model, size_tokens, tokens_before, fresh_input, cache_read, cache_write, output, \
             reasoning, price, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
             on conflict do nothing",
            params![
                row.id,
                row.conversation_id,
                row.owner,
                row.parent_id,
                row.request_id,
                row.role,
                TurnStatus::Complete,
                &row.text,
                row.summary.as_deref(),
                row.model.as_deref(),
                row.size_tokens,
                row.tokens_before,
                tokens.map(|counts| counts.fresh_input),
                tokens.map(|counts| counts.cache_read),
                tokens.map(|counts| counts.cache_write),
                tokens.map(|counts| counts.output),
                tokens.map(|counts| counts.reasoning),
                row.price,
                row.created_at
            ],
        )?)?;
        note(tx, source, Kind::Message.as_str(), row.source_id, row.id.0)?;
    }
    Ok(())
}

/// An attachment to bring.
#[derive(Clone, Debug)]
pub struct AttachmentWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Its id here.
    pub id: AttachmentId,
    /// Its message here.
    pub message_id: MessageId,
    /// The message's conversation here.
    pub conversation_id: ConversationId,
    /// Its owner here.
    pub owner: UserId,
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// What it truly is.
    pub kind: String,
    /// The hash of its content, hexadecimal.
    pub content_hash: String,
    /// Its content.
    pub bytes: Bytes,
    /// Its text, where it has one that was not extracted before.
    pub text: Option<ExtractedText>,
    /// What it adds to its message's size.
    pub size_tokens: i64,
}

/// Writes attachments, each content once, and lets their messages grow by them.
pub fn write_attachments(tx: &mut Tx<'_>, source: &str, rows: &[AttachmentWrite]) -> Result<(), WriteError> {
    keep_clear(tx, Kind::Attachment, rows.iter().map(|row| row.id.0))?;
    for row in rows {
        let size = i64::try_from(row.bytes.len())
            .map_err(|_| StoreError::Invalid("a content longer than 64 bits".to_owned()))?;
        // Takes the message, so that a deletion at the same time waits.
        written(tx.exec(
            "update messages set size_tokens = size_tokens + $3 where id = $1 and user_id = $2",
            params![row.message_id, row.owner, row.size_tokens],
        )?)?;
        if row.size_tokens > 0 {
            tx.exec(
                "update messages set tokens_before = tokens_before + $3 \
                 where conversation_id = $1 and id > $2",
                params![row.conversation_id, row.message_id, row.size_tokens],
            )?;
        }
        // `do update` takes the row, so that a deletion at the same time waits.
        tx.exec(
            "insert into blobs (content_hash, size, bytes) values ($1, $2, $3) \
             on conflict (content_hash) do update set size = excluded.size",
            params![&row.content_hash, size, &row.bytes[..]],
        )?;
        if let Some(text) = &row.text {
            tx.exec(
                "insert into extracted_texts (content_hash, text, truncated, note) values ($1, $2, $3, $4) \
                 on conflict (content_hash) do nothing",
                params![
                    &row.content_hash,
                    &text.text,
                    text.truncated,
                    text.note.as_deref()
                ],
            )?;
        }
        written(tx.exec(
            "insert into attachments (id, message_id, user_id, filename, content_type, kind, size, content_hash) \
             values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict do nothing",
            params![
                row.id,
                row.message_id,
                row.owner,
                &row.filename,
                row.content_type.as_deref(),
                &row.kind,
                size,
                &row.content_hash
            ],
        )?)?;
        note(tx, source, Kind::Attachment.as_str(), row.source_id, row.id.0)?;
    }
    Ok(())
}

/// A usage row to bring.
#[derive(Clone, Debug)]
pub struct UsageWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Its id here.
    pub id: UsageId,
    /// Its message here.
    pub message_id: MessageId,
    /// The message's conversation here.
    pub conversation_id: ConversationId,
    /// Its owner here.
    pub owner: UserId,
    /// What the call was for.
    pub scope: Scope,
    /// The model called.
    pub model: String,
    /// What it used.
    pub tokens: TokenCounts,
    /// Where the counts come from.
    pub source: UsageSource,
    /// What it cost.
    pub price: Option<Money>,
    /// When it was recorded.
    pub created_at: Timestamp,
}

/// Writes usage rows, each with its line in the ledger.
pub fn write_usage_details(tx: &mut Tx<'_>, source: &str, rows: &[UsageWrite]) -> Result<(), WriteError> {
    keep_clear(tx, Kind::Usage, rows.iter().map(|row| row.id.0))?;
    for row in rows {
        let tokens = row.tokens;
        written(tx.exec(
            "insert into usage_details (id, message_id, conversation_id, user_id, scope, model, fresh_input, \
             cache_read, cache_write, output, reasoning, usage_source, price, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) on conflict do nothing",
            params![
                row.id,
                row.message_id,
                row.conversation_id,
                row.owner,
                row.scope,
                &row.model,
                tokens.fresh_input,
                tokens.cache_read,
                tokens.cache_write,
                tokens.output,
                tokens.reasoning,
                row.source,
                row.price,
                row.created_at
            ],
        )?)?;
        tx.exec(
            "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, \
             cache_write, output, reasoning, usage_source, amount, created_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            params![
                row.owner,
                row.conversation_id,
                row.message_id,
                row.scope,
                &row.model,
                tokens.fresh_input,
                tokens.cache_read,
                tokens.cache_write,
                tokens.output,
                tokens.reasoning,
                row.source,
                row.price.unwrap_or(Money::ZERO),
                row.created_at
            ],
        )?;
        note(tx, source, Kind::Usage.as_str(), row.source_id, row.id.0)?;
    }
    Ok(())
}
