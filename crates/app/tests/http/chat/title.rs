//! The title of a new conversation: made beside the answer, never in its way.

use crate::support::{app_with_vendor, chat, list, on_both, options, scopes, usage, with_vendor};
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn title(user: &User) -> Value {
    list(&user.get("/conversations/").await.1)[0]["title"].clone()
}

on_both! {
    async fn is_there_with_the_reply(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push_for_schema("title", Reply::json(&json!({"title": "\"A  sea\nvoyage.\""})).usage(40, 0, 6, 0));
        let body = chat(&user, &[("text", "Tell me about a journey by ship")]).await;
        assert_eq!(title(&user).await, "A sea voyage", "short and plain");
        let rows = usage(&user, &body["response_message_id"]).await;
        assert_eq!(scopes(&rows), ["title", "final"]);
        assert_eq!((&rows[0]["input_tokens"], &rows[0]["output_tokens"]), (&json!(40), &json!(6)));
        assert_eq!(rows[0]["message_id"], body["response_message_id"], "its cost is part of the turn");
    }
}

#[tokio::test]
async fn is_asked_as_structured_output_of_the_configured_model() {
    let (app, provider) = with_vendor(options().env("OPENAI_TITLE_MODEL", "gpt-4o-mini")).await;
    let user = app.register("ada@example.com").await;
    chat(&user, &[("text", "hello"), ("model", "gpt-4o")]).await;
    let calls = provider.calls();
    let asked: Vec<_> = calls
        .iter()
        .filter(|call| call.schema_name() == Some("title"))
        .collect();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].model(), "gpt-4o-mini");
    assert_eq!(asked[0].json()["text"]["format"]["type"], "json_schema");
    assert_eq!(asked[0].last_user_text(), "hello");
}

#[tokio::test]
async fn a_provisional_one_stands_until_it_comes() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let (answering, titling) = (Gate::new(), Gate::new());
    provider.push(Reply::text("done").gate_after(0, &answering));
    provider.push_for_schema(
        "title",
        Reply::json(&json!({"title": "Made"})).gate_headers(&titling),
    );
    let long = "What do the first  words of\nthis question say about everything that follows them?";
    let turn = tokio::spawn({
        let user = user.clone();
        async move { user.chat(&[("text", long)]).await }
    });
    answering.reached().await;
    titling.reached().await;
    assert_eq!(
        title(&user).await,
        "What do the first words of this question say about…",
        "the question's first words"
    );
    answering.open();
    titling.open();
    assert_eq!(turn.await.unwrap().0, 200);
    assert_eq!(title(&user).await, "Made");
}

#[tokio::test]
async fn the_turn_waits_two_seconds_for_it_and_no_longer() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let never = Gate::new();
    provider.push_for_schema(
        "title",
        Reply::json(&json!({"title": "Late"})).gate_headers(&never),
    );
    let begun = Instant::now();
    let body = chat(&user, &[("text", "Only these words")]).await;
    let took = begun.elapsed();
    assert!(
        took >= Duration::from_millis(1_900) && took < Duration::from_secs(6),
        "{took:?}"
    );
    assert_eq!(title(&user).await, "Only these words");
    let rows = usage(&user, &body["response_message_id"]).await;
    // Nobody knows what the ended call used: it is recorded, and not charged.
    assert_eq!(scopes(&rows), ["title", "final"]);
    assert_eq!(
        (&rows[0]["usage_source"], &rows[0]["price"]),
        (&json!("none"), &json!(0.0))
    );
}

#[tokio::test]
async fn its_failure_never_fails_the_answer() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for reply in [
        Reply::unauthorized(),
        Reply::json(&json!({"name": "no title"})),
        Reply::text(""),
        Reply::text("x").cut_after(0),
        Reply::refusal("I cannot."),
    ] {
        provider.push_for_schema("title", reply);
        chat(&user, &[("text", "Question of mine")]).await;
        let title = title(&user).await;
        assert!(
            title == "Question of mine" || title == "I cannot",
            "{title}: what came is taken at its word, or nothing"
        );
    }
}

#[tokio::test]
async fn a_conversation_that_has_one_asks_for_none() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let body = chat(&user, &[("text", "first")]).await;
    let id = body["conversation_id"].to_string();
    chat(&user, &[("text", "second"), ("conversation_id", &id)]).await;
    let (_, made) = user.post("/conversations/", &json!({})).await;
    chat(
        &user,
        &[("text", "third"), ("conversation_id", &made.to_string())],
    )
    .await;
    let calls = provider.calls();
    let titles = calls.iter().filter(|call| call.schema_name() == Some("title"));
    assert_eq!(titles.count(), 1);
}

/// A title the user gave while the model made one is not overwritten.
#[tokio::test]
async fn renaming_meanwhile_wins() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.push(Reply::text("done").gate_after(0, &gate));
    let turn = tokio::spawn({
        let user = user.clone();
        async move { user.chat(&[("text", "question")]).await }
    });
    gate.reached().await;
    let id = list(&user.get("/conversations/").await.1)[0]["id"].clone();
    let path = format!("/conversations/{id}/rename?new_title=Mine");
    let renamed = user.call(reqwest::Method::PUT, &path).send().await.unwrap();
    assert_eq!(renamed.status(), 200);
    gate.open();
    assert_eq!(turn.await.unwrap().0, 200);
    assert_eq!(title(&user).await, "Mine");
}

/// Titles that fail are nobody else's matter: the provider is not taken for dead because of them.
#[tokio::test]
async fn titles_that_fail_keep_no_answer_from_anybody() {
    let (app, provider) = app_with_vendor().await;
    provider.script(|request| match request.schema_name() {
        Some(_) => Reply::server_error(),
        None => Reply::echo(request),
    });
    let (ada, bob) = (
        app.register("ada@example.com").await,
        app.register("bob@example.com").await,
    );
    for number in 0..4 {
        for user in [&ada, &bob] {
            let text = format!("question {number}");
            let answered = chat(user, &[("text", &text)]).await;
            assert_eq!(answered["answer"], format!("Echo: {text}"));
            assert_eq!(title(user).await, text.as_str(), "the provisional title stays");
        }
    }
    assert_eq!(provider.answer_calls().len(), 8);
    let titles = provider.counts().calls - 8;
    assert!((5..=7).contains(&titles), "then they are left alone: {titles}");
}
