//! The scripted provider on a thread of its own, answering at once with a ready-made answer: in the words of OpenAI's
//! responses or, where that is asked for, of chat completions, which every gateway speaks.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chatai_testkit::provider::{Dialect, RecordedRequest, Reply, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

use super::completions;
use super::http::{self, Connection};

/// Tokens of an answer, each an event of its own, as the vendor sends them.
pub(super) const ANSWER_TOKENS: usize = 50;

/// What it is asked for.
pub(super) const MODEL: &str = "gpt-4.1-nano";

/// A running provider; it ends when dropped.
#[derive(Debug)]
pub(super) struct Provider {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// The last request: what the service sends is what a direct call sends.
    last: Arc<Mutex<Last>>,
    runtime: Option<Runtime>,
}

/// A call, as it came.
#[derive(Debug, Default)]
struct Last {
    path: String,
    body: Bytes,
}

impl Provider {
    /// Starts it on one thread.
    pub(super) fn start() -> Result<Self, String> {
        // Words of four letters and a blank: about a token each.
        let words = vec!["word "; ANSWER_TOKENS];
        let stream = |text: &str| Reply::page(200, "text/event-stream; charset=utf-8", text);
        let responses = stream(&rendered(words.concat().trim_end(), ANSWER_TOKENS)?);
        let chunks = stream(&completions::stream(&words));
        let whole = Reply::page(200, "application/json", &completions::whole(&words));
        Self::replying(
            move |request| match (request.dialect(), completions::streams(&request.body)) {
                (Some(Dialect::Chat), true) => chunks.clone(),
                (Some(Dialect::Chat), false) => whole.clone(),
                _ => responses.clone(),
            },
        )
    }

    /// Starts one with another answer, in so many tokens, with a pause between each two.
    pub(super) fn of(text: &str, tokens: usize, pause: Option<Duration>) -> Result<Self, String> {
        let answer = Reply::text(text).deltas(tokens);
        let answer = match pause {
            Some(pause) => answer.delay_between(pause),
            None => answer,
        };
        Self::replying(move |_| answer.clone())
    }

    fn replying(script: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) -> Result<Self, String> {
        let last: Arc<Mutex<Last>> = Arc::default();
        let remembered = Arc::clone(&last);
        let (address, runtime) = on_a_thread(move |request| {
            let mut last = remembered.lock().unwrap_or_else(PoisonError::into_inner);
            last.body = request.body.clone();
            last.path.clone_from(&request.path);
            drop(last);
            script(request)
        })?;
        Ok(Self {
            address,
            last,
            runtime: Some(runtime),
        })
    }

    /// The body of the last call to it.
    pub(super) fn last_body(&self) -> Bytes {
        self.last().body.clone()
    }

    /// The last call to it once more, as bytes.
    pub(super) fn last_request(&self) -> Vec<u8> {
        let last = self.last();
        call(&last.path, &last.body)
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn call(path: &str, body: &[u8]) -> Vec<u8> {
    http::request("POST", path, "sk-bench", "application/json", body)
}

/// An answer as the testkit renders it, rendered once: under load the provider only copies it.
pub(super) fn rendered(text: &str, tokens: usize) -> Result<String, String> {
    let output = i64::try_from(tokens).unwrap_or(i64::MAX);
    let answer = Reply::text(text).deltas(tokens).usage(100, 0, output, 0);
    let (address, runtime) = on_a_thread(move |_| answer.clone())?;
    let mut connection = Connection::open(address)?;
    let body = json!({"model": MODEL, "input": "hello", "stream": true}).to_string();
    connection.succeed(&call("/v1/responses", body.as_bytes()))?;
    let stream = http::dechunked(connection.body())?;
    runtime.shutdown_background();
    String::from_utf8(stream).map_err(|error| format!("the provider's stream is not text: {error}"))
}

/// Serves on one thread with a runtime that does nothing else.
fn on_a_thread(
    script: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
) -> Result<(SocketAddr, Runtime), String> {
    let failed = |error: std::io::Error| format!("cannot start the provider: {error}");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("provider")
        .enable_all()
        .build()
        .map_err(failed)?;
    let listener = runtime
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    runtime.spawn(serve(listener, script));
    Ok((address, runtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_every_call_with_the_same_stream_and_remembers_the_last() {
        let provider = Provider::start().unwrap();
        let mut connection = Connection::open(provider.address).unwrap();
        connection
            .succeed(&call("/v1/responses", b"{\"model\":\"m\"}"))
            .unwrap();
        let stream = String::from_utf8(connection.body().to_vec()).unwrap();
        assert_eq!(
            stream.matches("event: response.output_text.delta").count(),
            ANSWER_TOKENS
        );
        assert_eq!(provider.last_body(), &b"{\"model\":\"m\"}"[..]);
        connection.succeed(&provider.last_request()).unwrap();
        assert_eq!(connection.body(), stream.as_bytes());
    }

    #[test]
    fn chat_completions_are_answered_in_their_own_words() {
        let provider = Provider::start().unwrap();
        let mut connection = Connection::open(provider.address).unwrap();
        let path = "/v1/chat/completions";
        connection.succeed(&call(path, b"{\"stream\": true}")).unwrap();
        let stream = String::from_utf8(connection.body().to_vec()).unwrap();
        assert_eq!(stream.matches("\"content\":\"word \"").count(), ANSWER_TOKENS);
        let answer = connection.json(&call(path, b"{}")).unwrap();
        let text = answer["choices"][0]["message"]["content"].as_str().unwrap();
        assert_eq!(text.split_whitespace().count(), ANSWER_TOKENS);
        assert!(provider.last_request().starts_with(b"POST /v1/chat/completions "));
    }
}
