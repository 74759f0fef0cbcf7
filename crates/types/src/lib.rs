//! Plain data that every other crate of the workspace speaks: ids, money, token counters, roles, error
//! codes and the outside world's two sources, time and randomness.
//!
//! Deliberately free of I/O and async: nothing in here can block, fail for an outside reason or know a
//! database, a model or a socket.

mod clock;
mod day;
mod email;
mod error_code;
mod id;
mod message;
mod money;
mod random;
mod tokens;

pub use clock::{Clock, ManualClock, SystemClock, Timestamp};
pub use day::{BudgetPeriod, BudgetWindow, Day};
pub use email::email_fault;
pub use error_code::ErrorCode;
pub use id::{
    ApiKeyId, AttachmentId, BookId, CallId, ConversationId, LedgerId, MessageId, PriceVersionId, SessionId,
    UsageId, UserId,
};
pub use message::{CallKind, Role, Scope, TurnStatus, UnknownName, UsageSource, UserRole};
pub use money::{Money, MoneyError, Rate, Rates};
pub use random::{Random, SeededRandom, SystemRandom};
pub use tokens::{TokenCounts, TokenError};
