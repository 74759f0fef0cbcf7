//! `/conversations/…`

pub(crate) mod context;
pub(crate) mod create;
pub(crate) mod delete;
pub(crate) mod export;
pub(crate) mod head;
pub(crate) mod list;
pub(crate) mod messages;
pub(crate) mod one;
pub(crate) mod pin;
pub(crate) mod rename;

use crate::input::fields::TextRule;

/// A conversation's title.
const TITLE: TextRule = TextRule::up_to(1_000);
