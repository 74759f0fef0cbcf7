//! The scripted provider on a thread of its own, answering at once with a ready-made stream.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use chatai_testkit::provider::{RecordedRequest, Reply, serve};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;

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
    /// The body of the last request: what the service sends is what a direct call sends.
    last: Arc<Mutex<Bytes>>,
    runtime: Option<Runtime>,
}

impl Provider {
    /// Starts it on one thread.
    pub(super) fn start() -> Result<Self, String> {
        // Words of four letters and a blank: about a token each.
        let text = "word ".repeat(ANSWER_TOKENS);
        let stream = rendered(text.trim_end(), ANSWER_TOKENS)?;
        Self::replying(Reply::page(200, "text/event-stream; charset=utf-8", &stream))
    }

    /// Starts one with another answer, in so many tokens, with a pause between each two.
    pub(super) fn of(text: &str, tokens: usize, pause: Option<Duration>) -> Result<Self, String> {
        let answer = Reply::text(text).deltas(tokens);
        Self::replying(match pause {
            Some(pause) => answer.delay_between(pause),
            None => answer,
        })
    }

    fn replying(reply: Reply) -> Result<Self, String> {
        let last = Arc::new(Mutex::new(Bytes::new()));
        let remembered = Arc::clone(&last);
        let (address, runtime) = on_a_thread(move |request| {
            *remembered.lock().unwrap_or_else(PoisonError::into_inner) = request.body.clone();
            reply.clone()
        })?;
        Ok(Self {
            address,
            last,
            runtime: Some(runtime),
        })
    }

    /// The body of the last call to it.
    pub(super) fn last_body(&self) -> Bytes {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The last call to it once more, as bytes.
    pub(super) fn last_request(&self) -> Vec<u8> {
        call(&self.last_body())
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn call(body: &[u8]) -> Vec<u8> {
    http::request("POST", "/v1/responses", "sk-bench", "application/json", body)
}

/// An answer as the testkit renders it, rendered once: under load the provider only copies it.
pub(super) fn rendered(text: &str, tokens: usize) -> Result<String, String> {
    let output = i64::try_from(tokens).unwrap_or(i64::MAX);
    let answer = Reply::text(text).deltas(tokens).usage(100, 0, output, 0);
    let (address, runtime) = on_a_thread(move |_| answer.clone())?;
    let mut connection = Connection::open(address)?;
    let body = json!({"model": MODEL, "input": "hello", "stream": true}).to_string();
    connection.succeed(&call(body.as_bytes()))?;
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
        connection.succeed(&call(b"{\"model\":\"m\"}")).unwrap();
        let stream = String::from_utf8(connection.body().to_vec()).unwrap();
        assert_eq!(
            stream.matches("event: response.output_text.delta").count(),
            ANSWER_TOKENS
        );
        assert_eq!(provider.last_body(), &b"{\"model\":\"m\"}"[..]);
        connection.succeed(&provider.last_request()).unwrap();
        assert_eq!(connection.body(), stream.as_bytes());
    }
}
