//! `GET /models`

use crate::support::{app, app_with_vendor, chat, get, messages, options, with_vendor};
use chatai_testkit::{app::run_once, provider::ScriptedProvider};
use serde_json::json;
use std::path::Path;

#[tokio::test]
async fn names_in_the_pricing_datas_order_the_built_in_last() {
    let (app, _provider) = app_with_vendor().await;
    for path in ["/models", "/models/", "/api/models"] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, 200, "open, no token");
        assert_eq!(
            answer.json(),
            json!({"chat": ["gpt-4.1-nano", "gpt-4.1-mini", "gpt-4.1", "gpt-4o-mini", "gpt-4o", "o3-mini",
                            "o3-pro", "o3", "o1", "gpt-6-luna", "gpt-5.5", "gpt-5.4", "gpt-5.2", "gpt-5.1", "gpt-5",
                            "gpt-5-mini", "gpt-5-nano", "built-in"]}),
            "the original's first, in its order"
        );
    }
}

#[tokio::test]
async fn without_a_key_the_built_in_alone() {
    let app = app().await;
    assert_eq!(get(&app, "/models").await.text, r#"{"chat":["built-in"]}"#);
}

/// A compatible server on one's own machine needs no key, and is sent none.
#[tokio::test]
async fn a_server_of_ones_own_needs_no_key() {
    let provider = ScriptedProvider::start().await;
    let app = options()
        .env("OPENAI_BASE_URL", provider.base_url())
        .start()
        .await;
    let names = get(&app, "/models").await.json();
    assert_eq!(names["chat"][0], "gpt-4.1-nano", "{names}");
    let user = app.register("ada@example.com").await;
    assert_eq!(chat(&user, &[("text", "hi")]).await["answer"], "Echo: hi");
    assert_eq!(provider.answer_calls()[0].header("authorization"), None);
}

/// A misspelt default is told to whoever it fails, not passed over in silence.
#[tokio::test]
async fn a_default_that_the_catalog_does_not_know() {
    let (app, provider) = with_vendor(options().env("OPENAI_MODEL", "nope")).await;
    let user = app.register("ada@example.com").await;
    let (status, body) = user.chat(&[("text", "x")]).await;
    assert_eq!((status, &body["code"]), (400, &json!("model_unknown")), "{body}");
    let reason = body["detail"].as_str().unwrap();
    assert!(
        reason.contains("`nope`") && reason.contains("/models"),
        "{reason}"
    );
    assert_eq!(provider.counts().calls, 0);
    let named = chat(&user, &[("text", "x"), ("model", "gpt-4o")]).await;
    assert_eq!(named["answer"], "Echo: x");
}

#[tokio::test]
async fn a_default_without_a_key_falls_to_the_built_in() {
    let app = options().env("OPENAI_MODEL", "gpt-4o").start().await;
    let user = app.register("ada@example.com").await;
    let sent = chat(&user, &[("text", "hello")]).await;
    let stored = messages(&user, &sent["conversation_id"]).await;
    assert_eq!(stored[1]["model"], "built-in");
}

#[tokio::test]
async fn a_users_own_prices_decide_on_names_and_order() {
    let prices = r#"{"zeta": {"input": 1, "cached_input": 0, "output": 2, "version": "2024-01-01"},
                     "alpha": {"input": 0.1, "output": 0.2, "capabilities": {"tools": true}}}"#;
    let (app, provider) = with_vendor(options().file("PRICING_FILE", "prices.json", prices)).await;
    assert_eq!(
        get(&app, "/models").await.json(),
        json!({"chat": ["zeta", "alpha", "built-in"]})
    );
    let user = app.register("ada@example.com").await;
    let sent = chat(&user, &[("text", "x"), ("model", "alpha")]).await;
    assert_eq!(provider.answer_calls()[0].model(), "alpha");
    assert_eq!(sent["answer"], "Echo: x");
    let (status, body) = user.chat(&[("text", "x"), ("model", "gpt-4o")]).await;
    assert_eq!((status, &body["code"]), (400, &json!("model_unknown")));
}

#[test]
fn broken_prices_are_named_at_start() {
    let folder = tempfile::tempdir().unwrap();
    for (content, said) in [
        ("{", "EOF"),
        (r#"{"m": {"input": -1, "output": 1}}"#, "`m`: `input`"),
        (r#"{"m": {"output": 1}}"#, "`input` is missing"),
        (r#"{"m": {"input": 0.0000001, "output": 1}}"#, "`m`: `input`"),
        (
            r#"{"built-in": {"input": 1, "output": 1}}"#,
            "taken by the built-in",
        ),
    ] {
        let path = crate::support::write_file(folder.path(), "prices.json", content);
        let set = format!("models.pricing_file={path}");
        let arguments = ["serve", "--listen", "127.0.0.1:0", "--set", &set];
        let done = run_once(Path::new(crate::support::BINARY), folder.path(), &arguments);
        let text = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(1), "{content}: {text}");
        assert!(text.contains(said) && text.contains("hint:"), "{content}: {text}");
    }
}

/// What OpenAI took away cannot answer there; behind another address its announcement says nothing.
#[tokio::test]
async fn a_model_that_its_vendor_took_away() {
    const OWN: &str = r#"{"gone": {"input": 1, "output": 1, "provider": "openai", "deprecated": "2020-01-01"},
        "there": {"input": 1, "output": 1, "provider": "openai", "deprecated": "2999-01-01"}}"#;
    let own = || options().file("PRICING_FILE", "prices.json", OWN);
    let app = own().env("OPENAI_API_KEY", "sk-nobody-is-asked").start().await;
    assert_eq!(
        get(&app, "/models").await.json(),
        json!({"chat": ["there", "built-in"]})
    );
    let (app, _provider) = with_vendor(own()).await;
    assert_eq!(
        get(&app, "/models").await.json(),
        json!({"chat": ["gone", "there", "built-in"]})
    );
}

/// The older interface of OpenAI's own address needs no more than the key either.
#[tokio::test]
async fn openais_older_interface_at_its_own_address() {
    let app = options()
        .env("OPENAI_API_KEY", "sk-nobody-is-asked")
        .env("CHATAI__PROVIDERS__OPENAI__KIND", "openai-chat")
        .start()
        .await;
    let names = get(&app, "/models").await.json();
    assert!(
        names["chat"].as_array().unwrap().contains(&json!("gpt-6-luna")),
        "{names}"
    );
}
