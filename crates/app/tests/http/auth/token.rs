//! `POST /auth/token`: OAuth 2's password form.

use crate::support::{app, fault, keys, missing, send};
use reqwest::multipart;
use serde_json::{Value, json};

#[tokio::test]
async fn takes_urlencoded_and_multipart_forms() {
    let app = app().await;
    app.register("ada@example.com").await;
    let url = app.url("/auth/token");
    let full = [
        ("grant_type", "password"),
        ("username", "ada@example.com"),
        ("password", "secret"),
        ("scope", "read write"),
        ("client_id", "x"),
        ("client_secret", "y"),
        ("unknown", "z"),
    ];
    let mut multi = multipart::Form::new();
    for (name, value) in full {
        multi = multi.text(name, value);
    }
    let blank = [
        ("grant_type", ""),
        ("username", "ada@example.com"),
        ("password", "secret"),
    ];
    for request in [
        app.client().post(&url).form(&full),
        app.client().post(&url).form(&full[1..3]),
        app.client().post(&url).form(&blank),
        app.client().post(&url).multipart(multi),
    ] {
        let answer = send(request).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!(keys(&body), ["access_token", "token_type"]);
        let token = body["access_token"].as_str().unwrap();
        let me = send(app.client().get(app.url("/users/me")).bearer_auth(token)).await;
        assert_eq!(me.status, 200);
    }
}

#[tokio::test]
async fn wrong_passwords() {
    let app = app().await;
    let form = [("username", "ada@example.com"), ("password", "secret")];
    let answer = send(app.client().post(app.url("/auth/token")).form(&form)).await;
    answer.expect_error(401, "wrong_credentials", "Incorrect username or password");
    assert_eq!(answer.header("www-authenticate"), "");
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let url = app.url("/auth/token");
    let missing_both = json!([
        missing(json!(["body", "username"])),
        missing(json!(["body", "password"]))
    ]);
    let empty: [(&str, &str); 0] = [];
    let answer = send(app.client().post(&url).form(&empty)).await;
    answer.expect_faults(&missing_both);
    // JSON is no form.
    let answer = send(
        app.client()
            .post(&url)
            .json(&json!({"username": "a", "password": "b"})),
    )
    .await;
    answer.expect_faults(&missing_both);

    let form = [("grant_type", "client_credentials"), ("username", "a")];
    let answer = send(app.client().post(&url).form(&form)).await;
    let mut pattern = fault(
        "string_pattern_mismatch",
        json!(["body", "grant_type"]),
        "String should match pattern '^password$'",
        json!("client_credentials"),
    );
    pattern["ctx"] = json!({"pattern": "^password$"});
    answer.expect_faults(&json!([pattern, missing(json!(["body", "password"]))]));
}

#[tokio::test]
async fn a_password_is_never_sent_back() {
    let app = app().await;
    let long = "p4ssw0rd".repeat(200);
    let form = [("username", "ada@example.com"), ("password", long.as_str())];
    let answer = send(app.client().post(app.url("/auth/token")).form(&form)).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.json()["detail"][0]["input"], Value::Null);
    assert!(!answer.text.contains("p4ssw0rd"));
}

/// The original client sends what it has left of an earlier session.
#[tokio::test]
async fn a_stale_authorization_is_ignored() {
    let app = app().await;
    app.register("ada@example.com").await;
    let form = [("username", "ada@example.com"), ("password", "secret")];
    for stale in ["Bearer of-old", "Bearer ", "Basic eDp5", "nonsense"] {
        let call = app.client().post(app.url("/auth/token")).form(&form);
        let answer = send(call.header("authorization", stale)).await;
        assert_eq!(answer.status, 200, "{stale}: {answer:?}");
        let call = app.client().post(app.url("/api/auth/token")).form(&form);
        let answer = send(call.header("authorization", stale)).await;
        assert_eq!(answer.status, 200, "{stale}: {answer:?}");
    }
}
