//! Models behind one trait: requests out, events in.
//!
//! Knows vendors' wire formats, retries and timeouts. Knows no database, no HTTP serving and no price.

mod answer_stream;
mod breaker;
mod failure;
mod http;
mod model;
mod openai;
mod provider;
mod retry;
mod secret;
mod sse;

pub use http::SetupError;
pub use model::{Event, Finished, Format, Item, Part, Priority, Request, StopReason, ToolCall, ToolSpec};
pub use openai::{OpenAi, OpenAiConfig};
pub use provider::{Embeddings, EventStream, LlmError, Provider};
pub use secret::Secret;
