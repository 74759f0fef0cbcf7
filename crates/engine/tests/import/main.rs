//! The import of the original's database, from files as the original made them, into both databases.

#![expect(clippy::unwrap_used, reason = "a test that fails here says why")]

#[path = "../../../store/tests/common/mod.rs"]
#[expect(dead_code, reason = "shared with the store's own tests")]
mod common;
#[path = "../../../store/tests/common/original.rs"]
mod original;

mod accounts;
mod again;
mod faithful;
mod ids;
mod orphans;
mod state;
