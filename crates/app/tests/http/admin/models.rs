//! `GET /admin/models`, `PUT /admin/models/{name}`

use crate::support::{chat, keys, list, on_both, usage, with_vendor};
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use serde_json::{Value, json};

const PRICES: &str = r#"{"m": {"input": 1, "output": 2, "context_window": 100000},
    "n": {"input": 1, "cached_input": 0.5, "output": 2, "context_window": 100000}}"#;

async fn model(admin: &User, name: &str) -> Value {
    let (status, models) = admin.get("/admin/models").await;
    assert_eq!(status, 200, "{models}");
    let models = list(&models);
    models.iter().find(|model| model["name"] == name).unwrap().clone()
}

/// The final call of a turn that used a million tokens in.
async fn million(user: &User, provider: &chatai_testkit::provider::ScriptedProvider) -> Value {
    provider.push(Reply::text("x").usage(1_000_000, 0, 0, 0));
    let sent = chat(user, &[("text", "hello"), ("model", "m")]).await;
    let rows = usage(user, &sent["response_message_id"]).await;
    rows.last().unwrap().clone()
}

on_both! {
    async fn a_new_price_counts_at_once_and_rewrites_nothing(options) {
        let (mut app, provider) = with_vendor(options.file("PRICING_FILE", "prices.json", PRICES)).await;
        let admin = app.register("admin@example.com").await;
        let before = model(&admin, "m").await;
        assert_eq!(keys(&before), ["name", "provider", "input", "cached_input", "cache_write", "output", "price_version",
                                   "context_window", "max_output_tokens", "deprecated", "enabled", "available"]);
        assert_eq!((&before["input"], &before["cached_input"]), (&json!("1"), &json!("1")));
        let first = million(&admin, &provider).await;
        assert_eq!(first["price_exact"], "1");
        let (_, totals) = admin.get("/usage?group_by=day&group_by=model").await;

        // An answer that is being written is charged at the price it began with.
        let gate = Gate::new();
        provider.push(Reply::text("x").gate_after(0, &gate).usage(1_000_000, 0, 0, 0));
        let running = {
            let admin = admin.clone();
            tokio::spawn(async move { chat(&admin, &[("text", "hello"), ("model", "m")]).await })
        };
        gate.reached().await;
        let (status, after) = admin.put("/admin/models/m", &json!({"input": "1.25", "price_version": 1, "name": "x"})).await;
        assert_eq!(status, 200, "{after}");
        assert_eq!((&after["input"], &after["cached_input"], &after["output"]), (&json!("1.25"), &json!("1.25"), &json!("2")));
        assert!(after["price_version"].as_i64() > before["price_version"].as_i64());
        let (_, still) = admin.get("/usage?group_by=day&group_by=model").await;
        assert_eq!(still, totals, "nothing was rewritten");
        gate.open();
        let running = running.await.unwrap();
        let rows = usage(&admin, &running["response_message_id"]).await;
        assert_eq!(rows.last().unwrap()["price_exact"], "1");
        let second = million(&admin, &provider).await;
        assert_eq!((&second["price_exact"], &second["price_version"]), (&json!("1.25"), &after["price_version"]));
        assert_eq!(usage(&admin, &first["message_id"]).await.last().unwrap(), &first);

        // It is data: a restart keeps it, and null goes back to the file's.
        assert!(app.terminate().await.success());
        app.start_again().await;
        let admin = admin.at(&app.base_url());
        assert_eq!(model(&admin, "m").await, after);
        let (_, back) = admin.put("/admin/models/m", &json!({"input": null})).await;
        assert_eq!(back["input"], "1");
        assert_eq!(million(&admin, &provider).await["price_exact"], "1");
    }

    async fn prices_that_cannot_be_meant_are_refused_with_a_hint(options) {
        let (app, _provider) = with_vendor(options.file("PRICING_FILE", "prices.json", PRICES)).await;
        let admin = app.register("admin@example.com").await;
        let before = admin.get("/admin/models").await;
        for (body, hint) in [
            (json!({"input": 0.000_001}), "per million tokens"),
            (json!({"input": 1_000_000}), "per million tokens"),
            (json!({"output": "0.000002"}), "a million times as high"),
            (json!({"cached_input": "2000000"}), "per million tokens"),
            (json!({"context_window": 0}), "from 1 to"),
            (json!({"max_output_tokens": -5}), "from 1 to"),
            (json!({"context_window": 9_000_000_000_000_i64}), "from 1 to"),
        ] {
            let (status, answer) = admin.put("/admin/models/m", &body).await;
            assert_eq!((status, &answer["code"]), (422, &json!("validation_error")), "{body}: {answer}");
            assert!(answer["detail"].as_str().unwrap().contains(hint), "{body}: {answer}");
        }
        for body in [
            json!({"input": -1}),
            json!({"input": "NaN"}),
            json!({"input": 1e30}),
            json!({"input": 0.000_000_1}),
            json!({"input": "one"}),
            json!({"input": [1]}),
            json!({"enabled": 1}),
            json!({"context_window": 1.5}),
            json!([]),
        ] {
            assert_eq!(admin.put("/admin/models/m", &body).await.0, 422, "{body}");
        }
        let (status, body) = admin.put("/admin/models/built-in", &json!({"input": 1})).await;
        assert_eq!(status, 422, "{body}");
        for unknown in ["zeta", "%20", "..%2f", "m%00"] {
            let (status, _) = admin.put(&format!("/admin/models/{unknown}"), &json!({"input": 1})).await;
            assert!(matches!(status, 404 | 422), "{unknown}: {status}");
        }
        assert_eq!(admin.get("/admin/models").await, before);
    }

    async fn a_disabled_model_cannot_answer(options) {
        let (app, provider) = with_vendor(options.file("PRICING_FILE", "prices.json", PRICES)).await;
        let admin = app.register("admin@example.com").await;
        let (status, off) = admin.put("/admin/models/m", &json!({"enabled": false})).await;
        assert_eq!((status, &off["enabled"], &off["available"]), (200, &json!(false), &json!(false)));
        let (_, offered) = admin.get("/models").await;
        assert_eq!(offered, json!({"chat": ["n", "built-in"]}));
        let calls = provider.counts().calls;
        let (status, body) = admin.chat(&[("text", "x"), ("model", "m")]).await;
        assert_eq!((status, &body["code"]), (400, &json!("model_unavailable")));
        assert!(body["detail"].as_str().unwrap().contains("disabled"));
        assert_eq!(provider.counts().calls, calls);
        let (_, on) = admin.put("/admin/models/m", &json!({"enabled": true})).await;
        assert_eq!(on["available"], true);
        chat(&admin, &[("text", "x"), ("model", "m")]).await;
    }
}
