//! Models whose price nobody knows.

use super::Two;
use crate::support::{chat, on_both, usage};
use chatai_testkit::provider::Reply;
use serde_json::json;

on_both! {
    async fn an_unknown_price_is_no_price_until_an_administrator_sets_one(options) {
        let two = Two::start().await;
        let one = "models = [\"first\", \"org/house\"]";
        let app = two.options(options, one, "", "").start().await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("ada@example.com").await;
        let ask = async || {
            two.one.push(Reply::text("x").usage(1_000_000, 0, 0, 0));
            let sent = chat(&user, &[("text", "hello"), ("model", "org/house")]).await;
            usage(&user, &sent["response_message_id"]).await.last().unwrap().clone()
        };
        let row = ask().await;
        assert_eq!((&row["model"], &row["price_exact"], &row["price_version"]),
            (&json!("org/house"), &json!(null), &json!(null)));

        // What it costs cannot be held to a budget.
        let (_, me) = user.get("/users/me").await;
        let budget = format!("/admin/users/{}/budget", me["id"]);
        admin.put(&budget, &json!({"limit": "100", "period": "total"})).await;
        let calls = two.one.counts().calls;
        let (status, body) = user.chat(&[("text", "x"), ("model", "org/house")]).await;
        assert_eq!((status, &body["code"]), (400, &json!("model_unavailable")), "{body}");
        let said = body["detail"].as_str().unwrap();
        assert!(said.contains("`org/house` has no price") && said.contains("PUT /admin/models"), "{said}");
        assert_eq!(two.one.counts().calls, calls);
        assert_eq!(user.chat(&[("text", "x"), ("model", "first")]).await.0, 200);

        // Half a price is none.
        let path = "/admin/models/org%2Fhouse";
        let (status, half) = admin.put(path, &json!({"input": "3"})).await;
        assert_eq!((status, &half["input"], &half["provider"]), (200, &json!(null), &json!("one")), "{half}");
        let (_, set) = admin.put(path, &json!({"output": "4"})).await;
        assert_eq!((&set["input"], &set["cached_input"], &set["output"]), (&json!("3"), &json!("3"), &json!("4")));
        let row = ask().await;
        assert_eq!((&row["price_exact"], &row["price_version"]), (&json!("3"), &set["price_version"]));
        let (_, report) = user.get("/usage?group_by=model").await;
        assert!(report.to_string().contains("org/house"), "{report}");
    }
}
