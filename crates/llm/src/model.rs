//! The normal form: one shape of request and event for every vendor.
//!
//! An adapter turns a [`Request`] into its vendor's JSON and the vendor's stream into [`Event`]s. Nothing of
//! a vendor's vocabulary passes this border.

use bytes::Bytes;
use chatai_types::TokenCounts;
use serde_json::Value;
use std::sync::Arc;

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
    /// Tools the model may call, in a stable order. Shared, since the same ones go with request after request.
    pub tools: Vec<Arc<ToolSpec>>,
    /// Whether it may, must or must not call them.
    pub tool_choice: ToolChoice,
    /// Whether it may call several at once; `None` leaves it to the vendor.
    pub parallel_tool_calls: Option<bool>,
    /// What form the answer must have.
    pub format: Format,
    /// Upper bound of output tokens; `None` leaves it to the vendor.
    pub max_output_tokens: Option<u32>,
    /// How long to think before answering, for models that do.
    pub reasoning_effort: Option<Effort>,
    /// Set where an effort is meant for the answer alone. Anthropic's API tells that from thinking, and a model there does
    /// not begin to think for it; elsewhere it says nothing.
    pub without_thinking: bool,
    /// How much chance there is in the answer.
    pub temperature: Option<f64>,
    /// The share of probability that tokens are drawn from.
    pub top_p: Option<f64>,
    /// Texts at which the answer ends; they are not a part of it.
    pub stop: Vec<String>,
    /// What chance begins with, where a vendor offers that.
    pub seed: Option<i64>,
    /// How far words that stood before are avoided.
    pub presence_penalty: Option<f64>,
    /// The same, growing with how often they stood.
    pub frequency_penalty: Option<f64>,
    /// What its failure means for others.
    pub priority: Priority,
    /// A stable name for requests that share a prefix, for vendors that route by it.
    pub cache_key: Option<String>,
    /// Whether what it thinks is to be told, where a vendor tells nothing of it unless asked. A wish: who may not have it
    /// gets the answer all the same.
    pub shows_reasoning: bool,
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

/// Whether the model calls tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ToolChoice {
    /// As it likes.
    #[default]
    Auto,
    /// Not at all.
    None,
    /// At least one.
    Required,
    /// This one.
    Tool(String),
}

/// How long a model thinks before it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all, or as little as a model can that always does.
    None,
    /// As little as it can.
    Minimal,
    /// A little.
    Low,
    /// As usual.
    Medium,
    /// Long.
    High,
    /// Longer.
    XHigh,
    /// As long as it can.
    Max,
}

impl Effort {
    /// All of them, from the least on.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Minimal,
        Self::Low,
        Self::Medium,
        Self::High,
        Self::XHigh,
        Self::Max,
    ];

    /// The word that all vendors with such words use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// The one that a word means.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|effort| effort.as_str() == word)
    }

    /// The nearest that a model knows, on the side of the usual one.
    pub(crate) fn nearest(self, known: &[Self]) -> Self {
        let mut on_that_side = known.iter().copied();
        let found = match self <= Self::Medium {
            true => on_that_side.find(|effort| *effort >= self),
            false => on_that_side.rfind(|effort| *effort <= self),
        };
        // All that is known lies on the other side.
        let furthest = match self <= Self::Medium {
            true => known.last(),
            false => known.first(),
        };
        found.or(furthest.copied()).unwrap_or(self)
    }
}

/// One entry of the conversation.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// What the user said, with what was attached.
    User(Vec<Part>),
    /// What the model answered.
    Assistant(String),
    /// How the model reasoned before the tool calls that follow; see [`ReasoningState`].
    Reasoning(ReasoningState),
    /// A tool call the model made. Calls made at once stand together, their results after the last of them.
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
    /// An image that the vendor is asked to fetch; refused for those that do not.
    ImageUrl {
        /// Where it lies.
        url: String,
        /// `low`, `high` or `auto`, for vendors that look at images more or less closely.
        detail: Option<String>,
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
    /// Whether the vendor must keep arguments to the schema, which then has to be in its strict subset.
    pub strict: bool,
}

/// What a vendor needs back with the results of tools so that its model remembers how it reasoned before it
/// called them. Only the kind of API that made it can read it; all others leave it out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReasoningState {
    /// Who made it.
    pub dialect: Dialect,
    /// The reasoning in words, as far as the vendor showed it.
    pub text: String,
    /// The vendor's own record: an encrypted or signed text that nobody else can read.
    pub opaque: String,
}

/// The kinds of API that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI's `/responses`.
    OpenAiResponses,
    /// The `/chat/completions` of OpenAI and of compatible servers.
    OpenAiChat,
    /// Anthropic's `/messages`.
    Anthropic,
    /// Gemini's `streamGenerateContent`.
    Gemini,
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
    /// Any JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema {
        /// The schema's name.
        name: String,
        /// The schema; where `strict`, in the subset all vendors take.
        schema: Value,
        /// Whether the vendor must keep to it, rather than try to.
        strict: bool,
    },
}

/// What a stream tells, in order. A stream ends after [`Event::Finished`] or an error, whichever comes first.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// More of the answer's text.
    Text(String),
    /// More of the reasoning that the model shows.
    Reasoning(String),
    /// What to hand back with the results of the tool calls that follow, as [`Item::Reasoning`].
    State(ReasoningState),
    /// A complete tool call.
    ToolCall(ToolCall),
    /// At which of [`Request::stop`] it ended, from vendors that say so; just before the end.
    StoppedAt(String),
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
    /// It was done, or came to a text at which it was to end.
    Stop,
    /// It calls tools and waits for their results.
    ToolCalls,
    /// The limit of output tokens.
    Length,
    /// The vendor's filter, or a refusal.
    Refusal,
}
