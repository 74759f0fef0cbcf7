//! `GET /users/me/budget`, and what a budget does to messages.

use crate::support::{chat, list, messages, on_both, options, usage, with_vendor};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{Gate, Reply, ScriptedProvider},
};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// A model that costs a dollar a million tokens, in and out.
const PRICES: &str = r#"{"m": {"input": 1, "output": 1, "context_window": 100000}}"#;

/// An administrator and a user with a limit.
async fn limited(options: AppOptions, limit: Value, period: &str) -> (TestApp, ScriptedProvider, User, User) {
    let options = options
        .file("PRICING_FILE", "prices.json", PRICES)
        .env("CHATAI__LIMITS__CONCURRENT_TURNS", "5000");
    let (app, provider) = with_vendor(options).await;
    let admin = app.register("admin@example.com").await;
    let user = app.register("user@example.com").await;
    set(&admin, &user, &limit, period).await;
    (app, provider, admin, user)
}

async fn set(admin: &User, user: &User, limit: &Value, period: &str) {
    let path = format!("/admin/users/{}/budget", user.get("/users/me").await.1["id"]);
    let (status, body) = admin.put(&path, &json!({"limit": limit, "period": period})).await;
    assert_eq!(status, 200, "{body}");
}

/// A member of the caller's budget, in millionths of a millionth of a dollar.
async fn pico(user: &User, member: &str) -> i64 {
    let (status, body) = user.get("/users/me/budget").await;
    assert_eq!(status, 200, "{body}");
    let text = body[member]
        .as_str()
        .unwrap_or_else(|| panic!("{member}: {body}"));
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let digits = format!("{whole}{decimals:0<12}");
    digits.parse().unwrap()
}

/// What a first message sets aside, asked while it runs.
async fn worst_case(provider: &ScriptedProvider, user: &User) -> i64 {
    let gate = Gate::new();
    provider.push(Reply::text("x").gate_after(0, &gate).usage(100, 0, 10, 0));
    let asking = {
        let user = user.clone();
        tokio::spawn(async move { chat(&user, &[("text", "one"), ("model", "m")]).await })
    };
    gate.reached().await;
    let reserved = pico(user, "reserved").await;
    assert!(reserved > 0);
    gate.open();
    asking.await.unwrap();
    assert_eq!(pico(user, "reserved").await, 0);
    reserved
}

