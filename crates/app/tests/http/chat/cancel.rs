//! `POST /chat/messages/{id}/cancel`: an answer is stopped, what it said is kept and what it used is billed.

use crate::support::{
    TwoInstances, app_with_vendor, cancel, chat, list, message, messages, on_both, resume, resuming, send,
    stream, usage, with_vendor,
};
use chatai_testkit::{
    events::Told,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The target is 50 ms; a machine that is busy with other tests is given more.
const SOON: Duration = Duration::from_secs(1);

on_both! {
    async fn stops_the_answer_and_keeps_what_it_said(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("Half of the answer").deltas(18).hang_after(4));
        let mut events = stream(&user, &[("text", "hello"), ("model", "gpt-4o")]).await;
        let mut told = Told::default();
        events.read_text(&mut told, 4).await;
        // The title has ended, so that one call is open.
        provider.wait_until(|counts| counts.finished == 1).await;
        let begun = Instant::now();
        let stopping = tokio::spawn({
            let (user, answer) = (user.clone(), told.answer());
            async move { cancel(&user, answer).await }
        });
        provider.wait_for_aborted(1).await;
        let took = begun.elapsed();
        assert!(took < SOON, "the provider's connection stayed open for {took:?}");
        assert_eq!(stopping.await.unwrap(), (200, json!({"status": "stopped"})));
        events.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), ("Half", "stopped"));
        assert_eq!(told.done.as_ref().unwrap().get("error"), None);

        let stored = message(&user, told.conversation(), told.answer()).await;
        assert_eq!((&stored["text"], &stored["status"], &stored["error"]), (&json!("Half"), &json!("stopped"), &Value::Null));
        let rows = usage(&user, &json!(told.answer())).await;
        let last = rows.last().unwrap();
        assert_eq!((&last["scope"], &last["usage_source"], &last["output_tokens"]), (&json!("final"), &json!("estimated"), &json!(1)), "{last}");
        assert!(last["input_tokens"].as_i64().unwrap() > 0 && last["price"].as_f64().unwrap() > 0.0, "{last}");
        let sum: f64 = rows.iter().map(|row| row["price"].as_f64().unwrap()).sum();
        assert!((stored["price"].as_f64().unwrap() - sum).abs() < 1e-12);
        for _ in 0..2 {
            assert_eq!(cancel(&user, told.answer()).await, (200, json!({"status": "stopped"})), "a repeat answers the same");
        }
        assert_eq!(usage(&user, &json!(told.answer())).await, rows, "and charges nothing");

        // The conversation goes on, and its model is given what was said.
        chat(&user, &[("text", "and?"), ("conversation_id", &told.conversation().to_string())]).await;
        let calls = provider.answer_calls();
        assert!(calls.last().unwrap().json()["input"].to_string().contains("Half"));
    }

    async fn before_the_model_has_said_anything(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        for reply in [Reply::text("Never").gate_headers(&gate), Reply::text("Never").hang_after(0)] {
            let begun = provider.counts();
            provider.push(reply);
            let mut events = stream(&user, &[("text", "hello"), ("model", "gpt-4o")]).await;
            let mut told = Told::default();
            told.take(&events.next().await.unwrap());
            provider.wait_until(|counts| counts.calls == begun.calls + 2).await;
            let (status, body) = cancel(&user, told.answer()).await;
            assert_eq!((status, body), (200, json!({"status": "stopped"})));
            events.read_to_end(&mut told).await;
            provider.wait_until(|counts| counts.finished + counts.aborted == begun.finished + begun.aborted + 2).await;
            let stored = message(&user, told.conversation(), told.answer()).await;
            assert_eq!((&stored["text"], &stored["status"]), (&json!(""), &json!("stopped")));
            let rows = usage(&user, &json!(told.answer())).await;
            let scopes = crate::support::scopes(&rows);
            assert_eq!(scopes, ["title", "final"], "every call is on the books: {rows:?}");
        }
        gate.open();
    }

    async fn an_answer_that_has_ended_stays_as_it_is(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let body = chat(&user, &[("text", "hello")]).await;
        let answer = body["response_message_id"].as_i64().unwrap();
        assert_eq!(cancel(&user, answer).await, (200, json!({"status": "complete"})));
        provider.push(Reply::unauthorized());
        let (_, failed) = user.chat(&[("text", "hello")]).await;
        let failed = failed["response_message_id"].as_i64().unwrap();
        assert_eq!(cancel(&user, failed).await, (200, json!({"status": "failed"})));
        assert_eq!(messages(&user, &body["conversation_id"]).await[1]["text"], "Echo: hello");
    }

    async fn nobody_elses(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("Mine").gate_after(0, &gate));
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        told.take(&events.next().await.unwrap());
        let question = told.turn.as_ref().unwrap()["request_message_id"].as_i64().unwrap();
        let (status, unknown) = cancel(&eve, 999_999).await;
        assert_eq!((status, &unknown["code"]), (404, &json!("message_not_found")));
        let (status, foreign) = cancel(&eve, told.answer()).await;
        assert_eq!((status, &foreign["code"], &foreign["detail"]), (404, &unknown["code"], &unknown["detail"]));
        assert_eq!(cancel(&user, question).await.0, 404, "a question cannot be stopped");
        assert_eq!(user.post("/chat/messages/x/cancel", &json!({})).await.0, 422);
        gate.open();
        events.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), ("Mine", "complete"));
    }

    async fn one_that_waits_for_the_whole_answer_is_given_what_there_is(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("Half of it").deltas(10).gate_after(4, &gate));
        let waiting = tokio::spawn({
            let user = user.clone();
            async move { user.chat(&[("text", "hello")]).await }
        });
        gate.reached().await;
        let conversation = list(&user.get("/conversations/").await.1)[0]["id"].clone();
        let answer = messages(&user, &conversation).await[1]["id"].as_i64().unwrap();
        let mut events = resume(&user, answer, None).await;
        let mut told = Told::default();
        events.read_text(&mut told, 4).await;
        assert_eq!(cancel(&user, answer).await.1["status"], "stopped");
        let (status, body) = waiting.await.unwrap();
        assert_eq!((status, &body["answer"]), (200, &json!("Half")));
    }

    async fn deleting_the_conversation_stops_its_answer(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("Half of it").deltas(10).hang_after(4));
        let mut events = stream(&user, &[("text", "hello")]).await;
        let mut told = Told::default();
        events.read_text(&mut told, 4).await;
        provider.wait_until(|counts| counts.finished == 1).await;
        assert_eq!(user.delete(&format!("/conversations/{}", told.conversation())).await.0, 200);
        provider.wait_for_aborted(1).await;
        events.read_to_end(&mut told).await;
        assert_eq!(told.status(), "stopped");
        assert_eq!(send(resuming(&user, told.answer(), None)).await.status, 404);
        assert_eq!(cancel(&user, told.answer()).await.0, 404);
    }
}

