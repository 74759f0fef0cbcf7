//! The HTTP side: status codes, our wire JSON, the API document, sockets.
//!
//! Knows the engine and nothing behind it: no SQL, no vendor, no configuration. A request becomes typed values at
//! the border (`input`), a handler calls the engine (`routes`), and whatever goes wrong becomes one kind of body in
//! one place (`error`, `service`).

mod auth;
mod body;
mod client;
mod compress;
mod connection;
mod cors;
mod error;
mod face;
mod idempotency;
mod input;
mod openapi;
mod path;
mod range;
mod request_id;
mod router;
mod routes;
mod service;
mod settings;
mod state;
mod stream;
mod tasks;
mod wire;

pub use connection::serve;
pub use openapi::openapi;
pub use router::{Access, Route, SURFACE};
pub use service::{Service, service};
pub use settings::{ServerSettings, TrustedProxies};
