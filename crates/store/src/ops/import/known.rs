//! What an import has to know before it decides.

use super::{Kind, MARK};
use crate::{
    StoreError, Tx,
    ops::attachments::ExtractedText,
    row::{FromColumn, Row},
    tx::params,
};
use chatai_types::{ConversationId, MessageId, Timestamp, UserId};

/// A row of the original that came earlier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known<Id, Now> {
    /// Its id in the original.
    pub source_id: i64,
    /// Its id here.
    pub local_id: Id,
    /// What it is here now; `None` when it was deleted since.
    pub current: Option<Now>,
}

/// Rows of a page that came earlier.
pub type KnownRows<Id, Now> = Result<Vec<Known<Id, Now>>, StoreError>;

/// The names under which files were imported.
pub fn sources(tx: &mut Tx<'_>) -> Result<Vec<String>, StoreError> {
    let mut found: Vec<String> = Vec::new();
    loop {
        // From name to name along the key, not over all rows.
        let after = found.last().map_or("", String::as_str);
        let next: Option<String> = tx.query_one(
            "select min(source) from imported_rows where source > $1",
            params![after],
            |row| row.get(0),
        )?;
        match next {
            Some(next) => found.push(next),
            None => return Ok(found),
        }
    }
}

/// The marks of a source's accounts with ids from `first` to `last`: id and hash.
pub fn marks(tx: &mut Tx<'_>, source: &str, first: i64, last: i64) -> Result<Vec<(i64, i64)>, StoreError> {
    tx.query(
        "select source_id, local_id from imported_rows \
         where source = $1 and kind = $2 and source_id between $3 and $4",
        params![source, MARK, first, last],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Accounts that came earlier, with their e-mail now.
pub fn users(tx: &mut Tx<'_>, source: &str, first: i64, last: i64) -> KnownRows<UserId, String> {
    tx.query(
        "select i.source_id, i.local_id, u.email from imported_rows i left join users u on u.id = i.local_id \
         where i.source = $1 and i.kind = $2 and i.source_id between $3 and $4",
        params![source, Kind::User.as_str(), first, last],
        |row| known(row, |row| row.get(2)),
    )
}

/// Conversations that came earlier, with their owner and moment now.
pub fn conversations(
    tx: &mut Tx<'_>,
    source: &str,
    first: i64,
    last: i64,
) -> KnownRows<ConversationId, (UserId, Timestamp)> {
    tx.query(
        "select i.source_id, i.local_id, c.user_id, c.created_at \
         from imported_rows i left join conversations c on c.id = i.local_id \
         where i.source = $1 and i.kind = $2 and i.source_id between $3 and $4",
        params![source, Kind::Conversation.as_str(), first, last],
        |row| known(row, pair),
    )
}

/// Messages that came earlier, with their conversation and moment now.
pub fn messages(
    tx: &mut Tx<'_>,
    source: &str,
    first: i64,
    last: i64,
) -> KnownRows<MessageId, (ConversationId, Timestamp)> {
    tx.query(
        "select i.source_id, i.local_id, m.conversation_id, m.created_at \
         from imported_rows i left join messages m on m.id = i.local_id \
         where i.source = $1 and i.kind = $2 and i.source_id between $3 and $4",
        params![source, Kind::Message.as_str(), first, last],
        |row| known(row, pair),
    )
}

/// Attachments that came earlier, with their message now.
pub fn attachments(tx: &mut Tx<'_>, source: &str, first: i64, last: i64) -> KnownRows<i64, MessageId> {
    tx.query(
        "select i.source_id, i.local_id, a.message_id \
         from imported_rows i left join attachments a on a.id = i.local_id \
         where i.source = $1 and i.kind = $2 and i.source_id between $3 and $4",
        params![source, Kind::Attachment.as_str(), first, last],
        |row| known(row, |row| row.get(2)),
    )
}

/// Usage rows that came earlier, with their message and moment now.
pub fn usage_details(
    tx: &mut Tx<'_>,
    source: &str,
    first: i64,
    last: i64,
) -> KnownRows<i64, (MessageId, Timestamp)> {
    tx.query(
        "select i.source_id, i.local_id, d.message_id, d.created_at \
         from imported_rows i left join usage_details d on d.id = i.local_id \
         where i.source = $1 and i.kind = $2 and i.source_id between $3 and $4",
        params![source, Kind::Usage.as_str(), first, last],
        |row| known(row, pair),
    )
}

fn known<Id: FromColumn, Now>(
    row: &Row<'_>,
    current: impl Fn(&Row<'_>) -> Result<Option<Now>, StoreError>,
) -> Result<Known<Id, Now>, StoreError> {
    Ok(Known {
        source_id: row.get(0)?,
        local_id: row.get(1)?,
        current: current(row)?,
    })
}

fn pair<A: FromColumn, B: FromColumn>(row: &Row<'_>) -> Result<Option<(A, B)>, StoreError> {
    Ok(row.get::<Option<A>>(2)?.zip(row.get::<Option<B>>(3)?))
}

/// The account with exactly this e-mail, and its hash.
pub fn account_by_email(tx: &mut Tx<'_>, email: &str) -> Result<Option<(UserId, String)>, StoreError> {
    tx.query_opt(
        "select id, password_hash from users where email = $1",
        params![email],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Whether anybody is an administrator.
pub fn has_administrator(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    tx.query_one(
        "select count(*) from users where role = 'admin'",
        params![],
        |row| row.get::<i64>(0),
    )
    .map(|count| count > 0)
}

/// Where a conversation ends, for what comes behind it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConversationEnd {
    /// The last message of the active branch.
    pub head: Option<MessageId>,
    /// The highest id of all its messages; 0 without any.
    pub highest_id: i64,
    /// The sum of all sizes up to the head.
    pub tokens: i64,
    /// When the head was written.
    pub written_at: Option<Timestamp>,
}

/// The end of a conversation. `None` when it is missing or another's.
pub fn conversation_end(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<ConversationEnd>, StoreError> {
    tx.query_opt(
        "select c.head_id, coalesce((select max(id) from messages where conversation_id = c.id), 0), \
         coalesce(h.tokens_before + h.size_tokens, 0), h.created_at \
         from conversations c left join messages h on h.id = c.head_id \
         where c.id = $1 and c.user_id = $2",
        params![conversation, owner],
        |row| {
            Ok(ConversationEnd {
                head: row.get(0)?,
                highest_id: row.get(1)?,
                tokens: row.get(2)?,
                written_at: row.get(3)?,
            })
        },
    )
}

/// The text of a content, where it was extracted already; whoever attached it.
pub fn extracted_text(tx: &mut Tx<'_>, content_hash: &str) -> Result<Option<ExtractedText>, StoreError> {
    tx.query_opt(
        "select text, truncated, note from extracted_texts where content_hash = $1",
        params![content_hash],
        |row| {
            Ok(ExtractedText {
                text: row.get(0)?,
                truncated: row.get(1)?,
                note: row.get(2)?,
            })
        },
    )
}
