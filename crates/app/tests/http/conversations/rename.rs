//! `PUT /conversations/{id}/rename?new_title=…`

use crate::support::{app, fault, missing, on_both, send};
use reqwest::Method;
use serde_json::json;

on_both! {
    async fn renames(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (_, id) = user.post("/conversations/", &json!({"title": "old"})).await;
        for (sent, stored) in [
            ("A+new%20title", "A new title"),
            ("%C3%BC%F0%9F%98%80%26%3D%2B", "ü😀&=+"),
            ("first&new_title=last", "last"),
            ("x&unknown=1", "x"),
            ("", ""),
        ] {
            let request = user.call(Method::PUT, &format!("/conversations/{id}/rename?new_title={sent}"));
            let answer = send(request).await;
            assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"detail":"Conversation renamed successfully"}"#));
            assert_eq!(user.get("/conversations/").await.1[0]["title"], stored);
        }
    }
}

#[tokio::test]
async fn faults_of_path_and_query_are_reported_together() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = send(user.call(Method::PUT, "/conversations/abc/rename")).await;
    let parsing = "Input should be a valid integer, unable to parse string as an integer";
    answer.expect_faults(&json!([
        fault(
            "int_parsing",
            json!(["path", "conversation_id"]),
            parsing,
            json!("abc")
        ),
        missing(json!(["query", "new_title"])),
    ]));
    // The title is a parameter of the query; a body is not read.
    let request = user.call(Method::PUT, "/conversations/1/rename");
    let answer = send(request.json(&json!({"new_title": "x"}))).await;
    answer.expect_faults(&json!([missing(json!(["query", "new_title"]))]));
}

#[tokio::test]
async fn unknown_ids() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = send(user.call(Method::PUT, "/conversations/5/rename?new_title=x")).await;
    answer.expect_error(404, "conversation_not_found", "Conversation not found");
    let request = app.client().put(app.url("/conversations/5/rename"));
    send(request)
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}