#[tokio::test]
async fn parallel_requests_to_stop_agree() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::text("Half of it").deltas(10).hang_after(4));
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    events.read_text(&mut told, 4).await;
    let mut stopping = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (user, answer) = (user.clone(), told.answer());
        stopping.spawn(async move { cancel(&user, answer).await });
    }
    for answer in stopping.join_all().await {
        assert_eq!(answer, (200, json!({"status": "stopped"})));
    }
    assert_eq!(usage(&user, &json!(told.answer())).await.len(), 2);
}

#[tokio::test]
async fn it_needs_a_token() {
    let (app, _provider) = app_with_vendor().await;
    let request = app
        .client()
        .request(Method::POST, app.url("/chat/messages/1/cancel"));
    send(request)
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}

/// Asked for on one instance while another runs it.
#[tokio::test]
async fn on_another_instance_postgres() {
    let TwoInstances {
        app: _app,
        beside: _beside,
        provider,
        user,
        there,
    } = TwoInstances::start().await;
    provider.push(Reply::text("Half of it").deltas(10).hang_after(4));
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    events.read_text(&mut told, 4).await;
    assert_eq!(
        cancel(&there, told.answer()).await,
        (200, json!({"status": "stopped"}))
    );
    events.read_to_end(&mut told).await;
    assert_eq!((told.text.as_str(), told.status()), ("Half", "stopped"));
    provider.wait_for_aborted(1).await;
    assert_eq!(
        cancel(&there, told.answer()).await,
        (200, json!({"status": "stopped"}))
    );
    // Deleted there while it is silent here.
    provider.push(Reply::text("Half of it").deltas(10).hang_after(4));
    let mut events = stream(&user, &[("text", "hello")]).await;
    let mut told = Told::default();
    events.read_text(&mut told, 4).await;
    let path = format!("/conversations/{}", told.conversation());
    assert_eq!(there.delete(&path).await.0, 200);
    events.read_to_end(&mut told).await;
    assert_eq!(told.status(), "stopped");
    provider.wait_for_aborted(2).await;
    let gone = resuming(&there, told.answer(), None);
    assert_eq!(send(gone).await.status, 404);
}
