//! Errors under `/v1`, in the words of those whose API it is, with the statuses that their SDKs know.

use super::{all_data, asking, input, saying, set};
use crate::support::{get, get_as, on_both, options, post, send, with_vendor};
use chatai_testkit::{events::EventStream, provider::Reply};
use reqwest::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const MESSAGES: &str = "/v1/messages";

#[tokio::test]
async fn whatever_the_router_refuses() {
    let (app, _provider, user) = set(options()).await;
    for path in ["/v1/nothing", "/v1", "/api/v1/nothing", "/v1/chat"] {
        get_as(&user, path)
            .await
            .expect_openai(404, "invalid_request_error", "not_found", Value::Null);
    }
    let wrong = get_as(&user, CHAT).await;
    wrong.expect_openai(405, "invalid_request_error", "method_not_allowed", Value::Null);
    assert_eq!(wrong.header("allow"), "POST");
    get_as(&user, MESSAGES)
        .await
        .expect_anthropic(405, "invalid_request_error");
    get(&app, "/v1/models").await.expect_openai(
        401,
        "invalid_request_error",
        "not_authenticated",
        Value::Null,
    );
    let stranger = user.with_token("sk-wrong");
    let refused = send(asking(&stranger, CHAT, &json!({}))).await;
    refused.expect_openai(401, "invalid_request_error", "invalid_api_key", Value::Null);
    post(&app, MESSAGES, &json!({}))
        .await
        .expect_anthropic(401, "authentication_error");
    // Elsewhere they are ours.
    assert_eq!(get(&app, "/v12").await.json()["code"], "not_found");
}

/// A provider in the same network would fetch them from inside of it.
#[tokio::test]
async fn images_that_lie_inside_are_refused() {
    let (_app, provider, user) = set(options()).await;
    let refused = async |path: &str, body: Value| send(asking(&user, path, &body)).await;
    for url in [
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433:8000/",
        "http://[::ffff:10.0.0.1]/a.png",
        "http://metadata.google.internal/",
        "http://ollama:11434/",
        "https://example.com@localhost/",
    ] {
        let part = json!({"type": "image_url", "image_url": {"url": url}});
        let body = json!({"model": "m", "messages": [{"role": "user", "content": [part]}]});
        let param = json!("messages[0].content[0].image_url.url");
        refused(CHAT, body)
            .await
            .expect_openai(400, "invalid_request_error", "invalid_value", param);
        let part = json!({"type": "input_image", "image_url": url});
        let param = json!("input[0].content[0].image_url");
        refused(
            "/v1/responses",
            input(json!([{"role": "user", "content": [part]}]), &json!({})),
        )
        .await
        .expect_openai(400, "invalid_request_error", "invalid_value", param);
        let image = json!({"type": "image", "source": {"type": "url", "url": url}});
        for content in [
            json!([image]),
            json!([{"type": "tool_result", "tool_use_id": "c", "content": [image]}]),
        ] {
            let body =
                json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": content}]});
            refused(MESSAGES, body)
                .await
                .expect_anthropic(400, "invalid_request_error");
        }
    }
    assert_eq!(provider.counts().calls, 0);
}

