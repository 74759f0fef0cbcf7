//! Conversations and what is in them, always the caller's own.

use crate::{
    Engine, EngineError, chat,
    views::{
        Attachment, AttachmentFile, Caller, Conversation, Message, MessagePart, Times, Usage, stored_error,
    },
};
use chatai_store::ops::{
    attachments,
    branches::{self, Chosen},
    conversations,
    messages::{self, Part},
    usage,
};
use chatai_types::{AttachmentId, ConversationId, MessageId};

impl Engine {
    /// The caller's conversations, newest first by creation.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn conversations(&self, caller: &Caller) -> Result<Vec<Conversation>, EngineError> {
        let owner = caller.user_id;
        let rows = self.read(move |tx| conversations::list(tx, owner)).await?;
        Ok(rows.into_iter().map(Conversation::from).collect())
    }

    /// One of the caller's conversations.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Conversation, EngineError> {
        let owner = caller.user_id;
        let found = self.read(move |tx| conversations::get(tx, owner, id)).await?;
        found
            .map(Conversation::from)
            .ok_or_else(EngineError::conversation_not_found)
    }

    /// Makes an empty conversation.
    ///
    /// # Errors
    /// `invalid_token` when the account went at this moment.
    pub async fn create_conversation(
        &self,
        caller: &Caller,
        title: Option<String>,
        summary: Option<String>,
    ) -> Result<ConversationId, EngineError> {
        let (owner, now) = (caller.user_id, self.now());
        let write = move |tx: &mut chatai_store::Tx<'_>| {
            conversations::add(tx, owner, title.as_deref(), summary.as_deref(), now)
        };
        let added = self.store().write(write).await?;
        added.ok_or_else(EngineError::invalid_token)
    }

    /// Messages of a conversation, oldest first.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn messages(
        &self,
        caller: &Caller,
        id: ConversationId,
        part: MessagePart,
    ) -> Result<Vec<Message>, EngineError> {
        let owner = caller.user_id;
        let read = move |tx: &mut chatai_store::Tx<'_>| match part {
            MessagePart::Tree => messages::tree(tx, owner, id),
            MessagePart::All => messages::branch(tx, owner, id, Part::All),
            MessagePart::Latest(limit) => messages::branch(tx, owner, id, Part::Latest(limit)),
            MessagePart::Before(message, limit) => {
                messages::branch(tx, owner, id, Part::Before(message, limit))
            }
            MessagePart::After(message, limit) => {
                messages::branch(tx, owner, id, Part::After(message, limit))
            }
        };
        let rows = self.read(read).await?;
        let rows = rows.ok_or_else(EngineError::conversation_not_found)?;
        Ok(rows.into_iter().map(Message::from).collect())
    }

    /// Makes the branch through a message the active one, up to its latest end, which is given back.
    ///
    /// # Errors
    /// `conversation_not_found`, `message_not_found`.
    pub async fn choose_branch(
        &self,
        caller: &Caller,
        id: ConversationId,
        message: MessageId,
    ) -> Result<MessageId, EngineError> {
        let owner = caller.user_id;
        let chosen = self
            .store()
            .write(move |tx| branches::choose(tx, owner, id, message))
            .await?;
        match chosen {
            Chosen::Head(head) => Ok(head),
            Chosen::NoConversation => Err(EngineError::conversation_not_found()),
            Chosen::NoMessage => Err(EngineError::message_not_found()),
        }
    }

    /// The compact context: `role: content` blocks, a message's summary in the place of its text where it has one.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn compact_context(&self, caller: &Caller, id: ConversationId) -> Result<String, EngineError> {
        let messages = self.messages(caller, id, MessagePart::All).await?;
        let blocks: Vec<String> = messages
            .iter()
            .filter(|message| !message.text.is_empty())
            .map(|message| {
                format!(
                    "{}: {}",
                    message.role,
                    message.summary.as_ref().unwrap_or(&message.text)
                )
            })
            .collect();
        Ok(blocks.join("\n---\n"))
    }

    /// Renames a conversation.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn rename_conversation(
        &self,
        caller: &Caller,
        id: ConversationId,
        title: String,
    ) -> Result<(), EngineError> {
        let owner = caller.user_id;
        let renamed = self
            .store()
            .write(move |tx| conversations::rename(tx, owner, id, &title))
            .await?;
        if renamed {
            Ok(())
        } else {
            Err(EngineError::conversation_not_found())
        }
    }

    /// Pins a conversation; one that is pinned keeps its moment.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn pin_conversation(&self, caller: &Caller, id: ConversationId) -> Result<(), EngineError> {
        let (owner, now) = (caller.user_id, self.now());
        let pinned = self
            .store()
            .write(move |tx| conversations::pin(tx, owner, id, now))
            .await?;
        pinned
            .then_some(())
            .ok_or_else(EngineError::conversation_not_found)
    }

    /// Pins a conversation no longer.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn unpin_conversation(&self, caller: &Caller, id: ConversationId) -> Result<(), EngineError> {
        let owner = caller.user_id;
        let unpinned = self
            .store()
            .write(move |tx| conversations::unpin(tx, owner, id))
            .await?;
        unpinned
            .then_some(())
            .ok_or_else(EngineError::conversation_not_found)
    }

    /// Deletes a conversation with all its content; amounts stay in the ledger.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn delete_conversation(&self, caller: &Caller, id: ConversationId) -> Result<(), EngineError> {
        let (owner, now) = (caller.user_id, self.now());
        let deleted = self
            .store()
            .write(move |tx| conversations::delete(tx, owner, id, now, chat::settle))
            .await?;
        self.inner.turns.recent.invalidate(&(owner, id));
        self.inner
            .turns
            .stop_those(|log| log.owner == owner && log.ids.conversation_id == id);
        if deleted {
            Ok(())
        } else {
            Err(EngineError::conversation_not_found())
        }
    }

    /// One message and the model calls behind it.
    ///
    /// # Errors
    /// `message_not_found`.
    pub async fn message_usage(
        &self,
        caller: &Caller,
        id: MessageId,
    ) -> Result<(Message, Vec<Usage>), EngineError> {
        let owner = caller.user_id;
        let read = move |tx: &mut chatai_store::Tx<'_>| -> Result<_, chatai_store::StoreError> {
            let Some(message) = messages::get(tx, owner, id)? else {
                return Ok(None);
            };
            Ok(Some((message, usage::of_message(tx, owner, id)?)))
        };
        let (message, calls) = self
            .read(read)
            .await?
            .ok_or_else(EngineError::message_not_found)?;
        Ok((message.into(), calls.into_iter().map(Usage::from).collect()))
    }

    /// The model calls behind a whole conversation, in order.
    ///
    /// # Errors
    /// `conversation_not_found`.
    pub async fn conversation_usage(
        &self,
        caller: &Caller,
        id: ConversationId,
    ) -> Result<Vec<Usage>, EngineError> {
        let owner = caller.user_id;
        let rows = self.read(move |tx| usage::of_conversation(tx, owner, id)).await?;
        let rows = rows.ok_or_else(EngineError::conversation_not_found)?;
        Ok(rows.into_iter().map(Usage::from).collect())
    }

    /// A file's bytes.
    ///
    /// # Errors
    /// `attachment_not_found`.
    pub async fn attachment(&self, caller: &Caller, id: AttachmentId) -> Result<AttachmentFile, EngineError> {
        let owner = caller.user_id;
        let found = self.read(move |tx| attachments::content(tx, owner, id)).await?;
        let found = found.ok_or_else(EngineError::attachment_not_found)?;
        Ok(AttachmentFile {
            filename: found.filename,
            content_type: found.content_type,
            bytes: found.bytes.into(),
        })
    }
}

