//! A provider that fails: named to the user, the question kept, nothing charged unused, usable afterwards.

use crate::support::{Answer, chat, list, messages, on_both, options, send, usage, with_vendor};
use chatai_testkit::{
    app::User,
    provider::{Fault, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Asks in a conversation that has its title, so that the answer is the one model call.
async fn ask(user: &User) -> (Answer, Value) {
    let (_, id) = user.post("/conversations/", &json!({"title": "t"})).await;
    let form = [("text", "a question"), ("conversation_id", &id.to_string())];
    (send(user.call(Method::POST, "/chat/").form(&form)).await, id)
}

/// Checks a failed turn: its error, its ids, what was kept, what was charged, and that the conversation goes on.
async fn expect_failure(
    user: &User,
    answer: &Answer,
    conversation: &Value,
    status: u16,
    code: &str,
    charged: usize,
) {
    let body = answer.json();
    assert_eq!(
        (answer.status, &body["code"]),
        (status, &json!(code)),
        "{answer:?}"
    );
    assert!(body["detail"].is_string() && !body["detail"].as_str().unwrap().is_empty());
    assert_eq!(body["request_id"], answer.header("x-request-id"));
    assert_eq!(&body["conversation_id"], conversation);
    // Nothing of the cause reaches the caller.
    for secret in [
        "sk-",
        "127.0.0.1",
        "openai.com",
        "Incorrect",
        "server had an error",
        "quota",
    ] {
        assert!(!answer.text.contains(secret), "{secret}: {answer:?}");
    }
    let stored = messages(user, conversation).await;
    assert_eq!(stored.len(), 2, "{stored:?}");
    assert_eq!(
        (&stored[0]["id"], &stored[0]["text"]),
        (&body["request_message_id"], &json!("a question"))
    );
    assert_eq!(stored[1]["id"], body["response_message_id"]);
    assert_eq!(stored[1]["error"]["code"], code);
    assert!(
        stored[1]["status"] == "failed" || stored[1]["status"] == "interrupted",
        "{stored:?}"
    );
    let rows = usage(user, &stored[1]["id"]).await;
    assert_eq!(rows.len(), charged, "{rows:?}");
    if charged == 0 {
        assert_eq!(
            (&stored[1]["price_exact"], &stored[1]["price"]),
            (&json!("0"), &json!(0.0))
        );
    }
    let id = conversation.to_string();
    let next = chat(user, &[("text", "again"), ("conversation_id", &id)]).await;
    assert_eq!(next["answer"], "Echo: again");
    assert_eq!(messages(user, conversation).await.len(), 4);
}

on_both! {
    async fn refusals_are_named(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        for (reply, status, code) in [
            (Reply::unauthorized(), 502, "provider_auth"),
            (Reply::rate_limited(Some(30)), 503, "provider_rate_limited"),
            (Reply::insufficient_quota(), 0, ""),
            (Reply::model_not_found(), 400, "model_unavailable"),
            (Reply::context_too_long(), 400, "context_too_long"),
            (Reply::error(400, "invalid_request_error", "invalid_value", "No"), 502, "provider_error"),
            (Reply::error(403, "forbidden", "unsupported_country", "No"), 502, "provider_auth"),
        ] {
            provider.push(reply);
            let (answer, conversation) = ask(&user).await;
            if status == 0 {
                // No credit: an account's matter, whatever the code.
                assert!([502, 503].contains(&answer.status), "{answer:?}");
                continue;
            }
            if status == 503 {
                let wait: u64 = answer.header("retry-after").parse().unwrap();
                assert!((30..=60).contains(&wait), "{wait}");
            }
            expect_failure(&user, &answer, &conversation, status, code, 0).await;
        }
    }

    async fn a_stream_that_breaks_keeps_what_came(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        for reply in [
            Reply::text("Half an answer").deltas(2).cut_after(1),
            Reply::text("Half an answer").deltas(2).fault_after(1, Fault::End),
            Reply::text("Half an answer").deltas(2).fault_after(1, Fault::Garbage),
        ] {
            provider.push(reply);
            let (answer, conversation) = ask(&user).await;
            expect_failure(&user, &answer, &conversation, 502, "provider_error", 1).await;
            let stored = messages(&user, &conversation).await;
            assert_eq!(stored[1]["text"], "Half an", "{stored:?}");
            assert_eq!(stored[1]["status"], "interrupted");
            let rows = usage(&user, &stored[1]["id"]).await;
            assert_eq!(rows[0]["usage_source"], "estimated");
        }
    }
}

/// The three tries before the first byte take a moment, so these share one program.
#[tokio::test]
async fn errors_that_repeat() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    for reply in [
        Reply::server_error(),
        Reply::page(502, "text/html", "<html>Bad gateway</html>"),
        Reply::not_http(),
        Reply::close_before_headers(),
        Reply::redirect("http://169.254.169.254/latest/meta-data"),
    ] {
        let name = format!("{reply:?}");
        let script = reply.clone();
        let calls = provider.counts().calls;
        provider.script(move |_| script.clone());
        let (answer, conversation) = ask(&user).await;
        assert!(provider.counts().calls > calls, "{name}");
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (502, &json!("provider_error")),
            "{name}"
        );
        provider.unscript();
        // A probe may be due only after a while: the circuit protects a provider that keeps failing.
        let id = conversation.to_string();
        let healed = Instant::now();
        loop {
            let (status, body) = user.chat(&[("text", "again"), ("conversation_id", &id)]).await;
            if status == 200 {
                break;
            }
            assert_eq!(body["code"], "provider_error", "{body}");
            assert!(
                healed.elapsed() < Duration::from_secs(6),
                "back within five seconds: {body}"
            );
            tokio::task::yield_now().await;
        }
        let stored = messages(&user, &conversation).await;
        assert_eq!(stored[0]["text"], "a question", "{name}");
        assert_eq!(stored[1]["error"]["code"], "provider_error");
        assert_eq!(usage(&user, &stored[1]["id"]).await.len(), 0, "{name}");
    }
}

