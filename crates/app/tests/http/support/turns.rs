//! Turns as event streams: sending, resuming, stopping.

use super::{Answer, send};
use chatai_testkit::{
    app::User,
    events::{EventStream, Told},
};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

/// A message as a form, to be answered with a stream.
pub(crate) fn streaming(user: &User, fields: &[(&str, &str)]) -> RequestBuilder {
    let call = user.call(Method::POST, "/chat/");
    call.header("accept", "text/event-stream").form(fields)
}

/// Sends a message and reads its answer as it comes.
pub(crate) async fn stream(user: &User, fields: &[(&str, &str)]) -> EventStream {
    EventStream::open(streaming(user, fields)).await
}

/// Sends a message and reads its answer to the end.
pub(crate) async fn told(user: &User, fields: &[(&str, &str)]) -> Told {
    let mut told = Told::default();
    stream(user, fields).await.read_to_end(&mut told).await;
    told
}

/// Asks for an answer's events.
pub(crate) fn resuming(user: &User, answer: i64, after: Option<&str>) -> RequestBuilder {
    let call = user.call(Method::GET, &format!("/chat/messages/{answer}/events"));
    match after {
        None => call,
        Some(cursor) => call.header("last-event-id", cursor),
    }
}

/// Reads an answer's events, from the beginning or from a cursor.
pub(crate) async fn resume(user: &User, answer: i64, after: Option<&str>) -> EventStream {
    EventStream::open(resuming(user, answer, after)).await
}

/// Everything an answer's stream tells, from the beginning to the end.
pub(crate) async fn whole(user: &User, answer: i64) -> Told {
    let mut told = Told::default();
    resume(user, answer, None).await.read_to_end(&mut told).await;
    told
}

/// Stops an answer.
pub(crate) async fn cancel(user: &User, answer: i64) -> (u16, Value) {
    user.post(&format!("/chat/messages/{answer}/cancel"), &json!({}))
        .await
}

/// A request to answer again.
pub(crate) fn regenerating(user: &User, answer: i64, body: &Value) -> RequestBuilder {
    let path = format!("/chat/messages/{answer}/regenerate");
    user.call(Method::POST, &path).json(body)
}

/// Has a question answered again; the answer's body.
pub(crate) async fn regenerate(user: &User, answer: i64, body: &Value) -> Value {
    let answer: Answer = send(regenerating(user, answer, body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// One message of the active branch.
pub(crate) async fn message(user: &User, conversation: i64, id: i64) -> Value {
    let messages = super::messages(user, &json!(conversation)).await;
    let found = messages.into_iter().find(|message| message["id"] == id);
    found.unwrap_or_else(|| panic!("message {id} is not on the active branch"))
}

/// Makes a conversation the branch through a message; its new head.
pub(crate) async fn choose(user: &User, conversation: &Value, message: &Value) -> Value {
    let path = format!("/conversations/{conversation}/head");
    let body = json!({"message_id": message});
    let answer = send(user.call(Method::PUT, &path).json(&body)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()["message_id"].clone()
}
