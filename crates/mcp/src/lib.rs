//! Tools from outside: programs and services that speak the Model Context Protocol, each behind [`ToolServer`].
//!
//! Knows the protocol, its two ways of transport, and how a connection is kept, bounded and ended. Knows nothing of
//! accounts, of who may call which tool, of models and of what a result is made into for one.

#![forbid(unsafe_code)]

mod bounded;
mod connection;
mod guardian;
mod http;
mod listing;
mod result;
mod server;
mod settings;
mod stdio;
mod words;

pub use connection::McpServer;
pub use guardian::{GUARDIAN_ARGUMENT, guardian_main, guardian_requested};
pub use server::{CallError, Listing, Output, Tool, ToolServer};
pub use settings::{Place, Program, ServerSettings, Service};
