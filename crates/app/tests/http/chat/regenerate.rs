//! `POST /chat/messages/{id}/regenerate` and `parent_id`: other answers to the same question, other questions at the
//! same place.

use crate::support::{
    app_with_vendor, chat, choose, list, messages, on_both, post, regenerate, regenerating, scopes, send,
    usage, whole, with_vendor,
};
use chatai_testkit::{
    app::User,
    events::{EventStream, Told},
    provider::{RecordedRequest, Reply},
};
use reqwest::Method;
use serde_json::{Value, json};

fn id(body: &Value, name: &str) -> i64 {
    body[name].as_i64().unwrap_or_else(|| panic!("no {name}: {body}"))
}

/// What a model was told before the last question: texts of the conversation in order.
fn said(call: &RecordedRequest) -> Vec<String> {
    let items = call.input().iter();
    items
        .map(|item| match &item["content"] {
            Value::String(text) => text.clone(),
            parts => list(parts)
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect::<Vec<_>>()
                .join("\n"),
        })
        .collect()
}

/// The texts of the active branch.
async fn texts(user: &User, conversation: &Value) -> Vec<String> {
    let messages = messages(user, conversation).await;
    messages
        .iter()
        .map(|message| message["text"].as_str().unwrap().to_owned())
        .collect()
}

