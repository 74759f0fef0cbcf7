//! `GET /conversations/{id}`

use crate::support::{app, get, get_as, list, on_both, send};
use reqwest::Method;
use serde_json::json;

on_both! {
    async fn tells_what_the_list_tells(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (_, id) = user.post("/conversations/", &json!({"title": "old", "summary": "short"})).await;
        user.post("/conversations/", &json!({"title": "another"})).await;
        assert_eq!(send(user.call(Method::PUT, &format!("/conversations/{id}/pin"))).await.status, 204);
        let (status, one) = user.get(&format!("/conversations/{id}")).await;
        assert_eq!((status, &one["title"], &one["summary"]), (200, &json!("old"), &json!("short")));
        assert!(one["pinned_at"].is_string(), "{one}");
        let (_, all) = user.get("/conversations/").await;
        assert_eq!(list(&all).iter().find(|other| other["id"] == id), Some(&one));
        assert_eq!(user.get(&format!("/api/conversations/{id}")).await.1, one);
    }
}

#[tokio::test]
async fn another_accounts_is_as_unknown_as_none() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let eve = app.register("eve@example.com").await;
    let (_, id) = user.post("/conversations/", &json!({"title": "mine"})).await;
    for path in [
        format!("/conversations/{id}"),
        "/conversations/999".into(),
        format!("/conversations/{}", i64::MAX),
    ] {
        let answer = get_as(&eve, &path).await;
        answer.expect_error(404, "conversation_not_found", "Conversation not found");
    }
    assert_eq!(get_as(&user, "/conversations/x").await.status, 422);
    let answer = get(&app, &format!("/conversations/{id}")).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