/// What was refused is refused again: the user is not told to repeat it.
#[tokio::test]
async fn a_refused_request_is_not_to_be_sent_again() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::error(400, "invalid_request_error", "invalid_value", "No"));
    let (answer, _) = ask(&user).await;
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("refused") && !detail.contains("send it again"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_rate_limit_without_a_time_still_says_how_long_to_wait() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    provider.script(|_| Reply::rate_limited(None));
    let (answer, conversation) = ask(&user).await;
    provider.unscript();
    assert!(
        answer.header("retry-after").parse::<u64>().unwrap() >= 1,
        "{answer:?}"
    );
    expect_failure(&user, &answer, &conversation, 503, "provider_rate_limited", 0).await;
}

/// What mends itself before the first byte is not shown.
#[tokio::test]
async fn a_single_failure_before_the_first_byte_is_tried_again() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    for reply in [
        Reply::server_error(),
        Reply::rate_limited(Some(0)),
        Reply::close_before_headers(),
    ] {
        provider.push(reply);
        let (answer, _) = ask(&user).await;
        assert_eq!(
            (answer.status, &answer.json()["answer"]),
            (200, &json!("Echo: a question"))
        );
        let rows = usage(&user, &answer.json()["response_message_id"]).await;
        assert_eq!(rows.len(), 1, "charged once");
    }
}

/// Silence fails in its time; it is the one test here that has to wait for it.
#[tokio::test]
async fn silence_ends_at_the_deadline() {
    let (app, provider) = with_vendor(options().env("CHATAI__PROVIDERS__TIMEOUT_S", "1")).await;
    let user = app.register("ada@example.com").await;
    for (reply, charged) in [
        (Reply::hang_before_headers(), 0),
        (Reply::text("never").hang_after(0), 0),
        (Reply::text("Half an answer").deltas(2).hang_after(1), 1),
    ] {
        let script = reply.clone();
        provider.script(move |_| script.clone());
        let begun = Instant::now();
        let (answer, conversation) = ask(&user).await;
        let took = begun.elapsed();
        provider.unscript();
        assert!(took >= Duration::from_millis(900), "{took:?}");
        assert!(took < Duration::from_secs(9), "{took:?} with {reply:?}");
        expect_failure(&user, &answer, &conversation, 504, "provider_timeout", charged).await;
    }
}

