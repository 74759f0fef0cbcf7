//! `Idempotency-Key`: the same request again gives the same turn.

use crate::support::{
    Answer, TwoInstances, app_with_vendor, list, messages, on_both, regenerating, send, stream, usage,
    with_vendor,
};
use chatai_testkit::{
    app::User,
    events::{EventStream, Told},
    provider::{Gate, Reply},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn keyed(user: &User, key: &str, fields: &[(&str, &str)]) -> RequestBuilder {
    let call = user.call(Method::POST, "/chat/");
    call.header("idempotency-key", key).form(fields)
}

async fn conversations(user: &User) -> usize {
    list(&user.get("/conversations/").await.1).len()
}

on_both! {
    async fn the_same_key_gives_the_same_turn(options) {
        let (mut app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let fields = [("text", "hello"), ("model", "gpt-4o")];
        let first = send(keyed(&user, "k 1", &fields)).await;
        assert_eq!((first.status, first.header("idempotent-replayed")), (200, ""));
        let counts = provider.counts();
        let rows = usage(&user, &first.json()["response_message_id"]).await;
        let json = user.call(Method::POST, "/chat/").header("idempotency-key", "k 1")
            .json(&json!({"model": "gpt-4o", "text": "hello"}));
        let multipart = |boundary: &str| {
            let body = format!("--{boundary}\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n\
                --{boundary}\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\ngpt-4o\r\n--{boundary}--\r\n");
            user.call(Method::POST, "/chat/").header("idempotency-key", "k 1")
                .header("content-type", format!("multipart/form-data; boundary={boundary}")).body(body)
        };
        for request in [keyed(&user, "k 1", &fields), json, multipart("one"), multipart("another")] {
            let again = send(request).await;
            assert_eq!((again.status, again.header("idempotent-replayed")), (200, "true"), "{again:?}");
            assert_eq!(again.json(), first.json());
        }
        // As a stream it is replayed as a stream.
        let events = EventStream::open(keyed(&user, "k 1", &fields).header("accept", "text/event-stream")).await;
        assert_eq!(events.headers()["idempotent-replayed"], "true");
        let mut told = Told::default();
        events.read_to_end(&mut told).await;
        assert_eq!((told.text.as_str(), told.status()), ("Echo: hello", "complete"));
        assert_eq!(json!(told.answer()), first.json()["response_message_id"]);
        assert!(app.terminate().await.success());
        app.start_again().await;
        let user = user.at(&app.base_url());
        let again = send(keyed(&user, "k 1", &fields)).await;
        assert_eq!((again.json(), again.header("idempotent-replayed")), (first.json(), "true"), "across a restart");
        assert_eq!(provider.counts().calls, counts.calls, "one model call");
        assert_eq!(usage(&user, &first.json()["response_message_id"]).await, rows, "one charge");
        assert_eq!(messages(&user, &first.json()["conversation_id"]).await.len(), 2, "one message");
        assert_eq!(conversations(&user).await, 1);
    }

    async fn another_request_under_the_same_key_is_refused(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = send(keyed(&user, "k", &[("text", "hello")])).await;
        let at = first.json()["conversation_id"].to_string();
        let parent = first.json()["response_message_id"].to_string();
        let counts = provider.counts();
        let with_file = |key: &str, name: &str, bytes: &'static [u8]| {
            let part = reqwest::multipart::Part::bytes(bytes).file_name(name.to_owned());
            user.call(Method::POST, "/chat/").header("idempotency-key", key)
                .multipart(reqwest::multipart::Form::new().text("text", "hello").part("files", part))
        };
        for request in [
            keyed(&user, "k", &[("text", "hello ")]),
            keyed(&user, "k", &[("text", "hello"), ("model", "gpt-4o")]),
            keyed(&user, "k", &[("text", "hello"), ("conversation_id", &at)]),
            keyed(&user, "k", &[("text", "hello"), ("conversation_id", &at), ("parent_id", "0")]),
            keyed(&user, "k", &[("text", "hello"), ("conversation_id", &at), ("parent_id", &parent)]),
            with_file("k", "a.txt", b"a"),
            regenerating(&user, parent.parse().unwrap(), &json!({})).header("idempotency-key", "k"),
        ] {
            let refused = send(request).await;
            refused.expect_error(422, "idempotency_mismatch", "This `Idempotency-Key` was used for another request");
        }
        assert_eq!(provider.counts().calls, counts.calls);
        let stored = send(with_file("file", "a.txt", b"a")).await;
        assert_eq!(stored.status, 200);
        for other in [with_file("file", "b.txt", b"a"), with_file("file", "a.txt", b"b")] {
            assert_eq!(send(other).await.json()["code"], "idempotency_mismatch");
        }
        assert_eq!(send(with_file("file", "a.txt", b"a")).await.header("idempotent-replayed"), "true");
        // A key is its user's own.
        let eve = app.register("eve@example.com").await;
        let hers = send(keyed(&eve, "k", &[("text", "hello")])).await;
        assert_eq!((hers.status, hers.header("idempotent-replayed")), (200, ""));
        assert_ne!(hers.json()["response_message_id"], first.json()["response_message_id"]);
    }

    async fn a_refused_request_does_not_use_its_key_up(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        for (fields, status) in [
            (&[("text", " ")][..], 400),
            (&[("text", "x"), ("model", "none")], 400),
            (&[("text", "x"), ("conversation_id", "999")], 404),
            (&[("text", "x"), ("conversation_id", "y")], 422),
        ] {
            assert_eq!(send(keyed(&user, "k", fields)).await.status, status);
        }
        let made = user.post("/conversations/", &json!({})).await.1.to_string();
        let nowhere = [("text", "x"), ("conversation_id", made.as_str()), ("parent_id", "999")];
        assert_eq!(send(keyed(&user, "k", &nowhere)).await.status, 404);
        assert_eq!(provider.counts().calls, 0);
        let answer = send(keyed(&user, "k", &[("text", "hello")])).await;
        assert_eq!((answer.status, answer.header("idempotent-replayed")), (200, ""));
    }

    async fn a_failed_turn_is_replayed_as_it_failed(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::unauthorized());
        let first = send(keyed(&user, "k", &[("text", "hello")])).await;
        assert_eq!((first.status, &first.json()["code"]), (502, &json!("provider_auth")));
        let calls = provider.answer_calls().len();
        let again = send(keyed(&user, "k", &[("text", "hello")])).await;
        let without_request = |answer: &Answer| {
            let mut body = answer.json();
            body.as_object_mut().unwrap().shift_remove("request_id");
            body
        };
        assert_eq!((again.status, without_request(&again)), (first.status, without_request(&first)));
        assert_eq!(again.header("idempotent-replayed"), "true");
        assert_eq!(provider.answer_calls().len(), calls);
    }

    async fn many_at_once_are_one(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("Once.").deltas(2).gate_after(1, &gate).usage(100, 0, 10, 0));
        let mut asking = JoinSet::new();
        for number in 0..50 {
            let user = user.clone();
            asking.spawn(async move {
                let request = keyed(&user, "k", &[("text", "hello")]);
                if number % 2 == 0 {
                    let answer = send(request).await;
                    assert_eq!(answer.status, 200, "{answer:?}");
                    return (answer.json()["response_message_id"].clone(), answer.json()["answer"].clone());
                }
                let mut told = Told::default();
                EventStream::open(request.header("accept", "text/event-stream")).await.read_to_end(&mut told).await;
                (json!(told.answer()), json!(told.text))
            });
        }
        gate.reached().await;
        gate.open();
        let told = asking.join_all().await;
        expect_one(&told, &user).await;
        assert_eq!(provider.answer_calls().len(), 1);
        assert_eq!(usage(&user, &told[0].0).await.len(), 2, "title and answer, once");
    }

    async fn regenerating_has_keys_too(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = send(keyed(&user, "k", &[("text", "hello")])).await.json();
        let answer = first["response_message_id"].as_i64().unwrap();
        let again = || regenerating(&user, answer, &json!({})).header("idempotency-key", "again");
        let one = send(again()).await;
        let calls = provider.counts().calls;
        let two = send(again()).await;
        assert_eq!((one.status, one.header("idempotent-replayed")), (200, ""));
        assert_eq!((two.json(), two.header("idempotent-replayed")), (one.json(), "true"));
        let other = regenerating(&user, answer, &json!({"model": "gpt-4o"})).header("idempotency-key", "again");
        assert_eq!(send(other).await.json()["code"], "idempotency_mismatch");
        assert_eq!(provider.counts().calls, calls);
    }
}

