//! `/chat/…`: a message, its answer, what both cost.

mod attachments;
mod cancel;
mod context;
mod estimate;
mod events;
mod failures;
mod go_on;
mod idempotency;
mod intent;
mod money;
mod regenerate;
mod send;
mod stream;
mod summaries;
mod title;
mod tools;
mod uploads;
mod usage_details;

pub(crate) use attachments::PNG;
