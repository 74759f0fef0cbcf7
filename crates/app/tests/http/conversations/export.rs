//! `GET /conversations/{id}/export`

use crate::support::{
    Answer, app, chat, expect_timestamp, get, get_as, keys, list, on_both, regenerate, with_vendor,
};
use chatai_testkit::{app::User, provider::Reply};
use serde_json::{Value, json};

async fn export(user: &User, id: &Value, query: &str) -> Answer {
    let answer = get_as(user, &format!("/conversations/{id}/export{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer
}

/// Gives it a title, which is encoded already.
async fn rename(user: &User, id: &Value, title: &str) {
    let path = format!("/conversations/{id}/rename?new_title={title}");
    assert_eq!(
        user.call(reqwest::Method::PUT, &path)
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}

on_both! {
    async fn everything_that_there_is_of_it(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("the first answer").usage(1_000, 400, 20, 0));
        let file: (&str, &str, &[u8]) = ("notes `a`.txt", "text/plain", b"a note");
        let (_, first) = user.chat_with_files(&[("text", "the question"), ("model", "gpt-4o")], &[file]).await;
        let id = first["conversation_id"].clone();
        provider.push(Reply::text("another answer"));
        regenerate(&user, first["response_message_id"].as_i64().unwrap(), &json!({})).await;
        for number in 0..25 {
            chat(&user, &[("text", &format!("question {number}")), ("conversation_id", &id.to_string())]).await;
        }
        rename(&user, &id, "Ships%2Fstars%20%E2%80%94%20%22x%22%0D%0A").await;

        let answer = export(&user, &id, "").await;
        assert_eq!(answer.header("content-type"), "application/json");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        let disposition = answer.header("content-disposition");
        assert!(
            disposition.starts_with("attachment; filename=\"Ships-stars _ _x_.json\"; filename*=UTF-8''Ships-stars%20%E2%80%94%20%22x%22.json"),
            "{disposition}"
        );
        let whole = answer.json();
        assert_eq!(keys(&whole), ["conversation", "head_id", "exported_at", "messages"]);
        assert_eq!(whole["conversation"], user.get("/conversations/").await.1[0]);
        expect_timestamp(&whole["exported_at"]);
        let (_, tree) = user.get(&format!("/conversations/{id}/messages?tree=true")).await;
        let (_, usage) = user.get(&format!("/chat/{id}/usage-details")).await;
        let mut bare = list(&whole["messages"]).to_vec();
        let mut calls = Vec::new();
        for message in &mut bare {
            calls.extend(list(&message["usage_details"]).to_vec());
            message.as_object_mut().unwrap().remove("usage_details");
        }
        assert_eq!((bare.len(), json!(bare)), (53, tree["messages"].clone()));
        assert_eq!(json!(calls), usage["usage_details"]);
        assert_eq!(calls.iter().filter(|call| call["scope"] == "final").count(), 27);
        assert!(calls.iter().all(|call| call["price_exact"].is_string()));
        assert_eq!(whole["head_id"], list(&tree["messages"]).last().unwrap()["id"]);
        assert_eq!(export(&user, &id, "?format=json").await.json()["messages"], whole["messages"]);

        // As Markdown, the branch that is in sight.
        let answer = export(&user, &id, "?format=markdown").await;
        assert_eq!(answer.header("content-type"), "text/markdown; charset=utf-8");
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(answer.header("content-disposition").ends_with(".md"), "{answer:?}");
        let text = &answer.text;
        assert!(text.starts_with("# Ships/stars \u{2014} \"x\"\n\n## User · 20"), "{text}");
        assert!(text.contains(" UTC\n\n- attached: `notes 'a'.txt`\n\nthe question\n\n## Assistant (gpt-4o) · 20"), "{text}");
        assert!(text.contains("another answer") && !text.contains("the first answer"), "{text}");
        let places: Vec<usize> = (0..25).map(|number| text.find(&format!("\nquestion {number}\n")).unwrap()).collect();
        assert!(places.is_sorted());
    }

    async fn anothers_is_as_one_that_is_missing(options) {
        let app = options.start().await;
        let (ada, eve) = (app.register("ada@example.com").await, app.register("eve@example.com").await);
        let hers = chat(&ada, &[("text", "private")]).await;
        for id in [&hers["conversation_id"], &json!(999_999)] {
            for format in ["", "?format=markdown"] {
                let answer = get_as(&eve, &format!("/conversations/{id}/export{format}")).await;
                answer.expect_error(404, "conversation_not_found", "Conversation not found");
                assert_eq!(answer.header("content-disposition"), "");
            }
        }
    }

    async fn an_empty_one_is_a_file_too(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (_, id) = user.post("/conversations/", &json!({})).await;
        let answer = export(&user, &id, "").await;
        let expected = format!("attachment; filename=\"conversation-{id}.json\"");
        assert_eq!(answer.header("content-disposition"), expected);
        assert_eq!((&answer.json()["messages"], &answer.json()["head_id"]), (&json!([]), &Value::Null));
        assert_eq!(export(&user, &id, "?format=markdown").await.text, "# Conversation\n");
    }
}

/// What broke off is told, and ends the block of code that it broke off in.
#[tokio::test]
async fn a_broken_answer_swallows_nothing() {
    let (app, provider) = crate::support::app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::text("```rust\nlet a = 1;\n").deltas(2).cut_after(2));
    let (status, failed) = user.chat(&[("text", "code")]).await;
    assert!(status >= 500, "{failed}");
    let id = &failed["conversation_id"];
    chat(&user, &[("text", "go on"), ("conversation_id", &id.to_string())]).await;
    let text = export(&user, id, "?format=markdown").await.text;
    let said = ["failed", "interrupted"].map(|status| format!("\n*{status}: "));
    assert!(said.iter().any(|status| text.contains(status)), "{text}");
    assert!(text.contains("let a = 1;\n```\n\n## User"), "{text}");
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let (_, id) = user.post("/conversations/", &json!({})).await;
    for query in ["?format=pdf", "?format=", "?format=JSON"] {
        let answer = get_as(&user, &format!("/conversations/{id}/export{query}")).await;
        assert_eq!(
            (answer.status, &answer.json()["detail"][0]["loc"]),
            (422, &json!(["query", "format"])),
            "{query}: {answer:?}"
        );
    }
    let answer = get(&app, &format!("/conversations/{id}/export")).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
