//! `POST /chat/messages/{id}/regenerate` with `go_on`: an answer that broke off is gone on with.

use crate::support::{
    app_with_vendor, cancel, chat, messages, on_both, regenerate, regenerating, send, stream, usage,
    with_vendor,
};
use chatai_testkit::{
    app::User,
    events::{EventStream, Told},
    provider::{Reply, ScriptedProvider},
};
use serde_json::{Value, json};

/// An answer that was stopped in the middle of a word.
async fn stopped(user: &User, provider: &ScriptedProvider) -> Told {
    provider.push(Reply::text("The sea is wide and deep").deltas(24).hang_after(13));
    let mut events = stream(user, &[("text", "How is the sea?"), ("model", "gpt-4o")]).await;
    let mut told = Told::default();
    events.read_text(&mut told, 13).await;
    assert_eq!(cancel(user, told.answer()).await.0, 200);
    events.read_to_end(&mut told).await;
    assert_eq!((told.text.as_str(), told.status()), ("The sea is wi", "stopped"));
    told
}

on_both! {
    async fn begins_with_what_was_said_and_goes_on(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let old = stopped(&user, &provider).await;
        let calls = provider.counts().calls;
        provider.push(Reply::text(" wide and deep.").deltas(3));
        let mut told = Told::default();
        let request = regenerating(&user, old.answer(), &json!({"go_on": true, "stream": true}));
        EventStream::open(request).await.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), ("The sea is wide and deep.", "complete"));
        assert_eq!(provider.counts().calls, calls + 1, "one call");

        // The model was shown its own words, and asked to go on.
        let call = provider.answer_calls().pop().unwrap();
        assert_eq!(call.model(), "gpt-4o");
        let roles: Vec<&str> = call.input().iter().filter_map(|item| item["role"].as_str()).collect();
        assert_eq!(roles, ["user", "assistant", "user"]);
        assert!(call.input()[1]["content"].to_string().contains("The sea is"));
        assert!(!call.input()[1]["content"].to_string().contains("wi\""), "half a word is said again as a whole");
        assert!(call.last_user_text().starts_with("Your answer broke off"));

        // The old answer is as it was, and the new one stands beside it.
        let branch = messages(&user, &json!(old.conversation())).await;
        assert_eq!((branch.len(), &branch[1]["text"]), (2, &json!("The sea is wide and deep.")));
        assert_eq!(branch[1]["siblings"], json!([old.answer(), told.answer()]));
        let (_, tree) = user.get(&format!("/conversations/{}/messages?tree=true", old.conversation())).await;
        assert_eq!((&tree["messages"][1]["text"], &tree["messages"][1]["status"]), (&json!("The sea is wi"), &json!("stopped")));
        assert_eq!(usage(&user, &json!(told.answer())).await.len(), 1, "what the old one cost is not charged again");

        // What follows is given the whole answer.
        chat(&user, &[("text", "and?"), ("conversation_id", &old.conversation().to_string())]).await;
        assert!(provider.answer_calls().pop().unwrap().input()[1]["content"].to_string().contains("The sea is wide and deep."));
    }

    async fn one_that_is_broken_off_again_keeps_what_it_has(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let old = stopped(&user, &provider).await;
        // The model says nothing more.
        provider.push(Reply::text(""));
        let answer = send(regenerating(&user, old.answer(), &json!({"go_on": true}))).await;
        assert_eq!(answer.status, 502, "{answer:?}");
        let branch = messages(&user, &json!(old.conversation())).await;
        assert_eq!((&branch[1]["text"], &branch[1]["status"]), (&json!("The sea is"), &json!("interrupted")));
    }

    async fn without_anything_to_go_on_from_it_begins_anew(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("Word"));
        let one = chat(&user, &[("text", "one")]).await;
        provider.push(Reply::text("Another."));
        let again = regenerate(&user, one["response_message_id"].as_i64().unwrap(), &json!({"go_on": true})).await;
        assert_eq!(again["answer"], "Another.");
        assert_eq!(provider.answer_calls().pop().unwrap().input().len(), 1);
        let built_in = chat(&user, &[("text", "What can you do?"), ("model", "built-in")]).await;
        let again = regenerate(&user, built_in["response_message_id"].as_i64().unwrap(), &json!({"go_on": true})).await;
        assert_eq!(again["answer"], built_in["answer"], "the built-in responder says the same each time");
    }

    async fn it_is_another_request_than_answering_anew(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let old = stopped(&user, &provider).await;
        let keyed = |body: Value| regenerating(&user, old.answer(), &body).header("idempotency-key", "k");
        provider.push(Reply::text("wide."));
        let first = send(keyed(json!({"go_on": true}))).await;
        assert_eq!((first.status, &first.json()["answer"]), (200, &json!("The sea is wide.")));
        assert_eq!(send(keyed(json!({"go_on": true}))).await.json(), first.json(), "the same turn");
        send(keyed(json!({}))).await.expect_error(422, "idempotency_mismatch", "This `Idempotency-Key` was used for another request");
    }
}

/// On a database that instances share its owner may live on another one, so that only a lease's end settles it.
#[tokio::test]
async fn what_it_begins_with_is_not_billed_again_after_a_kill() {
    let (mut app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let sea = "The sea is wide and deep. ".repeat(40);
    provider.push(Reply::text(&sea).deltas(4).hang_after(3));
    let mut events = stream(&user, &[("text", "How is the sea?"), ("model", "gpt-4o")]).await;
    let mut old = Told::default();
    events.read_text(&mut old, sea.len() / 2).await;
    cancel(&user, old.answer()).await;
    events.read_to_end(&mut old).await;
    provider.push(Reply::text(" Calm today, and more").deltas(2).hang_after(1));
    let request = regenerating(&user, old.answer(), &json!({"go_on": true, "stream": true}));
    let (mut events, mut told) = (EventStream::open(request).await, Told::default());
    let kept = old.text.trim_end().rfind(' ').unwrap();
    events.read_text(&mut told, kept + 5).await;
    app.kill();
    app.start_again().await;
    let user = user.at(&app.base_url());
    let calls = usage(&user, &json!(told.answer())).await;
    let billed = calls[0]["output_tokens"].as_i64().unwrap();
    assert_eq!(
        (calls.len(), &calls[0]["usage_source"]),
        (1, &json!("estimated")),
        "{calls:?}"
    );
    assert!(
        (1..20).contains(&billed),
        "a few words were new, not {billed} tokens"
    );
    assert!(
        calls[0]["input_tokens"].as_i64().unwrap() > 100,
        "the old words went in: {calls:?}"
    );
}
