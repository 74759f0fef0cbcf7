//! OpenAI's own API: answers over `/responses`, vectors over `/embeddings`.
//!
//! Deliberately not the older `/chat/completions`, which compatible servers speak.

mod embeddings;
mod error;
mod responses;

use crate::{
    breaker::Circuits,
    http::{HttpClient, HttpSettings, SetupError},
    model::Request,
    provider::{Embeddings, EventStream, LlmError, Provider},
    retry::RetryPolicy,
    secret::Secret,
};
use async_trait::async_trait;
use chatai_types::{Random, SystemRandom};
use std::{sync::Arc, time::Duration};
use url::Url;

/// How to reach the API, and the bounds of every call. [`OpenAiConfig::new`] gives fit values for all but
/// the first two.
#[derive(Clone, Debug)]
pub struct OpenAiConfig {
    /// Where the API lies, e.g. `https://api.openai.com/v1`, with or without a slash at its end.
    pub base_url: Url,
    /// The key; empty for servers that need none.
    pub api_key: Secret,
    /// The longest silence, before the headers of an answer and between its events.
    pub timeout: Duration,
    /// The longest time to connect.
    pub connect_timeout: Duration,
    /// The longest time for a whole call: attempts, waits between them, and the answer.
    pub total_timeout: Duration,
    /// Attempts after the first, all before anything of an answer arrived.
    pub max_retries: u32,
    /// The wait before the first retry; doubled each time, shortened at random by up to half.
    pub retry_backoff: Duration,
    /// The most bytes of text, reasoning and tool arguments of one answer.
    pub max_answer_bytes: usize,
    /// The most bytes of one event of a stream. The last event repeats the whole answer and the request's
    /// instructions and tools.
    pub max_event_bytes: usize,
    /// Connections kept open between calls.
    pub max_idle_connections: usize,
    /// What spreads the waits between attempts.
    pub random: Arc<dyn Random>,
}

impl OpenAiConfig {
    /// OpenAI's own address.
    pub const DEFAULT_BASE_URL: &'static str = "https://api.openai.com/v1";

    /// A configuration with the usual bounds.
    pub fn new(base_url: Url, api_key: impl Into<Secret>) -> Self {
        Self {
            base_url,
            api_key: api_key.into(),
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(15 * 60),
            max_retries: 2,
            retry_backoff: Duration::from_millis(500),
            max_answer_bytes: 4 * 1024 * 1024,
            max_event_bytes: 16 * 1024 * 1024,
            max_idle_connections: 512,
            random: Arc::new(SystemRandom),
        }
    }
}

/// The provider. One instance holds one connection pool and its circuits: share it.
#[derive(Debug)]
pub struct OpenAi {
    config: OpenAiConfig,
    http: Arc<HttpClient>,
    circuits: Circuits,
    retry: RetryPolicy,
    responses_url: Url,
    embeddings_url: Url,
}

impl OpenAi {
    /// Sets up the client; nothing is sent. For `https` this reads the system's root certificates.
    pub fn new(config: OpenAiConfig) -> Result<Self, SetupError> {
        let http = HttpClient::new(&HttpSettings {
            base_url: &config.base_url,
            key: &config.api_key,
            connect_timeout: config.connect_timeout.min(config.timeout),
            header_timeout: config.timeout,
            max_idle_connections: config.max_idle_connections,
        })?;
        let retry = RetryPolicy {
            max_retries: config.max_retries,
            backoff: config.retry_backoff,
        };
        Ok(Self {
            responses_url: endpoint(&config.base_url, "responses"),
            embeddings_url: endpoint(&config.base_url, "embeddings"),
            http: Arc::new(http),
            circuits: Circuits::default(),
            retry,
            config,
        })
    }
}

#[async_trait]
impl Provider for OpenAi {
    fn name(&self) -> &str {
        "openai"
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        responses::stream(self, &request).await
    }

    async fn embed(&self, model: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        embeddings::embed(self, model, texts).await
    }
}

/// The URL of an endpoint below the base, whether that ends in a slash or not.
fn endpoint(base_url: &Url, name: &str) -> Url {
    let mut url = base_url.clone();
    url.path_segments_mut()
        .expect("the base URL was checked to be http or https, and those have paths")
        .pop_if_empty()
        .push(name);
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_lie_below_the_base_with_or_without_a_slash() {
        for (base, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/responses"),
            (
                "https://api.openai.com/v1/",
                "https://api.openai.com/v1/responses",
            ),
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/responses"),
            ("http://host/a/b/", "http://host/a/b/responses"),
        ] {
            assert_eq!(
                endpoint(&Url::parse(base).unwrap(), "responses").as_str(),
                expected
            );
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let base_url = Url::parse("http://127.0.0.1:1/v1").unwrap();
        let openai = OpenAi::new(OpenAiConfig::new(base_url, "sk-secret-key")).unwrap();
        let shown = format!("{openai:?}");
        assert!(!shown.contains("sk-secret-key"), "{shown}");
    }

    #[test]
    fn a_base_url_that_cannot_work_is_an_error_not_a_panic() {
        for url in ["file:///etc", "mailto:a@b", "data:text/plain,x"] {
            let error = OpenAi::new(OpenAiConfig::new(Url::parse(url).unwrap(), "")).unwrap_err();
            assert!(matches!(error, SetupError::BaseUrl { .. }), "{error}");
        }
    }
}
