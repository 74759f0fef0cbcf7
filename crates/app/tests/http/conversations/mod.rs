//! `/conversations/…`

mod context;
mod create;
mod delete;
mod list;
mod messages;
mod pages;
mod rename;
