//! The store as its callers see it, on both databases. One binary, since each costs a link.

#![expect(clippy::unwrap_used, reason = "a test that fails here says why")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/original.rs"]
mod original;

mod account_removal;
mod accounts;
mod administration;
mod attachments;
mod branches;
mod conversations;
mod coverage;
mod deleted_calls;
mod deleted_turns;
mod direct;
mod doctor;
mod embeddings;
mod import;
mod keys;
mod ledger;
mod legacy;
mod messages;
mod money;
mod opening;
mod prices;
mod raw;
mod reports;
mod search;
mod sessions;
mod settings;
mod support;
mod tool_grants;
mod turn_events;
mod turns;
mod usage;
