//! The storage of the service: SQL on SQLite and PostgreSQL, written once for both.
//!
//! Async ends at this crate's door: a caller hands a plain function to [`Store::read`] or [`Store::write`]
//! and it runs inside one transaction on a thread that owns a connection. What "done" means is explained
//! at [`Store::write`]. The operations such functions are made of lie in [`ops`].
//!
//! Deliberately not here: rules of the product, models, HTTP. No transaction and no SQL leaves the crate.

#[cfg(test)]
extern crate self as chatai_store;

mod db;
mod error;
pub mod full_text;
mod job;
pub mod legacy;
mod migrate;
pub mod ops;
mod postgres;
mod row;
mod sqlite;
mod tx;
mod value;

#[cfg(test)]
mod tests;

pub use db::{Backend, Store, Synced};
pub use error::{OpenError, StoreError};
pub use migrate::Upgrade;
pub use postgres::PostgresOptions;
pub use sqlite::SqliteOptions;
pub use tx::Tx;
