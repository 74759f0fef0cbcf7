//! A turn from its opening to its end. Opening, each step of showing it, and its end are single transactions.

mod calls;
mod close;
mod events;
mod history;
mod lease;
mod open;
mod repeat;

pub use calls::{AbandonedCall, BegunCall, ModelCall, record_calls};
pub use close::{CloseTurn, close};
pub use events::{Appended, EventKind, NewEvent, StoredEvent, StoredStep, append, events, steps};
pub use history::history;
pub use lease::{Abandoned, Settled, renew_leases, request_cancel, shorten_leases, sweep, to_be_ended};
pub use open::{OpenTurn, Opened, OpenedTurn, Parent, Question, open};
pub(in crate::ops) use repeat::claim_key;
pub use repeat::{Repeatable, TurnIds, forget_repeatable, repeated};
