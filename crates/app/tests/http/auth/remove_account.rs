//! `DELETE /users/me`

use crate::support::{
    Answer, Rows, app, app_with_vendor, get_as, list, missing, on_both, options, post, send, with_vendor,
};
use chatai_testkit::{
    app::User,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn remove(user: &User, password: &str) -> Answer {
    send(
        user.call(Method::DELETE, "/users/me")
            .json(&json!({"password": password})),
    )
    .await
}

on_both! {
    async fn the_account_is_gone_and_its_email_free(options) {
        let app = options.start().await;
        app.register("first@example.com").await;
        let user = app.register("ada@example.com").await;
        let second = app.login("ada@example.com", "secret").await;
        let (_, key) = user.post("/keys", &json!({"name": "k"})).await;
        let program = user.with_token(key["key"].as_str().unwrap());
        remove(&user, "wrong").await.expect_error(403, "wrong_password", "The password is wrong");
        assert_eq!(user.get("/users/me").await.0, 200);

        let gone = remove(&user, "secret").await;
        assert_eq!((gone.status, &gone.json()["detail"]), (200, &json!("Account deleted")));
        assert!(gone.header("set-cookie").contains("Max-Age=0"), "{gone:?}");
        for caller in [&user, &second, &program] {
            get_as(caller, "/users/me").await.expect_error(401, "invalid_token", "Could not validate credentials");
        }
        let sign_in = json!({"email": "ada@example.com", "password": "secret"});
        post(&app, "/auth/login", &sign_in).await.expect_error(401, "wrong_credentials", "Incorrect username or password");
        let again = app.register("ada@example.com").await;
        assert_eq!(again.get("/conversations/").await.1, json!([]));
        assert_eq!(user.get("/users/me").await.0, 401, "the old token is not the new account's");
    }

    async fn the_last_administrator_stays(options) {
        let app = options.start().await;
        let first = app.register("first@example.com").await;
        let other = app.register("other@example.com").await;
        let answer = remove(&first, "secret").await;
        assert_eq!((answer.status, &answer.json()["code"]), (409, &json!("last_administrator")), "{answer:?}");
        assert_eq!(remove(&other, "secret").await.status, 200);
        // Alone it may go, and whoever comes next is the first again.
        assert_eq!(remove(&first, "secret").await.status, 200);
        app.register("next@example.com").await;
        let more = app.register("more@example.com").await;
        assert_eq!(remove(&more, "secret").await.status, 200);
    }

    /// Its end finds nothing to write to, and brings nothing back.
    async fn a_turn_that_runs_leaves_nothing_behind(options) {
        let (app, provider) = with_vendor(options).await;
        app.register("first@example.com").await;
        let user = app.register("ada@example.com").await;
        let gate = Gate::new();
        provider.push(Reply::text("too late").gate_after(0, &gate));
        let asking = tokio::spawn({
            let user = user.clone();
            async move { user.chat(&[("text", "hello")]).await }
        });
        gate.reached().await;
        assert_eq!(remove(&user, "secret").await.status, 200);
        gate.open();
        let (status, body) = asking.await.unwrap();
        assert!(status == 404 || status == 200, "{status}: {body}");
        let again = app.register("ada@example.com").await;
        assert_eq!(again.get("/conversations/").await.1, json!([]));
        assert_eq!(again.get("/search?q=hello").await.1, json!([]));
    }
}

#[tokio::test]
async fn all_content_is_gone_but_the_amounts() {
    let (mut app, _provider) = app_with_vendor().await;
    let first = app.register("first@example.com").await;
    let user = app.register("ada@example.com").await;
    let file: (&str, &str, &[u8]) = ("notes.txt", "text/plain", b"the word is xylophone");
    let shared: (&str, &str, &[u8]) = ("shared.txt", "text/plain", b"common content");
    for _ in 0..3 {
        let (status, turn) = user
            .chat_with_files(&[("text", "remember quagmire")], &[file, shared])
            .await;
        assert_eq!(status, 200, "{turn}");
    }
    first.chat_with_files(&[("text", "keep")], &[shared]).await;
    user.post("/keys", &json!({"name": "zeppelin"})).await;
    assert!(!list(&user.get("/search?q=quagmire").await.1).is_empty());
    let id = user.get("/users/me").await.1["id"].clone();
    assert_eq!(remove(&user, "secret").await.status, 200);

    app.terminate().await;
    let rows = Rows::of(&app);
    rows.expect_sound();
    for table in [
        "conversations",
        "messages",
        "attachments",
        "usage_details",
        "api_keys",
        "ended_sessions",
    ] {
        assert_eq!(
            rows.count(&format!("select count(*) from {table} where user_id = {id}")),
            0,
            "{table}"
        );
    }
    assert_eq!(rows.column("select bytes from blobs"), ["common content"]);
    assert!(
        rows.count(&format!("select count(*) from ledger where user_id = {id}")) >= 3,
        "amounts stay"
    );
    // Whatever table a later version adds, the words are in none.
    for table in rows.column("select name from sqlite_schema where type = 'table'") {
        let table = table.as_str().unwrap().to_owned();
        for column in rows.column(&format!("select name from pragma_table_info('{table}')")) {
            let column = column.as_str().unwrap().to_owned();
            for word in ["quagmire", "agmire", "xylophone", "ada@example.com", "zeppelin"] {
                let sql = format!("select count(*) from \"{table}\" where instr(\"{column}\", '{word}') > 0");
                assert_eq!(rows.count(&sql), 0, "`{word}` is in {table}.{column}");
            }
        }
    }
}

#[tokio::test]
async fn passwords_cannot_be_tried_out() {
    let options = options().env("CHATAI__LIMITS__SIGN_IN_FAILURES_PER_MINUTE", "3");
    let app = options.start().await;
    let user = app.register("ada@example.com").await;
    let mut refused = Value::Null;
    for _ in 0..8 {
        let answer = remove(&user, "guess").await;
        if answer.status == 429 {
            let seconds: u64 = answer.header("retry-after").parse().unwrap();
            assert!((1..=60).contains(&seconds), "{answer:?}");
            refused = answer.json()["code"].clone();
        }
    }
    assert_eq!(refused, "rate_limited");
    assert_eq!(user.get("/users/me").await.0, 200);
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = send(user.call(Method::DELETE, "/users/me").json(&json!({}))).await;
    answer.expect_faults(&json!([missing(json!(["body", "password"]))]));
    let answer = send(
        app.client()
            .delete(app.url("/users/me"))
            .json(&json!({"password": "secret"})),
    )
    .await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