on_both! {
    async fn gives_a_sibling_to_the_same_question(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "one")]).await;
        let conversation = &first["conversation_id"];
        let second = chat(&user, &[("text", "two"), ("conversation_id", &conversation.to_string())]).await;
        let (question, answer) = (id(&second, "request_message_id"), id(&second, "response_message_id"));
        chat(&user, &[("text", "three"), ("conversation_id", &conversation.to_string())]).await;
        let calls = provider.counts().calls;
        provider.push(Reply::text("Another answer."));
        let again = regenerate(&user, answer, &json!({"model": "gpt-4o"})).await;
        assert_eq!(provider.counts().calls, calls + 1, "no title is made again");
        assert_eq!((&again["conversation_id"], &again["answer"]), (conversation, &json!("Another answer.")));
        assert_eq!(id(&again, "request_message_id"), question);
        let sibling = id(&again, "response_message_id");
        assert_ne!(sibling, answer);

        let call = provider.answer_calls().pop().unwrap();
        assert_eq!(call.model(), "gpt-4o");
        assert_eq!(said(&call), ["one", "Echo: one", "two"], "what came before the question, and nothing after it");

        let branch = messages(&user, conversation).await;
        let ids: Vec<&Value> = branch.iter().map(|message| &message["id"]).collect();
        assert_eq!(ids, [&first["request_message_id"], &first["response_message_id"], &json!(question), &json!(sibling)],
            "the new answer's branch is the active one");
        assert_eq!(branch[3]["siblings"], json!([answer, sibling]));
        assert_eq!(branch[2]["siblings"], json!([question]));
        assert_eq!((&branch[3]["request_id"], &branch[3]["parent_id"]), (&json!(question), &json!(question)));
        assert_eq!((&branch[0]["parent_id"], &branch[1]["parent_id"]), (&Value::Null, &first["request_message_id"]));
        assert_eq!(scopes(&usage(&user, &json!(sibling)).await), ["final"]);
        assert_eq!(whole(&user, sibling).await.titles, [] as [Value; 0]);

        // Without a model, the one that answered before.
        regenerate(&user, sibling, &json!({})).await;
        assert_eq!(provider.answer_calls().pop().unwrap().model(), "gpt-4o");
        // And a body is not needed.
        let bare = user.call(Method::POST, &format!("/chat/messages/{answer}/regenerate"));
        assert_eq!(send(bare).await.status, 200);
        assert_eq!(provider.answer_calls().pop().unwrap().model(), "gpt-4.1-nano");
        assert_eq!(list(&messages(&user, conversation).await[3]["siblings"]).len(), 4);
    }

    async fn the_documents_are_given_again_and_the_summary_is_not_made_again(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let long = "A long question about many ships. ".repeat(20);
        let (status, body) = user.chat_with_files(&[("text", &long)], &[("note.txt", "text/plain", b"the file's own words")]).await;
        assert_eq!(status, 200, "{body}");
        let summary = messages(&user, &body["conversation_id"]).await[0]["summary"].clone();
        assert!(summary.is_string());
        let calls = provider.counts().calls;
        provider.push(Reply::text("Short."));
        regenerate(&user, id(&body, "response_message_id"), &json!({})).await;
        assert_eq!(provider.counts().calls, calls + 1, "one call: the answer");
        let call = provider.answer_calls().pop().unwrap();
        assert!(call.last_user_text().contains("the file's own words") && call.last_user_text().contains(long.trim()));
        assert_eq!(messages(&user, &body["conversation_id"]).await[0]["summary"], summary);
    }

    async fn streams_as_sending_does(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let body = chat(&user, &[("text", "one")]).await;
        let answer = id(&body, "response_message_id");
        for request in [
            regenerating(&user, answer, &json!({"stream": true})),
            regenerating(&user, answer, &json!({})).header("accept", "text/event-stream"),
        ] {
            provider.push(Reply::text("Again.").deltas(3));
            let mut told = Told::default();
            EventStream::open(request).await.read_to_end(&mut told).await;
            assert_eq!(told.order, ["turn", "delta", "done"]);
            assert_eq!((told.text.as_str(), told.conversation()), ("Again.", id(&body, "conversation_id")));
            assert_eq!(told.turn.unwrap()["request_message_id"], body["request_message_id"]);
        }
    }

    async fn another_question_at_the_same_place(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "one")]).await;
        let conversation = first["conversation_id"].clone();
        let at = conversation.to_string();
        let second = chat(&user, &[("text", "two"), ("conversation_id", &at)]).await;
        chat(&user, &[("text", "three"), ("conversation_id", &at)]).await;
        // An edit of the second question follows what that one followed.
        let parent = first["response_message_id"].to_string();
        let edited = chat(&user, &[("text", "two, but better"), ("conversation_id", &at), ("parent_id", &parent)]).await;
        assert_eq!(said(&provider.answer_calls().pop().unwrap()), ["one", "Echo: one", "two, but better"]);
        assert_eq!(texts(&user, &conversation).await, ["one", "Echo: one", "two, but better", "Echo: two, but better"]);
        let branch = messages(&user, &conversation).await;
        assert_eq!(branch[2]["siblings"], json!([second["request_message_id"], edited["request_message_id"]]));
        assert_eq!(branch[2]["parent_id"], first["response_message_id"]);
        // The next one goes on there.
        chat(&user, &[("text", "four"), ("conversation_id", &at)]).await;
        assert_eq!(said(&provider.answer_calls().pop().unwrap()),
            ["one", "Echo: one", "two, but better", "Echo: two, but better", "four"]);
        let context = user.get(&format!("/conversations/{conversation}/context")).await.1;
        assert_eq!(context, "user: one\n---\nassistant: Echo: one\n---\nuser: two, but better\n---\nassistant: Echo: two, but better\n---\nuser: four\n---\nassistant: Echo: four");

        // 0 begins anew, within the conversation.
        let anew = chat(&user, &[("text", "anew"), ("conversation_id", &at), ("parent_id", "0")]).await;
        assert_eq!(said(&provider.answer_calls().pop().unwrap()), ["anew"]);
        let branch = messages(&user, &conversation).await;
        assert_eq!(texts(&user, &conversation).await, ["anew", "Echo: anew"]);
        assert_eq!((&branch[0]["siblings"], &branch[0]["parent_id"]),
            (&json!([first["request_message_id"], anew["request_message_id"]]), &Value::Null));

        // Back to the first branch: its context is its own.
        choose(&user, &conversation, &second["response_message_id"]).await;
        chat(&user, &[("text", "five"), ("conversation_id", &at)]).await;
        assert_eq!(said(&provider.answer_calls().pop().unwrap()),
            ["one", "Echo: one", "two", "Echo: two", "three", "Echo: three", "five"]);
        let tree = user.get(&format!("/conversations/{conversation}/messages?tree=true")).await.1;
        assert_eq!(list(&tree["messages"]).len(), 14, "nothing is gone");
        let titles: Vec<_> = provider.calls().into_iter().filter(|call| call.schema_name() == Some("title")).collect();
        assert_eq!(titles.len(), 1);
    }

    async fn a_place_that_is_not_there(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let eve = app.register("eve@example.com").await;
        let mine = chat(&user, &[("text", "mine")]).await;
        let at = mine["conversation_id"].to_string();
        let other = chat(&user, &[("text", "other")]).await;
        let hers = chat(&eve, &[("text", "hers")]).await;
        let calls = provider.counts().calls;
        let before = user.get(&format!("/conversations/{at}/messages?tree=true")).await.1;
        for parent in [&other["response_message_id"], &hers["response_message_id"], &json!(999_999), &json!(-1), &json!(i64::MAX)] {
            let parent = parent.to_string();
            for fields in [&[("text", "x"), ("conversation_id", &at), ("parent_id", &parent)][..], &[("text", "x"), ("parent_id", &parent)]] {
                let (status, body) = user.chat(fields).await;
                assert_eq!((status, &body["code"], &body["detail"]), (404, &json!("message_not_found"), &json!("Message not found")), "{fields:?}");
            }
        }
        for (user, answer) in [(&user, &hers["response_message_id"]), (&user, &json!(999_999)), (&user, &mine["request_message_id"]), (&eve, &mine["response_message_id"])] {
            let answer = send(regenerating(user, answer.as_i64().unwrap(), &json!({}))).await;
            answer.expect_error(404, "message_not_found", "Message not found");
        }
        let (status, body) = eve.chat(&[("text", "x"), ("conversation_id", &at), ("parent_id", &mine["response_message_id"].to_string())]).await;
        assert_eq!((status, &body["code"]), (404, &json!("conversation_not_found")));
        let (status, body) = user.chat(&[("text", "x"), ("conversation_id", &at), ("parent_id", "x")]).await;
        assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["body", "parent_id"])));
        assert_eq!(provider.counts().calls, calls, "no model is asked");
        assert_eq!(user.get(&format!("/conversations/{at}/messages?tree=true")).await.1, before, "and nothing is written");
        assert_eq!(list(&user.get("/conversations/").await.1).len(), 2);
        // 0 in a conversation that is about to begin is what it is anyway.
        let body = chat(&user, &[("text", "new"), ("parent_id", "0")]).await;
        assert_eq!(messages(&user, &body["conversation_id"]).await.len(), 2);
        // The branch goes on where it was.
        chat(&user, &[("text", "on"), ("conversation_id", &at)]).await;
        assert_eq!(said(&provider.answer_calls().pop().unwrap()), ["mine", "Echo: mine", "on"]);
    }

    async fn a_message_that_does_not_exist_yet_is_not_what_a_later_one_is_taken_for(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        let first = chat(&user, &[("text", "one")]).await;
        let at = first["conversation_id"].to_string();
        // The id that the next answer will have.
        let next = (id(&first, "response_message_id") + 2).to_string();
        assert_eq!(user.chat(&[("text", "x"), ("conversation_id", &at), ("parent_id", &next)]).await.0, 404);
        let second = regenerate(&user, id(&first, "response_message_id"), &json!({})).await;
        let third = chat(&user, &[("text", "two"), ("conversation_id", &at)]).await;
        assert!(id(&third, "response_message_id") > id(&second, "response_message_id"));
        chat(&user, &[("text", "three"), ("conversation_id", &at)]).await;
        assert_eq!(said(&provider.answer_calls().pop().unwrap()), ["one", "Echo: one", "two", "Echo: two", "three"]);
    }
}

