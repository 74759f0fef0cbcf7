//! `GET /conversations/{id}/messages`

use crate::support::{
    app, chat, expect_timestamp, fault, get_as, keys, list, messages, on_both, with_vendor,
};
use chatai_testkit::provider::Reply;
use serde_json::{Value, json};

/// The members that clients of the original read, in the contract's order.
const MESSAGE: [&str; 13] = [
    "id",
    "conversation_id",
    "request_id",
    "role",
    "text",
    "summary",
    "created_at",
    "input_tokens",
    "output_tokens",
    "cached_tokens",
    "model",
    "price",
    "attachments",
];

on_both! {
    async fn the_whole_conversation_oldest_first(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("  An answer.\n").usage(1_000, 400, 50, 0));
        let sent = chat(&user, &[("text", "  A question?  "), ("model", "gpt-4o")]).await;
        let conversation = sent["conversation_id"].to_string();
        chat(&user, &[("text", "And more?"), ("conversation_id", &conversation)]).await;

        let answer = get_as(&user, &format!("/conversations/{conversation}/messages")).await;
        assert_eq!(answer.status, 200);
        let body = answer.json();
        assert_eq!(keys(&body), ["conversation_id", "messages"]);
        assert_eq!(body["conversation_id"].to_string(), conversation);
        let messages = list(&body["messages"]);
        assert_eq!(messages.len(), 4);
        for message in messages {
            assert_eq!(keys(message)[..13], MESSAGE);
            assert_eq!(message["conversation_id"].to_string(), conversation);
            expect_timestamp(&message["created_at"]);
            assert_eq!(message["attachments"], json!([]));
        }
        let (question, answer) = (&messages[0], &messages[1]);
        assert_eq!(question["id"], sent["request_message_id"]);
        assert_eq!(question["role"], "user");
        // Stored as sent, blanks included.
        assert_eq!(question["text"], "  A question?  ");
        assert_eq!(question["model"], "gpt-4o");
        for member in ["request_id", "summary", "input_tokens", "output_tokens", "cached_tokens", "price"] {
            assert_eq!(question[member], Value::Null, "{member}");
        }
        assert_eq!(answer["id"], sent["response_message_id"]);
        assert_eq!(answer["role"], "assistant");
        assert_eq!(answer["request_id"], question["id"]);
        // Stored without surrounding blanks.
        assert_eq!((&answer["text"], &sent["answer"]), (&json!("An answer."), &json!("An answer.")));
        assert_eq!(answer["model"], "gpt-4o");
        for member in ["input_tokens", "output_tokens", "cached_tokens"] {
            assert!(answer[member].is_i64(), "{member}: {answer}");
        }
        assert!(answer["price"].is_f64(), "{answer}");
        assert_eq!(messages[2]["text"], "And more?");
        assert_eq!(messages[2]["model"], "gpt-4.1-nano", "the default's name");
        assert_eq!(messages[3]["request_id"], messages[2]["id"]);
    }

    async fn unknown_ids(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        for id in ["1", "0", "-1", "9223372036854775807"] {
            let answer = get_as(&user, &format!("/conversations/{id}/messages")).await;
            answer.expect_error(404, "conversation_not_found", "Conversation not found");
        }
    }
}

#[tokio::test]
async fn an_empty_conversation() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let (_, id) = user.post("/conversations/", &json!({})).await;
    let answer = get_as(&user, &format!("/conversations/{id}/messages")).await;
    assert_eq!(
        answer.text,
        format!("{{\"conversation_id\":{id},\"messages\":[]}}")
    );
    assert_eq!(messages(&user, &id).await.len(), 0);
}

#[tokio::test]
async fn malformed_ids() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let parsing = "Input should be a valid integer, unable to parse string as an integer";
    for (id, kind, msg, input) in [
        ("abc", "int_parsing", parsing, "abc"),
        ("1.5", "int_parsing", parsing, "1.5"),
        ("%20", "int_parsing", parsing, " "),
        (
            "9223372036854775808",
            "int_parsing_size",
            "Unable to parse input string as an integer, exceeded maximum size",
            "9223372036854775808",
        ),
    ] {
        let answer = get_as(&user, &format!("/conversations/{id}/messages")).await;
        answer.expect_faults(&json!([fault(
            kind,
            json!(["path", "conversation_id"]),
            msg,
            json!(input)
        )]));
    }
    let huge = "9".repeat(5_000);
    for path in ["messages", "context"] {
        let answer = get_as(&user, &format!("/conversations/{huge}/{path}")).await;
        assert_eq!(answer.status, 422, "{answer:?}");
    }
}
