//! `chatai import`, seen from where its users are: what was the original's is here, and works.
//!
//! The rules of the import are tested where they are written; this is the whole way from a file to a client.

use crate::support::{Rows, chat, get_as, jwt, list, messages, on_both, options, usage, with_vendor};
use chatai_testkit::app::{AppOptions, TestApp, User};
use rusqlite::{Connection, params};
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    process::{Output, Stdio},
};

/// A file as the original service left it: two accounts, two conversations, one orphan.
fn original(folder: &Path) -> PathBuf {
    let path = folder.join("app.db");
    let file = Connection::open(&path).expect("a file can be made");
    file.execute_batch(
        "create table users (id integer primary key, email varchar, password_hash varchar, display_name varchar, created_at datetime);
         create table conversations (id integer primary key, user_id integer, title varchar, summary text, created_at datetime);
         create table messages (id integer primary key, conversation_id integer, request_id integer, text text, summary text,
             created_at datetime, input_tokens integer, output_tokens integer, cached_tokens integer, model varchar, price real);
         create table attachments (id integer primary key, message_id integer, filename varchar, content blob, content_type varchar);
         create table usage_details (id integer primary key, message_id integer, scope varchar, model varchar, input_tokens integer,
             output_tokens integer, cached_tokens integer, price real, created_at datetime);",
    )
    .expect("the original's tables");
    let hash = |password: &str| bcrypt::hash(password, 4).expect("a hash");
    for (id, email, password, name) in [
        (7, "Ada@example.com", "lovelace", Some("Ada")),
        (9, "eve@example.com", "password-of-eve", None),
    ] {
        let row = params![id, email, hash(password), name, "2024-05-01 08:30:15.123456"];
        file.execute("insert into users values (?1, ?2, ?3, ?4, ?5)", row)
            .expect("a user");
    }
    file.execute_batch(
        "insert into conversations values (40, 7, 'Sea stories', 'about the sea', '2024-05-02 09:00:00.000000');
         insert into conversations values (41, 9, 'Private', null, '2024-05-03 10:00:00.000000');
         insert into conversations values (99, 1234, 'Nobody''s', null, '2024-05-04 10:00:00.000000');
         insert into messages values (300, 40, null, '  A book about the sea? ', null, '2024-05-02 09:00:01.500000', null, null, null, 'gpt-4o', null);
         insert into messages values (301, 40, 300, 'Moby-Dick – or „The Sea“ 😀', 'short', '2024-05-02 09:00:05.000000', 1200, 80, 200, 'gpt-4o', 0.00355);
         insert into usage_details values (500, 301, 'title', 'gpt-4.1-nano', 200, 10, 0, 0.000024, '2024-05-02 09:00:02.000000');
         insert into usage_details values (501, 301, 'final', 'gpt-4o', 1000, 70, 200, 0.003526, '2024-05-02 09:00:05.000000');",
    )
    .expect("the original's rows");
    let content: &[u8] = b"the tide table";
    let row = params![60, 300, "Gezeiten ü.txt", content, "text/plain"];
    file.execute("insert into attachments values (?1, ?2, ?3, ?4, ?5)", row)
        .expect("an attachment");
    path
}

