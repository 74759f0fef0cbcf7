//! Usage rows of the original, each with its line in the ledger.

use super::{WriteError, keep_clear, note, written};
use crate::{
    Tx,
    ops::{
        import::Kind,
        ledger::{self, Entry},
    },
    tx::params,
};
use chatai_types::{
    ConversationId, MessageId, Money, Scope, Timestamp, TokenCounts, UsageId, UsageSource, UserId,
};

/// A usage row to bring.
#[derive(Clone, Debug)]
pub struct UsageWrite {
    /// Its id in the original.
    pub source_id: i64,
    /// Where the row is that this id meant when it came before, if it meant another one.
    pub replaces: Option<i64>,
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
        note(
            tx,
            source,
            Kind::Usage.as_str(),
            row.source_id,
            row.id.0,
            row.replaces,
        )?;
    }
    let entries: Vec<Entry<'_>> = rows.iter().map(entry).collect();
    ledger::append(tx, &entries)?;
    Ok(())
}

fn entry(row: &UsageWrite) -> Entry<'_> {
    Entry {
        owner: row.owner,
        key: None,
        conversation_id: row.conversation_id,
        message_id: row.message_id,
        scope: row.scope,
        model: &row.model,
        tokens: row.tokens,
        source: row.source,
        amount: row.price,
        price_version: None,
        at: row.created_at,
    }
}
