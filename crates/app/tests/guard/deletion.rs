//! What is deleted is gone: from every answer, from every table, from the bytes of the file's live pages.

use crate::support::*;
use chatai_testkit::app::User;
use serde_json::Value;

/// A turn with a file; its conversation, and every address under which something of it can be read.
async fn keep(user: &User, question: &str, file: &[u8]) -> (Value, Vec<String>) {
    let (status, turn) = user
        .chat_with_files(&[("text", question)], &[("notes.txt", "text/plain", file)])
        .await;
    assert_eq!(status, 200, "{turn}");
    let conversation = turn["conversation_id"].clone();
    let stored = messages(user, &conversation).await;
    let addresses = vec![
        format!("/conversations/{conversation}/messages"),
        format!("/conversations/{conversation}/context"),
        format!("/chat/{conversation}/usage-details"),
        format!("/chat/messages/{}/usage-details", stored[0]["id"]),
        format!("/chat/messages/{}/usage-details", stored[1]["id"]),
        format!("/attachments/{}", stored[0]["attachments"][0]["id"]),
    ];
    (conversation, addresses)
}

#[tokio::test]
async fn a_deleted_conversation_leaves_nothing_but_its_amounts() {
    let (mut app, _provider) = with_vendor(options()).await;
    let (user, other) = (
        app.register("a@example.com").await,
        app.register("b@example.com").await,
    );
    let (conversation, addresses) = keep(&user, "remember quagmire", b"the word is xylophone").await;
    // The same content elsewhere must outlive it.
    keep(&user, "and shared", b"common content").await;
    let (shared, _) = keep(&other, "and shared", b"common content").await;
    let (second, _) = keep(&user, "twice", b"common content").await;
    for path in &addresses {
        assert_eq!(get_as(&user, path).await.status, 200, "{path}");
    }
    for id in [&conversation, &second] {
        let (status, _) = user.delete(&format!("/conversations/{id}")).await;
        assert_eq!(status, 200);
    }
    for path in &addresses {
        assert_eq!(get_as(&user, path).await.status, 404, "{path}");
    }
    let (status, _) = user
        .chat(&[
            ("text", "still there?"),
            ("conversation_id", &conversation.to_string()),
        ])
        .await;
    assert_eq!(status, 404);
    let kept = messages(&other, &shared).await;
    let path = format!("/attachments/{}", kept[0]["attachments"][0]["id"]);
    assert_eq!(get_as(&other, &path).await.text, "common content");

    app.terminate().await;
    let rows = Rows::of(&app);
    rows.expect_sound();
    assert_eq!(rows.column("select bytes from blobs"), ["common content"]);
    assert_eq!(
        rows.column("select text from extracted_texts"),
        ["common content"]
    );
    for table in ["messages", "usage_details"] {
        let sql = format!("select count(*) from {table} where conversation_id in ({conversation}, {second})");
        assert_eq!(rows.count(&sql), 0, "{table}");
    }
    assert_eq!(rows.count("select count(*) from attachments"), 2);
    let lines = format!("select count(*) from ledger where conversation_id = {conversation}");
    assert!(rows.count(&lines) >= 2, "amounts stay");
    // Whatever table a later version adds, the words are in none.
    for table in rows.column("select name from sqlite_schema where type = 'table'") {
        let table = text(&table);
        let columns = rows.column(&format!("select name from pragma_table_info('{table}')"));
        for column in &columns {
            let column = text(column);
            // The index of words leaves out a beginning that the word before has too.
            for word in ["quagmire", "agmire", "xylophone", "lophone"] {
                let sql = format!("select count(*) from \"{table}\" where instr(\"{column}\", '{word}') > 0");
                assert_eq!(rows.count(&sql), 0, "`{word}` is in {table}.{column}");
            }
        }
    }
}

on_both! {
    /// A reader that is late, a turn that is under way: neither brings a deleted conversation back.
    async fn deleting_while_answering_leaves_nothing_behind(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("a@example.com").await;
        let gate = chatai_testkit::provider::Gate::new();
        let id = conversation(&user, "short-lived").await;
        provider.push(chatai_testkit::provider::Reply::text("too late").gate_after(0, &gate));
        let asking = tokio::spawn({
            let user = user.clone();
            async move { user.chat(&[("text", "hello"), ("conversation_id", &id.to_string())]).await }
        });
        gate.reached().await;
        let (status, body) = user.delete(&format!("/conversations/{id}")).await;
        assert_eq!(status, 200, "{body}");
        gate.open();
        let (status, body) = asking.await.unwrap();
        assert!(status == 404 || status == 200, "{status}: {body}");
        let (status, _) = user.get(&format!("/conversations/{id}/messages")).await;
        assert_eq!(status, 404);
        let (_, list) = user.get("/conversations/").await;
        assert_eq!(list, Value::Array(Vec::new()));
    }
}
