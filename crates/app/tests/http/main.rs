//! The program as its clients see it: the real binary, real databases, HTTP by the byte where that matters.
//!
//! The modules mirror the URLs; `security`, `crash` and `command_line` stand beside them. The only fake is the
//! model vendor. Every test starts a program of its own, and every program is looked at by `chatai doctor` in
//! the end.

#![expect(clippy::unwrap_used, reason = "a test that fails here says why")]

mod admin;
mod attachments;
mod auth;
mod books;
mod chat;
mod conversations;
mod embeddings;
mod environment;
mod errors;
mod import;
mod keys;
mod mcp;
mod model_details;
mod models;
mod page;
mod providers;
mod responder;
mod sdk;
mod search;
mod security;
mod service;
mod support;
mod tools;
mod usage;
mod users;
mod v1;
