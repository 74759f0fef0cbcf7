//! Every adapter against a provider that speaks its vendor's dialect, well or badly, over real sockets. What is said
//! here of one is said of all; the scripted provider refuses whatever the vendor's own server would not take.

#![expect(clippy::unwrap_used, reason = "tests")]

mod answers;
mod circuits;
mod connections;
mod embeddings;
mod failures;
mod models;
mod options;
mod support;
mod tools;
