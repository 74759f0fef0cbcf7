//! The store as its callers see it, on both databases. One binary, since each costs a link.

#[path = "../common/mod.rs"]
mod common;

mod opening;
