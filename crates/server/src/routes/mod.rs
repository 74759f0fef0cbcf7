//! One file per endpoint, in folders like the paths: its input type, its handler, its answer.

pub(crate) mod admin;
pub(crate) mod attachments;
pub(crate) mod auth;
pub(crate) mod books;
pub(crate) mod chat;
pub(crate) mod conversations;
pub(crate) mod docs;
pub(crate) mod keys;
pub(crate) mod mcp;
pub(crate) mod model_details;
pub(crate) mod models;
pub(crate) mod page;
pub(crate) mod remove_account;
pub(crate) mod search;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod tools;
pub(crate) mod usage;
pub(crate) mod users;
pub(crate) mod v1;
