//! Responses that are made in the background: left, resumed after any event, cancelled, and interrupted by a death.

use super::{all_events, asking, input, made, set, types};
use crate::support::{Rows, TwoInstances, get_as, on_both, send};
use chatai_testkit::{
    app::User,
    events::EventStream,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

const PATH: &str = "/v1/responses";

async fn resume(user: &User, id: &Value, after: i64) -> EventStream {
    let after = if after < 0 {
        String::new()
    } else {
        format!("&starting_after={after}")
    };
    let path = format!("{PATH}/{}?stream=true{after}", id.as_str().expect("an id"));
    EventStream::open(user.call(Method::GET, &path)).await
}

fn background(text: &str, streams: bool) -> Value {
    input(text, &json!({"background": true, "stream": streams}))
}

on_both! {
    async fn a_stream_that_was_left_is_resumed_anywhere(options) {
        let (_app, provider, user) = set(options).await;
        let gate = Gate::new();
        provider.push(Reply::text("one two three four").reasoning("because").deltas(6).gate_after(3, &gate));
        let mut stream = EventStream::open(asking(&user, PATH, &background("hello", true))).await;
        let created = stream.expect("response.created").await;
        assert_eq!(created["response"]["status"], "queued");
        let id = &created["response"]["id"];
        let mut seen = vec![created.clone()];
        while seen.last().unwrap()["type"] != "response.output_text.delta" {
            seen.push(stream.next().await.unwrap().json());
        }
        drop(stream);
        let running = get_as(&user, &format!("{PATH}/{}", id.as_str().unwrap())).await.json();
        assert_eq!((&running["status"], &running["usage"]), (&json!("in_progress"), &Value::Null));
        // While it runs, and from every place when it has ended.
        let last = i64::try_from(seen.len()).unwrap() - 1;
        let resumed = tokio::spawn({
            let (user, id) = (user.clone(), id.clone());
            async move { all_events(resume(&user, &id, last).await).await }
        });
        gate.reached().await;
        gate.open();
        let rest = resumed.await.unwrap();
        assert_eq!(rest.first().unwrap()["sequence_number"], last + 1);
        assert_eq!(rest.last().unwrap()["type"], "response.completed");
        seen.extend(rest);
        for after in -1..i64::try_from(seen.len()).unwrap() {
            let place = usize::try_from(after + 1).unwrap();
            assert_eq!(all_events(resume(&user, id, after).await).await, seen[place..], "{after}");
        }
        let text: String = seen.iter().filter(|event| event["type"] == "response.output_text.delta")
            .filter_map(|event| event["delta"].as_str()).collect();
        assert_eq!(text, "one two three four");
        assert_eq!(types(&seen).last(), Some(&"response.completed"));
        assert_eq!(user.get("/usage").await.1["total"]["calls"], 1);
    }

    async fn a_response_in_the_background_is_asked_about(options) {
        let (_app, provider, user) = set(options).await;
        let gate = Gate::new();
        provider.push(Reply::text("done").gate_after(0, &gate));
        let queued = made(&user, PATH, &background("hello", false)).await;
        assert_eq!((&queued["status"], &queued["output"], &queued["background"]), (&json!("queued"), &json!([]), &json!(true)));
        gate.reached().await;
        gate.open();
        let events = all_events(resume(&user, &queued["id"], -1).await).await;
        let path = format!("{PATH}/{}", queued["id"].as_str().unwrap());
        let ended = get_as(&user, &path).await.json();
        assert_eq!(ended["output"][0]["content"][0]["text"], "done");
        assert_eq!(events.last().unwrap()["response"], ended);
    }

    async fn a_response_is_cancelled(options) {
        let (_app, provider, user) = set(options).await;
        provider.push(Reply::text("one two three four").deltas(4).hang_after(2));
        let mut stream = EventStream::open(asking(&user, PATH, &background("hello", true))).await;
        let id = stream.expect("response.created").await["response"]["id"].clone();
        while stream.next().await.unwrap().event.as_deref() != Some("response.output_text.delta") {}
        let path = format!("{PATH}/{}", id.as_str().unwrap());
        let cancelled = send(user.call(Method::POST, &format!("{path}/cancel"))).await;
        assert_eq!((cancelled.status, &cancelled.json()["status"]), (200, &json!("cancelled")), "{cancelled:?}");
        provider.wait_for_aborted(1).await;
        let last = all_events(stream).await.pop().unwrap();
        assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.incomplete"), &json!("cancelled")));
        assert_eq!(get_as(&user, &path).await.json(), cancelled.json());
        let again = send(user.call(Method::POST, &format!("{path}/cancel"))).await;
        assert_eq!(again.json(), cancelled.json(), "a repeat answers the same");
        assert!(cancelled.json()["usage"]["output_tokens"].as_i64().unwrap() > 0, "what was said is billed");
    }

    async fn a_killed_program_leaves_what_was_shown(options) {
        let (mut app, provider, user) = set(options).await;
        provider.push(Reply::text("one two three four").deltas(4).hang_after(2));
        let mut stream = EventStream::open(asking(&user, PATH, &background("hello", true))).await;
        let mut seen = vec![stream.expect("response.created").await];
        while seen.last().unwrap()["type"] != "response.output_text.delta" {
            seen.push(stream.next().await.unwrap().json());
        }
        app.kill();
        // On a server others may live: a lease has to run out.
        Rows::of(&app).change("update direct_calls set lease_until = 1 where lease_until is not null");
        app.start_again().await;
        let user = user.at(&app.base_url());
        let again = all_events(resume(&user, &seen[0]["response"]["id"], -1).await).await;
        assert_eq!(again[..seen.len()], seen, "what was shown stays");
        let last = again.last().unwrap();
        assert_eq!((&last["type"], &last["response"]["status"]), (&json!("response.failed"), &json!("failed")));
        assert!(last["response"]["usage"]["total_tokens"].as_i64().unwrap() > 0, "what was used is billed");
    }
}

#[tokio::test]
async fn another_instance_tells_and_cancels_it() {
    let two = TwoInstances::start().await;
    two.provider
        .push(Reply::text("one two three four").deltas(4).hang_after(2));
    let body = json!({"input": "hello", "background": true, "stream": true});
    let mut stream = EventStream::open(asking(&two.user, PATH, &body)).await;
    let id = stream.expect("response.created").await["response"]["id"].clone();
    while stream.next().await.unwrap().event.as_deref() != Some("response.output_text.delta") {}
    let mut there = resume(&two.there, &id, -1).await;
    assert_eq!(there.expect("response.created").await["response"]["id"], id);
    let path = format!("{PATH}/{}/cancel", id.as_str().unwrap());
    let cancelled = send(two.there.call(Method::POST, &path)).await;
    assert_eq!(cancelled.json()["status"], "cancelled", "{cancelled:?}");
    for stream in [stream, there] {
        let last = all_events(stream).await.pop().unwrap();
        assert_eq!(last["response"]["status"], "cancelled");
    }
}
