//! Models that a provider says it has.

use super::Two;
use crate::support::{chat, get, keys, list, messages, usage};
use chatai_testkit::app::TestApp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn names(app: &TestApp) -> Value {
    get(app, "/models").await.json()["chat"].clone()
}

/// Asked for in the background: what it says is there soon after the start.
async fn wait_for(app: &TestApp, expected: &Value) {
    let began = Instant::now();
    while names(app).await != *expected {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", names(app).await);
    }
}

#[tokio::test]
async fn what_a_provider_has_is_offered_behind_its_name() {
    let two = Two::start().await;
    two.two.offer(&["second", "llama3.2:3b", "qwen/qwen3"]);
    let app = two
        .options(crate::support::options(), "", "discover = true", "")
        .start()
        .await;
    wait_for(
        &app,
        &json!([
            "first",
            "second",
            "third",
            "two/llama3.2:3b",
            "two/qwen/qwen3",
            "built-in"
        ]),
    )
    .await;
    let user = app.register("ada@example.com").await;
    for path in ["/v1/models/two/qwen/qwen3", "/v1/models/two%2Fqwen%2fqwen3"] {
        let (status, model) = user.get(path).await;
        assert_eq!(
            (status, &model["id"], &model["owned_by"]),
            (200, &json!("two/qwen/qwen3"), &json!("two")),
            "{path}"
        );
    }
    let sent = chat(&user, &[("text", "hi"), ("model", "two/qwen/qwen3")]).await;
    assert_eq!(two.two.answer_calls().last().unwrap().model(), "qwen/qwen3");
    let stored = messages(&user, &sent["conversation_id"]).await;
    assert_eq!(stored[1]["model"], "two/qwen/qwen3");
    // Nobody knows what it costs, and nobody says it was free.
    assert_eq!(
        (&stored[1]["price"], &stored[1]["price_exact"]),
        (&json!(0.0), &json!(null))
    );
    let rows = usage(&user, &sent["response_message_id"]).await;
    let last = rows.last().unwrap();
    assert_eq!(
        (&last["price_exact"], &last["price_version"]),
        (&json!(null), &json!(null))
    );

    let (_, providers) = user.get("/admin/providers").await;
    let two = &list(&providers)[1];
    assert_eq!(
        keys(two),
        [
            "name",
            "kind",
            "host",
            "state",
            "state_since",
            "resting_until",
            "failures",
            "in_flight",
            "answered_at",
            "last_error",
            "models"
        ]
    );
    crate::support::expect_timestamp(&two["state_since"]);
    assert_eq!(
        (&two["resting_until"], &two["failures"]),
        (&json!(null), &json!(0))
    );
    assert_eq!(
        (&two["name"], &two["kind"], &two["state"], &two["models"]),
        (&json!("two"), &json!("openai"), &json!("reachable"), &json!(4))
    );
}

/// The start waits for nobody, and a provider that cannot be asked takes nothing else with it.
#[tokio::test]
async fn a_provider_that_does_not_say_is_named_once_and_waited_for_by_nobody() {
    let two = Two::start().await;
    let file = two
        .file("", "discover = true\n", "")
        .replace(&two.two.base_url(), "http://127.0.0.1:9/v1");
    let app = crate::support::options()
        .file("PRICING_FILE", "prices.json", super::PRICES)
        .file("CHATAI_TOML_OF_THE_TEST", "chatai.toml", file)
        .start()
        .await;
    let admin = app.register("admin@example.com").await;
    let sent = chat(&admin, &[("text", "hi"), ("model", "first")]).await;
    assert_eq!(sent["answer"], "Echo: hi");
    let began = Instant::now();
    loop {
        let (_, providers) = admin.get("/admin/providers").await;
        let two = &list(&providers)[1];
        if two["state"] == "failing" {
            assert_eq!(two["last_error"]["code"], "provider_error");
            assert_eq!(two["host"], "127.0.0.1:9");
            assert!(two["failures"].as_u64() >= Some(1), "{two}");
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{providers}");
    }
    let said = app.log().matches("does not say which models it has").count();
    assert!(said <= 1, "{}", app.log());
}
