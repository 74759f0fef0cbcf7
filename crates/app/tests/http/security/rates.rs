//! How often: limits by address. Those by account and of registrations stand with their routes.

use crate::support::{Answer, chat, options, send, with_vendor};
use reqwest::Method;
use serde_json::json;

/// Many accounts in one place share its allowance, and nobody shares another's.
#[tokio::test]
async fn turns_from_one_address_are_limited() {
    let options = options()
        .env("CHATAI__SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .env("CHATAI__LIMITS__TURNS_PER_MINUTE_AND_ADDRESS", "2");
    let (app, provider) = with_vendor(options).await;
    let (ada, eve) = (
        app.register("ada@example.com").await,
        app.register("eve@example.com").await,
    );
    let first = chat(&ada, &[("text", "1")]).await;
    chat(&eve, &[("text", "2")]).await;
    let calls = provider.counts().calls;
    for user in [&ada, &eve] {
        let answer: Answer = send(user.call(Method::POST, "/chat/").form(&[("text", "3")])).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (429, &json!("rate_limited")),
            "{answer:?}"
        );
        assert!((1..=60).contains(&answer.header("retry-after").parse::<u64>().unwrap()));
    }
    // An answer given again is a turn like any other.
    let again = format!("/chat/messages/{}/regenerate", first["response_message_id"]);
    let answer = send(ada.call(Method::POST, &again)).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert_eq!(provider.counts().calls, calls, "no model was called");
    // A refused request takes nothing from the allowance of another place.
    let elsewhere = ada
        .call(Method::POST, "/chat/")
        .header("x-forwarded-for", "192.0.2.7");
    assert_eq!(send(elsewhere.form(&[("text", "4")])).await.status, 200);
    // A message that is none does not count.
    let elsewhere = || {
        ada.call(Method::POST, "/chat/")
            .header("x-forwarded-for", "192.0.2.8")
    };
    for _ in 0..3 {
        assert_eq!(send(elsewhere().form(&[("tex", "")])).await.status, 422);
    }
    assert_eq!(send(elsewhere().form(&[("text", "5")])).await.status, 200);
}

/// What is repeated under its key is no further turn, through whichever interface.
#[tokio::test]
async fn what_is_repeated_takes_no_place() {
    let options = options()
        .env("CHATAI__SERVER__TRUSTED_PROXIES", "127.0.0.1")
        .env("CHATAI__LIMITS__TURNS_PER_MINUTE_AND_ADDRESS", "1");
    let (app, provider) = with_vendor(options).await;
    let ada = app.register("ada@example.com").await;
    let chat = json!({"text": "hello", "model": "gpt-4o"});
    let first = send(ada.call(Method::POST, "/chat/").json(&chat)).await.json();
    let again = format!("/chat/messages/{}/regenerate", first["response_message_id"]);
    let messages = json!([{"role": "user", "content": "hello"}]);
    for (number, (path, body)) in [
        ("/chat/", chat),
        (again.as_str(), json!({})),
        (
            "/v1/chat/completions",
            json!({"model": "gpt-4o", "messages": messages}),
        ),
        (
            "/v1/embeddings",
            json!({"model": "text-embedding-3-small", "input": "hello"}),
        ),
    ]
    .iter()
    .enumerate()
    {
        let ask = |key: String| {
            let call = ada.call(Method::POST, path).json(body);
            let from = format!("192.0.2.{number}");
            send(
                call.header("x-forwarded-for", from)
                    .header("idempotency-key", key),
            )
        };
        let first = ask(format!("key {number}")).await;
        assert_eq!(
            (first.status, first.header("idempotent-replayed")),
            (200, ""),
            "{path}: {first:?}"
        );
        let calls = provider.counts().calls;
        for _ in 0..2 {
            let repeated = ask(format!("key {number}")).await;
            assert_eq!(
                (repeated.status, repeated.header("idempotent-replayed")),
                (200, "true"),
                "{path}: {repeated:?}"
            );
        }
        assert_eq!(ask("another".to_owned()).await.status, 429, "{path}");
        assert_eq!(provider.counts().calls, calls, "{path}");
    }
}
