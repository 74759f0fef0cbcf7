//! `/conversations/…`

mod context;
mod create;
mod delete;
mod head;
mod list;
mod messages;
mod pages;
mod rename;
