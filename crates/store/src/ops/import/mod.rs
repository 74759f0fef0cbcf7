//! What an import of the original's database writes, and what it has to know before: which rows came earlier,
//! which ids are free.
//!
//! The caller decides everything from reads and hands over finished rows. A write that finds the database
//! changed since is [`WriteError::Moved`] and has written nothing. Every row is noted in `imported_rows` in its
//! own transaction, so that an interrupted import can be run again.
//!
//! Deliberately not here: reading the original (that is [`crate::legacy`]), and any rule.

mod ids;
mod known;
mod write;

pub use ids::{allocate, highest, occupied, raise};
pub use known::{
    ConversationEnd, Known, KnownRows, account_by_email, attachments, conversation_end, conversations,
    extracted_text, has_administrator, marks, messages, sources, usage_details, users,
};
pub use write::{
    AttachmentWrite, ConversationWrite, HeadMove, MessageWrite, NewUser, UsageWrite, UserWrite, WriteError,
    write_attachments, write_conversations, write_messages, write_usage_details, write_users,
};

/// The kinds of rows an import brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Accounts.
    User,
    /// Conversations.
    Conversation,
    /// Messages.
    Message,
    /// Attachments.
    Attachment,
    /// Usage rows.
    Usage,
}

impl Kind {
    /// Every kind, in the order of the import.
    pub const ALL: [Self; 5] = [
        Self::User,
        Self::Conversation,
        Self::Message,
        Self::Attachment,
        Self::Usage,
    ];

    /// Its name in `imported_rows`.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Conversation => "conversation",
            Self::Message => "message",
            Self::Attachment => "attachment",
            Self::Usage => "usage",
        }
    }
}

/// In `imported_rows`, beside the kinds: a hash of an account's lasting columns, by which a file is recognised.
const MARK: &str = "account mark";
