//! What readers of an answer see: written before it is shown, so that a crash loses nothing anyone has read.

use super::super::conversations;
use crate::{Backend, StoreError, Tx, tx::params};
use chatai_types::{ConversationId, MessageId, Timestamp, TurnStatus, UserId};
use std::str::FromStr;

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// More of the answer's text; `data` is the text.
    Text,
    /// More of the reasoning that the model shows; `data` is the text.
    Reasoning,
    /// A tool's call or result; `data` is JSON.
    Tool,
    /// The conversation's title; `data` is the title.
    Title,
}

impl EventKind {
    fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Reasoning => "reasoning",
            Self::Tool => "tool",
            Self::Title => "title",
        }
    }
}

impl FromStr for EventKind {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        [Self::Text, Self::Reasoning, Self::Tool, Self::Title]
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| StoreError::Corrupt(format!("unknown kind of event: `{text}`")))
    }
}

/// An event to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// Its place among the answer's events.
    pub number: i64,
    /// What it is.
    pub kind: EventKind,
    /// Bytes of the answer's text before it.
    pub text_offset: i64,
    /// What it says.
    pub data: String,
    /// When it is written.
    pub written_at: Timestamp,
    /// Of a title: the owner, the conversation, and the provisional title it replaces.
    pub titled: Option<(UserId, ConversationId, String)>,
}

/// An event as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place among the answer's events.
    pub number: i64,
    /// What it is.
    pub kind: EventKind,
    /// Bytes of the answer's text before it.
    pub text_offset: i64,
    /// What it says.
    pub data: String,
}

/// What became of events to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Appended {
    /// They are written.
    Written,
    /// The answer was closed meanwhile: nothing is written.
    Closed,
    /// The answer is gone: nothing is written.
    Gone,
}

/// Writes events of a running answer, in order. Written again, they stay as they are.
pub fn append(tx: &mut Tx<'_>, answer: MessageId, events: &[NewEvent]) -> Result<Appended, StoreError> {
    // On PostgreSQL the row is taken, so that nobody closes the answer in between.
    let sql = match tx.backend() {
        Backend::Sqlite => "select status from messages where id = $1",
        Backend::Postgres => "select status from messages where id = $1 for no key update",
    };
    match tx.query_opt(sql, params![answer], |row| row.get::<TurnStatus>(0))? {
        Some(TurnStatus::Running) => {}
        Some(_) => return Ok(Appended::Closed),
        None => return Ok(Appended::Gone),
    }
    write(tx, answer, events)?;
    Ok(Appended::Written)
}

/// Writes what an answer still has to show at its end, its text apart.
pub(super) fn write(tx: &mut Tx<'_>, answer: MessageId, events: &[NewEvent]) -> Result<(), StoreError> {
    for event in events {
        tx.exec(
            "insert into turn_events (message_id, number, kind, text_offset, data, written_at) values ($1, $2, $3, $4, $5, $6) \
             on conflict (message_id, number) do nothing",
            params![
                answer,
                event.number,
                event.kind.as_str(),
                event.text_offset,
                &event.data,
                event.written_at
            ],
        )?;
        if let Some((owner, conversation, provisional)) = &event.titled {
            conversations::settle_title(tx, *owner, *conversation, provisional, &event.data)?;
        }
    }
    Ok(())
}

/// The events of an answer after the one numbered `after`, in order. The caller has seen that the answer is its own.
pub fn events(tx: &mut Tx<'_>, answer: MessageId, after: i64) -> Result<Vec<StoredEvent>, StoreError> {
    tx.query(
        "select number, kind, text_offset, data from turn_events where message_id = $1 and number > $2 \
         order by number",
        params![answer, after],
        |row| {
            Ok(StoredEvent {
                number: row.get(0)?,
                kind: row.get::<String>(1)?.parse()?,
                text_offset: row.get(2)?,
                data: row.get(3)?,
            })
        },
    )
}

/// A piece of reasoning, or a tool's event, of an answer that may be one of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredStep {
    /// The answer.
    pub answer: MessageId,
    /// The tool's event as JSON; `None` for a piece of reasoning, whose text is not read.
    pub tool: Option<String>,
    /// When it was written, where that is known.
    pub written_at: Option<Timestamp>,
}

/// What the answers of a conversation between two messages, both included, did beside speaking, in order. Nothing of
/// another's conversation.
pub fn steps(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    first: MessageId,
    last: MessageId,
) -> Result<Vec<StoredStep>, StoreError> {
    tx.query(
        "select e.message_id, case e.kind when 'tool' then e.data end, e.written_at \
         from messages m join turn_events e on e.message_id = m.id \
         where m.conversation_id = $1 and m.user_id = $2 and m.id between $3 and $4 and e.kind in ('reasoning', 'tool') \
         order by e.message_id, e.number",
        params![conversation, owner, first, last],
        |row| {
            Ok(StoredStep {
                answer: row.get(0)?,
                tool: row.get(1)?,
                written_at: row.get(2)?,
            })
        },
    )
}

/// Forgets the pieces of the text: the message has it whole.
pub(super) fn fold(tx: &mut Tx<'_>, answer: MessageId) -> Result<(), StoreError> {
    tx.exec(
        "delete from turn_events where message_id = $1 and kind = 'text'",
        params![answer],
    )?;
    Ok(())
}
