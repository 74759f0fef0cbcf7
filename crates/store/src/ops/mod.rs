//! The operations: plain functions over a transaction, one file per aggregate, the SQL beside them.
//!
//! Written once for both databases. Every query on a user's data carries the owner's id.

pub mod account_removal;
pub mod accounts;
pub mod administration;
pub mod attachments;
pub mod branches;
pub mod budgets;
pub mod conversation_pages;
pub mod conversations;
pub mod direct;
pub mod doctor;
pub mod embeddings;
pub mod import;
pub mod keys;
mod leases;
pub mod ledger;
pub mod messages;
pub mod models;
pub mod prices;
pub mod reports;
pub mod search;
pub mod search_index;
pub mod search_purge;
pub mod sessions;
pub mod settings;
pub mod tool_grants;
pub mod turns;
pub mod usage;