impl From<conversations::Conversation> for Conversation {
    fn from(row: conversations::Conversation) -> Self {
        Self {
            id: row.id,
            title: row.title,
            summary: row.summary,
            created_at: row.created_at,
            pinned_at: row.pinned_at,
        }
    }
}

impl From<messages::Message> for Message {
    fn from(row: messages::Message) -> Self {
        Self {
            id: row.id,
            conversation_id: row.conversation_id,
            request_id: row.request_id,
            parent_id: row.parent_id,
            role: row.role,
            status: row.status,
            text: row.text,
            summary: row.summary,
            model: row.model,
            tokens: row.tokens,
            price: row.price,
            error: stored_error(row.error),
            created_at: row.created_at,
            times: Times {
                first_ms: row.times.first_ms,
                total_ms: row.times.total_ms,
            },
            attachments: row.attachments.into_iter().map(Attachment::from).collect(),
            siblings: row.siblings,
        }
    }
}

impl From<attachments::Attachment> for Attachment {
    fn from(row: attachments::Attachment) -> Self {
        Self {
            id: row.id,
            message_id: row.message_id,
            filename: row.filename,
            content_type: row.content_type,
        }
    }
}

impl From<usage::Usage> for Usage {
    fn from(row: usage::Usage) -> Self {
        Self {
            id: row.id,
            message_id: row.message_id,
            scope: row.scope,
            model: row.model,
            tokens: row.tokens,
            price: row.price,
            price_version: row.price_version,
            fallback_from: row.fallback_from,
            source: row.source,
            created_at: row.created_at,
        }
    }
}
