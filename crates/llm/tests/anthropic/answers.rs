//! What goes right: answers, tool rounds, lists of models.

use crate::{
    KEY, TEXT, adapter, ask, call, kind,
    server::{Reply, Server, Then},
};
use chatai_llm::{Event, Format, Item, Provider, ToolSpec};
use serde_json::json;

#[tokio::test]
async fn an_answer_with_cached_usage() {
    let server = Server::start([Reply::stream(TEXT.as_bytes(), Then::End)]).await;
    let anthropic = adapter(&server);
    assert_eq!(anthropic.name(), "anthropic");
    let (text, events) = call(&anthropic, ask("hi")).await.unwrap();
    assert_eq!(text, "Hello, world!\n \"quoted\" \\ and\ttabbed");
    let [Event::Finished(end)] = &events[..] else {
        panic!("{events:?}")
    };
    let usage = end.usage.unwrap();
    let counted = (
        usage.fresh_input,
        usage.cache_read,
        usage.cache_write,
        usage.output,
    );
    assert_eq!(counted, (44, 1_280, 100, 9));

    let received = &server.received()[0];
    assert!(received.head.starts_with("POST /v1/messages HTTP/1.1"));
    assert!(received.has_header(&format!("x-api-key: {KEY}")));
    assert!(received.has_header("anthropic-version: 2023-06-01"));
    assert!(!received.head.to_lowercase().contains("authorization"));
    assert_eq!(received.body["messages"][0]["content"][0]["text"], "hi");
}

#[tokio::test]
async fn a_tool_round_hands_thinking_back_in_front_of_the_call() {
    let thinking = include_bytes!("../../fixtures/anthropic/thinking.sse");
    let server = Server::start([
        Reply::stream(thinking, Then::End),
        Reply::stream(TEXT.as_bytes(), Then::End),
    ])
    .await;
    let anthropic = adapter(&server);
    let mut request = ask("which?");
    request.tools = vec![ToolSpec {
        name: "find".to_owned(),
        description: "Finds.".to_owned(),
        parameters: json!({"type": "object"}),
        strict: false,
    }];
    let (text, events) = call(&anthropic, request.clone()).await.unwrap();
    request.items.push(Item::Assistant(text));
    for event in events {
        match event {
            Event::State(state) => request.items.push(Item::Reasoning(state)),
            Event::ToolCall(call) => {
                let call_id = call.id.clone();
                request.items.push(Item::ToolCall(call));
                let output = "[]".to_owned();
                request.items.push(Item::ToolResult { call_id, output });
            }
            _ => {}
        }
    }
    call(&anthropic, request).await.unwrap();
    let messages = server.received()[1].body["messages"].clone();
    assert_eq!(
        messages[1]["content"],
        json!([
            {"type": "thinking", "thinking": "Weighing the two books", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},
            {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
            {"type": "text", "text": "I look it up."},
            {"type": "tool_use", "id": "toolu_A", "name": "find", "input": {"q": "x"}}
        ])
    );
    assert_eq!(messages[2]["content"][0]["tool_use_id"], "toolu_A");
}

#[tokio::test]
async fn a_structured_answer_comes_as_text() {
    let answer = include_bytes!("../../fixtures/anthropic/answer_tool.sse");
    let server = Server::start([Reply::stream(answer, Then::End)]).await;
    let mut request = ask("title?");
    request.format = Format::JsonObject;
    let (text, _) = call(&adapter(&server), request).await.unwrap();
    assert_eq!(text, r#"{"title": "Sea voyages"}"#);
}

#[tokio::test]
async fn models_are_listed_page_by_page_and_embeddings_refused() {
    let page = |id: &str, has_more: bool| {
        let model = json!({"type": "model", "id": id, "display_name": id, "max_input_tokens": 200_000, "max_tokens": 0});
        let body = json!({"data": [model], "has_more": has_more, "first_id": id, "last_id": id});
        Reply::status(200, "", &body.to_string())
    };
    let server = Server::start([page("a", true), page("b", false)]).await;
    let anthropic = adapter(&server);
    let models = anthropic.models().await.unwrap();
    let shown: Vec<_> = models
        .iter()
        .map(|model| (&*model.id, model.context_window, model.max_output_tokens))
        .collect();
    assert_eq!(shown, [("a", Some(200_000), None), ("b", Some(200_000), None)]);
    let asked: Vec<String> = server
        .received()
        .into_iter()
        .map(|received| received.head)
        .collect();
    assert!(asked[0].starts_with("GET /v1/models?limit=1000 "), "{}", asked[0]);
    assert!(
        asked[1].starts_with("GET /v1/models?limit=1000&after_id=a "),
        "{}",
        asked[1]
    );

    let error = anthropic.embed("m", &["text".to_owned()]).await.unwrap_err();
    assert_eq!(kind(&error), "Rejected");
    assert_eq!(server.received().len(), 2, "nothing is sent for embeddings");

    let endless = Server::start([page("a", true)]).await;
    assert_eq!(adapter(&endless).models().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_list_of_models_without_end_is_left_after_ten_pages() {
    let pages = (0..12).map(|at| {
        let body = json!({"data": [{"id": at.to_string()}], "has_more": true, "last_id": at.to_string()});
        Reply::status(200, "", &body.to_string())
    });
    let server = Server::start(pages).await;
    assert_eq!(adapter(&server).models().await.unwrap().len(), 10);
}
