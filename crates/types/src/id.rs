//! Row ids: 64-bit integers with a type each, so that a message's id cannot be passed for a conversation's.

use serde::{Deserialize, Serialize};
use std::fmt;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub i64);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    )+};
}

ids! {
    /// An account.
    UserId,
    /// A conversation of one account.
    ConversationId,
    /// A message, a user's or an answer.
    MessageId,
    /// A file that came with a user's message.
    AttachmentId,
    /// A key that a program signs in with.
    ApiKeyId,
    /// A session of an account, from a sign-in to its end.
    SessionId,
    /// One model call's usage row.
    UsageId,
    /// A model call that belongs to an account and to no conversation.
    CallId,
    /// One version of one model's prices.
    PriceVersionId,
    /// One line of the append-only ledger.
    LedgerId,
    /// A book of the collection, by its place in the loaded collection.
    BookId,
}
