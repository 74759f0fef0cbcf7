//! `DELETE /conversations/{id}`

use crate::support::{app, get_as, list, messages, on_both, send, with_vendor};
use reqwest::Method;
use serde_json::json;

on_both! {
    async fn everything_in_it_is_gone(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let (status, sent) = user.chat_with_files(&[("text", "read this")], &[("a.txt", "text/plain", b"words")]).await;
        assert_eq!(status, 200, "{sent}");
        let conversation = &sent["conversation_id"];
        let attachment = messages(&user, conversation).await[0]["attachments"][0]["id"].clone();
        let paths = [
            (format!("/conversations/{conversation}/messages"), "Conversation not found"),
            (format!("/conversations/{conversation}/context"), "Conversation not found"),
            (format!("/chat/{conversation}/usage-details"), "Conversation not found"),
            (format!("/chat/messages/{}/usage-details", sent["request_message_id"]), "Message not found"),
            (format!("/chat/messages/{}/usage-details", sent["response_message_id"]), "Message not found"),
            (format!("/attachments/{attachment}"), "Attachment not found"),
        ];
        for (path, _) in &paths {
            assert_eq!(get_as(&user, path).await.status, 200, "{path}");
        }

        let answer = send(user.call(Method::DELETE, &format!("/conversations/{conversation}"))).await;
        assert_eq!((answer.status, answer.text.as_str()), (200, r#"{"detail":"Conversation deleted"}"#));
        for (path, detail) in &paths {
            let answer = get_as(&user, path).await;
            assert_eq!((answer.status, &answer.json()["detail"]), (404, &json!(detail)), "{path}");
        }
        assert_eq!(list(&user.get("/conversations/").await.1).len(), 0);
        let (status, body) = user.chat(&[("text", "hello?"), ("conversation_id", &conversation.to_string())]).await;
        assert_eq!((status, &body["code"]), (404, &json!("conversation_not_found")));
        let (status, body) = user.delete(&format!("/conversations/{conversation}")).await;
        assert_eq!((status, &body["detail"]), (404, &json!("Conversation not found")));

        // Its id is never given out again.
        let (_, next) = user.post("/conversations/", &json!({})).await;
        assert!(next.as_i64() > conversation.as_i64());
    }
}

#[tokio::test]
async fn others_stay() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let (_, first) = user.post("/conversations/", &json!({"title": "stays"})).await;
    let (_, second) = user.post("/conversations/", &json!({"title": "goes"})).await;
    assert_eq!(user.delete(&format!("/conversations/{second}")).await.0, 200);
    let (_, body) = user.get("/conversations/").await;
    assert_eq!((list(&body).len(), &body[0]["id"]), (1, &first));
}