fn import(app: &TestApp, arguments: &[&str]) -> Output {
    let arguments: Vec<&str> = ["import"].into_iter().chain(arguments.iter().copied()).collect();
    let done = app
        .command(&arguments)
        .stdin(Stdio::null())
        .output()
        .expect("the command runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    done
}

/// Everything of the original's first account, as its client sees it.
async fn expect_adas_things(app: &TestApp, ada: &User) {
    let me = get_as(ada, "/users/me").await.json();
    assert_eq!(
        (&me["id"], &me["email"], &me["display_name"], &me["created_at"]),
        (
            &json!(7),
            &json!("Ada@example.com"),
            &json!("Ada"),
            &json!("2024-05-01 08:30:15")
        )
    );
    let (_, listed) = ada.get("/conversations/").await;
    assert_eq!(
        listed,
        json!([{"id": 40, "title": "Sea stories", "summary": "about the sea", "created_at": "2024-05-02 09:00:00", "pinned_at": null}])
    );
    let stored = messages(ada, &json!(40)).await;
    assert_eq!(stored.len(), 2);
    assert_eq!(
        (&stored[0]["id"], &stored[0]["text"]),
        (&json!(300), &json!("  A book about the sea? "))
    );
    assert_eq!(stored[0]["created_at"], "2024-05-02 09:00:01");
    assert_eq!(
        (&stored[1]["id"], &stored[1]["request_id"]),
        (&json!(301), &json!(300))
    );
    assert_eq!(stored[1]["text"], "Moby-Dick – or „The Sea“ 😀");
    assert_eq!(
        (&stored[1]["summary"], &stored[1]["price"]),
        (&json!("short"), &json!(0.00355))
    );
    assert_eq!(
        (&stored[1]["input_tokens"], &stored[1]["cached_tokens"]),
        (&json!(1200), &json!(200))
    );
    assert_eq!(
        stored[0]["attachments"],
        json!([{"id": 60, "message_id": 300, "filename": "Gezeiten ü.txt", "content_type": "text/plain"}])
    );
    let file = get_as(ada, "/attachments/60").await;
    assert_eq!((file.status, file.text.as_str()), (200, "the tide table"));
    let rows = usage(ada, &json!(301)).await;
    let prices: Vec<&Value> = rows.iter().map(|row| &row["price"]).collect();
    assert_eq!(prices, [&json!(0.000024), &json!(0.003526)]);
    assert_eq!(rows[1]["id"], 501);
    // Another's stay another's.
    assert_eq!(ada.get("/conversations/41/messages").await.0, 404);
    let answer = get_as(ada, "/conversations/40/context").await.json();
    assert_eq!(answer, "user:   A book about the sea? \n---\nassistant: short");
    assert_eq!(
        get_as(ada, "/conversations/99/messages").await.status,
        404,
        "nobody's"
    );
    assert!(
        app.log().lines().all(|line| !line.contains("ERROR")),
        "{}",
        app.log()
    );
}

async fn imported(options: AppOptions) -> (TestApp, chatai_testkit::provider::ScriptedProvider, PathBuf) {
    let (mut app, provider) = with_vendor(options).await;
    let path = original(app.folder());
    assert!(app.terminate().await.success());
    (app, provider, path)
}

on_both! {
    async fn everything_is_there_and_goes_on(options) {
        let (mut app, provider, path) = imported(options.env("JWT_SECRET_KEY", jwt::SECRET)).await;
        let done = import(&app, &[path.to_str().unwrap()]);
        let report = String::from_utf8_lossy(&done.stdout).into_owned();
        assert!(report.contains("99") || report.to_lowercase().contains("nobody") || report.contains("orphan"), "{report}");
        app.start_again().await;
        let ada = app.login("ada@example.com", "lovelace").await;
        expect_adas_things(&app, &ada).await;
        // A token that the original issued still counts.
        let token = jwt::sign(&jwt::claims(7, "Ada@example.com"));
        assert_eq!(get_as(&ada.with_token(token), "/users/me").await.status, 200);

        let sent = chat(&ada, &[("text", "And another one?"), ("conversation_id", "40")]).await;
        assert!(sent["request_message_id"].as_i64() > Some(301), "{sent}");
        let calls = provider.answer_calls();
        let given = json!(calls.last().unwrap().input()).to_string();
        assert!(given.contains("A book about the sea?") && given.contains("Moby-Dick"), "{given}");
        assert!(given.contains("the tide table"), "the file's text is part of the context: {given}");
        assert_eq!(messages(&ada, &json!(40)).await.len(), 4);
        // New accounts get new ids.
        let newcomer = app.register("new@example.com").await;
        assert!(get_as(&newcomer, "/users/me").await.json()["id"].as_i64() > Some(9));
    }

    async fn a_second_run_adds_nothing(options) {
        let (mut app, _provider, path) = imported(options).await;
        import(&app, &[path.to_str().unwrap()]);
        import(&app, &[path.to_str().unwrap()]);
        app.start_again().await;
        let ada = app.login("Ada@example.com", "lovelace").await;
        expect_adas_things(&app, &ada).await;
        let eve = app.login("eve@example.com", "password-of-eve").await;
        assert_eq!(list(&eve.get("/conversations/").await.1).len(), 1);
    }
}

#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let (app, _provider, path) = imported(options()).await;
    let done = import(&app, &["--dry-run", path.to_str().unwrap()]);
    assert!(!done.stdout.is_empty(), "it reports");
    let rows = Rows::of(&app);
    for table in [
        "users",
        "conversations",
        "messages",
        "attachments",
        "usage_details",
        "imported_rows",
    ] {
        assert_eq!(rows.count(&format!("select count(*) from {table}")), 0, "{table}");
    }
}

#[tokio::test]
async fn a_taken_id_is_mapped_and_reported() {
    let (mut app, _provider) = with_vendor(options()).await;
    let path = original(app.folder());
    // Seven accounts: the original's 7 is taken.
    let mut last = app.register("u1@example.com").await;
    for number in 2..=7 {
        last = app.register(&format!("u{number}@example.com")).await;
    }
    assert_eq!(get_as(&last, "/users/me").await.json()["id"], 7);
    assert!(app.terminate().await.success());
    let report = String::from_utf8_lossy(&import(&app, &[path.to_str().unwrap()]).stdout).into_owned();
    assert!(report.contains('7'), "{report}");
    app.start_again().await;
    assert_eq!(
        get_as(&last.at(&app.base_url()), "/users/me").await.json()["email"],
        "u7@example.com"
    );
    let ada = app.login("Ada@example.com", "lovelace").await;
    let id = get_as(&ada, "/users/me").await.json()["id"].clone();
    assert!(id.as_i64() > Some(7) && id != 9, "{id}");
    assert_eq!(messages(&ada, &json!(40)).await.len(), 2);
}
