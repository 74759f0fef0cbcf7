//! `GET /chat/messages/{id}/usage-details` and `GET /chat/{id}/usage-details`

use crate::support::{
    app, chat, expect_timestamp, fault, get_as, keys, list, messages, on_both, with_vendor,
};
use chatai_testkit::provider::Reply;
use serde_json::{Value, json};

/// The members that clients of the original read, in the contract's order.
const USAGE: [&str; 9] = [
    "id",
    "message_id",
    "scope",
    "model",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "price",
    "created_at",
];

on_both! {
    async fn of_a_message_and_of_a_conversation(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("one").usage(1_000, 200, 30, 10));
        let first = chat(&user, &[("text", "1"), ("model", "gpt-4o")]).await;
        let id = first["conversation_id"].to_string();
        provider.push(Reply::text("two").usage(50, 0, 5, 0));
        let second = chat(&user, &[("text", "2"), ("conversation_id", &id)]).await;

        let answer = get_as(&user, &format!("/chat/messages/{}/usage-details", first["response_message_id"])).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(keys(&body), ["message", "usage_details"]);
        assert_eq!(body["message"], messages(&user, &first["conversation_id"]).await[1], "a whole message");
        let rows = list(&body["usage_details"]);
        assert_eq!(rows.len(), 2);
        for row in rows {
            assert_eq!(keys(row)[..9], USAGE);
            assert_eq!(row["message_id"], first["response_message_id"]);
            expect_timestamp(&row["created_at"]);
            assert!(row["price"].is_f64(), "{row}");
            assert_eq!(row["usage_source"], "provider");
        }
        let last = &rows[1];
        assert_eq!((&last["scope"], &last["model"]), (&json!("final"), &json!("gpt-4o")));
        assert_eq!(last["input_tokens"], 1_000);
        assert_eq!((&last["cached_tokens"], &last["output_tokens"]), (&json!(200), &json!(30)));
        assert_eq!(last["reasoning_tokens"], 10);

        let answer = get_as(&user, &format!("/chat/{id}/usage-details")).await;
        let body = answer.json();
        assert_eq!(keys(&body), ["usage_details"]);
        let all = list(&body["usage_details"]);
        let ids: Vec<i64> = all.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted() && all.len() == 3, "in order: {ids:?}");
        assert_eq!(&all[..2], rows);
        assert_eq!(all[2]["message_id"], second["response_message_id"]);
    }

    async fn a_question_has_none(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let sent = chat(&user, &[("text", "1")]).await;
        let (status, body) = user.get(&format!("/chat/messages/{}/usage-details", sent["request_message_id"])).await;
        assert_eq!(status, 200);
        assert_eq!(body["usage_details"], json!([]));
        assert_eq!(body["message"]["role"], "user");
        assert_eq!(body["message"]["price"], Value::Null);
    }
}

#[tokio::test]
async fn unknown_and_malformed_ids() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let answer = get_as(&user, "/chat/messages/5/usage-details").await;
    answer.expect_error(404, "message_not_found", "Message not found");
    let answer = get_as(&user, "/chat/5/usage-details").await;
    answer.expect_error(404, "conversation_not_found", "Conversation not found");
    let parsing = "Input should be a valid integer, unable to parse string as an integer";
    let answer = get_as(&user, "/chat/messages/x/usage-details").await;
    answer.expect_faults(&json!([fault(
        "int_parsing",
        json!(["path", "message_id"]),
        parsing,
        json!("x")
    )]));
    let answer = get_as(&user, "/chat/x/usage-details").await;
    answer.expect_faults(&json!([fault(
        "int_parsing",
        json!(["path", "conversation_id"]),
        parsing,
        json!("x")
    )]));
}
