//! A turn from its opening to its end. Opening, each step of showing it, and its end are single transactions.

mod calls;
mod close;
mod events;
mod history;
mod lease;
mod open;
mod repeat;
mod settle;

pub use calls::{AbandonedCall, BegunCall, ModelCall, record_calls};
pub use close::{CloseTurn, close};
pub use events::{Appended, EventKind, NewEvent, StoredEvent, StoredStep, append, events, steps};
pub use history::history;
pub use lease::{
    is_abandoned, renew_leases, request_cancel, revoked, shorten_leases, sweep, sweep_one, to_be_ended,
};
pub use open::{OpenTurn, Opened, OpenedTurn, Parent, Question, open};
pub use repeat::{Repeatable, TurnIds, forget_repeatable, repeated};
pub(in crate::ops) use repeat::{Taking, take_key};
pub use settle::{Abandoned, Settled};
pub(in crate::ops) use settle::{Deleted, before_deletion};
