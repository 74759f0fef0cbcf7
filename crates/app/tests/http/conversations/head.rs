//! `PUT /conversations/{id}/head`: which branch is the active one.

use crate::support::{
    app, chat, choose, fault, list, message, messages, missing, on_both, regenerate, resume, send, stream,
    with_vendor,
};
use chatai_testkit::{
    app::User,
    events::Told,
    provider::{Gate, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

async fn put(user: &User, conversation: &Value, body: &Value) -> crate::support::Answer {
    let path = format!("/conversations/{conversation}/head");
    send(user.call(Method::PUT, &path).json(body)).await
}

async fn ids(user: &User, path: &str) -> Vec<i64> {
    let (status, body) = user.get(path).await;
    assert_eq!(status, 200, "{body}");
    list(&body["messages"])
        .iter()
        .map(|message| message["id"].as_i64().unwrap())
        .collect()
}

on_both! {
    async fn chooses_the_branch_through_a_message_up_to_its_end(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "one")]).await;
        let conversation = first["conversation_id"].clone();
        let at = conversation.to_string();
        chat(&user, &[("text", "two"), ("conversation_id", &at)]).await;
        let path = format!("/conversations/{at}/messages");
        let old = ids(&user, &path).await;
        regenerate(&user, first["response_message_id"].as_i64().unwrap(), &json!({})).await;
        chat(&user, &[("text", "three"), ("conversation_id", &at)]).await;
        let new = ids(&user, &path).await;
        assert_eq!(new[0], old[0]);
        assert!(old[1..].iter().all(|id| !new.contains(id)));

        for (message, branch) in [(old[1], &old), (new[1], &new), (old[2], &old), (new[3], &new), (old[3], &old)] {
            assert_eq!(choose(&user, &conversation, &json!(message)).await, json!(branch[3]));
            assert_eq!(&ids(&user, &path).await, branch);
        }
        // A message that several branches share: the latest of them.
        assert_eq!(choose(&user, &conversation, &json!(old[0])).await, json!(new[3]));

        let tree = user.get(&format!("{path}?tree=true")).await.1;
        let mut all: Vec<i64> = old.iter().chain(&new[1..]).copied().collect();
        all.sort_unstable();
        assert_eq!(ids(&user, &format!("{path}?tree=true")).await, all);
        for message in list(&tree["messages"]) {
            let siblings = list(&message["siblings"]);
            assert!(siblings.contains(&message["id"]), "itself included: {message}");
            let id = message["id"].as_i64().unwrap();
            assert_eq!(siblings.len(), if id == old[1] || id == new[1] { 2 } else { 1 });
        }
        assert_eq!(ids(&user, &format!("{path}?tree=false")).await, new);
        assert_eq!(user.get(&format!("{path}?tree=maybe")).await.0, 422);
    }

    async fn a_running_answer_stays_on_its_branch(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "one")]).await;
        let conversation = first["conversation_id"].clone();
        let at = conversation.to_string();
        let gate = Gate::new();
        provider.push(Reply::text("Late.").gate_after(0, &gate));
        let mut events = stream(&user, &[("text", "two"), ("conversation_id", &at), ("parent_id", "0")]).await;
        let mut told = Told::default();
        told.take(&events.next().await.unwrap());
        choose(&user, &conversation, &first["response_message_id"]).await;
        assert_eq!(messages(&user, &conversation).await.len(), 2);
        gate.open();
        events.read_to_end(&mut told).await;
        assert_eq!(messages(&user, &conversation).await[1]["text"], "Echo: one", "its end changes no choice");
        choose(&user, &conversation, &json!(told.answer())).await;
        assert_eq!(message(&user, told.conversation(), told.answer()).await["text"], "Late.");
        assert_eq!(resume(&user, told.answer(), None).await.rest().await.last().unwrap().name(), "done");
    }

    async fn what_is_not_there(options) {
        let (app, _provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let mine = chat(&user, &[("text", "one")]).await;
        let other = chat(&user, &[("text", "other")]).await;
        let hers = chat(&eve, &[("text", "hers")]).await;
        let conversation = &mine["conversation_id"];
        for message in [&other["response_message_id"], &hers["response_message_id"], &json!(999_999), &json!(-1), &json!(0)] {
            put(&user, conversation, &json!({"message_id": message})).await
                .expect_error(404, "message_not_found", "Message not found");
        }
        for conversation in [conversation, &json!(999_999)] {
            put(&eve, conversation, &json!({"message_id": mine["response_message_id"]})).await
                .expect_error(404, "conversation_not_found", "Conversation not found");
        }
        assert_eq!(messages(&user, conversation).await.len(), 2);
    }
}

#[tokio::test]
async fn what_is_no_id() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    put(&user, &json!(1), &json!({}))
        .await
        .expect_faults(&json!([missing(json!(["body", "message_id"]))]));
    let text = put(&user, &json!(1), &json!({"message_id": "x"})).await;
    text.expect_faults(&json!([fault(
        "int_parsing",
        json!(["body", "message_id"]),
        "Input should be a valid integer, unable to parse string as an integer",
        json!("x")
    )]));
    let unsigned = app
        .client()
        .put(app.url("/conversations/1/head"))
        .json(&json!({"message_id": 1}));
    send(unsigned)
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}
