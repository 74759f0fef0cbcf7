//! A call to a vendor, whatever its API: sent within the bounds of its settings, repeated before the first
//! byte, watched by the circuits. What goes out and what comes back is the adapters' matter.

use crate::{
    answer_stream::{AnswerStream, Decode, StreamLimits},
    breaker::{Breaker, Circuits},
    failure::Failure,
    http::{HttpClient, KeyHeader, Refusal, SendError, SetupError, read_bounded},
    model::Priority,
    provider::{EventStream, LlmError},
    retry::RetryPolicy,
    secret::Secrets,
    settings::VendorSettings,
    slots::Slots,
};
use bytes::Bytes;
use futures_util::StreamExt;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use std::sync::Arc;
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout},
};
use url::Url;

/// What all vendors of one kind of API have in common.
pub(crate) struct Api {
    /// The name of a provider that was given none.
    pub(crate) name: &'static str,
    pub(crate) key_header: KeyHeader,
    /// Headers of every request.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// What is meant where the base URL names a host alone, as some clients want it.
    pub(crate) default_path: Option<&'static str>,
    /// What a refusal means.
    pub(crate) refused: fn(&Refusal, &Secrets) -> Failure,
}

/// One provider: a connection pool, its circuits and its bounds.
#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) settings: VendorSettings,
    pub(crate) circuits: Circuits,
    http: Arc<HttpClient>,
    retry: RetryPolicy,
    slots: Option<Slots>,
    refused: fn(&Refusal, &Secrets) -> Failure,
}

/// A request whose answer is one JSON document.
pub(crate) struct Fetch<'a> {
    pub(crate) url: &'a Url,
    /// Sent by POST; a GET where there is none.
    pub(crate) body: Option<Bytes>,
    pub(crate) max_answer_bytes: usize,
    pub(crate) deadline: Instant,
}

impl Vendor {
    /// Sets up the client; nothing is sent. For `https` this reads the system's root certificates.
    pub(crate) fn new(mut settings: VendorSettings, api: &Api) -> Result<Self, SetupError> {
        let http = HttpClient::new(&settings, api.key_header, api.headers)?;
        if settings.name.is_empty() {
            settings.name = api.name.to_owned();
        }
        if let (Some(path), "/") = (api.default_path, settings.base_url.path()) {
            settings.base_url.set_path(path);
        }
        Ok(Self {
            http: Arc::new(http),
            circuits: Circuits::default(),
            retry: RetryPolicy {
                max_retries: settings.max_retries,
                backoff: settings.retry_backoff,
            },
            slots: settings.max_concurrent.map(Slots::new),
            refused: api.refused,
            settings,
        })
    }

    /// The URL of an endpoint below the base, whether that ends in a slash or not.
    pub(crate) fn endpoint(&self, path: &[&str]) -> Url {
        let mut url = self.settings.base_url.clone();
        url.path_segments_mut()
            .expect("the base URL was checked to be http or https, and those have paths")
            .pop_if_empty()
            .extend(path);
        url
    }

