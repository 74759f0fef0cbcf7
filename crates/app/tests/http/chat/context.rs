//! What of a conversation a model is given.

use crate::support::{app_with_vendor, chat, list, on_both, options, with_vendor};
use chatai_testkit::provider::{RecordedRequest, Reply};
use serde_json::json;

fn given(request: &RecordedRequest) -> String {
    json!(request.input()).to_string()
}

on_both! {
    async fn the_question_once_and_everything_that_fits(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let id = chat(&user, &[("text", "marker-0")]).await["conversation_id"].to_string();
        for turn in 1..5 {
            chat(&user, &[("text", &format!("marker-{turn}")), ("conversation_id", &id)]).await;
        }
        let calls = provider.answer_calls();
        assert_eq!(calls.len(), 5);
        for (turn, call) in calls.iter().enumerate() {
            let given = given(call);
            for earlier in 0..turn {
                // Once in the question, once in its echo.
                assert_eq!(given.matches(&format!("marker-{earlier}")).count(), 2, "{given}");
            }
            assert_eq!(given.matches(&format!("marker-{turn}")).count(), 1, "{given}");
            assert_eq!(call.input().len(), 2 * turn + 1);
        }
    }

    async fn survives_a_restart_and_is_never_stale(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let id = chat(&user, &[("text", "one")]).await["conversation_id"].to_string();
        chat(&user, &[("text", "two"), ("conversation_id", &id)]).await;
        app.kill();
        app.start_again().await;
        let user = user.at(&app.base_url());
        chat(&user, &[("text", "three"), ("conversation_id", &id)]).await;
        let calls = provider.answer_calls();
        assert_eq!(calls[2].input().len(), 5, "{}", given(&calls[2]));
        assert!(given(&calls[2]).starts_with(given(&calls[1]).trim_end_matches(']')), "byte-identical from turn to turn");
    }
}

/// Providers bill a repeated beginning at a fraction.
#[tokio::test]
async fn each_request_begins_with_the_one_before() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let id = chat(&user, &[("text", "one")]).await["conversation_id"].to_string();
    for text in ["two", "three", "four"] {
        chat(&user, &[("text", text), ("conversation_id", &id)]).await;
    }
    let calls = provider.answer_calls();
    for pair in calls.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        for member in ["instructions", "tools", "model"] {
            assert_eq!(
                before.json()[member].to_string(),
                after.json()[member].to_string(),
                "{member}"
            );
        }
        assert!(after.input().starts_with(before.input()));
    }
}

/// The original gave the *first* fifty messages.
#[tokio::test]
async fn the_most_recent_are_given_when_not_all_fit() {
    let (app, provider) = with_vendor(options().env("CHATAI__LIMITS__CONTEXT_TOKENS", "2000")).await;
    let user = app.register("ada@example.com").await;
    provider.script(|request| match request.schema_name() {
        Some(_) => Reply::echo(request),
        None => Reply::text("ok"),
    });
    let filler = "some words of filling ".repeat(16);
    let mut id = String::new();
    for turn in 0..40 {
        let text = format!("turn-{turn:02} {filler}");
        let mut fields = vec![("text", text.as_str())];
        if turn > 0 {
            fields.push(("conversation_id", id.as_str()));
        }
        let body = chat(&user, &fields).await;
        id = body["conversation_id"].to_string();
    }
    let calls = provider.answer_calls();
    let last = calls.last().unwrap();
    let given = given(last);
    assert!(
        given.contains("turn-39") && given.contains("turn-38") && given.contains("turn-36"),
        "{given}"
    );
    assert!(
        !given.contains("turn-00") && !given.contains("turn-05"),
        "{given}"
    );
    assert!(given.len() < 2_000 * 8, "{}", given.len());
    // The border moves in blocks: the beginning stays the same for some turns.
    let firsts: Vec<String> = calls[15..]
        .iter()
        .map(|call| call.input()[0].to_string())
        .collect();
    let moves = firsts.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(moves < firsts.len() * 2 / 3, "{moves} of {}", firsts.len());
}

#[tokio::test]
async fn nothing_of_other_users_or_other_conversations() {
    let (app, provider) = app_with_vendor().await;
    let ada = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    chat(&ada, &[("text", "ada-secret-1")]).await;
    let id = chat(&ada, &[("text", "ada-secret-2")]).await["conversation_id"].to_string();
    chat(&eve, &[("text", "what do you know?")]).await;
    let calls = provider.answer_calls();
    let eves = calls.last().unwrap();
    assert!(
        !String::from_utf8_lossy(&eves.body).contains("ada"),
        "{}",
        given(eves)
    );
    chat(&ada, &[("text", "go on"), ("conversation_id", &id)]).await;
    let calls = provider.answer_calls();
    assert!(given(calls.last().unwrap()).contains("ada-secret-2"));
    assert!(!given(calls.last().unwrap()).contains("ada-secret-1"));
}

#[tokio::test]
async fn a_text_beyond_the_models_window_is_refused_before_anything_is_written() {
    let options = options().env("CHATAI__LIMITS__MESSAGE_CHARS", "2000000");
    let (app, provider) = with_vendor(options).await;
    let user = app.register("ada@example.com").await;
    let text = "lots of words ".repeat(60_000);
    let (status, body) = user.chat(&[("text", &text), ("model", "gpt-4o")]).await;
    assert_eq!(
        (status, &body["code"]),
        (400, &json!("context_too_long")),
        "{body}"
    );
    assert_eq!(list(&user.get("/conversations/").await.1).len(), 0);
    assert_eq!(provider.counts().calls, 0);
}
