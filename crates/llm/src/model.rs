//! The normal form: one shape of request and event for every vendor.
//!
//! An adapter turns a [`Request`] into its vendor's JSON and the vendor's stream into [`Event`]s. Nothing of
//! a vendor's vocabulary passes this border.

use bytes::Bytes;
use chatai_types::TokenCounts;
use serde_json::Value;

/// One model call.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// The vendor's name of the model.
    pub model: String,
    /// Instructions that come before the conversation; byte-identical from turn to turn so that a vendor's
    /// prompt cache matches.
    pub system: String,
    /// The conversation, oldest first.
    pub items: Vec<Item>,
    /// Tools the model may call, in a stable order.
    pub tools: Vec<ToolSpec>,
    /// What form the answer must have.
    pub format: Format,
    /// Upper bound of output tokens; `None` leaves it to the vendor.
    pub max_output_tokens: Option<u32>,
    /// What its failure means for others.
    pub priority: Priority,
    /// A stable name for requests that share a prefix, for vendors that route by it.
    pub cache_key: Option<String>,
}

/// Whether somebody waits for the answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Priority {
    /// It is the answer.
    #[default]
    Answer,
    /// It may fail: a title, a summary. Left alone with a provider that is dead, but never a reason to leave
    /// answers alone.
    BestEffort,
}

/// One entry of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// What the user said, with what was attached.
    User(Vec<Part>),
    /// What the model answered.
    Assistant(String),
    /// A tool call the model made.
    ToolCall(ToolCall),
    /// What a tool gave back.
    ToolResult {
        /// The call's id.
        call_id: String,
        /// The result, usually JSON text.
        output: String,
    },
}

/// A part of a user's message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Text.
    Text(String),
    /// An image, for models that see.
    Image {
        /// `image/png`, `image/jpeg`, `image/gif` or `image/webp`.
        media_type: String,
        /// The file.
        bytes: Bytes,
    },
}

/// A tool as offered to the model.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolSpec {
    /// Name, `[a-zA-Z0-9_-]{1,64}`.
    pub name: String,
    /// When and how to use it.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
}

/// A tool call as the model made it.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolCall {
    /// The vendor's id of the call, made up by the adapter where the vendor gives none.
    pub id: String,
    /// The tool's name, unchecked.
    pub name: String,
    /// The arguments: JSON text, unchecked.
    pub arguments: String,
}

/// The form of the answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format {
    /// Free text.
    #[default]
    Text,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// The schema, in the strict subset all vendors take.
        schema: Value,
    },
}

/// What a stream tells, in order. A stream ends after [`Event::Finished`] or an error, whichever comes first.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// More of the answer's text.
    Text(String),
    /// More of the reasoning that the model shows.
    Reasoning(String),
    /// A complete tool call.
    ToolCall(ToolCall),
    /// The end, exactly once.
    Finished(Finished),
}

/// How a call ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Finished {
    /// Why the model ended.
    pub reason: StopReason,
    /// What the vendor reported; `None` where it reported nothing.
    pub usage: Option<TokenCounts>,
    /// The vendor's id of the response, for support.
    pub response_id: Option<String>,
}

/// Why a model ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// It was done.
    Stop,
    /// It calls tools and waits for their results.
    ToolCalls,
    /// The limit of output tokens.
    Length,
    /// The vendor's filter, or a refusal.
    Refusal,
}
