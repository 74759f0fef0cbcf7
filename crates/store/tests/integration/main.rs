//! The store as its callers see it, on both databases. One binary, since each costs a link.

#![expect(clippy::unwrap_used, reason = "a test that fails here says why")]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/original.rs"]
mod original;

mod import;
mod legacy;
mod money;
mod opening;
mod reports;
