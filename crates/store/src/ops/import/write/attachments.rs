//! Attachments of the original, their contents once each.

use super::{WriteError, keep_clear, note, written};
use crate::{StoreError, Tx, ops::attachments::ExtractedText, ops::import::Kind, tx::params};
use bytes::Bytes;
use chatai_types::{AttachmentId, ConversationId, MessageId, UserId};

/// An attachment to bring.
#[derive(Clone, Debug)]
pub struct AttachmentWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Where the row is that this id meant when it came before, if it meant another one.
    pub replaces: Option<i64>,
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
        note(
            tx,
            source,
            Kind::Attachment.as_str(),
            row.source_id,
            row.id.0,
            row.replaces,
        )?;
    }
    Ok(())
}
