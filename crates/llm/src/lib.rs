//! Models behind one trait: requests out, events in.
//!
//! Knows vendors' wire formats, retries and timeouts. Knows no database, no HTTP serving and no price.

mod model;
mod provider;

pub use model::{Event, Finished, Format, Item, Part, Request, StopReason, ToolCall, ToolSpec};
pub use provider::{Embeddings, EventStream, LlmError, Provider};