#[tokio::test]
async fn what_is_wrong_with_a_body() {
    let (_app, provider, user) = set(options()).await;
    let body = |text: &'static str| user.call(Method::POST, CHAT).body(text);
    send(body("{"))
        .await
        .expect_openai(400, "invalid_request_error", "invalid_value", Value::Null);
    send(body(""))
        .await
        .expect_openai(400, "invalid_request_error", "invalid_value", Value::Null);
    send(body(r#"{"messages": [{"role": "user", "content": 5}]}"#))
        .await
        .expect_openai(
            400,
            "invalid_request_error",
            "invalid_value",
            json!("messages[0].content"),
        );
    send(asking(&user, CHAT, &saying("x", &json!({"n": 2}))))
        .await
        .expect_openai(400, "invalid_request_error", "unsupported_parameter", json!("n"));
    send(asking(
        &user,
        "/v1/responses",
        &input("x", &json!({"tools": [{"type": "web_search"}]})),
    ))
    .await
    .expect_openai(
        400,
        "invalid_request_error",
        "unsupported_parameter",
        json!("tools[0].type"),
    );
    let keyed = asking(&user, CHAT, &saying("x", &json!({}))).header("idempotency-key", "");
    send(keyed)
        .await
        .expect_openai(400, "invalid_request_error", "validation_error", Value::Null);
    send(asking(&user, MESSAGES, &saying("x", &json!({}))))
        .await
        .expect_anthropic(400, "invalid_request_error");
    for (path, model) in [(CHAT, "no-such"), ("/v1/embeddings", "no-such")] {
        let body = json!({"model": model, "messages": [{"role": "user", "content": "x"}], "input": "x"});
        send(asking(&user, path, &body)).await.expect_openai(
            404,
            "invalid_request_error",
            "model_not_found",
            Value::Null,
        );
    }
    let body = saying("x", &json!({"model": "no-such", "max_tokens": 5}));
    send(asking(&user, MESSAGES, &body))
        .await
        .expect_anthropic(404, "not_found_error");
    assert_eq!(provider.counts().calls, 0);
    assert_eq!(user.get("/usage").await.1["total"]["calls"], 0);
}

#[tokio::test]
async fn a_body_over_the_limit() {
    let (_app, _provider, user) = set(options().env("CHATAI__LIMITS__BODY_MB", "1")).await;
    let large = "x".repeat((1 << 20) + 1);
    let sent = |path: &str| user.call(Method::POST, path).body(large.clone());
    send(sent(CHAT))
        .await
        .expect_openai(413, "invalid_request_error", "too_large", Value::Null);
    send(sent(MESSAGES))
        .await
        .expect_anthropic(413, "request_too_large");
}

on_both! {
    async fn a_model_that_fails_before_it_speaks(options) {
        let (_app, provider, user) = set(options).await;
        provider.script(|_| Reply::text("").fails("server_error", "it broke"));
        for streams in [false, true] {
            let answer = send(asking(&user, CHAT, &saying("x", &json!({"stream": streams})))).await;
            answer.expect_openai(502, "server_error", "provider_error", Value::Null);
            let answer = send(asking(&user, "/v1/responses", &input("x", &json!({"stream": streams})))).await;
            answer.expect_openai(502, "server_error", "provider_error", Value::Null);
            let body = saying("x", &json!({"max_tokens": 5, "stream": streams}));
            send(asking(&user, MESSAGES, &body)).await.expect_anthropic(502, "api_error");
        }
    }

    async fn a_model_that_breaks_off(options) {
        let (_app, provider, user) = set(options).await;
        provider.script(|_| Reply::text("one two three four").deltas(4).fails("server_error", "it broke"));
        let stream = |path: &str, body: &Value| EventStream::open(asking(&user, path, body));
        let chunks = all_data(stream(CHAT, &saying("x", &json!({"stream": true}))).await).await;
        let last: Value = serde_json::from_str(chunks.last().unwrap()).unwrap();
        assert_eq!(last["error"]["code"], "provider_error", "{chunks:?}");
        let events = all_data(stream(MESSAGES, &saying("x", &json!({"max_tokens": 5, "stream": true}))).await).await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!((&last["type"], &last["error"]["type"]), (&json!("error"), &json!("api_error")));
        let events = all_data(stream("/v1/responses", &input("x", &json!({"stream": true}))).await).await;
        let last: Value = serde_json::from_str(events.last().unwrap()).unwrap();
        assert_eq!((&last["type"], &last["response"]["error"]["code"]), (&json!("response.failed"), &json!("server_error")));
        assert_eq!(last["response"]["output"][0]["content"][0]["text"], "one two three four");
        // Not streamed, it is a status.
        send(asking(&user, CHAT, &saying("x", &json!({})))).await.expect_openai(502, "server_error", "provider_error", Value::Null);
    }

    async fn too_many_calls(options) {
        let options = options.env("CHATAI__LIMITS__TURNS_PER_MINUTE", "1");
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let body = json!({"messages": [{"role": "user", "content": "x"}]});
        assert_eq!(send(asking(&user, CHAT, &body)).await.status, 200);
        let refused = send(asking(&user, CHAT, &body)).await;
        refused.expect_openai(429, "requests", "rate_limit_exceeded", Value::Null);
        assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()));
        assert_eq!(refused.header("x-should-retry"), "");
        let refused = send(asking(&user, MESSAGES, &json!({"max_tokens": 5, "messages": body["messages"]}))).await;
        refused.expect_anthropic(429, "rate_limit_error");
    }
}
