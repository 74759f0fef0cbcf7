//! `GET /conversations/{id}/messages?steps=true`, and how long answers took.

use crate::support::{chat, list, on_both, with_vendor};
use chatai_testkit::{
    events::{EventStream, Told},
    provider::Reply,
};
use serde_json::{Value, json};

on_both! {
    async fn what_an_answer_did_is_told_without_its_texts(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::call_tool("get_book_summaries", &json!({"titles": ["Moby-Dick"]})).reasoning("Which book?"));
        provider.push(Reply::text("A whale.").reasoning("This one."));
        let body = chat(&user, &[("text", "one")]).await;
        let conversation = &body["conversation_id"];
        provider.push(Reply::text("Plain."));
        chat(&user, &[("text", "two"), ("conversation_id", &conversation.to_string())]).await;

        let path = format!("/conversations/{conversation}/messages");
        let steps = |messages: &Value| -> Vec<Value> {
            list(&messages["messages"]).iter().map(|message| message["steps"].clone()).collect()
        };
        assert_eq!(steps(&user.get(&path).await.1), [Value::Null, Value::Null, Value::Null, Value::Null], "nobody asked");
        let told = steps(&user.get(&format!("{path}?steps=true")).await.1);
        assert_eq!((&told[0], &told[2], &told[3]), (&Value::Null, &Value::Null, &json!([])));
        let short: Vec<[&Value; 3]> = list(&told[1]).iter().map(|step| [&step["kind"], &step["name"], &step["state"]]).collect();
        let (reasoning, nothing) = (json!("reasoning"), Value::Null);
        let tool = [&json!("tool"), &json!("get_book_summaries"), &json!("done")];
        assert_eq!(short, [[&reasoning, &nothing, &nothing], tool, [&reasoning, &nothing, &nothing]]);
        assert!(told[1][1]["duration_ms"].is_i64(), "{told:?}");
        // The calls have the ids of the events, which have the texts.
        let mut events = Told::default();
        let request = user.call(reqwest::Method::GET, &format!("/chat/messages/{}/events", body["response_message_id"]));
        EventStream::open(request).await.read_to_end(&mut events).await;
        assert!(events.tools.iter().all(|event| event["id"] == told[1][1]["id"]), "{events:?}");

        // In pages as well, whatever their size.
        for limit in 1..5 {
            let (_, page) = user.get(&format!("{path}?steps=true&limit={limit}")).await;
            assert_eq!(steps(&page), told[4 - limit..]);
        }
        let (status, _) = user.get(&format!("{path}?steps=perhaps")).await;
        assert_eq!(status, 422);
    }

    async fn how_long_an_answer_took_is_kept(options) {
        let (app, provider) = with_vendor(options).await;
        let user = app.register("ada@example.com").await;
        provider.push(Reply::text("Soon."));
        let body = chat(&user, &[("text", "one")]).await;
        let (_, found) = user.get(&format!("/conversations/{}/messages", body["conversation_id"])).await;
        let [question, answer] = list(&found["messages"]) else { panic!("{found}") };
        assert_eq!((&question["first_token_ms"], &question["duration_ms"]), (&Value::Null, &Value::Null));
        let (first, whole) = (answer["first_token_ms"].as_i64().unwrap(), answer["duration_ms"].as_i64().unwrap());
        assert!((0..=whole).contains(&first), "{first} {whole}");

        // An answer that never began has no first word.
        provider.push(Reply::error(400, "invalid", "", "no"));
        let (_, failed) = user.chat(&[("text", "two"), ("conversation_id", &body["conversation_id"].to_string())]).await;
        let (_, found) = user.get(&format!("/conversations/{}/messages", failed["conversation_id"])).await;
        let answer = list(&found["messages"]).last().unwrap();
        assert_eq!(answer["first_token_ms"], Value::Null);
        assert!(answer["duration_ms"].is_i64(), "{answer}");
    }
}
