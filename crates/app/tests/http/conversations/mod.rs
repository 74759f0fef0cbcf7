//! `/conversations/…`

mod context;
mod create;
mod delete;
mod export;
mod head;
mod list;
mod message_pages;
mod messages;
mod pages;
mod pin;
mod rename;
