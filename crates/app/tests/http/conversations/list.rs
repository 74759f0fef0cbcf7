//! `GET /conversations/`

use crate::support::{app, chat, expect_timestamp, get, get_as, keys, list, on_both, with_vendor};
use serde_json::{Value, json};

on_both! {
    async fn newest_first_by_creation_not_by_activity(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        assert_eq!(get_as(&user, "/conversations/").await.text, "[]");
        let mut ids = Vec::new();
        for title in ["one", "two", "three"] {
            ids.push(user.post("/conversations/", &json!({"title": title})).await.1);
        }
        // Activity in the oldest changes nothing.
        chat(&user, &[("text", "hi"), ("conversation_id", &ids[0].to_string())]).await;
        user.call(reqwest::Method::PUT, &format!("/conversations/{}/rename?new_title=ONE", ids[0]))
            .send().await.unwrap();

        let (status, body) = user.get("/conversations/").await;
        assert_eq!(status, 200);
        let listed: Vec<&Value> = list(&body).iter().map(|row| &row["id"]).collect();
        assert_eq!(listed, [&ids[2], &ids[1], &ids[0]]);
        for row in list(&body) {
            assert_eq!(keys(row)[..4], ["id", "title", "summary", "created_at"]);
            expect_timestamp(&row["created_at"]);
        }
        assert_eq!(body[2]["title"], "ONE");
    }

    async fn is_the_callers_own(options) {
        let app = options.start().await;
        let ada = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        ada.post("/conversations/", &json!({"title": "private"})).await;
        assert_eq!(get_as(&eve, "/conversations/").await.text, "[]");
        assert_eq!(list(&ada.get("/conversations/").await.1).len(), 1);
    }
}

#[tokio::test]
async fn answers_at_every_spelling_of_its_path() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let (_, id) = user.post("/conversations/", &json!({"title": "x"})).await;
    for path in [
        "/conversations/",
        "/conversations",
        "/api/conversations/",
        "/api/conversations",
    ] {
        let answer = get_as(&user, path).await;
        assert_eq!(
            (answer.status, &answer.json()[0]["id"]),
            (200, &id),
            "{path}: {answer:?}"
        );
        let answer = get(&app, path).await;
        answer.expect_error(401, "not_authenticated", "Not authenticated");
    }
}

/// What is unknown, such as a parameter of a later version, is ignored: all are listed.
#[tokio::test]
async fn a_hundred_are_all_listed() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for _ in 0..100 {
        assert_eq!(user.post("/conversations/", &json!({})).await.0, 200);
    }
    let (_, body) = user.get("/conversations/").await;
    let ids: Vec<i64> = list(&body)
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    assert_eq!(ids.len(), 100);
    assert!(ids.is_sorted_by(|a, b| a > b), "{ids:?}");
}
