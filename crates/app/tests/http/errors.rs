//! What all errors have in common: their bodies, unknown paths, wrong methods, bodies that are no JSON.

use crate::support::{app, fault, get, get_as, keys, missing, post_as, routes, send};
use reqwest::Method;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn unknown_paths() {
    let app = app().await;
    for path in [
        "/nothing",
        "/api/nothing",
        "/conversations/1/nothing",
        "/chat/messages/1",
        "/auth",
        "/users",
        "/api/api/models",
        "/apimodels",
        "//models",
        "/models//x",
        "/conversations//messages",
        "/conversations//",
        "/api/conversations//",
        "/chat//",
        "/chat//usage-details",
        "/chat/messages//usage-details",
        "//",
        "/conversations/1/2/messages",
        "/%00",
        "/attachments",
    ] {
        get(&app, path).await.expect_error(404, "not_found", "Not Found");
    }
    let answer = send(app.client().post(app.url("/nothing")).json(&json!({}))).await;
    answer.expect_error(404, "not_found", "Not Found");
}

#[tokio::test]
async fn wrong_methods_name_the_right_ones() {
    let app = app().await;
    for (method, path, allowed) in [
        (Method::GET, "/auth/register", &["POST"][..]),
        (Method::PUT, "/api/auth/login", &["POST"]),
        (Method::DELETE, "/auth/token", &["POST"]),
        (Method::POST, "/users/me", &["DELETE", "GET", "HEAD"]),
        (Method::PATCH, "/conversations/", &["GET", "HEAD", "POST"]),
        (Method::DELETE, "/conversations", &["GET", "HEAD", "POST"]),
        (Method::PUT, "/conversations/1", &["DELETE", "GET", "HEAD"]),
        (Method::POST, "/conversations/1/messages", &["GET", "HEAD"]),
        (Method::GET, "/conversations/x/rename", &["PUT"]),
        (Method::GET, "/chat/", &["POST"]),
        (Method::POST, "/models", &["GET", "HEAD"]),
        (Method::OPTIONS, "/models", &["GET", "HEAD"]),
    ] {
        let answer = send(app.client().request(method.clone(), app.url(path))).await;
        answer.expect_error(405, "method_not_allowed", "Method Not Allowed");
        let named: BTreeSet<&str> = answer.header("allow").split(',').map(str::trim).collect();
        assert_eq!(named, allowed.iter().copied().collect(), "{method} {path}");
    }
}

#[tokio::test]
async fn bodies_have_detail_code_and_request_id() {
    let app = app().await;
    let answer = get(&app, "/nothing").await;
    assert_eq!(keys(&answer.json()), ["detail", "code", "request_id"]);
    assert_ne!(
        answer.header("x-request-id"),
        get(&app, "/nothing").await.header("x-request-id")
    );

    for (given, taken) in [
        ("my-own_id.42", true),
        (&"x".repeat(128), true),
        (&"x".repeat(129), false),
        ("with blank", false),
        ("a\"b", false),
    ] {
        let answer = send(
            app.client()
                .get(app.url("/nothing"))
                .header("x-request-id", given),
        )
        .await;
        assert_eq!(answer.header("x-request-id") == given, taken, "{given}");
        assert_eq!(answer.json()["request_id"], answer.header("x-request-id"));
    }
    let fine = send(app.client().get(app.url("/models")).header("x-request-id", "abc")).await;
    assert_eq!(fine.header("x-request-id"), "abc");
}

/// As Python's decoder words it, by the character.
#[tokio::test]
async fn broken_json() {
    let app = app().await;
    let taking_json = routes(&app).await.into_iter().filter(|route| {
        let types = &route.body_types;
        types.iter().any(|kind| kind == "application/json")
            && !route.speaks_for_a_vendor()
            // There a broken body is an error of its protocol, and told to whom it knows.
            && route.path != "/mcp"
    });
    let taking_json: Vec<_> = taking_json.collect();
    assert!(taking_json.len() >= 7, "{taking_json:?}");
    for (body, offset, error) in [
        ("{", 1, "Expecting property name enclosed in double quotes"),
        ("{\"email\": }", 10, "Expecting value"),
        ("{\"email\" 1}", 9, "Expecting ':' delimiter"),
        ("{\"email\": 1 \"b\": 2}", 12, "Expecting ',' delimiter"),
        ("{\"é\": \"unterminated}", 6, "Unterminated string starting at"),
        ("nonsense", 0, "Expecting value"),
        ("{} x", 3, "Extra data"),
        ("{\"😀\": tru}", 6, "Expecting value"),
        ("{\"a\": \"\\x\"}", 7, "Invalid \\escape"),
        ("{\"a\": \"line\nbreak\"}", 11, "Invalid control character at"),
    ] {
        for route in &taking_json {
            let path = route.path_with("1");
            let request = app
                .client()
                .request(route.method.clone(), app.url(&path))
                .header("content-type", "application/json");
            let answer = send(request.body(body)).await;
            // Even without a token.
            answer.expect_faults(&json!([{
                "type": "json_invalid", "loc": ["body", offset], "msg": "JSON decode error", "input": {},
                "ctx": {"error": error}
            }]));
        }
    }
}

