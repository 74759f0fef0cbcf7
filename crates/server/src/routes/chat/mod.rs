//! `/chat/…`

mod answer;
pub(crate) mod cancel;
pub(crate) mod conversation_usage;
pub(crate) mod estimate;
pub(crate) mod events;
pub(crate) mod message_usage;
pub(crate) mod regenerate;
pub(crate) mod send;
