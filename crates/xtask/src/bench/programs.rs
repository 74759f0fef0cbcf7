//! The service as programs use it: `/v1/chat/completions` with an API key that has a budget, and a provider that speaks
//! chat completions as well, so that what a gateway without a database of its own would do is the same work.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::json;

use super::http;
use super::provider::MODEL;
use super::service::{self, QUESTION, Service};

/// The path that is called, here and at a peer.
pub(super) const PATH: &str = "/v1/chat/completions";

/// A budget that is not reached, in dollars: it is counted all the same.
const BUDGET: &str = "1000000";

/// A service that programs call, and a key of it.
#[derive(Debug)]
pub(super) struct Called {
    /// The service.
    pub(super) service: Service,
    /// The key.
    pub(super) key: String,
}

impl Called {
    /// Starts it with a provider of chat completions at this address, and makes the key.
    pub(super) fn start(folder: &Path, provider: SocketAddr, concurrent: usize) -> Result<Self, String> {
        let concurrent = concurrent.to_string();
        let environment = [
            ("CHATAI__PROVIDERS__OPENAI__KIND", "openai-chat"),
            ("CHATAI__LIMITS__CONCURRENT_TURNS", concurrent.as_str()),
        ];
        let service = Service::start_at(folder, Some(provider), &environment)?;
        let mut connection = service.connect()?;
        let token = service::register(&mut connection, "programmer@example.org")?;
        let wish = json!({"name": "bench", "limit": BUDGET, "period": "month"});
        let made = connection.json(&http::post("/keys", &token, &wish))?;
        let key = made["key"].as_str().ok_or("no key in the reply")?.to_owned();
        Ok(Self { service, key })
    }

    /// A call of it, as bytes.
    pub(super) fn call(&self, streams: bool) -> Vec<u8> {
        call(&self.key, streams)
    }
}

/// A call, as bytes: instructions and a question of a usual length.
pub(super) fn call(key: &str, streams: bool) -> Vec<u8> {
    let body = json!({
        "model": MODEL,
        "messages": [
            {"role": "system", "content": "You advise readers of novels. Be brief, and name one book alone."},
            {"role": "user", "content": QUESTION}
        ],
        "stream": streams
    });
    http::post(PATH, key, &body)
}
