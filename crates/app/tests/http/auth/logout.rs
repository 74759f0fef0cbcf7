//! `POST /auth/logout`

use crate::support::{app, get_as, on_both, post, send};
use reqwest::Method;
use serde_json::json;

on_both! {
    async fn ends_this_session_alone_and_for_good(options) {
        let mut app = options.start().await;
        let user = app.register("ada@example.com").await;
        let body = json!({"email": "ada@example.com", "password": "secret"});
        let second = post(&app, "/auth/login", &body).await.json()["access_token"].as_str().unwrap().to_owned();
        let second = user.with_token(second);

        let answer = send(user.call(Method::POST, "/auth/logout")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        for path in ["/users/me", "/conversations/", "/attachments/1"] {
            let answer = get_as(&user, path).await;
            answer.expect_error(401, "invalid_token", "Could not validate credentials");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
        }
        assert_eq!(get_as(&second, "/users/me").await.status, 200);

        app.kill();
        app.start_again().await;
        assert_eq!(get_as(&user.at(&app.base_url()), "/users/me").await.status, 401);
        assert_eq!(get_as(&second.at(&app.base_url()), "/users/me").await.status, 200);
    }
}

#[tokio::test]
async fn takes_the_cookie_back() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = send(user.call(Method::POST, "/auth/logout")).await;
    let cookie = answer.header("set-cookie");
    assert!(
        cookie.starts_with("chatai_token=;") && cookie.contains("Max-Age=0"),
        "{cookie}"
    );
}

#[tokio::test]
async fn needs_a_token() {
    let app = app().await;
    let answer = send(app.client().post(app.url("/auth/logout"))).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
