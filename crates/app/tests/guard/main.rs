//! What must not happen: other people's data, forged tokens, hostile input and files, lost or half-written turns
//! after a crash, and command lines that fail without saying why.
//!
//! The real binary on real databases; the only fake is the model vendor. `tests/http` has what clients may expect.

#![expect(clippy::unwrap_used, reason = "a test that fails here says why")]

mod access;
mod admin;
mod command_line;
mod crash;
mod deletion;
mod files;
mod input;
mod logs;
mod promises;
mod query;
mod readme;
mod sign_in;
mod support;
mod tokens;
