//! Usage details, always by their owner.

use super::conversations;
use crate::{StoreError, Tx, row::Row, tx::params};
use chatai_types::{
    ConversationId, MessageId, Money, PriceVersionId, Scope, Timestamp, TokenCounts, UsageId, UsageSource,
    UserId,
};

/// One model call's usage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Its id.
    pub id: UsageId,
    /// The answer it belongs to.
    pub message_id: MessageId,
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
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// The model that was asked first, where this one answered in its place.
    pub fallback_from: Option<String>,
    /// When it ended.
    pub created_at: Timestamp,
}

fn usage(row: &Row<'_>) -> Result<Usage, StoreError> {
    Ok(Usage {
        id: row.get(0)?,
        message_id: row.get(1)?,
        scope: row.get(2)?,
        model: row.get(3)?,
        tokens: TokenCounts {
            fresh_input: row.get(4)?,
            cache_read: row.get(5)?,
            cache_write: row.get(6)?,
            output: row.get(7)?,
            reasoning: row.get(8)?,
        },
        source: row.get(9)?,
        price: row.get(10)?,
        price_version: row.get(11)?,
        created_at: row.get(12)?,
        fallback_from: row.get(13)?,
    })
}

/// The calls of one answer, in order.
pub fn of_message(tx: &mut Tx<'_>, owner: UserId, message: MessageId) -> Result<Vec<Usage>, StoreError> {
    tx.query(
        "select id, message_id, scope, model, fresh_input, cache_read, cache_write, output, reasoning, \
         usage_source, price, price_version, created_at, fallback_from from usage_details \
         where message_id = $1 and user_id = $2 order by id",
        params![message, owner],
        usage,
    )
}

/// The calls of a whole conversation, in order of messages. `None` when it is missing or another's.
pub fn of_conversation(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
) -> Result<Option<Vec<Usage>>, StoreError> {
    if !conversations::is_owned(tx, owner, conversation)? {
        return Ok(None);
    }
    tx.query(
        "select id, message_id, scope, model, fresh_input, cache_read, cache_write, output, reasoning, \
         usage_source, price, price_version, created_at, fallback_from from usage_details \
         where conversation_id = $1 and user_id = $2 order by message_id, id",
        params![conversation, owner],
        usage,
    )
    .map(Some)
}
