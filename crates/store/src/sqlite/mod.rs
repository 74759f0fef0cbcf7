//! The embedded database: one writer that commits groups, a syncer behind it, a few readers.
//!
//! Two levels of durability. A commit is *written* when it is in the write-ahead log: it survives the
//! death of the process. It is *synced* after an `fdatasync` of the log: it survives a power cut. The
//! writer does not wait for the disk; the syncer does, and marks only the groups it had been handed
//! before it began, since anything later may have been written behind the sync's back.
//!
//! The rules this rests on, each easily broken by accident:
//! - No file of the database is opened and closed by this process while SQLite uses it, since closing any
//!   descriptor of the main file drops SQLite's locks on it. The two descriptors of our own (main file,
//!   log) are opened once and kept to the end. The log carries no locks.
//! - The log keeps its inode: no connection's end removes it ([`connect`] switches that off).
//! - Checkpoints are explicit and their errors are looked at; SQLite's automatic one discards them.
//! - A failed sync is final. Linux reports it once and forgets, so trying again proves nothing.

mod checkpoint;
mod connect;
mod engine;
mod error;
mod failure;
mod files;
mod functions;
mod group;
#[cfg(test)]
mod plans;
mod reader;
mod schema;
mod session;
mod syncer;
mod text;
mod writer;

pub(crate) use engine::Engine;
pub use engine::SqliteOptions;
pub(crate) use session::cell;
#[cfg(test)]
pub(crate) use syncer::SyncLog;
