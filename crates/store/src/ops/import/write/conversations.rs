//! Conversations of the original, without messages.

use super::{WriteError, keep_clear, note, written};
use crate::{Tx, ops::import::Kind, tx::params};
use chatai_types::{ConversationId, Timestamp, UserId};

/// A conversation to bring.
#[derive(Clone, Debug)]
pub struct ConversationWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Where the row is that this id meant when it came before, if it meant another one.
    pub replaces: Option<i64>,
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
        note(
            tx,
            source,
            Kind::Conversation.as_str(),
            row.source_id,
            row.id.0,
            row.replaces,
        )?;
    }
    Ok(())
}