async fn expect_one(told: &[(Value, Value)], user: &User) {
    for one in told {
        assert_eq!(one, &told[0]);
    }
    assert_eq!(told[0].1, "Once.");
    let listed = user.get("/conversations/").await.1;
    assert_eq!(list(&listed).len(), 1);
    assert_eq!(messages(user, &listed[0]["id"]).await.len(), 2);
}

#[tokio::test]
async fn keys_that_are_none() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    for key in ["", "\t", "é", &"k".repeat(256)] {
        let answer = send(keyed(&user, key, &[("text", "x")])).await;
        assert_eq!(answer.status, 422, "{key:?}: {answer:?}");
        assert_eq!(
            answer.json()["detail"][0]["loc"],
            json!(["header", "idempotency-key"])
        );
    }
    let two = keyed(&user, "a", &[("text", "x")]).header("idempotency-key", "b");
    assert_eq!(send(two).await.status, 422);
    assert_eq!(provider.counts().calls, 0);
    assert_eq!(
        send(keyed(&user, &"k".repeat(255), &[("text", "x")]))
            .await
            .status,
        200
    );
}

/// A repetition while the turn runs waits with it, or reads along.
#[tokio::test]
async fn while_it_runs() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let gate = Gate::new();
    provider.push(Reply::text("One two").deltas(2).gate_after(1, &gate));
    let streaming = || keyed(&user, "k", &[("text", "x")]).header("accept", "text/event-stream");
    let mut first = EventStream::open(streaming()).await;
    let mut told = Told::default();
    first.read_text(&mut told, 1).await;
    let mut second = EventStream::open(streaming()).await;
    let mut again = Told::default();
    second.read_text(&mut again, 1).await;
    assert_eq!((again.answer(), &again.text), (told.answer(), &told.text));
    gate.open();
    first.read_to_end(&mut told).await;
    second.read_to_end(&mut again).await;
    assert_eq!((&again.text, &again.done), (&told.text, &told.done));
    // Nothing left over where no key was given.
    let other = stream(&user, &[("text", "x")]).await;
    assert!(!other.headers().contains_key("idempotent-replayed"));
}

