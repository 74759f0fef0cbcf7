//! `/conversations/…`

mod context;
mod create;
mod delete;
mod export;
mod head;
mod list;
mod message_pages;
mod messages;
mod one;
mod pages;
mod pin;
mod rename;
mod steps;
