//! A provider that fails before its first byte: the next model answers, once, and the switch is on record.

use super::{Two, failing};
use crate::support::{chat, expect_timestamp, list, messages, on_both, stream, told, usage};
use chatai_testkit::{
    app::User,
    events::Told,
    provider::{Fault, Gate, Reply},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const FALLBACKS: &str =
    "[models]\nfallbacks = { first = [\"second\"] }\naliases = { any = [\"first\", \"second\"] }";

/// Asks in a conversation that has its title, so that the answer is the one model call.
async fn ask(user: &User, model: &str) -> (u16, Value, Value) {
    let (_, id) = user.post("/conversations/", &json!({"title": "t"})).await;
    let form = [
        ("text", "a question"),
        ("conversation_id", &id.to_string()),
        ("model", model),
    ];
    let (status, body) = user.chat(&form).await;
    (status, body, id)
}

on_both! {
    async fn the_next_model_answers_and_the_switch_is_recorded(options) {
        let two = Two::start().await;
        let app = two.options(options, "", "", FALLBACKS).start().await;
        let user = app.register("ada@example.com").await;
        for (reply, model) in [
            (failing(), "first"),
            (Reply::error(404, "invalid_request_error", "model_not_found", "no such model"), "any"),
            // Accepted, and broken off before anything came.
            (Reply::text("never seen").fault_after(0, Fault::Cut), "first"),
        ] {
            two.one.push(reply);
            two.two.push(Reply::text("from the other").usage(1_000_000, 0, 0, 0));
            let before = two.two.counts().calls;
            let (status, body, id) = ask(&user, model).await;
            assert_eq!((status, &body["answer"]), (200, &json!("from the other")), "{body}");
            assert_eq!(two.two.counts().calls, before + 1);
            let stored = messages(&user, &id).await;
            assert_eq!((&stored[1]["model"], &stored[1]["price_exact"]), (&json!("second"), &json!("10")));
            let rows = usage(&user, &body["response_message_id"]).await;
            assert_eq!(rows.len(), 1, "one call was answered, one is charged: {rows:?}");
            assert_eq!(
                (&rows[0]["model"], &rows[0]["fallback_from"], &rows[0]["price_exact"]),
                (&json!("second"), &json!("first"), &json!("10"))
            );
        }
        let (_, report) = user.get("/usage?group_by=model").await;
        let groups = list(&report["groups"]);
        assert_eq!(groups.len(), 1, "{report}");
        assert_eq!((&groups[0]["key"]["model"], &groups[0]["calls"]), (&json!("second"), &json!(3)));
    }

    async fn nobody_else_answers_once_something_came(options) {
        let two = Two::start().await;
        let app = two.options(options, "", "", FALLBACKS).start().await;
        let user = app.register("ada@example.com").await;
        two.one.push(Reply::text("half an answer").deltas(2).cut_after(1));
        let (status, body, id) = ask(&user, "first").await;
        assert_eq!((status, &body["code"]), (502, &json!("provider_error")), "{body}");
        assert_eq!(two.two.counts().calls, 0);
        let stored = messages(&user, &id).await;
        assert_eq!((&stored[1]["model"], &stored[1]["status"]), (&json!("first"), &json!("interrupted")));
        // Nor where the request itself was at fault.
        two.one.push(Reply::error(400, "invalid_request_error", "", "bad request"));
        let (status, _, _) = ask(&user, "first").await;
        assert_eq!((status, two.two.counts().calls), (502, 0));
    }

    async fn where_all_fail_the_turn_fails_once_and_costs_nothing(options) {
        let two = Two::start().await;
        let app = two.options(options, "", "", FALLBACKS).start().await;
        let user = app.register("ada@example.com").await;
        two.one.push(failing());
        two.two.push(failing());
        let (status, body, id) = ask(&user, "any").await;
        assert_eq!((status, &body["code"]), (502, &json!("provider_auth")), "{body}");
        let stored = messages(&user, &id).await;
        assert_eq!(stored.len(), 2);
        assert_eq!((&stored[1]["status"], &stored[1]["price_exact"]), (&json!("failed"), &json!("0")));
        assert_eq!(usage(&user, &stored[1]["id"]).await.len(), 0);
    }

    /// In the middle of a turn: the results of tools go along, what was called is charged, each model for its own.
    async fn between_rounds_of_tools(options) {
        let two = Two::start().await;
        let app = two.options(options, "", "", FALLBACKS).start().await;
        let user = app.register("ada@example.com").await;
        two.one.push(Reply::call_tool("get_book_summaries", &json!({"titles": ["Walden"]})).usage(10, 0, 5, 0));
        two.one.push(failing());
        two.two.push(Reply::text("the other ends it").usage(20, 0, 7, 0));
        let (status, body, _) = ask(&user, "first").await;
        assert_eq!((status, &body["answer"]), (200, &json!("the other ends it")), "{body}");
        let rows = usage(&user, &body["response_message_id"]).await;
        let of = |row: &Value| (row["scope"].clone(), row["model"].clone(), row["fallback_from"].clone());
        assert_eq!(of(&rows[0]), (json!("tool"), json!("first"), json!(null)));
        assert_eq!(of(&rows[1]), (json!("final"), json!("second"), json!("first")));
        assert_eq!(rows.len(), 2);
        let request = two.two.answer_calls().last().cloned().unwrap();
        assert!(request.json().to_string().contains("function_call_output"), "the results went along");
    }

    async fn a_budget_covers_the_dearest_of_the_list(options) {
        let two = Two::start().await;
        let rest = "[models]\naliases = { cheap = [\"first\"], dear = [\"first\", \"third\"] }";
        let app = two.options(options, "", "", rest).start().await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("ada@example.com").await;
        let (_, me) = user.get("/users/me").await;
        // Enough for the cheap one's worst case, and not for the dear one's.
        let limit = json!({"limit": "0.5", "period": "total"});
        let (status, _) = admin.put(&format!("/admin/users/{}/budget", me["id"]), &limit).await;
        assert_eq!(status, 200);
        assert_eq!(ask(&user, "cheap").await.0, 200);
        let (status, body, _) = ask(&user, "dear").await;
        assert_eq!((status, &body["code"]), (402, &json!("budget_exceeded")), "{body}");
    }
}

/// P12 as a turn sees it: after some failures nobody waits for the dead provider, and it is asked again once it is well.
#[tokio::test]
async fn a_dead_provider_is_left_alone_and_comes_back() {
    let two = Two::start().await;
    let app = two.usual(FALLBACKS).start().await;
    let admin = app.register("admin@example.com").await;
    let address = two.one.address();
    let Two { one, two } = two;
    drop(one);
    let seen = async || {
        let (_, providers) = admin.get("/admin/providers").await;
        let found = list(&providers)
            .iter()
            .find(|provider| provider["name"] == "one")
            .cloned();
        found.unwrap()
    };
    let state = async || seen().await["state"].as_str().unwrap().to_owned();
    let mut asked = 0;
    while state().await != "resting" {
        let (status, body, _) = ask(&admin, "first").await;
        assert_eq!(
            (status, &body["answer"]),
            (200, &json!("Echo: a question")),
            "{body}"
        );
        asked += 1;
        assert!(asked < 10, "it is never left alone");
    }
    let resting = seen().await;
    expect_timestamp(&resting["resting_until"]);
    assert!(resting["failures"].as_u64() >= Some(1), "{resting}");
    let began = Instant::now();
    assert_eq!(ask(&admin, "first").await.0, 200);
    assert!(began.elapsed() < Duration::from_secs(1), "nobody waits for it");
    let healed = chatai_testkit::provider::ScriptedProvider::start_at(address).await;
    let began = Instant::now();
    while healed.counts().calls == 0 {
        assert!(
            began.elapsed() < Duration::from_secs(10),
            "it is never asked again"
        );
        assert_eq!(ask(&admin, "first").await.0, 200);
    }
    let healed = seen().await;
    assert_eq!(
        (&healed["state"], &healed["resting_until"], &healed["failures"]),
        (&json!("reachable"), &json!(null), &json!(0))
    );
    drop(two);
}

/// What a stream tells is the answer of the one that gave it, whole and once.
#[tokio::test]
async fn a_stream_shows_the_one_answer() {
    let two = Two::start().await;
    let app = two.usual(FALLBACKS).start().await;
    let user = app.register("ada@example.com").await;
    two.one.push(failing());
    two.two.push(Reply::text("one answer").deltas(3));
    let told = told(&user, &[("text", "x"), ("model", "first")]).await;
    assert_eq!(told.text, "one answer");
    let sent = chat(&user, &[("text", "again"), ("model", "first")]).await;
    assert_eq!(sent["answer"], "Echo: again", "the first answers where it can");
}

/// The call of the one in its place has its record before it is made, with its own price.
#[tokio::test]
async fn a_crash_charges_the_one_that_was_answering() {
    let two = Two::start().await;
    let mut app = two.usual(FALLBACKS).start().await;
    let user = app.register("ada@example.com").await;
    let (_, id) = user.post("/conversations/", &json!({"title": "t"})).await;
    let gate = Gate::new();
    two.one.push(failing());
    two.two.push(
        Reply::text("0123456789abcdef0123456789abcdef")
            .deltas(2)
            .gate_after(1, &gate),
    );
    let form = [
        ("text", "x"),
        ("conversation_id", &id.to_string()),
        ("model", "first"),
    ];
    let mut events = stream(&user, &form).await;
    let mut told = Told::default();
    events.read_text(&mut told, 16).await;
    app.kill();
    app.start_again().await;
    let user = user.at(&app.base_url());
    let stored = messages(&user, &id).await;
    assert_eq!(
        (&stored[1]["model"], &stored[1]["status"]),
        (&json!("second"), &json!("interrupted"))
    );
    let rows = usage(&user, &stored[1]["id"]).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(
        (
            &rows[0]["model"],
            &rows[0]["fallback_from"],
            &rows[0]["usage_source"]
        ),
        (&json!("second"), &json!("first"), &json!("estimated"))
    );
    let tokens = (
        rows[0]["input_tokens"].as_i64().unwrap(),
        rows[0]["output_tokens"].as_i64().unwrap(),
    );
    assert!(tokens.0 > 0 && tokens.1 > 0, "{rows:?}");
    let expected = (tokens.0 * 10 + tokens.1 * 20) as f64 / 1e6;
    assert!(
        (rows[0]["price"].as_f64().unwrap() - expected).abs() < 1e-12,
        "{rows:?}"
    );
}

/// P11 as a turn sees it: silence ends at the provider's own bound, and the next model answers.
#[tokio::test]
async fn silence_ends_at_the_providers_own_bound() {
    let two = Two::start().await;
    let app = two
        .options(crate::support::options(), "timeout_s = 1", "", FALLBACKS)
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    for _ in 0..3 {
        two.one.push(Reply::text("never").gate_headers(&gate));
    }
    let began = Instant::now();
    let (status, body, id) = ask(&user, "first").await;
    assert_eq!(
        (status, &body["answer"]),
        (200, &json!("Echo: a question")),
        "{body}"
    );
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let stored = messages(&user, &id).await;
    assert_eq!(usage(&user, &stored[1]["id"]).await.len(), 1);
}
