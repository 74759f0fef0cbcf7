//! Summaries of long questions (over 400 code points) and long answers (over 600).

use crate::support::{app_with_vendor, chat, messages, on_both, options, scopes, usage, with_vendor};
use chatai_testkit::provider::{Gate, RecordedRequest, Reply};
use serde_json::{Value, json};

fn is_summary(request: &RecordedRequest) -> bool {
    request.instructions().contains("Summarise") && request.tool_names().is_empty()
}

on_both! {
    async fn from_the_stated_lengths_on(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        // Astral characters: code points count, neither bytes nor UTF-16 units.
        for (question, answer, question_summary, answer_summary) in [
            (400, 600, false, false),
            (401, 600, true, false),
            (400, 601, false, true),
            (401, 601, true, true),
        ] {
            provider.push_when(|request| !request.tool_names().is_empty(), Reply::text("😀".repeat(answer)));
            provider.script(|request| match is_summary(request) {
                true => Reply::text(format!("short: {}", request.last_user_text().chars().count())).usage(7, 0, 3, 0),
                false => Reply::echo(request),
            });
            let body = chat(&user, &[("text", &"😀".repeat(question))]).await;
            let stored = messages(&user, &body["conversation_id"]).await;
            let expected = |made: bool, length: usize| match made {
                true => json!(format!("short: {length}")),
                false => Value::Null,
            };
            assert_eq!(stored[0]["summary"], expected(question_summary, question));
            assert_eq!(stored[1]["summary"], expected(answer_summary, answer));
            let rows = usage(&user, &body["response_message_id"]).await;
            let made = usize::from(question_summary) + usize::from(answer_summary);
            let mut expected = vec!["title"];
            expected.extend(std::iter::repeat_n("summary", made));
            expected.push("final");
            assert_eq!(scopes(&rows), expected, "recorded and charged");
        }
    }
}

/// A first answer byte waits for one model call, not for three.
#[tokio::test]
async fn nothing_is_waited_for_before_the_answer_is_asked_for() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let (titling, summing, answering) = (Gate::new(), Gate::new(), Gate::new());
    provider.push_for_schema(
        "title",
        Reply::json(&json!({"title": "T"})).gate_headers(&titling),
    );
    provider.push_when(is_summary, Reply::text("short").gate_headers(&summing));
    provider.push_when(
        |request| !request.tool_names().is_empty(),
        Reply::text("done").gate_headers(&answering),
    );
    let turn = tokio::spawn({
        let user = user.clone();
        async move { user.chat(&[("text", &"word ".repeat(100))]).await }
    });
    // All three are under way at once.
    tokio::join!(titling.reached(), summing.reached(), answering.reached());
    for gate in [titling, summing, answering] {
        gate.open();
    }
    assert_eq!(turn.await.unwrap().0, 200);
}

#[tokio::test]
async fn come_from_the_configured_model() {
    let (app, provider) = with_vendor(options().env("OPENAI_SUMMARY_MODEL", "gpt-4.1-mini")).await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", &"word ".repeat(100)), ("model", "gpt-4o")]).await;
    let calls = provider.calls();
    let asked: Vec<_> = calls.iter().filter(|call| is_summary(call)).collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].model(), "gpt-4.1-mini");
}

#[tokio::test]
async fn their_failure_fails_nothing() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    provider.push_when(is_summary, Reply::unauthorized());
    let body = chat(&user, &[("text", &"word ".repeat(100))]).await;
    let stored = messages(&user, &body["conversation_id"]).await;
    assert_eq!(stored[0]["summary"], Value::Null);
    assert_eq!(stored[1]["status"], "complete");
}
