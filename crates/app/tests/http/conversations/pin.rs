//! `PUT` and `DELETE /conversations/{id}/pin`, `GET /conversations/?pinned=true`

use crate::support::{Answer, app, expect_timestamp, get_as, list, on_both, send};
use chatai_testkit::app::User;
use reqwest::Method;
use serde_json::{Value, json};

async fn set(user: &User, method: Method, id: &Value) -> Answer {
    send(user.call(method, &format!("/conversations/{id}/pin"))).await
}

async fn make(user: &User, title: &str) -> Value {
    user.post("/conversations/", &json!({"title": title})).await.1
}

/// The conversations of a list with the moments of their pins.
async fn listed(user: &User, path: &str) -> Vec<(Value, Value)> {
    let answer = get_as(user, path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let row = |row: &Value| (row["id"].clone(), row["pinned_at"].clone());
    list(&answer.json()).iter().map(row).collect()
}

on_both! {
    async fn what_is_pinned_is_listed_alone_and_in_its_place(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let (one, two, three) = (make(&user, "one").await, make(&user, "two").await, make(&user, "three").await);
        for id in [&one, &three] {
            let answer = set(&user, Method::PUT, id).await;
            assert_eq!((answer.status, answer.text.as_str()), (204, ""), "{answer:?}");
        }
        let all = listed(&user, "/conversations/").await;
        let ids: Vec<&Value> = all.iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [&three, &two, &one], "the order is that of creation");
        expect_timestamp(&all[0].1);
        assert_eq!(all[1].1, Value::Null);
        let pinned = [all[0].clone(), all[2].clone()];
        for path in ["/conversations/?pinned=true", "/api/conversations?pinned=1&limit=9"] {
            assert_eq!(listed(&user, path).await, pinned, "{path}");
        }
        assert_eq!(listed(&user, "/conversations/?pinned=false").await, all);

        // Pages lead on among the pinned ones.
        let first = get_as(&user, "/conversations/?pinned=true&limit=1").await;
        let link = first.header("link").to_owned();
        let next = link.split(['<', '>']).nth(1).unwrap();
        assert!(next.contains("pinned=true"), "{link}");
        assert_eq!(listed(&user, next).await, pinned[1..]);
        assert!(!get_as(&user, next).await.header("link").contains("next"));

        // Once more changes nothing; taken away, it is as if it had never been.
        assert_eq!(set(&user, Method::PUT, &one).await.status, 204);
        assert_eq!(listed(&user, "/conversations/").await, all);
        for _ in 0..2 {
            assert_eq!(set(&user, Method::DELETE, &three).await.status, 204);
            assert_eq!(listed(&user, "/conversations/?pinned=true").await, pinned[1..]);
        }
        assert_eq!(user.delete(&format!("/conversations/{one}")).await.0, 200);
        assert_eq!(listed(&user, "/conversations/?pinned=true").await, []);
    }

    async fn anothers_is_as_one_that_is_missing(options) {
        let app = options.start().await;
        let (ada, eve) = (app.register("ada@example.com").await, app.register("eve@example.com").await);
        let id = make(&ada, "private").await;
        assert_eq!(set(&ada, Method::PUT, &id).await.status, 204);
        let before = listed(&ada, "/conversations/").await;
        for method in [Method::PUT, Method::DELETE] {
            for id in [&id, &json!(999_999)] {
                set(&eve, method.clone(), id).await.expect_error(404, "conversation_not_found", "Conversation not found");
            }
        }
        assert_eq!(listed(&ada, "/conversations/").await, before);
        assert_eq!(listed(&eve, "/conversations/?pinned=true").await, []);
    }
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for path in ["/conversations/?pinned=perhaps", "/conversations/?pinned="] {
        let answer = get_as(&user, path).await;
        assert_eq!(
            (answer.status, &answer.json()["detail"][0]["loc"]),
            (422, &json!(["query", "pinned"])),
            "{path}: {answer:?}"
        );
    }
    assert_eq!(set(&user, Method::PUT, &json!("x")).await.status, 422);
    let answer = send(app.client().put(app.url("/conversations/1/pin"))).await;
    answer.expect_error(401, "not_authenticated", "Not authenticated");
}