on_both! {
    async fn a_turn_that_does_not_fit_is_refused_whole(options) {
        let (_app, provider, admin, user) = limited(options, json!("0.0001"), "month").await;
        let calls = provider.counts().calls;
        let (status, body) = user.chat(&[("text", "hello"), ("model", "m")]).await;
        assert_eq!((status, &body["code"]), (402, &json!("budget_exceeded")), "{body}");
        assert!(body["detail"].as_str().unwrap().contains("/users/me/budget"));
        assert_eq!(body.get("conversation_id"), None);
        let (_, stored) = user.get("/conversations/").await;
        assert_eq!(stored, json!([]), "nothing was written");
        assert_eq!(provider.counts().calls, calls, "no model was called");
        let (_, budget) = user.get("/users/me/budget").await;
        assert_eq!((&budget["spent"], &budget["reserved"], &budget["remaining"]), (&json!("0"), &json!("0"), &json!("0.0001")));
        // In a conversation of its own too, and what costs nothing goes on.
        let free = chat(&user, &[("text", "hello"), ("model", "built-in")]).await;
        let id = free["conversation_id"].to_string();
        let (status, _) = user.chat(&[("text", "again"), ("model", "m"), ("conversation_id", &id)]).await;
        assert_eq!(status, 402);
        assert_eq!(messages(&user, &free["conversation_id"]).await.len(), 2);
        // Others go on, and so does this account without a limit.
        chat(&admin, &[("text", "hello"), ("model", "m")]).await;
        set(&admin, &user, &Value::Null, "month").await;
        chat(&user, &[("text", "hello"), ("model", "m")]).await;
    }

    async fn what_was_used_is_settled_and_what_was_not_is_given_back(options) {
        let (_app, provider, _admin, user) = limited(options, json!(5), "month").await;
        provider.push(Reply::text("fine").usage(1_000, 0, 20, 0));
        let sent = chat(&user, &[("text", "hello"), ("model", "m")]).await;
        let rows = usage(&user, &sent["response_message_id"]).await;
        let used: f64 = rows.iter().map(|row| row["price"].as_f64().unwrap()).sum();
        assert_eq!(pico(&user, "spent").await, (used * 1e12).round() as i64);
        assert_eq!(pico(&user, "reserved").await, 0);
        assert_eq!(pico(&user, "spent").await + pico(&user, "remaining").await, 5_000_000_000_000);
        // Under a budget every call says how much it may put out.
        assert!(provider.answer_calls()[0].json()["max_output_tokens"].as_i64().unwrap() <= 8_192);
        // A failed one gives everything back.
        let spent = pico(&user, "spent").await;
        provider.script(|_| Reply::error(400, "invalid_request_error", "x", "no"));
        let (status, _) = user.chat(&[("text", "hello"), ("model", "m")]).await;
        assert_eq!(status, 502);
        assert_eq!((pico(&user, "spent").await, pico(&user, "reserved").await), (spent, 0));
        // Deleting the conversation gives nothing back.
        let (_, all) = user.get("/conversations/").await;
        for conversation in list(&all) {
            user.delete(&format!("/conversations/{}", conversation["id"])).await;
        }
        assert_eq!(pico(&user, "spent").await, spent);
    }

    /// A thousand at once on a budget for ten: never more than ten, and nothing stays set aside.
    async fn a_thousand_turns_on_a_budget_for_ten(options) {
        let (_app, provider, admin, user) = limited(options, json!(1_000), "total").await;
        let each = worst_case(&provider, &user).await;
        let spent = pico(&user, "spent").await;
        let limit = format!("{}.{:012}", (spent + 10 * each) / 1_000_000_000_000, (spent + 10 * each) % 1_000_000_000_000);
        set(&admin, &user, &json!(limit), "total").await;
        let (answers, calls) = (provider.answer_calls().len(), provider.counts().calls);
        let gate = Gate::new();
        let held = gate.clone();
        provider.script(move |request| match request.schema_name() {
            None => Reply::text("x").gate_after(0, &held).usage(100, 0, 10, 0),
            Some(_) => Reply::echo(request),
        });
        let mut turns = JoinSet::new();
        for _ in 0..1_000 {
            let user = user.clone();
            turns.spawn(async move { user.chat(&[("text", "one"), ("model", "m")]).await });
        }
        // Those that were admitted wait for their model until all others were refused. Each makes two calls.
        let refusals = async {
            for _ in 0..990 {
                let (status, body) = turns.join_next().await.unwrap().unwrap();
                assert_eq!((status, &body["code"]), (402, &json!("budget_exceeded")), "{body}");
            }
        };
        tokio::select! {
            () = refusals => {}
            _ = provider.wait_until(|counts| counts.calls > calls + 20) => panic!("more than ten were admitted"),
        }
        assert_eq!(pico(&user, "remaining").await, 0);
        gate.open();
        while let Some(turn) = turns.join_next().await {
            let (status, body) = turn.unwrap();
            assert_eq!(status, 200, "{body}");
        }
        assert_eq!(provider.answer_calls().len() - answers, 10);
        assert_eq!(pico(&user, "reserved").await, 0);
        let (_, budget) = user.get("/users/me/budget").await;
        let (_, report) = user.get("/usage").await;
        assert_eq!(budget["spent"], report["total"]["price_exact"]);
        let (_, conversations) = user.get("/conversations/").await;
        assert_eq!(list(&conversations).len(), 11);
    }
}

/// What a killed program had set aside is given back at the next start.
#[tokio::test]
async fn a_kill_leaves_nothing_set_aside() {
    let (mut app, provider, _admin, user) = limited(options(), json!(5), "day").await;
    let gate = Gate::new();
    provider.push(Reply::text("x").gate_after(0, &gate));
    let asking = {
        let user = user.clone();
        tokio::spawn(async move {
            let call = user.call(reqwest::Method::POST, "/chat/");
            call.form(&[("text", "one"), ("model", "m")]).send().await
        })
    };
    gate.reached().await;
    assert!(pico(&user, "reserved").await > 0);
    app.kill();
    assert!(asking.await.unwrap().is_err());
    app.start_again().await;
    let user = user.at(&app.base_url());
    assert_eq!(pico(&user, "reserved").await, 0);
}