#[tokio::test]
async fn json_needs_no_content_type_but_another_one_is_refused() {
    let app = app().await;
    let body = json!({"email": "ada@example.com", "password": "secret"}).to_string();
    let register = || app.client().post(app.url("/auth/register"));
    assert_eq!(send(register().body(body.clone())).await.status, 200);
    for accepted in [
        "application/json",
        "application/json; charset=utf-8",
        "application/problem+json",
    ] {
        let request = app
            .client()
            .post(app.url("/auth/login"))
            .header("content-type", accepted);
        assert_eq!(send(request.body(body.clone())).await.status, 200, "{accepted}");
    }
    for refused in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/xml",
    ] {
        let answer = send(register().header("content-type", refused).body(body.clone())).await;
        assert_eq!(answer.status, 422, "{refused}: {answer:?}");
        let detail = &answer.json()["detail"];
        assert_eq!(
            (&detail[0]["type"], &detail[0]["loc"]),
            (&json!("model_attributes_type"), &json!(["body"]))
        );
        assert!(!answer.text.contains("secret"), "{answer:?}");
    }
}

#[tokio::test]
async fn bodies_of_another_shape() {
    let app = app().await;
    let object = "Input should be a valid dictionary or object to extract fields from";
    for (body, faults) in [
        (
            "[1]",
            json!([fault(
                "model_attributes_type",
                json!(["body"]),
                object,
                json!([1])
            )]),
        ),
        (
            "\"text\"",
            json!([fault(
                "model_attributes_type",
                json!(["body"]),
                object,
                json!("text")
            )]),
        ),
        (
            "null",
            json!([fault(
                "model_attributes_type",
                json!(["body"]),
                object,
                Value::Null
            )]),
        ),
        ("", json!([missing(json!(["body"]))])),
    ] {
        let request = app
            .client()
            .post(app.url("/auth/register"))
            .header("content-type", "application/json");
        send(request.body(body)).await.expect_faults(&faults);
    }
}

/// Members of the same name: the last one counts. A byte order mark is no fault.
#[tokio::test]
async fn leniences_of_json() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let body = "\u{feff}{\"title\": \"one\", \"\\u0074itle\": \"two\"}";
    let request = user
        .call(Method::POST, "/conversations/")
        .header("content-type", "application/json");
    assert_eq!(send(request.body(body)).await.status, 200);
    assert_eq!(user.get("/conversations/").await.1[0]["title"], "two");
}

/// No text that PostgreSQL or JSON could not hold.
#[tokio::test]
async fn characters_that_cannot_be_stored() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for body in ["{\"title\": \"a\\u0000b\"}", "{\"title\": \"\\ud800\"}"] {
        let request = user
            .call(Method::POST, "/conversations/")
            .header("content-type", "application/json");
        let answer = send(request.body(body)).await;
        assert_eq!(answer.status, 422, "{body}: {answer:?}");
    }
    let answer = send(user.call(Method::PUT, "/conversations/1/rename?new_title=%00")).await;
    assert_eq!(answer.status, 422);
    let answer = send(user.call(Method::PUT, "/conversations/1/rename?new_title=%ff")).await;
    assert_eq!(answer.status, 422);
    let answer = post_as(&user, "/conversations/", &json!({"title": "\u{fffe}\u{10ffff}"})).await;
    assert_eq!(answer.status, 200);
}

#[tokio::test]
async fn every_answer_carries_the_safe_headers() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for answer in [
        get(&app, "/models").await,
        get(&app, "/nothing").await,
        get_as(&user, "/conversations/").await,
        get_as(&user, "/conversations/x/messages").await,
    ] {
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("x-frame-options"), "DENY");
        assert_eq!(answer.header("referrer-policy"), "no-referrer");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.header("server").is_empty());
    }
}
