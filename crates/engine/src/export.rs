//! A conversation to take away: read a few messages at a time, so that its length is nobody's memory.

use crate::{
    Engine, EngineError,
    views::{Caller, Conversation, Message, Usage},
};
use chatai_store::{
    StoreError, Tx,
    ops::{
        branches::{self, Extent},
        conversations, messages, usage,
    },
};
use chatai_types::{ConversationId, ErrorCode, MessageId, Timestamp, UserId};

/// How many messages are read at once.
const AT_ONCE: usize = 20;

/// How much of a conversation is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportExtent {
    /// The active branch.
    Branch,
    /// Every branch.
    Tree,
}

/// A message that is taken, with the model calls behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportedMessage {
    /// The message.
    pub message: Message,
    /// The calls.
    pub usage: Vec<Usage>,
}

/// A conversation on its way out: what it is, then its messages as they are asked for.
pub struct Export {
    /// What it is.
    pub conversation: Conversation,
    /// The last message of the active branch.
    pub head: Option<MessageId>,
    /// When it was begun.
    pub at: Timestamp,
    engine: Engine,
    owner: UserId,
    /// Those that are still to come.
    ids: std::vec::IntoIter<MessageId>,
}

impl Engine {
    /// Begins to export a conversation.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn export(
        &self,
        caller: &Caller,
        id: ConversationId,
        extent: ExportExtent,
    ) -> Result<Export, EngineError> {
        let owner = caller.user_id;
        let extent = match extent {
            ExportExtent::Branch => Extent::Branch,
            ExportExtent::Tree => Extent::Tree,
        };
        let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
            let Some(conversation) = conversations::get(tx, owner, id)? else {
                return Ok(None);
            };
            let head = branches::head(tx, owner, id)?.flatten();
            let ids = branches::ids(tx, owner, id, extent)?.unwrap_or_default();
            Ok(Some((conversation, head, ids)))
        };
        let found = self.read(read).await?;
        let (conversation, head, ids) = found.ok_or_else(EngineError::conversation_not_found)?;
        Ok(Export {
            conversation: conversation.into(),
            head,
            at: self.now(),
            engine: self.clone(),
            owner,
            ids: ids.into_iter(),
        })
    }
}

impl Export {
    /// The next few messages, oldest first; `None` behind the last.
    ///
    /// # Errors
    /// `message_not_found` when one was deleted meanwhile: what was given out before is not the whole.
    pub async fn next(&mut self) -> Result<Option<Vec<ExportedMessage>>, EngineError> {
        let ids: Vec<MessageId> = self.ids.by_ref().take(AT_ONCE).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let (owner, wanted) = (self.owner, ids.len());
        let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
            let mut found = Vec::with_capacity(ids.len());
            for id in &ids {
                if let Some(message) = messages::get(tx, owner, *id)? {
                    found.push((message, usage::of_message(tx, owner, *id)?));
                }
            }
            Ok(found)
        };
        let found = self.engine.read(read).await?;
        if found.len() < wanted {
            return Err(EngineError::new(
                ErrorCode::MessageNotFound,
                "The conversation was deleted while it was exported",
            ));
        }
        let exported = |(message, usage): (messages::Message, Vec<usage::Usage>)| ExportedMessage {
            message: message.into(),
            usage: usage.into_iter().map(Usage::from).collect(),
        };
        Ok(Some(found.into_iter().map(exported).collect()))
    }
}
