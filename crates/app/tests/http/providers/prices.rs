//! Models whose price nobody knows.

use super::Two;
use crate::support::{chat, list, on_both, usage};
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
        let program = json!({"model": "org/house", "messages": [{"role": "user", "content": "hello"}]});
        assert_eq!(user.post("/v1/chat/completions", &program).await.0, 200);

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
        // The title, the answer and the program's call from before it had one are not in the sum of money, and counted.
        for (reader, path) in [(&user, "/usage?group_by=model"), (&admin, "/admin/usage?group_by=model")] {
            let (_, report) = reader.get(path).await;
            let groups = list(&report["groups"]);
            let group = groups.iter().find(|group| group["key"]["model"] == "org/house").unwrap();
            assert_eq!((&group["calls"], &group["unpriced_calls"]), (&json!(5), &json!(3)), "{report}");
            assert_eq!(report["total"]["unpriced_calls"], 3);
            let of_first = groups.iter().find(|group| group["key"]["model"] == "first").unwrap();
            assert_eq!(of_first["unpriced_calls"], 0);
        }
    }
}
