//! What every source of answers offers, and how it fails.

use crate::model::{Event, Request};
use async_trait::async_trait;
use futures_util::stream::BoxStream;
use std::time::Duration;

/// The events of one call. Dropping it closes the vendor's connection. Reading on to `None` after
/// [`Event::Finished`] (at most a tenth of a second) leaves the connection to the next call.
pub type EventStream = BoxStream<'static, Result<Event, LlmError>>;

/// A source of answers: a vendor's API, or the built-in responder.
#[async_trait]
pub trait Provider: Send + Sync {
    /// The name it is configured by, e.g. `openai`.
    fn name(&self) -> &str;

    /// Starts a call. Retries happen in here, and only before the first byte of the answer arrived; an error
    /// returned here means that no text was produced. An error inside the stream ends it.
    async fn stream(&self, request: Request) -> Result<EventStream, LlmError>;

    /// Embeds texts with a model, in order. Providers without embeddings refuse.
    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError>;

    /// The models the vendor says it offers, in its order.
    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError>;
}

/// A model as a vendor lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferedModel {
    /// The vendor's name of it, as [`Request::model`] takes it.
    pub id: String,
    /// How many tokens its input may have, where the vendor says.
    pub context_window: Option<i64>,
    /// How many tokens its output may have, where the vendor says.
    pub max_output_tokens: Option<i64>,
}

/// Vectors and what they cost.
#[derive(Clone, Debug, PartialEq)]
pub struct Embeddings {
    /// One vector a text, all of one dimension.
    pub vectors: Vec<Vec<f32>>,
    /// Input tokens the vendor reported.
    pub input_tokens: Option<i64>,
}

impl Embeddings {
    /// Adds the vectors of further texts.
    pub(crate) fn add(&mut self, more: Self) {
        self.vectors.extend(more.vectors);
        self.input_tokens = self
            .input_tokens
            .zip(more.input_tokens)
            .and_then(|(sum, more)| sum.checked_add(more));
    }

    /// Refuses vectors that cannot be compared with each other.
    pub(crate) fn checked(self) -> Result<Self, LlmError> {
        let dimension = self.vectors.first().map_or(0, Vec::len);
        if self.vectors.iter().any(|vector| vector.len() != dimension) {
            return Err(LlmError::Failed("embeddings differ in dimension".to_owned()));
        }
        Ok(self)
    }
}

/// A failure, by what a caller can do about it.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LlmError {
    /// The key is missing, wrong or without credit: the administrator has to act.
    #[error("the provider refused the key: {0}")]
    Auth(String),
    /// Asked to wait; `retry_after` as the vendor said.
    #[error("the provider is rate limiting: {detail}")]
    RateLimited {
        /// How long to wait, where the vendor said.
        retry_after: Option<Duration>,
        /// The vendor's words, shortened.
        detail: String,
    },
    /// The model does not exist there, or not for this key.
    #[error("the provider does not offer this model: {0}")]
    ModelUnavailable(String),
    /// The input does not fit the model's window.
    #[error("the input is too long for the model: {0}")]
    ContextTooLong(String),
    /// Refused for another reason that repeating cannot mend.
    #[error("the provider refused the request: {0}")]
    Rejected(String),
    /// Silence for longer than the configured time.
    #[error("the provider sent nothing for {0:?}")]
    Timeout(Duration),
    /// The answer was not complete when the time of a whole call was over.
    #[error("the answer was not complete after {0:?}")]
    TooLong(Duration),
    /// Its fault or the network's: 5xx, a connection that breaks, an unreadable stream.
    #[error("the provider failed: {0}")]
    Failed(String),
    /// As many calls as may be made at once are under way, and none ended in time; nothing was sent.
    #[error("all {max_concurrent} calls to the provider that may be made at once are under way")]
    Busy {
        /// How many may be made at once.
        max_concurrent: usize,
    },
    /// The circuit is open after repeated failures; nothing was sent.
    #[error("the provider is resting after repeated failures")]
    CircuitOpen {
        /// When the next attempt is let through.
        retry_after: Duration,
    },
}
