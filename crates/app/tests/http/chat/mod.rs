//! `/chat/…`: a message, its answer, what both cost.

mod attachments;
mod context;
mod failures;
mod intent;
mod money;
mod send;
mod summaries;
mod title;
mod tools;
mod uploads;
mod usage_details;

pub(crate) use attachments::PNG;
