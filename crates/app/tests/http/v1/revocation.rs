//! A key that is deleted, and an account that is shut, while calls and turns run for it: they end at once, and what was used
//! is charged.

use super::{asking, input, next_data, saying, set};
use crate::support::{TwoInstances, get_as, messages, on_both, send, stream};
use chatai_testkit::{
    app::User,
    events::EventStream,
    provider::{Reply, ScriptedProvider},
};
use reqwest::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/chat/completions";
const RESPONSES: &str = "/v1/responses";

/// A new key of the account, and what it is deleted by.
async fn key(user: &User, name: &str) -> (User, String) {
    let (status, made) = user.post("/keys", &json!({"name": name})).await;
    assert_eq!(status, 200, "{made}");
    let path = format!("/keys/{}", made["id"]);
    (user.with_token(made["key"].as_str().unwrap()), path)
}

/// One that says something and then never ends.
fn endless() -> Reply {
    Reply::text("one two three four").deltas(4).hang_after(2)
}

/// A streamed chat completion that has begun to say something.
async fn begun(provider: &ScriptedProvider, caller: &User, model: &str) -> EventStream {
    provider.push(endless());
    let body = saying("hello", &json!({"model": model, "stream": true}));
    let mut stream = EventStream::open(asking(caller, CHAT, &body)).await;
    next_data(&mut stream).await.unwrap();
    stream
}

/// A response in the background that has begun to say something; its path.
async fn in_the_background(provider: &ScriptedProvider, caller: &User, model: &str) -> String {
    provider.push(endless());
    let body = input(
        "hello",
        &json!({"model": model, "background": true, "stream": true}),
    );
    let mut stream = EventStream::open(asking(caller, RESPONSES, &body)).await;
    let created = stream.expect("response.created").await;
    while stream.next().await.unwrap().event.as_deref() != Some("response.output_text.delta") {}
    format!("{RESPONSES}/{}", created["response"]["id"].as_str().unwrap())
}

/// The end of a stream that was ended for its caller.
async fn expect_ended(mut stream: EventStream) {
    let mut last = None;
    while let Some(data) = next_data(&mut stream).await {
        last = Some(data);
    }
    let last: Value = serde_json::from_str(&last.unwrap()).unwrap();
    assert_eq!(last["error"]["code"], "invalid_api_key", "{last}");
}

/// A response as it ended.
async fn ended(user: &User, path: &str) -> Value {
    let stream = EventStream::open(user.call(Method::GET, &format!("{path}?stream=true"))).await;
    super::all_events(stream).await.pop().unwrap()["response"].clone()
}

on_both! {
    async fn a_deleted_key_ends_what_runs_for_it(options) {
        let (_app, provider, user) = set(options).await;
        let (lost, path_of_lost) = key(&user, "lost").await;
        let (other, _) = key(&user, "other").await;
        let stream_of_lost = begun(&provider, &lost, "m").await;
        let response = in_the_background(&provider, &lost, "m").await;
        let others = in_the_background(&provider, &other, "m").await;
        let own = in_the_background(&provider, &user, "m").await;
        provider.push(endless());
        let mut turn = stream(&lost, &[("text", "hello"), ("model", "m")]).await;
        assert_eq!(user.delete(&path_of_lost).await.0, 200);

        expect_ended(stream_of_lost).await;
        provider.wait_for_aborted(3).await;
        let ended = ended(&user, &response).await;
        assert_eq!(ended["status"], "cancelled", "{ended}");
        assert!(ended["usage"]["output_tokens"].as_i64().unwrap() > 0, "what was said is billed");
        assert_eq!(send(asking(&lost, CHAT, &saying("hello", &json!({})))).await.status, 401);
        while turn.try_next().await.expect("its end").is_some() {}
        let (_, conversations) = user.get("/conversations/").await;
        let rows = messages(&user, &conversations[0]["id"]).await;
        assert_eq!(rows[1]["status"], "stopped", "{rows:?}");
        // What runs for others runs on.
        for path in [others, own] {
            assert_eq!(get_as(&user, &path).await.json()["status"], "in_progress");
            assert_eq!(send(user.call(Method::POST, &format!("{path}/cancel"))).await.status, 200);
        }
    }

    async fn an_account_that_is_shut_ends_with_its_calls(options) {
        let (app, provider, admin) = set(options).await;
        let user = app.register("bob@example.com").await;
        let (program, _) = key(&user, "program").await;
        let id = user.get("/users/me").await.1["id"].clone();
        let streams = [begun(&provider, &user, "m").await, begun(&provider, &program, "m").await];
        let admins = in_the_background(&provider, &admin, "m").await;
        provider.push(endless().gate_headers(&chatai_testkit::provider::Gate::new()));
        let waiting = tokio::spawn(send(asking(&user, CHAT, &saying("hello", &json!({})))));
        provider.wait_for_calls(4).await;
        let shut = json!({"disabled": true});
        assert_eq!(send(admin.call(Method::PATCH, &format!("/admin/users/{id}")).json(&shut)).await.status, 200);
        for stream in streams {
            expect_ended(stream).await;
        }
        // Nobody is kept waiting.
        assert_eq!(waiting.await.unwrap().status, 401);
        assert_eq!(get_as(&admin, &admins).await.json()["status"], "in_progress");
        assert_eq!(send(admin.call(Method::POST, &format!("{admins}/cancel"))).await.status, 200);
    }
}

#[tokio::test]
async fn another_instance_ends_what_runs_there() {
    let two = TwoInstances::start().await;
    let (lost, path) = key(&two.user, "lost").await;
    let stream = begun(&two.provider, &lost, "gpt-4.1-mini").await;
    let response = in_the_background(&two.provider, &lost, "gpt-4.1-mini").await;
    assert_eq!(two.there.delete(&path).await.0, 200);
    expect_ended(stream).await;
    assert_eq!(ended(&two.user, &response).await["status"], "cancelled");
}
