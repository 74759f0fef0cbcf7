//! `/v1`: what programs that speak OpenAI's or Anthropic's API send, byte for byte. What their SDKs make of it stands in
//! `sdk`.

mod chat;
mod embeddings;
mod errors;
mod fallback;
mod keys;
mod messages;
mod models;
mod responses;
mod resume;
mod revocation;

use crate::support::{Answer, send, with_vendor};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    events::EventStream,
    provider::ScriptedProvider,
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A dollar a million tokens, in and out.
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000},
    "e": {"input": 1, "output": 0, "capabilities": ["embedding"]}}"#;

const PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// The program with a vendor behind it, and an account.
async fn set(options: AppOptions) -> (TestApp, ScriptedProvider, User) {
    let options = options.env("CHATAI__LIMITS__TURNS_PER_MINUTE", "0").file(
        "PRICING_FILE",
        "pricing_data.json",
        PRICES,
    );
    let (app, provider) = with_vendor(options).await;
    let user = app.register("ada@example.com").await;
    (app, provider, user)
}

fn asking(user: &User, path: &str, body: &Value) -> RequestBuilder {
    user.call(Method::POST, path).json(body)
}

/// Makes a call that must succeed; its answer.
async fn made(user: &User, path: &str, body: &Value) -> Value {
    let answer = send(asking(user, path, body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// A body of one message, with these members beside it.
fn saying(text: &str, members: &Value) -> Value {
    with(
        json!({"model": "m", "messages": [{"role": "user", "content": text}]}),
        members,
    )
}

/// A response's body, with these members beside it.
fn input(input: impl Into<Value>, members: &Value) -> Value {
    with(json!({"model": "m", "input": input.into()}), members)
}

fn with(mut body: Value, members: &Value) -> Value {
    for (name, value) in members.as_object().expect("members") {
        body[name] = value.clone();
    }
    body
}

/// The data of a stream's next frame; `None` at its end.
async fn next_data(stream: &mut EventStream) -> Option<String> {
    loop {
        let frame = stream.try_next().await.expect("the stream comes to its end")?;
        if frame.data.is_some() {
            return frame.data;
        }
    }
}

/// The data of all frames to the end.
async fn all_data(mut stream: EventStream) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(data) = next_data(&mut stream).await {
        all.push(data);
    }
    all
}

/// The events of a stream whose frames are JSON.
async fn all_events(stream: EventStream) -> Vec<Value> {
    let parse = |data: &String| serde_json::from_str(data).expect("JSON");
    all_data(stream).await.iter().map(parse).collect()
}

/// The types of events, each once where it comes several times in a row.
fn types(events: &[Value]) -> Vec<&str> {
    let mut types: Vec<&str> = events
        .iter()
        .map(|event| event["type"].as_str().expect("a type"))
        .collect();
    types.dedup();
    types
}

impl Answer {
    /// Checks an error as OpenAI's API tells it.
    #[track_caller]
    fn expect_openai(&self, status: u16, kind: &str, code: &str, param: Value) {
        let error = &self.json()["error"];
        assert_eq!(
            (self.status, &error["type"], &error["code"], &error["param"]),
            (status, &json!(kind), &json!(code), &param),
            "{self:?}"
        );
        assert!(
            error["message"].as_str().is_some_and(|text| !text.is_empty()),
            "{self:?}"
        );
        assert!(!self.header("x-request-id").is_empty());
    }

    /// Checks an error as Anthropic's API tells it.
    #[track_caller]
    fn expect_anthropic(&self, status: u16, kind: &str) {
        let body = self.json();
        assert_eq!(
            (self.status, &body["type"], &body["error"]["type"]),
            (status, &json!("error"), &json!(kind)),
            "{self:?}"
        );
        assert_eq!(body["request_id"], self.header("x-request-id"), "{self:?}");
    }
}
