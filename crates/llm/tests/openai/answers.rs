//! What a well provider says, in the normal form.

use crate::{ask, call, finished, start};
use chatai_llm::{Event, Finished, Format, Item, Provider, Request, StopReason, ToolCall, ToolSpec};
use chatai_testkit::provider::{Gate, Reply};
use chatai_types::TokenCounts;
use futures_util::StreamExt;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn an_answer_with_usage_over_a_connection_that_is_used_again() {
    let (provider, openai) = start().await;
    for round in 0..3 {
        provider.push(Reply::text("Grüße, 世界").deltas(4).usage(100, 40, 7, 0));
        let (text, events) = call(&openai, ask("hi")).await.unwrap();
        assert_eq!(text, "Grüße, 世界");
        let expected = Finished {
            reason: StopReason::Stop,
            usage: Some(TokenCounts::from_inclusive(100, 40, 7, 0).unwrap()),
            response_id: Some(provider.calls()[round].response_id()),
        };
        assert_eq!(events, [Event::Finished(expected)]);
    }
    assert_eq!((provider.counts().connections, provider.billed().len()), (1, 3));
}

#[tokio::test]
async fn parallel_tool_calls_and_their_results() {
    let (provider, openai) = start().await;
    let search = json!({"content": "sea"});
    provider.push(Reply::call_tool("get_books", &search).raw_tool_call("get_summaries", "{broken"));
    let spec = ToolSpec {
        name: "get_books".to_owned(),
        description: "Finds books.".to_owned(),
        parameters: json!({"type": "object"}),
        strict: false,
    };
    let mut request = Request {
        tools: vec![spec],
        ..ask("a book about the sea")
    };
    let (text, events) = call(&openai, request.clone()).await.unwrap();
    let calls: Vec<ToolCall> = events
        .iter()
        .filter_map(|event| {
            if let Event::ToolCall(call) = event {
                Some(call.clone())
            } else {
                None
            }
        })
        .collect();
    assert_eq!((text.as_str(), calls.len()), ("", 2));
    assert_eq!(
        (calls[0].name.as_str(), calls[0].arguments.as_str()),
        ("get_books", search.to_string().as_str())
    );
    assert_eq!(
        (calls[1].name.as_str(), calls[1].arguments.as_str()),
        ("get_summaries", "{broken")
    );
    assert_ne!(calls[0].id, calls[1].id);
    assert_eq!(finished(&events).reason, StopReason::ToolCalls);

    for call in calls {
        request.items.push(Item::ToolResult {
            call_id: call.id.clone(),
            output: "[]".to_owned(),
        });
        request
            .items
            .insert(request.items.len() - 1, Item::ToolCall(call));
    }
    call(&openai, request).await.unwrap();
    let second = &provider.calls()[1];
    assert_eq!(second.tool_outputs(), [("call_0_0", "[]"), ("call_0_1", "[]")]);
    assert_eq!(second.tool_names(), ["get_books"]);
}

#[tokio::test]
async fn structured_output_reasoning_refusal_and_limits() {
    let (provider, openai) = start().await;
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let title = Request {
        format: Format::JsonSchema {
            name: "title".to_owned(),
            schema,
            strict: true,
        },
        ..ask("on whales")
    };
    assert_eq!(
        call(&openai, title.clone()).await.unwrap().0,
        r#"{"title":"on whales"}"#
    );
    // A pushed answer waits for a call that asks for text.
    provider.push(Reply::text("mine"));
    provider.push_for_schema("title", Reply::json(&json!({"title": "Whales"})));
    assert_eq!(call(&openai, title).await.unwrap().0, r#"{"title":"Whales"}"#);
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "mine");
    assert_eq!(provider.unused(), 0);

    provider.push(Reply::text("so").reasoning("because").usage(9, 0, 8, 6));
    let (_, events) = call(&openai, ask("x")).await.unwrap();
    assert_eq!(events[0], Event::Reasoning("because".to_owned()));
    assert_eq!(finished(&events).usage.unwrap().reasoning, 6);
    for (reply, reason) in [
        (Reply::refusal("no"), StopReason::Refusal),
        (
            Reply::text("cut").incomplete("max_output_tokens"),
            StopReason::Length,
        ),
        (
            Reply::text("cut").incomplete("content_filter"),
            StopReason::Refusal,
        ),
    ] {
        provider.push(reply);
        assert_eq!(finished(&call(&openai, ask("x")).await.unwrap().1).reason, reason);
    }
}

#[tokio::test]
async fn text_that_imitates_the_stream_is_only_text() {
    let (provider, openai) = start().await;
    provider.push(Reply::injected_frames().usage(5, 0, 5, 0));
    let (text, events) = call(&openai, ask("x")).await.unwrap();
    assert!(
        text.starts_with("before\n\nevent: ") && text.ends_with("\n\nafter"),
        "{text}"
    );
    assert_eq!(finished(&events).usage.unwrap().input_total(), Some(5));
}

#[tokio::test]
async fn text_arrives_as_it_is_sent() {
    let (provider, openai) = start().await;
    let gate = Gate::new();
    provider.push(Reply::text("ab").deltas(2).gate_after(1, &gate));
    let mut stream = openai.stream(ask("x")).await.unwrap();
    assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("a".to_owned()));
    gate.open();
    assert_eq!(stream.next().await.unwrap().unwrap(), Event::Text("b".to_owned()));
}

#[tokio::test]
async fn a_stream_in_single_bytes_is_the_same_stream() {
    let (provider, openai) = start().await;
    provider.push(
        Reply::text("Grüße 🦀")
            .deltas(3)
            .byte_by_byte(Duration::ZERO)
            .usage(1, 0, 1, 0),
    );
    assert_eq!(call(&openai, ask("x")).await.unwrap().0, "Grüße 🦀");
}

#[tokio::test]
async fn usage_that_cannot_be_is_not_reported() {
    let (provider, openai) = start().await;
    for reply in [
        Reply::text("a").without_usage(),
        Reply::text("a").usage(-5, 0, 1, 0),
        Reply::text("a").usage(5, 6, 1, 0),
        Reply::text("a").usage(5, 0, 1, 2),
        Reply::text("a").raw_usage(json!({"input_tokens": "many"})),
    ] {
        provider.push(reply);
        assert_eq!(finished(&call(&openai, ask("x")).await.unwrap().1).usage, None);
    }
}
