//! What all tests share: starting the program, asking it, looking at what it answers.

mod database;
pub(crate) mod documents;
pub(crate) mod jwt;
pub(crate) mod raw;
mod routes;
mod turns;

pub(crate) use database::Rows;
pub(crate) use routes::routes;
pub(crate) use turns::*;

use chatai_testkit::{
    app::{AppOptions, TestApp, TestDatabase, User},
    provider::ScriptedProvider,
};
use reqwest::{
    RequestBuilder,
    header::{HeaderMap, HeaderName},
};
use serde_json::{Value, json};
use std::path::Path;

/// The program under test.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_chatai");

/// Makes `NAME::sqlite` and `NAME::postgres` out of one test that is given the options to start with.
macro_rules! on_both {
    ($($(#[$attribute:meta])* async fn $name:ident($options:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            $(#[$attribute])*
            async fn case($options: chatai_testkit::app::AppOptions) $body

            #[tokio::test]
            async fn sqlite() {
                case(crate::support::options()).await;
            }

            #[tokio::test]
            async fn postgres() {
                case(crate::support::options().on(chatai_testkit::app::TestDatabase::postgres())).await;
            }
        }
    )+};
}
pub(crate) use on_both;

/// The program on an embedded database, without a key, not yet started.
pub(crate) fn options() -> AppOptions {
    AppOptions::new(BINARY)
}

/// The program as [`options`] has it, running.
pub(crate) async fn app() -> TestApp {
    options().start().await
}

/// The program with a scripted vendor behind it.
pub(crate) async fn app_with_vendor() -> (TestApp, ScriptedProvider) {
    with_vendor(options()).await
}

/// The same, with options of the test's own.
pub(crate) async fn with_vendor(options: AppOptions) -> (TestApp, ScriptedProvider) {
    let provider = ScriptedProvider::start().await;
    (options.vendor(&provider).start().await, provider)
}

/// Two instances of the program on one PostgreSQL database, with a vendor behind both and an account that is known to
/// both.
pub(crate) struct TwoInstances {
    /// Ends before the other, whose database it is.
    pub(crate) beside: TestApp,
    pub(crate) app: TestApp,
    pub(crate) provider: ScriptedProvider,
    /// The account at the first instance, and at the other.
    pub(crate) user: User,
    pub(crate) there: User,
}

impl TwoInstances {
    pub(crate) async fn start() -> Self {
        let options = options().on(TestDatabase::postgres());
        let (app, provider) = with_vendor(options.env("JWT_SECRET_KEY", jwt::SECRET)).await;
        let user = app.register("ada@example.com").await;
        let beside = app.start_beside().await;
        Self {
            there: user.at(&beside.base_url()),
            app,
            beside,
            provider,
            user,
        }
    }
}

/// An answer, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The first header of this name; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        let name: HeaderName = name.parse().expect("a header's name");
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    /// Checks an error's status, `detail` and `code`, and that it names its request.
    #[track_caller]
    pub(crate) fn expect_error(&self, status: u16, code: &str, detail: &str) {
        let body = self.json();
        assert_eq!(
            (self.status, &body["code"], &body["detail"]),
            (status, &json!(code), &json!(detail)),
            "{self:?}"
        );
        assert_eq!(body["request_id"], self.header("x-request-id"), "{self:?}");
        assert!(!self.header("x-request-id").is_empty());
        assert_eq!(self.header("content-type"), "application/json");
    }

    /// Checks a 422's whole list of faults.
    #[track_caller]
    pub(crate) fn expect_faults(&self, faults: &Value) {
        let body = self.json();
        assert_eq!((self.status, &body["detail"]), (422, faults), "{self:?}");
        assert_eq!(body["code"], "validation_error");
    }
}

/// Sends a request and reads its answer.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let reply = request.send().await.expect("the program answers");
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    let text = reply.text().await.expect("a body");
    Answer {
        status,
        headers,
        text,
    }
}

/// An unsigned GET.
pub(crate) async fn get(app: &TestApp, path: &str) -> Answer {
    send(app.client().get(app.url(path))).await
}

/// An unsigned POST of JSON.
pub(crate) async fn post(app: &TestApp, path: &str, body: &Value) -> Answer {
    send(app.client().post(app.url(path)).json(body)).await
}

/// A GET with a user's token.
pub(crate) async fn get_as(user: &User, path: &str) -> Answer {
    send(user.call(reqwest::Method::GET, path)).await
}

/// A POST of JSON with a user's token.
pub(crate) async fn post_as(user: &User, path: &str, body: &Value) -> Answer {
    send(user.call(reqwest::Method::POST, path).json(body)).await
}

/// A pydantic fault.
pub(crate) fn fault(kind: &str, loc: Value, msg: &str, input: Value) -> Value {
    json!({"type": kind, "loc": loc, "msg": msg, "input": input})
}

/// A missing field.
pub(crate) fn missing(loc: Value) -> Value {
    fault("missing", loc, "Field required", Value::Null)
}

/// The names of an object's members, in their order.
pub(crate) fn keys(object: &Value) -> Vec<&str> {
    let members = object
        .as_object()
        .unwrap_or_else(|| panic!("no object: {object}"));
    members.keys().map(String::as_str).collect()
}

/// A list out of an answer.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// Sends a message that must be answered; the answer's body.
pub(crate) async fn chat(user: &User, fields: &[(&str, &str)]) -> Value {
    let (status, body) = user.chat(fields).await;
    assert_eq!(status, 200, "{body}");
    body
}

/// The messages of a conversation.
pub(crate) async fn messages(user: &User, conversation_id: &Value) -> Vec<Value> {
    let (status, body) = user
        .get(&format!("/conversations/{conversation_id}/messages"))
        .await;
    assert_eq!(status, 200, "{body}");
    list(&body["messages"]).to_vec()
}

/// The usage rows of an answer.
pub(crate) async fn usage(user: &User, message_id: &Value) -> Vec<Value> {
    let (status, body) = user
        .get(&format!("/chat/messages/{message_id}/usage-details"))
        .await;
    assert_eq!(status, 200, "{body}");
    list(&body["usage_details"]).to_vec()
}

/// The scopes of usage rows, in order.
pub(crate) fn scopes(rows: &[Value]) -> Vec<&str> {
    rows.iter()
        .map(|row| row["scope"].as_str().expect("a scope"))
        .collect()
}

/// A text file in a folder of the test's own; its path.
pub(crate) fn write_file(folder: &Path, name: &str, content: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, content).expect("the file can be written");
    path.display().to_string()
}

/// `YYYY-MM-DD HH:MM:SS`.
#[track_caller]
pub(crate) fn expect_timestamp(value: &Value) {
    let text = value.as_str().unwrap_or_default();
    let pattern: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    assert_eq!(pattern, "0000-00-00 00:00:00", "{value}");
}
