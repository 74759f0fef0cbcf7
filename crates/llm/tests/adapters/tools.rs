//! Rounds of tools: what is called, and what goes along with the results.

use crate::support::{ask, call, finished, model, on_every_adapter, start, thinking_model, tool, tool_calls};
use chatai_llm::{Effort, Event, Item, Part, ReasoningState, Request, StopReason, ToolCall, ToolChoice};
use chatai_testkit::provider::{Dialect, RecordedRequest, Reply};
use serde_json::{Value, json};

/// What a round adds to the conversation: the calls as they were told, with the model's state, then a result for each.
fn round(text: &str, events: &[Event]) -> Vec<Item> {
    let mut items = Vec::new();
    if !text.is_empty() {
        items.push(Item::Assistant(text.to_owned()));
    }
    items.extend(events.iter().filter_map(|event| match event {
        Event::State(state) => Some(Item::Reasoning(state.clone())),
        Event::ToolCall(call) => Some(Item::ToolCall(call.clone())),
        _ => None,
    }));
    let results = tool_calls(events).into_iter().map(|call| Item::ToolResult {
        output: format!("[\"of {}\"]", call.name),
        call_id: call.id,
    });
    items.extend(results);
    items
}

/// What came back, by the name of the tool: to Gemini nothing has an id that it did not give one.
fn results(request: &RecordedRequest) -> Vec<&str> {
    request.tool_outputs().iter().map(|(_, output)| *output).collect()
}

/// Where the model's own record of its thoughts stands in the request that brings the results.
fn returned_state(dialect: Dialect, body: &Value) -> &Value {
    match dialect {
        Dialect::Responses => &body["input"][1]["encrypted_content"],
        Dialect::Chat => &body["messages"][1]["reasoning_content"],
        Dialect::Anthropic => &body["messages"][1]["content"][0]["signature"],
        Dialect::Gemini => &body["contents"][1]["parts"][0]["thoughtSignature"],
    }
}