#[tokio::test]
async fn endless_streams_are_cut() {
    // Comments are a sign of life, so the time of the whole answer is what ends them.
    let options = options()
        .env("CHATAI__PROVIDERS__TIMEOUT_S", "2")
        .env("CHATAI__PROVIDERS__TOTAL_TIMEOUT_S", "8");
    let (app, provider) = with_vendor(options).await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::text("x").fault_after(0, Fault::EndlessLine));
    let (answer, conversation) = ask(&user).await;
    expect_failure(&user, &answer, &conversation, 502, "provider_error", 0).await;

    provider.push(Reply::text("x").fault_after(0, Fault::EndlessComments));
    let (answer, conversation) = ask(&user).await;
    let body = answer.json();
    assert!(
        body["code"] == "provider_error" || body["code"] == "provider_timeout",
        "{body}"
    );
    assert_eq!(messages(&user, &conversation).await[0]["text"], "a question");
}

#[tokio::test]
async fn failures_after_the_text() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    for reply in [
        Reply::text("Part").fails("server_error", "We are sorry"),
        Reply::text("Part").errors("server_error", "We are sorry"),
    ] {
        provider.push(reply);
        let (answer, conversation) = ask(&user).await;
        expect_failure(&user, &answer, &conversation, 502, "provider_error", 1).await;
        assert_eq!(messages(&user, &conversation).await[1]["text"], "Part");
    }
}

/// Odd, but an answer.
#[tokio::test]
async fn oddities_that_are_no_failures() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    for (reply, expected) in [
        (
            Reply::text("All of it").deltas(9).byte_by_byte(Duration::ZERO),
            "All of it",
        ),
        (
            Reply::text("Cut at the limit").incomplete("max_output_tokens"),
            "Cut at the limit",
        ),
        (Reply::refusal("I would rather not."), "I would rather not."),
        (Reply::text("Thought of").reasoning("hm"), "Thought of"),
        (Reply::text("No bill").without_usage(), "No bill"),
    ] {
        provider.push(reply);
        let (answer, _) = ask(&user).await;
        assert_eq!(
            (answer.status, &answer.json()["answer"]),
            (200, &json!(expected)),
            "{answer:?}"
        );
    }
    // Frames inside a text are text.
    provider.push(Reply::injected_frames());
    let (answer, conversation) = ask(&user).await;
    assert_eq!(answer.status, 200);
    let text = messages(&user, &conversation).await[1]["text"].clone();
    assert!(
        text.as_str().unwrap().contains("resp_forged") && text.as_str().unwrap().ends_with("after"),
        "{text}"
    );
}

#[tokio::test]
async fn bytes_that_are_no_utf8_neither_pass_nor_panic() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    provider.push(
        Reply::text("Half an answer")
            .deltas(2)
            .fault_after(1, Fault::BadUtf8),
    );
    let (answer, conversation) = ask(&user).await;
    match answer.status {
        // Replaced, and on with the rest.
        200 => assert_eq!(answer.json()["answer"], "Half an\u{fffd}\u{fffd} answer"),
        502 => expect_failure(&user, &answer, &conversation, 502, "provider_error", 1).await,
        other => panic!("{other}: {answer:?}"),
    }
}

/// Five failures open the circuit: then errors come at once, without a call.
#[tokio::test]
async fn a_dead_provider_is_left_alone() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    provider.script(|_| Reply::server_error());
    for _ in 0..2 {
        assert_eq!(ask(&user).await.0.status, 502);
    }
    let calls = provider.counts().calls;
    assert!((5..=6).contains(&calls), "{calls}");
    for _ in 0..5 {
        let (answer, _) = ask(&user).await;
        assert_eq!(
            (answer.status, &answer.json()["code"]),
            (502, &json!("provider_error")),
            "{answer:?}"
        );
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
    }
    assert!(provider.counts().calls <= calls + 1, "at most a probe");
    assert_eq!(list(&user.get("/conversations/").await.1).len(), 7);
}
