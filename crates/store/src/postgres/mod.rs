//! The server database: worker threads that each own a connection.
//!
//! A commit is synced when the server says so, so *written* and *synced* are one. Writes run at the
//! isolation level "read committed": serialise through a row (`update … returning`), never read, decide
//! and write. Reads run at "repeatable read", which is one snapshot. A job whose transaction the server gave
//! up for others' sake (deadlock, serialisation, a reference that was just deleted) is run again, as is one
//! whose connection was lost before the commit was sent.

mod connect;
mod engine;
mod error;
mod schema;
mod session;
mod tls;
mod value;
mod worker;

pub(crate) use engine::Engine;
pub use engine::PostgresOptions;
pub(crate) use value::cell;
