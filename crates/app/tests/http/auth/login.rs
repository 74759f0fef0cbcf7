//! `POST /auth/login`

use crate::support::{app, get_as, keys, missing, on_both, post, send};
use serde_json::json;

on_both! {
    async fn gives_a_token_of_its_own(options) {
        let app = options.start().await;
        let registered = app.register("ada@example.com").await;
        let answer = post(&app, "/auth/login", &json!({"email": "ada@example.com", "password": "secret"})).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!(keys(&body), ["access_token", "token_type"]);
        assert_eq!(body["token_type"], "bearer");
        let token = body["access_token"].as_str().unwrap();
        assert_ne!(token, registered.token);
        for token in [token, &registered.token] {
            let me = send(app.client().get(app.url("/users/me")).bearer_auth(token)).await;
            assert_eq!(me.status, 200);
        }
    }

    async fn emails_are_compared_without_case(options) {
        let app = options.start().await;
        let user = app.register("Ada.Lovelace@Example.com").await;
        for email in ["Ada.Lovelace@Example.com", "ada.lovelace@example.com", "ADA.LOVELACE@EXAMPLE.COM"] {
            let answer = post(&app, "/auth/login", &json!({"email": email, "password": "secret"})).await;
            assert_eq!(answer.status, 200, "{email}: {answer:?}");
        }
        assert_eq!(get_as(&user, "/users/me").await.json()["email"], "Ada.Lovelace@Example.com");
    }
}

#[tokio::test]
async fn wrong_and_unknown_get_the_same_answer() {
    let app = app().await;
    app.register("ada@example.com").await;
    for (email, password) in [
        ("ada@example.com", "Secret"),
        ("ada@example.com", "secret "),
        ("ada@example.com", ""),
        ("eve@example.com", "secret"),
        ("no address", "secret"),
        ("", ""),
    ] {
        let answer = post(
            &app,
            "/auth/login",
            &json!({"email": email, "password": password}),
        )
        .await;
        answer.expect_error(401, "wrong_credentials", "Incorrect username or password");
        // The challenge belongs to protected routes alone.
        assert_eq!(answer.header("www-authenticate"), "");
    }
}

#[tokio::test]
async fn missing_fields() {
    let app = app().await;
    let answer = post(&app, "/auth/login", &json!({})).await;
    answer.expect_faults(&json!([
        missing(json!(["body", "email"])),
        missing(json!(["body", "password"]))
    ]));
    let answer = post(&app, "/auth/login", &json!({"email": "a", "username": "a"})).await;
    answer.expect_faults(&json!([missing(json!(["body", "password"]))]));
}

#[tokio::test]
async fn a_failed_sign_in_sets_no_cookie() {
    let app = app().await;
    let answer = post(
        &app,
        "/auth/login",
        &json!({"email": "a@b.de", "password": "secret"}),
    )
    .await;
    assert!(!answer.headers.contains_key("set-cookie"), "{answer:?}");
}
