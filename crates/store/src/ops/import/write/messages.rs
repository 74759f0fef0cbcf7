//! Messages of the original, at the ends of their conversations.

use super::{WriteError, keep_clear, note, written};
use crate::{Tx, ops::import::Kind, tx::params};
use chatai_types::{ConversationId, MessageId, Money, Role, Timestamp, TokenCounts, TurnStatus, UserId};

/// A message to bring.
#[derive(Clone, Debug)]
pub struct MessageWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Where the row is that this id meant when it came before, if it meant another one.
    pub replaces: Option<i64>,
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
        note(
            tx,
            source,
            Kind::Message.as_str(),
            row.source_id,
            row.id.0,
            row.replaces,
        )?;
    }
    Ok(())
}
