//! What all tests share: starting the program, asking it, looking at what it answers and leaves behind.

#[path = "../../http/support/database.rs"]
mod database;
#[path = "../../http/support/jwt.rs"]
pub(crate) mod jwt;
pub(crate) mod kills;
#[path = "../../../../store/tests/common/original.rs"]
mod original;
mod process;
pub(crate) mod random;
#[path = "../../http/support/raw.rs"]
pub(crate) mod raw;
#[path = "../../http/support/routes.rs"]
mod routes;
pub(crate) mod shim;

pub(crate) use database::Rows;
pub(crate) use original::OriginalFile;
pub(crate) use process::{Ended, command_in, run, run_with_input};
pub(crate) use routes::{Route, routes};

use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::ScriptedProvider,
};
use reqwest::{Method, RequestBuilder, header::HeaderMap};
use serde_json::{Value, json};

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
pub(crate) async fn with_vendor(options: AppOptions) -> (TestApp, ScriptedProvider) {
    let provider = ScriptedProvider::start().await;
    (options.vendor(&provider).start().await, provider)
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

    /// The body without what differs from one request to the next.
    pub(crate) fn body(&self) -> Value {
        let mut body = self.json();
        if let Some(members) = body.as_object_mut() {
            members.remove("request_id");
        }
        body
    }

    /// The first header of this name; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("visible ASCII"))
    }

    /// Checks status and code.
    #[track_caller]
    pub(crate) fn expect(&self, status: u16, code: &str) {
        assert_eq!(
            (self.status, &self.json()["code"]),
            (status, &json!(code)),
            "{self:?}"
        );
    }

    /// Checks the refusal of a route's caller, in the words of the API that the route speaks.
    #[track_caller]
    pub(crate) fn expect_unauthorized(&self, route: &Route, code: &str) {
        let body = self.json();
        let (said, expected) = match route.path.as_str() {
            path if path.starts_with("/v1/messages") => (&body["error"]["type"], "authentication_error"),
            _ if route.speaks_for_a_vendor() && code == "invalid_token" => {
                (&body["error"]["code"], "invalid_api_key")
            }
            _ if route.speaks_for_a_vendor() => (&body["error"]["code"], code),
            _ => (&body["code"], code),
        };
        assert_eq!(
            (self.status, said),
            (401, &json!(expected)),
            "{}: {self:?}",
            route.name()
        );
    }

    /// Checks that it is JSON or nothing, which no browser takes for anything else.
    #[track_caller]
    pub(crate) fn expect_plain_data(&self) {
        assert_eq!(self.header("content-type"), "application/json", "{self:?}");
        assert_eq!(self.header("x-content-type-options"), "nosniff", "{self:?}");
    }
}

/// Sends a request and reads its answer.
pub(crate) async fn send(request: RequestBuilder) -> Answer {
    let reply = request.send().await.expect("the program answers");
    let (status, headers) = (reply.status().as_u16(), reply.headers().clone());
    let bytes = reply.bytes().await.expect("a body");
    Answer {
        status,
        headers,
        text: String::from_utf8_lossy(&bytes).into_owned(),
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
    send(user.call(Method::GET, path)).await
}

/// A number out of the environment, by which a test is repeated or made longer.
pub(crate) fn number_of(variable: &str) -> Option<usize> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is a number")))
}

/// How many times more than by default is done.
pub(crate) fn scale() -> usize {
    number_of("CHATAI_TEST_SCALE").unwrap_or(1)
}

/// A list out of an answer.
pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

/// A text out of an answer.
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Makes a conversation; its id.
pub(crate) async fn conversation(user: &User, title: &str) -> i64 {
    let (status, id) = user.post("/conversations/", &json!({"title": title})).await;
    assert_eq!(status, 200, "{id}");
    id.as_i64().unwrap_or_else(|| panic!("no id: {id}"))
}

/// The messages of a conversation.
pub(crate) async fn messages(user: &User, conversation_id: &Value) -> Vec<Value> {
    let (status, body) = user
        .get(&format!("/conversations/{conversation_id}/messages"))
        .await;
    assert_eq!(status, 200, "{body}");
    list(&body["messages"]).to_vec()
}

/// The roles of all accounts by e-mail, from the command line; the program must not be running on SQLite.
pub(crate) fn roles(app: &TestApp) -> Vec<(String, String)> {
    let output = app.command(&["user", "list"]).output().expect("the command runs");
    assert!(output.status.success(), "{output:?}");
    let said = String::from_utf8(output.stdout).expect("UTF-8");
    said.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            (fields[1].to_owned(), fields[2].to_owned())
        })
        .collect()
}
