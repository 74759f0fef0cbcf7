//! `POST /responses`: one model call.

mod decode;
#[cfg(test)]
mod recorded;
mod wire;

use super::OpenAi;
use crate::{
    answer_stream::{AnswerStream, StreamLimits},
    failure::Failure,
    http::{HttpClient, PostError},
    model::Request,
    openai::error::from_refusal,
    provider::{EventStream, LlmError},
};
use bytes::Bytes;
use decode::Decoder;
use futures_util::StreamExt;
use reqwest::header::CONTENT_TYPE;
use std::sync::Arc;
use tokio::time::Instant;
use wire::Body;

/// Starts a call; see [`crate::Provider::stream`].
pub(super) async fn stream(openai: &OpenAi, request: &Request) -> Result<EventStream, LlmError> {
    let body = serde_json::to_vec(&Body::from(request))
        .map_err(|error| LlmError::Rejected(format!("the request cannot be written: {error}")))?;
    let body = Bytes::from(body);
    let settings = &openai.config;
    let deadline = Instant::now() + settings.total_timeout;
    let attempt = || attempt(openai, body.clone());
    let circuit = openai.circuits.of(request.priority);
    let response = openai
        .retry
        .run(circuit, &*settings.random, deadline, attempt)
        .await?;
    let limits = StreamLimits {
        silence: settings.timeout,
        deadline,
        total: settings.total_timeout,
        max_event_bytes: settings.max_event_bytes,
    };
    let decoder = Decoder::new(settings.api_key.clone(), settings.max_answer_bytes);
    let http: Arc<HttpClient> = Arc::clone(&openai.http);
    let broken = move |error| Failure::refused(http.transport_failure(error).error);
    let events = AnswerStream::new(
        response.bytes_stream(),
        decoder,
        broken,
        limits,
        Arc::clone(circuit),
    );
    Ok(events.boxed())
}

async fn attempt(openai: &OpenAi, body: Bytes) -> Result<reqwest::Response, Failure> {
    let response = match openai
        .http
        .post(&openai.responses_url, "text/event-stream", body)
        .await
    {
        Ok(response) => response,
        Err(PostError::Transport(failure)) => return Err(failure),
        Err(PostError::Refused(refusal)) => return Err(from_refusal(&refusal, &openai.config.api_key)),
    };
    let content_type = response
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    match content_type {
        // A page of something that stands between, or a server that does not stream.
        Some(content_type)
            if !content_type
                .trim_start()
                .to_ascii_lowercase()
                .starts_with("text/event-stream") =>
        {
            let content_type = openai.config.api_key.scrub(content_type);
            Err(Failure::unreadable(format!(
                "expected an event stream, got: {content_type}"
            )))
        }
        _ => Ok(response),
    }
}