#[tokio::test]
async fn a_deleted_conversation_is_not_made_again() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let first = send(keyed(&user, "k", &[("text", "hello")])).await.json();
    user.delete(&format!("/conversations/{}", first["conversation_id"]))
        .await;
    let calls = provider.counts().calls;
    let again = send(keyed(&user, "k", &[("text", "hello")])).await;
    again.expect_error(404, "message_not_found", "Message not found");
    assert_eq!((provider.counts().calls, conversations(&user).await), (calls, 0));
}

/// Fifty at once, on two instances of the program.
#[tokio::test]
async fn on_two_instances_postgres() {
    let TwoInstances {
        app,
        beside,
        provider,
        user,
        ..
    } = TwoInstances::start().await;
    let gate = Gate::new();
    provider.push(Reply::text("Once.").deltas(2).gate_after(1, &gate));
    let mut asking = JoinSet::new();
    for number in 0..50 {
        let base = if number % 2 == 0 {
            app.base_url()
        } else {
            beside.base_url()
        };
        let user = user.at(&base);
        asking.spawn(async move {
            let request = keyed(&user, "k", &[("text", "hello")]);
            if number % 4 < 2 {
                let answer = send(request).await;
                assert_eq!(answer.status, 200, "{answer:?}");
                return (
                    answer.json()["response_message_id"].clone(),
                    answer.json()["answer"].clone(),
                );
            }
            let mut told = Told::default();
            let events = EventStream::open(request.header("accept", "text/event-stream")).await;
            events.read_to_end(&mut told).await;
            (json!(told.answer()), json!(told.text))
        });
    }
    gate.reached().await;
    gate.open();
    let told = asking.join_all().await;
    expect_one(&told, &user).await;
    assert_eq!(provider.answer_calls().len(), 1);
    assert_eq!(usage(&user, &told[0].0).await.len(), 2, "title and answer, once");
}
