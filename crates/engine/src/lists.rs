//! Pages of lists, always the caller's own.

use crate::{
    Engine, EngineError,
    views::{Caller, Conversation},
};
use chatai_store::ops::conversation_pages as rows;
use chatai_types::{ConversationId, Timestamp};

/// What conversations are ordered by: when they were made, then their id.
pub type ConversationKey = (Timestamp, ConversationId);

/// Where a page of conversations begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConversationsFrom {
    /// At the newest.
    Newest,
    /// Behind this one: the newest of the older ones.
    OlderThan(ConversationKey),
    /// Ahead of this one: the oldest of the newer ones.
    NewerThan(ConversationKey),
}

/// Which conversations a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichConversations {
    /// All of the caller's.
    All,
    /// Those that the caller has pinned.
    Pinned,
}

/// A page of conversations, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationPage {
    /// The conversations.
    pub conversations: Vec<Conversation>,
    /// Whether there are older ones.
    pub has_older: bool,
    /// Whether there are newer ones; not looked for on a page that begins at the newest.
    pub has_newer: bool,
}

impl Engine {
    /// A page of the caller's conversations, newest first by creation.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn conversation_page(
        &self,
        caller: &Caller,
        which: WhichConversations,
        from: ConversationsFrom,
        limit: u32,
    ) -> Result<ConversationPage, EngineError> {
        let owner = caller.user_id;
        let which = match which {
            WhichConversations::All => rows::Which::All,
            WhichConversations::Pinned => rows::Which::Pinned,
        };
        let from = match from {
            ConversationsFrom::Newest => rows::From::Newest,
            ConversationsFrom::OlderThan(key) => rows::From::OlderThan(key),
            ConversationsFrom::NewerThan(key) => rows::From::NewerThan(key),
        };
        let page = self
            .read(move |tx| rows::page(tx, owner, which, from, limit))
            .await?;
        Ok(ConversationPage {
            conversations: page.rows.into_iter().map(Conversation::from).collect(),
            has_older: page.has_older,
            has_newer: page.has_newer,
        })
    }
}
