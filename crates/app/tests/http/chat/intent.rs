//! How much context a question needs, where a model is asked for it.

use crate::support::{chat, on_both, options, scopes, usage, with_vendor};
use chatai_testkit::provider::{RecordedRequest, Reply};
use serde_json::json;

/// The texts of what a model was given, role by role.
fn given(request: &RecordedRequest) -> Vec<String> {
    let text = |item: &serde_json::Value| match &item["content"] {
        serde_json::Value::String(text) => text.clone(),
        parts => parts
            .as_array()
            .map(|parts| parts.iter().filter_map(|part| part["text"].as_str()).collect())
            .unwrap_or_default(),
    };
    request
        .input()
        .iter()
        .map(|item| format!("{}: {}", item["role"].as_str().unwrap_or("?"), text(item)))
        .collect()
}

on_both! {
    async fn none_last_message_and_full(options) {
        let (app, provider) = with_vendor(options.env("OPENAI_INTENT_MODEL", "gpt-4o-mini")).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "q1")]).await;
        let id = first["conversation_id"].to_string();
        assert_eq!(scopes(&usage(&user, &first["response_message_id"]).await), ["title", "final"], "nothing to decide on yet");
        chat(&user, &[("text", "q2"), ("conversation_id", &id)]).await;
        let all = ["user: q1", "assistant: Echo: q1", "user: q2", "assistant: Echo: q2"];
        for (decision, seen) in [("none", 4), ("last_message", 2), ("full", 0)] {
            provider.push_for_schema("context", Reply::json(&json!({"context": decision})).usage(30, 0, 4, 0));
            let body = chat(&user, &[("text", "now"), ("conversation_id", &id)]).await;
            let calls = provider.answer_calls();
            let mut expected: Vec<&str> = match decision {
                "last_message" if seen == 2 => all[2..].to_vec(),
                "none" => Vec::new(),
                _ => Vec::new(),
            };
            if decision == "last_message" {
                expected = vec!["user: now", "assistant: Echo: now"];
            }
            if decision == "full" {
                expected = all.to_vec();
                expected.extend(["user: now", "assistant: Echo: now", "user: now", "assistant: Echo: now"]);
            }
            expected.push("user: now");
            assert_eq!(given(calls.last().unwrap()), expected, "{decision}");
            let rows = usage(&user, &body["response_message_id"]).await;
            assert_eq!(scopes(&rows), ["intent", "final"]);
            assert_eq!((&rows[0]["model"], &rows[0]["input_tokens"]), (&json!("gpt-4o-mini"), &json!(30)));
        }
    }
}

#[tokio::test]
async fn a_failing_or_nonsensical_one_gives_all() {
    let (app, provider) = with_vendor(options().env("OPENAI_INTENT_MODEL", "gpt-4o-mini")).await;
    let user = app.register("ada@example.com").await;
    let id = chat(&user, &[("text", "q1")]).await["conversation_id"].to_string();
    let mut length = 3;
    for reply in [
        Reply::unauthorized(),
        Reply::text("not json"),
        Reply::json(&json!({"context": "perhaps"})),
    ] {
        provider.push_for_schema("context", reply);
        chat(&user, &[("text", "next"), ("conversation_id", &id)]).await;
        let calls = provider.answer_calls();
        assert_eq!(given(calls.last().unwrap()).len(), length);
        length += 2;
    }
}

#[tokio::test]
async fn unset_asks_no_model() {
    let (app, provider) = with_vendor(options()).await;
    let user = app.register("ada@example.com").await;
    let id = chat(&user, &[("text", "q1")]).await["conversation_id"].to_string();
    chat(&user, &[("text", "q2"), ("conversation_id", &id)]).await;
    let calls = provider.calls();
    assert!(calls.iter().all(|call| call.schema_name() != Some("context")));
    assert_eq!(calls.len(), 3, "a title and two answers");
}
