//! Calls that another model answers than the one that was asked: each face names the one that answered.

use super::{all_data, all_events, asking, input, made, saying, with};
use crate::{
    providers::{Two, failing},
    support::{get_as, on_both},
};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    events::EventStream,
    provider::{Gate, Reply},
};
use serde_json::{Value, json};

const FALLBACKS: &str = "[models]\nfallbacks = { first = [\"second\"] }";

async fn set(options: AppOptions) -> (TestApp, Two, User) {
    let two = Two::start().await;
    let options = options.env("CHATAI__LIMITS__TURNS_PER_MINUTE", "0");
    let app = two.options(options, "", "", FALLBACKS).start().await;
    let user = app.register("ada@example.com").await;
    (app, two, user)
}

/// The models that a chat completion's chunks name.
async fn models_of_chunks(stream: EventStream) -> Vec<Value> {
    let data = all_data(stream).await;
    let chunks = data.iter().filter(|data| *data != "[DONE]");
    let mut models: Vec<Value> = chunks
        .map(|data| serde_json::from_str::<Value>(data).unwrap()["model"].clone())
        .collect();
    models.dedup();
    models
}

on_both! {
    async fn the_one_that_answered_is_named(options) {
        let (_app, two, user) = set(options).await;
        let first = json!({"model": "first", "max_tokens": 50});
        let streamed = with(first.clone(), &json!({"stream": true}));
        let fail_once = || two.one.push(failing());

        let chat = "/v1/chat/completions";
        fail_once();
        assert_eq!(made(&user, chat, &saying("hello", &first)).await["model"], "second");
        fail_once();
        let stream = EventStream::open(asking(&user, chat, &saying("hello", &streamed))).await;
        assert_eq!(models_of_chunks(stream).await, ["second"]);
        // One that is read again names the same.
        fail_once();
        let keyed = |body: &Value| asking(&user, chat, &saying("once", body)).header("idempotency-key", "k");
        assert_eq!(models_of_chunks(EventStream::open(keyed(&streamed)).await).await, ["second"]);
        assert_eq!(models_of_chunks(EventStream::open(keyed(&streamed)).await).await, ["second"]);
        assert_eq!(crate::support::send(keyed(&first)).await.json()["model"], "second");

        let messages = "/v1/messages";
        fail_once();
        assert_eq!(made(&user, messages, &saying("hello", &first)).await["model"], "second");
        fail_once();
        let events = all_events(EventStream::open(asking(&user, messages, &saying("hello", &streamed))).await).await;
        assert_eq!((&events[0]["type"], &events[0]["message"]["model"]), (&json!("message_start"), &json!("second")));

        let responses = "/v1/responses";
        let asked = json!({"model": "first"});
        fail_once();
        let whole = made(&user, responses, &input("hello", &asked)).await;
        assert_eq!(whole["model"], "second");
        let path = format!("{responses}/{}", whole["id"].as_str().unwrap());
        assert_eq!(get_as(&user, &path).await.json(), whole);
        fail_once();
        let body = input("hello", &with(asked, &json!({"stream": true})));
        let events = all_events(EventStream::open(asking(&user, responses, &body)).await).await;
        let last = events.last().unwrap();
        assert_eq!((&last["type"], &last["response"]["model"]), (&json!("response.completed"), &json!("second")));

        // And where nobody had to take its place, it is the one that was asked.
        assert_eq!(made(&user, chat, &saying("hello", &first)).await["model"], "first");
    }
}

/// A stream is open after a long silence, and still waits for whoever answers: what it begins with names the model.
#[tokio::test]
async fn after_a_long_silence_too() {
    let options = crate::support::options().env("CHATAI__SERVER__KEEP_ALIVE_S", "1");
    let (_app, two, user) = set(options).await;
    let members = json!({"model": "first", "max_tokens": 50, "stream": true});
    for path in ["/v1/chat/completions", "/v1/messages"] {
        let gate = Gate::new();
        two.one.push(failing().gate_headers(&gate));
        // Its headers come only once the silence was long.
        let stream = EventStream::open(asking(&user, path, &saying("hello", &members))).await;
        gate.open();
        if path.ends_with("messages") {
            assert_eq!(all_events(stream).await[0]["message"]["model"], "second");
        } else {
            assert_eq!(models_of_chunks(stream).await, ["second"]);
        }
    }
    // A failure after that is told in the stream, which then has no beginning.
    let gate = Gate::new();
    two.one
        .push(Reply::error(400, "invalid_request_error", "", "bad request").gate_headers(&gate));
    let stream = EventStream::open(asking(&user, "/v1/chat/completions", &saying("hello", &members))).await;
    gate.open();
    let data = all_data(stream).await;
    assert_eq!(data.len(), 1, "{data:?}");
    assert!(data[0].starts_with(r#"{"error":{"#), "{data:?}");
}