on_every_adapter! {
    async fn one_call_and_its_result(dialect) {
        let (provider, adapter) = start(dialect).await;
        let arguments = json!({"q": "sea"});
        provider.push(Reply::call_tool("get_books", &arguments).usage(10, 0, 5, 0));
        let mut request = Request { tools: vec![tool("get_books")], ..ask(dialect, "a book about the sea") };
        let (text, events) = call(&adapter, request.clone()).await.unwrap();
        let calls = tool_calls(&events);
        assert_eq!((text.as_str(), calls.len(), finished(&events).reason), ("", 1, StopReason::ToolCalls));
        assert_eq!(calls[0].name, "get_books");
        assert_eq!(serde_json::from_str::<Value>(&calls[0].arguments).unwrap(), arguments);
        request.items.extend(round(&text, &events));
        let (text, _) = call(&adapter, request).await.unwrap();
        assert_eq!(text, "Echo: a book about the sea");
        let sent = &provider.calls()[1];
        assert_eq!((sent.tool_names(), results(sent)), (vec!["get_books"], vec!["[\"of get_books\"]"]));
    }

    async fn parallel_calls_keep_their_order_and_their_results(dialect) {
        let (provider, adapter) = start(dialect).await;
        let reply = Reply::text("I look.")
            .tool_call("get_books", &json!({"q": "sea"}))
            .tool_call("get_summaries", &json!({}))
            .tool_call("get_books", &json!({"q": "é🦀"}));
        provider.push(reply);
        let tools = vec![tool("get_books"), tool("get_summaries")];
        let mut request = Request { tools, ..ask(dialect, "x") };
        let (text, events) = call(&adapter, request.clone()).await.unwrap();
        let calls = tool_calls(&events);
        let names: Vec<&str> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!((text.as_str(), names), ("I look.", vec!["get_books", "get_summaries", "get_books"]));
        assert_eq!(serde_json::from_str::<Value>(&calls[2].arguments).unwrap(), json!({"q": "é🦀"}));
        let mut ids: Vec<&str> = calls.iter().map(|call| call.id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "each has an id of its own");
        request.items.extend(round(&text, &events));
        // A second round: ids go on, nothing is given twice.
        provider.push(Reply::call_tool("get_books", &json!({"q": "more"})));
        let (text, events) = call(&adapter, request.clone()).await.unwrap();
        assert!(!calls.iter().any(|call| call.id == tool_calls(&events)[0].id), "{events:?}");
        request.items.extend(round(&text, &events));
        // The last round has to answer.
        request.tools.clear();
        call(&adapter, request).await.unwrap();
        let sent = provider.calls();
        assert_eq!(results(&sent[1]), ["[\"of get_books\"]", "[\"of get_summaries\"]", "[\"of get_books\"]"]);
        assert_eq!(results(&sent[2]).len(), 4);
    }

    /// What the model thought before it called goes back as it gave it, and to nobody else.
    async fn thoughts_go_back_to_their_maker_alone(dialect) {
        let (provider, adapter) = start(dialect).await;
        provider.push(Reply::text("").reasoning("Weighing").tool_call("get_books", &json!({"q": "x"})));
        let model = thinking_model(dialect).to_owned();
        let tools = vec![tool("get_books")];
        let mut request = Request { model, tools, shows_reasoning: true, ..ask(dialect, "x") };
        let (text, events) = call(&adapter, request.clone()).await.unwrap();
        let state = events.iter().find_map(|event| match event {
            Event::State(state) => Some(state.clone()),
            _ => None,
        });
        let state = state.expect("the model's state is told");
        request.items.extend(round(&text, &events));
        call(&adapter, request).await.unwrap();
        let sent = provider.calls()[1].json().clone();
        let id = provider.calls()[0].response_id();
        let expected = match dialect {
            Dialect::Responses => format!("gAAAA-{id}"),
            Dialect::Chat => "Weighing".to_owned(),
            Dialect::Anthropic | Dialect::Gemini => format!("sig-{id}"),
        };
        assert_eq!(returned_state(dialect, &sent), &json!(expected), "{sent}");

        for other in Dialect::ALL.into_iter().filter(|other| *other != dialect) {
            let (provider, adapter) = start(other).await;
            let request = Request {
                model: thinking_model(other).to_owned(),
                tools: vec![tool("get_books")],
                items: vec![
                    Item::User(vec![Part::Text("x".to_owned())]),
                    Item::Reasoning(ReasoningState { text: "Weighing".to_owned(), ..state.clone() }),
                    Item::ToolCall(ToolCall {
                        id: "call:of another/vendor".to_owned(),
                        name: "get_books".to_owned(),
                        arguments: r#"{"q":"x"}"#.to_owned(),
                    }),
                    Item::ToolResult { call_id: "call:of another/vendor".to_owned(), output: "[]".to_owned() },
                ],
                ..Request::default()
            };
            call(&adapter, request).await.unwrap();
            let sent = provider.calls()[0].json().to_string();
            assert!(!sent.contains(&expected) && !sent.contains("Weighing"), "{other:?}: {sent}");
        }
    }

    /// A client of `/v1/chat/completions` keeps no thoughts, and calls may be another vendor's: whoever is told to think
    /// goes on from them.
    async fn rounds_without_their_thoughts_go_on(dialect) {
        let (provider, adapter) = start(dialect).await;
        for model in [model(dialect), thinking_model(dialect)] {
            let asked = Request {
                model: model.to_owned(),
                tools: vec![tool("get_books")],
                reasoning_effort: (dialect != Dialect::Responses || model == "o3").then_some(Effort::Low),
                ..ask(dialect, "x")
            };
            provider.push(Reply::call_tool("get_books", &json!({"q": "x"})));
            let (text, events) = call(&adapter, asked.clone()).await.unwrap();
            let kept = round(&text, &events).into_iter().filter(|item| !matches!(item, Item::Reasoning(_)));
            let mut request = asked;
            request.items.extend(kept);
            assert_eq!(call(&adapter, request).await.unwrap().0, "Echo: x", "{model}");
        }
    }

    async fn calls_that_are_demanded_or_forbidden(dialect) {
        let (provider, adapter) = start(dialect).await;
        for choice in [
            ToolChoice::Auto,
            ToolChoice::None,
            ToolChoice::Required,
            ToolChoice::Tool("get_books".to_owned()),
        ] {
            for tools in [Vec::new(), vec![tool("get_books"), tool("get_summaries")]] {
                let request = Request { tools, tool_choice: choice.clone(), ..ask(dialect, "x") };
                call(&adapter, request).await.unwrap();
            }
        }
        let demanded = provider.calls().last().unwrap().json().clone();
        let chosen = match dialect {
            Dialect::Responses | Dialect::Anthropic => &demanded["tool_choice"]["name"],
            Dialect::Chat => &demanded["tool_choice"]["function"]["name"],
            Dialect::Gemini => &demanded["toolConfig"]["functionCallingConfig"]["allowedFunctionNames"][0],
        };
        assert_eq!(chosen, "get_books");
    }

    /// What a model wrote in place of arguments is the caller's to refuse; the conversation goes on with any vendor.
    async fn arguments_that_are_none_are_handed_over_and_do_not_end_the_conversation(dialect) {
        let (provider, adapter) = start(dialect).await;
        let arguments = if dialect == Dialect::Gemini {
            // It sends objects, or nothing that can be read.
            "{broken".to_owned()
        } else {
            provider.push(Reply::text("").raw_tool_call("get_books", "{broken"));
            let request = Request { tools: vec![tool("get_books")], ..ask(dialect, "x") };
            tool_calls(&call(&adapter, request).await.unwrap().1)[0].arguments.clone()
        };
        assert_eq!(arguments, "{broken");
        let mut request = Request { tools: vec![tool("get_books")], ..ask(dialect, "x") };
        let call_id = "call_9".to_owned();
        request.items.push(Item::ToolCall(ToolCall { id: call_id.clone(), name: "get_books".to_owned(), arguments }));
        request.items.push(Item::ToolResult { call_id, output: "not JSON".to_owned() });
        assert_eq!(call(&adapter, request).await.unwrap().0, "Echo: x");
    }
}

/// Anthropic's thoughts that only it can read stand in front of what they led to, in their order.
#[tokio::test]
async fn redacted_thoughts_go_back_too() {
    let (provider, anthropic) = start(Dialect::Anthropic).await;
    let thinking = include_str!("../../fixtures/anthropic/thinking.sse");
    provider.push(Reply::page(200, "text/event-stream", thinking));
    let mut request = Request {
        tools: vec![tool("find")],
        ..ask(Dialect::Anthropic, "which?")
    };
    let (text, events) = call(&anthropic, request.clone()).await.unwrap();
    request.items.extend(round(&text, &events));
    call(&anthropic, request).await.unwrap();
    assert_eq!(
        provider.calls()[1].json()["messages"][1]["content"],
        json!([
            {"type": "thinking", "thinking": "Weighing the two books", "signature": "EqQBCgIYAhIM1gbcDa9GJwZA2b3h"},
            {"type": "redacted_thinking", "data": "EmwKAhgBEgy3va3pzix"},
            {"type": "text", "text": "I look it up."},
            {"type": "tool_use", "id": "toolu_A", "name": "find", "input": {"q": "x"}}
        ])
    );
}
