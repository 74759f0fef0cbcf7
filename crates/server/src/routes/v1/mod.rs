//! `/v1`: the models for programs that speak OpenAI's API or Anthropic's.
//!
//! Each face reads its vendor's requests into one normal form and tells one kind of pieces in its vendor's words. What a
//! face cannot honour it refuses by name; members that change nothing about the answer it does not read.

mod call;
pub(crate) mod chat;
pub(crate) mod embeddings;
mod image_address;
mod input;
pub(crate) mod messages;
pub(crate) mod models;
mod normal;
pub(crate) mod responses;
#[cfg(test)]
mod testing;
mod writer;