#[tokio::test]
async fn refusals() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    let body = chat(&user, &[("text", "one")]).await;
    let answer = id(&body, "response_message_id");
    let calls = provider.counts().calls;
    let unknown = send(regenerating(&user, answer, &json!({"model": "none"}))).await;
    assert_eq!(
        (unknown.status, &unknown.json()["code"]),
        (400, &json!("model_unknown"))
    );
    for body in [json!({"model": 5}), json!({"stream": "maybe"}), json!([])] {
        assert_eq!(
            send(regenerating(&user, answer, &body)).await.status,
            422,
            "{body}"
        );
    }
    let broken = user.call(Method::POST, &format!("/chat/messages/{answer}/regenerate"));
    let broken = send(broken.header("content-type", "application/json").body("{")).await;
    assert_eq!(broken.json()["detail"][0]["type"], "json_invalid");
    let path = format!("/chat/messages/{answer}/regenerate");
    post(&app, &path, &json!({}))
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
    assert_eq!(provider.counts().calls, calls);
    assert_eq!(messages(&user, &body["conversation_id"]).await.len(), 2);
}

/// A failed answer can be given again, and so can one that still runs.
#[tokio::test]
async fn after_a_failure() {
    let (app, provider) = app_with_vendor().await;
    let user = app.register("ada@example.com").await;
    provider.push(Reply::unauthorized());
    let (status, failed) = user.chat(&[("text", "one")]).await;
    assert_eq!(status, 502);
    let again = regenerate(&user, id(&failed, "response_message_id"), &json!({})).await;
    assert_eq!(again["answer"], "Echo: one");
    let branch = messages(&user, &again["conversation_id"]).await;
    assert_eq!((branch.len(), &branch[1]["status"]), (2, &json!("complete")));
    assert_eq!(
        branch[1]["siblings"],
        json!([failed["response_message_id"], again["response_message_id"]])
    );
}