    /// When a call that begins now must be complete.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.settings.total_timeout
    }

    /// What must not appear in anything that is shown.
    pub(crate) fn secrets(&self) -> &Secrets {
        self.http.secrets()
    }

    /// Starts a call; see [`crate::Provider::stream`].
    pub(crate) async fn stream<D: Decode + Send + 'static>(
        &self,
        url: &Url,
        priority: Priority,
        body: Bytes,
        decoder: D,
    ) -> Result<EventStream, LlmError> {
        let deadline = self.deadline();
        let circuit = self.circuits.of(priority);
        let attempt = || async {
            let (response, place) = self.send(url, "text/event-stream", Some(body.clone())).await?;
            self.check_is_event_stream(&response)?;
            Ok((response, place))
        };
        let (response, place) = self
            .retry
            .run(circuit, &*self.settings.random, deadline, attempt)
            .await?;
        let limits = StreamLimits {
            silence: self.settings.timeout,
            deadline,
            total: self.settings.total_timeout,
            max_event_bytes: self.settings.max_event_bytes,
        };
        let http = Arc::clone(&self.http);
        let broken = move |error| Failure::refused(http.transport_failure(error).error);
        let events = AnswerStream::new(
            response.bytes_stream(),
            decoder,
            broken,
            limits,
            Arc::clone(circuit),
        );
        let held = events.map(move |event| {
            let _taken_until_the_stream_is_dropped = &place;
            event
        });
        Ok(held.boxed())
    }

    /// Sends a request whose answer is one document, and lets `read` make sense of it.
    pub(crate) async fn fetch<T>(
        &self,
        circuit: &Breaker,
        fetch: Fetch<'_>,
        read: impl Fn(&[u8]) -> Result<T, Failure>,
    ) -> Result<T, LlmError> {
        let attempt = || async {
            let (response, _place) = self
                .send(fetch.url, "application/json", fetch.body.clone())
                .await?;
            let reading = read_bounded(response, fetch.max_answer_bytes);
            // Nothing was shown of this answer, so a broken body is repeated like a broken connection.
            match timeout(self.settings.timeout, reading).await {
                Ok(Ok(Some(body))) => read(&body),
                Ok(Ok(None)) => Err(Failure::unreadable(format!(
                    "the answer is larger than {} bytes",
                    fetch.max_answer_bytes
                ))),
                Ok(Err(error)) => Err(self.http.transport_failure(error)),
                Err(_) => Err(Failure::fatal(LlmError::Timeout(self.settings.timeout))),
            }
        };
        let answer = self
            .retry
            .run(circuit, &*self.settings.random, fetch.deadline, attempt)
            .await?;
        circuit.success();
        Ok(answer)
    }

    async fn send(
        &self,
        url: &Url,
        accept: &'static str,
        body: Option<Bytes>,
    ) -> Result<(reqwest::Response, Option<OwnedSemaphorePermit>), Failure> {
        let place = match &self.slots {
            Some(slots) => Some(
                slots
                    .take(self.settings.timeout)
                    .await
                    .map_err(Failure::of_ours)?,
            ),
            None => None,
        };
        match self.http.send(url, accept, body).await {
            Ok(response) => Ok((response, place)),
            Err(SendError::Transport(failure)) => Err(failure),
            Err(SendError::Refused(refusal)) => Err((self.refused)(&refusal, self.secrets())),
        }
    }

    /// Refuses a page of something that stands between, or a server that does not stream.
    fn check_is_event_stream(&self, response: &reqwest::Response) -> Result<(), Failure> {
        let Some(content_type) = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
        else {
            return Ok(());
        };
        if content_type
            .trim_start()
            .to_ascii_lowercase()
            .starts_with("text/event-stream")
        {
            return Ok(());
        }
        let content_type = self.secrets().scrub(content_type);
        Err(Failure::unreadable(format!(
            "expected an event stream, got: {content_type}"
        )))
    }
}

/// A request's body.
pub(crate) fn json(body: &impl Serialize) -> Result<Bytes, LlmError> {
    let body = serde_json::to_vec(body)
        .map_err(|error| LlmError::Rejected(format!("the request cannot be written: {error}")))?;
    Ok(Bytes::from(body))
}

#[cfg(test)]
mod tests {
    use super::*;

    const API: Api = Api {
        name: "test",
        key_header: KeyHeader::Bearer,
        headers: &[],
        default_path: None,
        refused: |_, _| Failure::unreadable("refused"),
    };

    fn vendor(base_url: &str, api: &Api) -> Result<Vendor, SetupError> {
        Vendor::new(
            VendorSettings::new(Url::parse(base_url).unwrap(), "sk-secret-key"),
            api,
        )
    }

    #[test]
    fn endpoints_lie_below_the_base_with_or_without_a_slash() {
        for (base, expected) in [
            ("https://api.openai.com/v1", "https://api.openai.com/v1/chat/x"),
            ("https://api.openai.com/v1/", "https://api.openai.com/v1/chat/x"),
            ("http://127.0.0.1:11434", "http://127.0.0.1:11434/chat/x"),
            (
                "http://host/a/b/?api-version=7",
                "http://host/a/b/chat/x?api-version=7",
            ),
        ] {
            let vendor = vendor(base, &API).unwrap();
            assert_eq!(vendor.endpoint(&["chat", "x"]).as_str(), expected);
        }
        let with_path = Api {
            default_path: Some("/v1"),
            ..API
        };
        for (base, expected) in [
            ("http://host", "http://host/v1/x"),
            ("http://host/a", "http://host/a/x"),
        ] {
            let vendor = vendor(base, &with_path).unwrap();
            assert_eq!(vendor.endpoint(&["x"]).as_str(), expected);
        }
    }

    #[test]
    fn debug_shows_no_key() {
        let shown = format!("{:?}", vendor("http://127.0.0.1:1/v1", &API).unwrap());
        assert!(!shown.contains("sk-secret-key"), "{shown}");
    }

    #[test]
    fn a_base_url_that_cannot_work_is_an_error_not_a_panic() {
        for url in ["file:///etc", "mailto:a@b", "data:text/plain,x"] {
            let error = vendor(url, &API).unwrap_err();
            assert!(matches!(error, SetupError::BaseUrl { .. }), "{error}");
        }
    }
}
