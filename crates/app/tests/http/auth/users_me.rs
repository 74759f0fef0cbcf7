//! `GET /users/me`, and what every protected route asks of a token.

use crate::support::{app, expect_timestamp, get, get_as, jwt, keys, on_both, options, post, send};
use serde_json::{Value, json};

on_both! {
    async fn shows_the_account(options) {
        let app = options.start().await;
        let body = json!({"email": "ada@example.com", "password": "secret", "display_name": "Ada"});
        let token = post(&app, "/auth/register", &body).await.json()["access_token"].as_str().unwrap().to_owned();
        let answer = send(app.client().get(app.url("/users/me")).bearer_auth(token)).await;
        assert_eq!(answer.status, 200);
        let me = answer.json();
        assert_eq!(keys(&me)[..5], ["id", "email", "display_name", "created_at", "role"]);
        assert!(me["id"].is_i64());
        assert_eq!(me["role"], "admin");
        assert_eq!((&me["email"], &me["display_name"]), (&json!("ada@example.com"), &json!("Ada")));
        expect_timestamp(&me["created_at"]);
        assert!(!answer.text.contains("password") && !answer.text.contains("argon2"), "{answer:?}");

        let other = app.register("eve@example.com").await;
        let me = get_as(&other, "/users/me").await.json();
        assert_eq!((&me["email"], &me["display_name"]), (&json!("eve@example.com"), &Value::Null));
        assert_eq!(me["role"], "user");
    }
}

#[tokio::test]
async fn no_token_and_bad_tokens() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let token = &user.token;
    let answer = get(&app, "/users/me").await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer");

    for (value, status, detail) in [
        (format!("Bearer {token}"), 200, ""),
        (format!("bearer {token}"), 200, ""),
        (format!("BEARER {token}"), 200, ""),
        (format!("Basic {token}"), 401, "Not authenticated"),
        (token.clone(), 401, "Not authenticated"),
        (format!("Bearer{token}"), 401, "Not authenticated"),
        ("Bearer".to_owned(), 401, "Could not validate credentials"),
        ("Bearer ".to_owned(), 401, "Could not validate credentials"),
        (
            "Bearer nonsense".to_owned(),
            401,
            "Could not validate credentials",
        ),
        (format!("Bearer {token}x"), 401, "Could not validate credentials"),
        (
            format!("Bearer {token} {token}"),
            401,
            "Could not validate credentials",
        ),
    ] {
        let request = app
            .client()
            .get(app.url("/users/me"))
            .header("authorization", &value);
        let answer = send(request).await;
        assert_eq!(answer.status, status, "{value}: {answer:?}");
        if status == 401 {
            assert_eq!(answer.json()["detail"], detail, "{value}");
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{value}");
        }
    }
}

/// More forgeries are in `tests/guard`.
#[tokio::test]
async fn an_unsigned_token_is_none() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let claims = claims_of(&user.token);
    for algorithm in ["none", "None", "HS256"] {
        let token = jwt::forge(&json!({"alg": algorithm, "typ": "JWT"}), &claims, "");
        let answer = get_as(&user.with_token(token), "/users/me").await;
        answer.expect_error(401, "invalid_token", "Could not validate credentials");
    }
}

#[tokio::test]
async fn tokens_end_with_their_lifetime() {
    // The claims are read without the key: a client does so too.
    let app = options().env("JWT_ACCESS_TOKEN_MINUTES", "7").start().await;
    let user = app.register("ada@example.com").await;
    let claims = claims_of(&user.token);
    let id = get_as(&user, "/users/me").await.json()["id"].to_string();
    assert_eq!(claims["sub"], json!(id), "the id as text");
    assert_eq!(claims["email"], "ada@example.com");
    let (iat, exp) = (claims["iat"].as_i64().unwrap(), claims["exp"].as_i64().unwrap());
    assert_eq!(exp - iat, 7 * 60);
    assert!((jwt::now() - iat).abs() < 60);
}

#[tokio::test]
async fn tokens_live_for_a_day_unless_configured() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let claims = claims_of(&user.token);
    assert_eq!(
        claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(),
        1_440 * 60
    );
}

fn claims_of(token: &str) -> Value {
    use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}
