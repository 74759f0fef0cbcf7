//! `DELETE /users/me`

use crate::support::{Answer, chat, list, on_both, post, send, with_vendor};
use chatai_testkit::app::User;
use serde_json::{Value, json};

async fn remove(user: &User, password: &Value) -> Answer {
    send(
        user.call(reqwest::Method::DELETE, "/users/me")
            .json(&json!({"password": password})),
    )
    .await
}

on_both! {
    async fn the_account_and_its_content_are_gone(options) {
        let (app, _provider) = with_vendor(options).await;
        let admin = app.register("admin@example.com").await;
        let user = app.register("user@example.com").await;
        let (_, sent) = user.chat_with_files(&[("text", "keep my secret")], &[("a.txt", "text/plain", b"secret")]).await;
        assert!(sent["response_message_id"].is_i64(), "{sent}");
        chat(&admin, &[("text", "hello")]).await;

        remove(&user, &json!("wrong!")).await.expect_error(401, "wrong_credentials", "Current password is wrong");
        for wrong in [json!(null), json!(5), json!("x".repeat(2_000))] {
            assert_eq!(remove(&user, &wrong).await.status, 422);
        }
        assert_eq!(send(user.call(reqwest::Method::DELETE, "/users/me")).await.status, 422);
        let answer = remove(&user, &json!("secret")).await;
        assert_eq!((answer.status, answer.json()), (200, json!({"detail": "Account deleted"})));
        assert!(answer.header("set-cookie").contains("Max-Age=0"));

        for path in ["/users/me", "/conversations/", "/usage"] {
            assert_eq!(user.get(path).await.0, 401, "{path}");
        }
        assert_eq!(remove(&user, &json!("secret")).await.status, 401);
        let sign_in = json!({"email": "user@example.com", "password": "secret"});
        assert_eq!(post(&app, "/auth/login", &sign_in).await.status, 401);
        let (_, accounts) = admin.get("/admin/users").await;
        assert_eq!(list(&accounts).len(), 1);
        // Its e-mail is free again, and what it had is not the new one's.
        let again = app.register("user@example.com").await;
        assert_eq!(again.get("/conversations/").await.1, json!([]));
        assert_eq!(again.get("/usage").await.1["total"]["calls"], 0);
        let file = format!("/attachments/{}", 1);
        assert_eq!(again.get(&file).await.0, 404);
        remove(&admin, &json!("secret")).await.expect_error(
            409, "last_administrator", "This is the last administrator; make another account administrator first");
    }
}

#[tokio::test]
async fn nothing_is_left_in_the_database() {
    let (mut app, _provider) = with_vendor(crate::support::options()).await;
    app.register("admin@example.com").await;
    let user = app.register("user@example.com").await;
    let (_, sent) = user
        .chat_with_files(
            &[("text", "zebra question")],
            &[("a.txt", "text/plain", b"zebra file")],
        )
        .await;
    assert!(sent["answer"].is_string(), "{sent}");
    assert_eq!(remove(&user, &json!("secret")).await.status, 200);
    assert!(app.terminate().await.success());
    let rows = crate::support::Rows::of(&app);
    for table in [
        "conversations",
        "messages",
        "attachments",
        "blobs",
        "extracted_texts",
        "usage_details",
        "reservations",
    ] {
        assert_eq!(rows.count(&format!("select count(*) from {table}")), 0, "{table}");
    }
    assert_eq!(rows.count("select count(*) from budgets"), 1);
    assert!(rows.count("select count(*) from ledger") > 0);
    assert!(rows.count("select count(*) from usage_days") > 0);
}
