//! `POST /conversations/`

use crate::support::{app, fault, list, missing, on_both, post, post_as, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both! {
    async fn answers_with_a_bare_id(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let answer = post_as(&user, "/conversations/", &json!({"title": "T – ü", "summary": "S"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.text.bytes().all(|byte| byte.is_ascii_digit()), "{answer:?}");
        let (_, body) = user.get("/conversations/").await;
        assert_eq!(body[0]["id"].to_string(), answer.text);
        assert_eq!((&body[0]["title"], &body[0]["summary"]), (&json!("T – ü"), &json!("S")));
    }

    async fn title_and_summary_are_optional(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        for (body, title, summary) in [
            (json!({}), Value::Null, Value::Null),
            (json!({"title": null, "summary": null}), Value::Null, Value::Null),
            (json!({"title": ""}), json!(""), Value::Null),
            (json!({"summary": "  s  ", "unknown": 1}), Value::Null, json!("  s  ")),
        ] {
            assert_eq!(post_as(&user, "/conversations/", &body).await.status, 200, "{body}");
            let (_, listed) = user.get("/conversations/").await;
            assert_eq!((&listed[0]["title"], &listed[0]["summary"]), (&title, &summary), "{body}");
        }
    }
}

#[tokio::test]
async fn no_body_is_lost_whatever_the_spelling() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for path in [
        "/conversations",
        "/conversations/",
        "/api/conversations",
        "/api/conversations/",
    ] {
        let answer = post_as(&user, path, &json!({"title": path})).await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        assert_eq!(user.get("/conversations/").await.1[0]["title"], path);
    }
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let no_text = |name: &str, input: Value| {
        fault(
            "string_type",
            json!(["body", name]),
            "Input should be a valid string",
            input,
        )
    };
    let answer = post_as(&user, "/conversations/", &json!({"summary": [1], "title": 5})).await;
    answer.expect_faults(&json!([
        no_text("title", json!(5)),
        no_text("summary", json!([1]))
    ]));
    let answer = send(user.call(Method::POST, "/conversations/")).await;
    answer.expect_faults(&json!([missing(json!(["body"]))]));
    let answer = post_as(&user, "/conversations/", &json!([])).await;
    let object = "Input should be a valid dictionary or object to extract fields from";
    answer.expect_faults(&json!([fault(
        "model_attributes_type",
        json!(["body"]),
        object,
        json!([])
    )]));
    let answer = post_as(&user, "/conversations/", &json!({"title": "x".repeat(1_001)})).await;
    assert_eq!(
        (answer.status, &answer.json()["detail"][0]["type"]),
        (422, &json!("string_too_long"))
    );

    let answer = post(&app, "/conversations/", &json!({"title": 5})).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
    assert_eq!(list(&user.get("/conversations/").await.1).len(), 0);
}
