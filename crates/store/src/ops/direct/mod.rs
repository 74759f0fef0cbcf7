//! Direct calls: model calls that belong to an account and to no conversation, from their record, which is written
//! before the model is called, to their charge.
//!
//! Of most nothing but amounts is kept. A *kept* call (a stored response, or one that its client may repeat) has what
//! was asked and what came of it in rows of its own, written before anybody is shown it.

mod close;
mod kept;
mod lease;
mod open;

pub use close::{CallEnd, CallUse, CloseCall, close};
pub use kept::{
    Kept, KeptCall, append, delete_kept, forget_kept, kept_after, kept_by_call, kept_by_id, lineage,
};
pub use lease::{AbandonedCall, calls_to_be_ended, renew, request_cancel, revoked, shorten, sweep};
pub(in crate::ops) use lease::{Unclosed, before_deletion};
pub use open::{AskedAgain, NewKept, OpenCall, OpenedCall, ask_again, earlier, open};

use chatai_types::{CallId, ConversationId, MessageId};

/// What stands in the ledger in place of a conversation.
pub const NO_CONVERSATION: ConversationId = ConversationId(0);

/// What stands for a call where ledger and reservations name an answer.
fn holder(call: CallId) -> MessageId {
    MessageId(-call.0)
}
