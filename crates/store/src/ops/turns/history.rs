//! What was said before a turn, as far back as a model may be given it.

use crate::{
    StoreError, Tx,
    ops::{
        branches,
        messages::{self, Message},
    },
};
use chatai_types::{ConversationId, MessageId, UserId};

/// How many messages one step of reading takes, and how many steps there are at most.
const PAGE: i64 = 64;
const PAGES: usize = 64;

/// The messages that lead to `last` and itself, oldest first, until they amount to `tokens` or the conversation
/// begins. `None` when the conversation is missing or another's.
pub fn history(
    tx: &mut Tx<'_>,
    owner: UserId,
    conversation: ConversationId,
    last: MessageId,
    tokens: i64,
) -> Result<Option<Vec<Message>>, StoreError> {
    let Some((_, branched)) = branches::state(tx, owner, conversation)? else {
        return Ok(None);
    };
    let mut newest_first: Vec<Message> = Vec::new();
    let mut next = Some(last);
    for _ in 0..PAGES {
        let Some(from) = next else { break };
        let page = messages::leading_to(tx, owner, conversation, from, branched, PAGE)?;
        next = page.last().and_then(|oldest| oldest.parent_id);
        newest_first.extend(page);
        let (Some(newest), Some(oldest)) = (newest_first.first(), newest_first.last()) else {
            break;
        };
        if newest.tokens_before + newest.size_tokens - oldest.tokens_before >= tokens {
            break;
        }
    }
    newest_first.reverse();
    Ok(Some(newest_first))
}
