//! Models behind one trait: requests out, events in.
//!
//! Knows vendors' wire formats, retries and timeouts. Knows no database, no HTTP serving and no price.

mod answer_stream;
mod anthropic;
mod breaker;
mod decoding;
mod embedding;
mod failure;
mod gemini;
mod http;
mod meaning;
mod model;
mod openai;
mod provider;
#[cfg(test)]
mod recorded;
mod retry;
mod secret;
mod settings;
mod slots;
mod sse;
mod vendor;
mod wire;

pub use anthropic::Anthropic;
pub use gemini::Gemini;
pub use http::{SetupError, direct_client, secret_value};
pub use model::{
    Dialect, Effort, Event, Finished, Format, Item, Part, Priority, ReasoningState, Request, StopReason,
    ToolCall, ToolChoice, ToolSpec,
};
pub use openai::{ChatReasoning, OpenAiChat, OpenAiResponses};
pub use provider::{Embeddings, EventStream, LlmError, OfferedModel, Provider};
pub use secret::{Secret, Secrets};
pub use settings::VendorSettings;
