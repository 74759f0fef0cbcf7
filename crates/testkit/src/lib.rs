//! Test harness: a scripted model provider and helpers to start what is under test.

pub mod provider;
