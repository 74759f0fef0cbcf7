//! Attachments: what came with a message, and its content, kept once however often it is attached.

use crate::{Backend, StoreError, Tx, row::Row, tx::params};
use chatai_types::{AttachmentId, ConversationId, MessageId, UserId};

/// A file to store with a message.
#[derive(Clone, Debug)]
pub struct NewAttachment {
    /// Its cleaned name.
    pub filename: String,
    /// Its media type for download.
    pub content_type: Option<String>,
    /// What it truly is, in the words of the files part.
    pub kind: String,
    /// The hash of its content, hexadecimal.
    pub content_hash: String,
    /// Its content.
    pub bytes: bytes::Bytes,
    /// Its text, where it has one.
    pub text: Option<ExtractedText>,
}

impl NewAttachment {
    fn size(&self) -> i64 {
        i64::try_from(self.bytes.len()).expect("a bounded body is shorter than 64 bits")
    }
}

/// What an extractor made of a content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtractedText {
    /// The text.
    pub text: String,
    /// Whether the content held more.
    pub truncated: bool,
    /// What a reader should know, e.g. that a PDF has no text layer.
    pub note: Option<String>,
}

/// An attachment without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attachment {
    /// Its id.
    pub id: AttachmentId,
    /// Its message.
    pub message_id: MessageId,
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// What it truly is.
    pub kind: String,
    /// Its size in bytes.
    pub size: i64,
    /// The hash of its content.
    pub content_hash: String,
}

/// A content for download.
#[derive(Clone, Debug)]
pub struct Content {
    /// Its name.
    pub filename: String,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

fn attachment(row: &Row<'_>) -> Result<Attachment, StoreError> {
    Ok(Attachment {
        id: row.get(0)?,
        message_id: row.get(1)?,
        filename: row.get(2)?,
        content_type: row.get(3)?,
        kind: row.get(4)?,
        size: row.get(5)?,
        content_hash: row.get(6)?,
    })
}

/// Adds a message's files, in order.
pub(crate) fn add_all(
    tx: &mut Tx<'_>,
    owner: UserId,
    message: MessageId,
    files: &[NewAttachment],
) -> Result<(), StoreError> {
    // Contents are taken in one order by everybody, so that nobody waits crosswise.
    let mut contents: Vec<&NewAttachment> = files.iter().collect();
    contents.sort_unstable_by(|a, b| a.content_hash.cmp(&b.content_hash));
    for new in contents {
        add_content(tx, new)?;
    }
    for new in files {
        tx.exec(
            "insert into attachments (message_id, user_id, filename, content_type, kind, size, content_hash) \
             values ($1, $2, $3, $4, $5, $6, $7)",
            params![
                message,
                owner,
                &new.filename,
                new.content_type.as_deref(),
                &new.kind,
                new.size(),
                &new.content_hash
            ],
        )?;
    }
    Ok(())
}

/// Keeps a content and its text, once.
fn add_content(tx: &mut Tx<'_>, new: &NewAttachment) -> Result<(), StoreError> {
    // `do update` in place of `do nothing`: it takes the row, so that a deletion at the same time waits.
    tx.exec(
        "insert into blobs (content_hash, size, bytes) values ($1, $2, $3) \
         on conflict (content_hash) do update set size = excluded.size",
        params![&new.content_hash, new.size(), &new.bytes[..]],
    )?;
    let Some(text) = &new.text else { return Ok(()) };
    tx.exec(
        "insert into extracted_texts (content_hash, text, truncated, note) values ($1, $2, $3, $4) \
         on conflict (content_hash) do nothing",
        params![
            &new.content_hash,
            &text.text,
            text.truncated,
            text.note.as_deref()
        ],
    )?;
    Ok(())
}

/// The attachments of a conversation's messages from one to another, both included, by message.
pub fn of_conversation(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    first: MessageId,
    last: MessageId,
) -> Result<Vec<Attachment>, StoreError> {
    tx.query(
        "select a.id, a.message_id, a.filename, a.content_type, a.kind, a.size, a.content_hash \
         from messages m join attachments a on a.message_id = m.id \
         where m.conversation_id = $1 and m.user_id = $2 and m.id between $3 and $4 \
         order by a.message_id, a.id",
        params![conversation, owner, first, last],
        attachment,
    )
}

/// The attachments of one message.
pub fn of_message(tx: &mut Tx<'_>, owner: UserId, message: MessageId) -> Result<Vec<Attachment>, StoreError> {
    tx.query(
        "select id, message_id, filename, content_type, kind, size, content_hash \
         from attachments where message_id = $1 and user_id = $2 order by id",
        params![message, owner],
        attachment,
    )
}

/// One file with its bytes. `None` when it is missing or another's.
pub fn content(tx: &mut Tx<'_>, owner: UserId, id: AttachmentId) -> Result<Option<Content>, StoreError> {
    tx.query_opt(
        "select a.filename, a.content_type, b.bytes from attachments a \
         join blobs b on b.content_hash = a.content_hash where a.id = $1 and a.user_id = $2",
        params![id, owner],
        |row| {
            Ok(Content {
                filename: row.get(0)?,
                content_type: row.get(1)?,
                bytes: row.get(2)?,
            })
        },
    )
}

/// A content by its hash, for a message of the owner's that refers to it.
pub fn bytes_of(tx: &mut Tx<'_>, owner: UserId, content_hash: &str) -> Result<Option<Vec<u8>>, StoreError> {
    tx.query_opt(
        "select bytes from blobs where content_hash = $1 \
         and exists (select 1 from attachments where content_hash = $1 and user_id = $2)",
        params![content_hash, owner],
        |row| row.get(0),
    )
}

/// The text of a content that a message of the owner's refers to.
pub fn text_of(
    tx: &mut Tx<'_>,
    owner: UserId,
    content_hash: &str,
) -> Result<Option<ExtractedText>, StoreError> {
    tx.query_opt(
        "select text, truncated, note from extracted_texts where content_hash = $1 \
         and exists (select 1 from attachments where content_hash = $1 and user_id = $2)",
        params![content_hash, owner],
        |row| {
            Ok(ExtractedText {
                text: row.get(0)?,
                truncated: row.get(1)?,
                note: row.get(2)?,
            })
        },
    )
}

/// The contents a conversation refers to.
pub(crate) fn contents_of_conversation(
    tx: &mut Tx<'_>,
    conversation: ConversationId,
) -> Result<Vec<String>, StoreError> {
    tx.query(
        "select distinct a.content_hash from messages m join attachments a on a.message_id = m.id \
         where m.conversation_id = $1 order by a.content_hash",
        params![conversation],
        |row| row.get(0),
    )
}

/// Drops a content that no attachment refers to any more.
pub(crate) fn forget_content(tx: &mut Tx<'_>, content_hash: &str) -> Result<(), StoreError> {
    if tx.backend() == Backend::Postgres {
        // Takes the row, so that the statement below sees what others who attach or drop this content have done.
        tx.query_opt(
            "select 1 from blobs where content_hash = $1 for update",
            params![content_hash],
            |_| Ok(()),
        )?;
    }
    tx.exec(
        "delete from blobs where content_hash = $1 \
         and not exists (select 1 from attachments where content_hash = $1)",
        params![content_hash],
    )?;
    Ok(())
}
