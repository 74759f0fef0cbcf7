//! `POST /auth/password`

use crate::support::{app, get_as, keys, missing, on_both, post, post_as};
use serde_json::json;

on_both! {
    async fn ends_all_other_sessions_and_gives_a_new_token(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let sign_in = |password: &str| json!({"email": "ada@example.com", "password": password});
        let login = post(&app, "/auth/login", &sign_in("secret")).await.json();
        let second = user.with_token(login["access_token"].as_str().unwrap());

        let change = json!({"current_password": "secret", "new_password": "new secret"});
        let answer = post_as(&user, "/auth/password", &change).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let body = answer.json();
        assert_eq!(keys(&body), ["access_token", "token_type"]);
        let third = user.with_token(body["access_token"].as_str().unwrap());

        for (user, status) in [(&user, 401), (&second, 401), (&third, 200)] {
            assert_eq!(get_as(user, "/users/me").await.status, status);
        }
        assert_eq!(post(&app, "/auth/login", &sign_in("secret")).await.status, 401);
        assert_eq!(post(&app, "/auth/login", &sign_in("new secret")).await.status, 200);
    }
}

#[tokio::test]
async fn asks_for_the_present_password() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let change = json!({"current_password": "wrong", "new_password": "new secret"});
    let answer = post_as(&user, "/auth/password", &change).await;
    answer.expect_error(401, "wrong_credentials", "Current password is wrong");
    assert_eq!(
        get_as(&user, "/users/me").await.status,
        200,
        "nothing has changed"
    );
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = post_as(&user, "/auth/password", &json!({})).await;
    answer.expect_faults(&json!([
        missing(json!(["body", "current_password"])),
        missing(json!(["body", "new_password"]))
    ]));
    for new in ["short", "        "] {
        let change = json!({"current_password": "secret", "new_password": new});
        assert_eq!(
            post_as(&user, "/auth/password", &change).await.status,
            422,
            "{new:?}"
        );
    }
    let answer = post(&app, "/auth/password", &json!({})).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
