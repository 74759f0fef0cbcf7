//! `/chat/…`

pub(crate) mod conversation_usage;
pub(crate) mod message_usage;
pub(crate) mod send;
