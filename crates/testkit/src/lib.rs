//! Test harness: a scripted model provider, and the real program started as a user starts it.

pub mod app;
pub mod events;
pub mod provider;
