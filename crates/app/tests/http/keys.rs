//! `/keys`

use crate::support::{
    Rows, app, chat, get, get_as, keys, list, messages, missing, on_both, options, post_as,
};
use chatai_testkit::app::User;
use reqwest::Method;
use serde_json::{Value, json};

/// Makes a key; its row and a caller with it.
async fn make(user: &User, body: &Value) -> (Value, User) {
    let (status, made) = user.post("/keys", body).await;
    assert_eq!(status, 200, "{made}");
    let caller = user.with_token(made["key"].as_str().unwrap());
    (made, caller)
}

on_both! {
    async fn a_key_speaks_for_its_account_until_it_is_deleted(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (made, program) = make(&user, &json!({"name": "backup"})).await;
        assert_eq!(keys(&made), ["id", "name", "prefix", "created_at", "last_used_at", "expires_at", "key"]);
        let secret = made["key"].as_str().unwrap();
        assert!(secret.starts_with(made["prefix"].as_str().unwrap()) && secret.starts_with("sk-"), "{made}");
        assert!(secret.len() >= 43, "{secret}");
        assert_eq!((&made["last_used_at"], &made["expires_at"]), (&Value::Null, &Value::Null));

        let turn = chat(&program, &[("text", "hello")]).await;
        assert_eq!(messages(&user, &turn["conversation_id"]).await.len(), 2);
        assert_eq!(program.get("/users/me").await, user.get("/users/me").await);
        let (_, listed) = user.get("/keys").await;
        assert_eq!(keys(&listed[0]), ["id", "name", "prefix", "created_at", "last_used_at", "expires_at"]);
        assert!(listed[0]["last_used_at"].is_string(), "{listed}");
        assert!(!listed.to_string().contains(&secret[12..]), "the secret is shown once");

        // A new password leaves keys alone, as people expect of their scripts.
        let change = json!({"current_password": "secret", "new_password": "new secret"});
        let (_, token) = user.post("/auth/password", &change).await;
        let user = user.with_token(token["access_token"].as_str().unwrap());
        assert_eq!(program.get("/users/me").await.0, 200);

        let (status, _) = user.delete(&format!("/keys/{}", made["id"])).await;
        assert_eq!(status, 200);
        get_as(&program, "/users/me").await.expect_error(401, "invalid_token", "Could not validate credentials");
        assert_eq!(user.get("/keys").await.1, json!([]));
        assert_eq!(user.delete(&format!("/keys/{}", made["id"])).await.0, 404);
    }

    async fn a_key_makes_no_keys_and_ends_no_account(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (made, program) = make(&user, &json!({"name": "leaked"})).await;
        for (method, path, body) in [
            (Method::POST, "/keys".to_owned(), json!({"name": "another"})),
            (Method::DELETE, format!("/keys/{}", made["id"]), json!({})),
            (Method::DELETE, "/users/me".to_owned(), json!({"password": "secret"})),
            (Method::POST, "/auth/password".to_owned(), json!({"current_password": "secret", "new_password": "theirs"})),
            (Method::POST, "/auth/logout".to_owned(), json!({})),
        ] {
            let answer = crate::support::send(program.call(method, &path).json(&body)).await;
            assert_eq!((answer.status, &answer.json()["code"]), (403, &json!("forbidden")), "{path}: {answer:?}");
        }
        assert_eq!(list(&program.get("/keys").await.1).len(), 1);
    }

    async fn a_key_ends_when_it_expires(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let in_two_seconds = chatai_types::Clock::now(&chatai_types::SystemClock).plus_secs(2).to_wire();
        let (_, program) = make(&user, &json!({"name": "short", "expires_at": in_two_seconds})).await;
        assert_eq!(program.get("/users/me").await.0, 200);
        let begun = std::time::Instant::now();
        while program.get("/users/me").await.0 == 200 {
            assert!(begun.elapsed().as_secs() < 30, "it does not end");
        }
        let answer = post_as(&user, "/keys", &json!({"name": "over", "expires_at": "2001-01-01T00:00:00Z"})).await;
        assert_eq!((answer.status, &answer.json()["code"]), (422, &json!("validation_error")));
    }

    async fn an_account_has_at_most_a_hundred(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let mut making = tokio::task::JoinSet::new();
        for _ in 0..110 {
            let user = user.clone();
            making.spawn(async move { user.post("/keys", &json!({"name": "one of many"})).await.0 });
        }
        let made = making.join_all().await;
        assert_eq!(made.iter().filter(|status| **status == 200).count(), 100);
        assert_eq!(made.iter().filter(|status| **status == 409).count(), 10);
    }
}

#[tokio::test]
async fn a_disabled_accounts_keys_do_not_count_and_uses_are_kept() {
    let mut app = options().start().await;
    app.register("first@example.com").await;
    let user = app.register("ada@example.com").await;
    let (made, program) = make(&user, &json!({"name": "backup"})).await;
    assert_eq!(program.get("/users/me").await.0, 200);
    app.terminate().await;
    let rows = Rows::of(&app);
    assert_eq!(
        rows.count("select count(*) from api_keys where last_used_at is not null"),
        1
    );
    let secret = made["key"].as_str().unwrap();
    let kept = format!(
        "select count(*) from api_keys where key_hash = '{secret}' or instr(key_hash, '{}') > 0",
        &secret[3..]
    );
    assert_eq!(rows.count(&kept), 0, "the key itself is not kept");
    rows.change("update users set disabled = 1 where email = 'ada@example.com'");
    drop(rows);
    app.start_again().await;
    let program = program.at(&app.base_url());
    get_as(&program, "/users/me")
        .await
        .expect_error(401, "invalid_token", "Could not validate credentials");
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    post_as(&user, "/keys", &json!({}))
        .await
        .expect_faults(&json!([missing(json!(["body", "name"]))]));
    for body in [
        json!({"name": ""}),
        json!({"name": "x".repeat(201)}),
        json!({"name": "x", "expires_at": "tomorrow"}),
        json!({"name": "x", "expires_at": 5}),
    ] {
        assert_eq!(post_as(&user, "/keys", &body).await.status, 422, "{body}");
    }
    for token in [
        "sk-",
        "sk-unknown",
        "SK-1",
        &format!("sk-{}", "0".repeat(48)),
        &"sk-".repeat(2_000),
    ] {
        assert_eq!(
            get_as(&user.with_token(token), "/users/me").await.status,
            401,
            "{token}"
        );
    }
    get(&app, "/keys")
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
    assert_eq!(user.delete("/keys/999999").await.0, 404);
}
