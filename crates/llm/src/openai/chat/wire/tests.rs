//! Requests as they are sent.

use super::*;
use crate::model::{Effort, ToolCall};
use bytes::Bytes;
use serde_json::json;
use std::sync::Arc;

const COMPATIBLE: Manner = Manner {
    is_openai: false,
    asks_for_usage: true,
};

fn sent(request: &Request, manner: Manner) -> Value {
    serde_json::to_value(Body::new(request, manner)).unwrap()
}

fn call(id: &str) -> Item {
    Item::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "find".to_owned(),
        arguments: "{}".to_owned(),
    })
}

fn result(id: &str) -> Item {
    Item::ToolResult {
        call_id: id.to_owned(),
        output: "[]".to_owned(),
    }
}

fn reasoning(opaque: &str) -> Item {
    Item::Reasoning(ReasoningState {
        dialect: Dialect::OpenAiChat,
        text: "hm".to_owned(),
        opaque: opaque.to_owned(),
    })
}

#[test]
fn a_minimal_request_says_only_what_it_must() {
    let request = Request {
        model: "llama3.2".to_owned(),
        items: vec![Item::User(vec![
            Part::Text("one".to_owned()),
            Part::Text("two".to_owned()),
        ])],
        max_output_tokens: Some(7),
        cache_key: Some("conversation-7".to_owned()),
        ..Request::default()
    };
    let message = json!({"role": "user", "content": "one\n\ntwo"});
    assert_eq!(
        sent(&request, COMPATIBLE),
        json!({
            "model": "llama3.2", "messages": [message], "max_tokens": 7, "stream": true,
            "stream_options": {"include_usage": true}
        })
    );
    let openai = Manner {
        is_openai: true,
        asks_for_usage: false,
    };
    assert_eq!(
        sent(&request, openai),
        json!({
            "model": "llama3.2", "messages": [message], "max_completion_tokens": 7,
            "prompt_cache_key": "conversation-7", "stream": true
        })
    );
}

#[test]
fn every_option_in_its_form() {
    let request = Request {
        model: "m".to_owned(),
        system: "Be kind.".to_owned(),
        items: vec![Item::User(vec![
            Part::Text("look".to_owned()),
            Part::Image {
                media_type: "image/png".to_owned(),
                bytes: Bytes::from_static(&[0, 255, 16]),
            },
            Part::ImageUrl {
                url: "https://a/b.png".to_owned(),
                detail: Some("low".to_owned()),
            },
        ])],
        tools: vec![Arc::new(ToolSpec {
            name: "find".to_owned(),
            description: "Finds.".to_owned(),
            parameters: json!({"type": "object"}),
            strict: true,
        })],
        tool_choice: ToolChoice::Tool("find".to_owned()),
        parallel_tool_calls: Some(false),
        format: Format::JsonSchema {
            name: "title".to_owned(),
            schema: json!({"type": "object"}),
            strict: false,
        },
        reasoning_effort: Some(Effort::High),
        temperature: Some(0.5),
        top_p: Some(0.25),
        stop: vec!["END".to_owned()],
        seed: Some(-7),
        presence_penalty: Some(1.0),
        frequency_penalty: Some(-1.0),
        ..Request::default()
    };
    assert_eq!(
        sent(&request, COMPATIBLE),
        json!({
            "model": "m",
            "messages": [
                {"role": "system", "content": "Be kind."},
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,AP8Q"}},
                    {"type": "image_url", "image_url": {"url": "https://a/b.png", "detail": "low"}}
                ]}
            ],
            "tools": [{"type": "function", "function": {
                "name": "find", "description": "Finds.", "parameters": {"type": "object"}, "strict": true
            }}],
            "tool_choice": {"type": "function", "function": {"name": "find"}},
            "parallel_tool_calls": false,
            "response_format": {"type": "json_schema", "json_schema":
                {"name": "title", "schema": {"type": "object"}, "strict": false}},
            "reasoning_effort": "high",
            "temperature": 0.5,
            "top_p": 0.25,
            "stop": ["END"],
            "seed": -7,
            "presence_penalty": 1.0,
            "frequency_penalty": -1.0,
            "stream": true,
            "stream_options": {"include_usage": true}
        })
    );
}

#[test]
fn a_round_of_tools_is_one_message_with_the_reasoning_in_the_form_it_came_in() {
    let request = Request {
        items: vec![
            Item::User(vec![Part::Text("q".to_owned())]),
            Item::Assistant("let me look".to_owned()),
            reasoning(r#"{"is_short_name":false}"#),
            call("1"),
            call("2"),
            result("1"),
            result("2"),
            reasoning(r#"{"is_short_name":true}"#),
            call("3"),
            result("3"),
            reasoning(r#"{"details":[{"type":"reasoning.encrypted","data":"x"}]}"#),
            call("4"),
            result("4"),
        ],
        ..Request::default()
    };
    let call =
        |id: &str| json!({"type": "function", "id": id, "function": {"name": "find", "arguments": "{}"}});
    let tool = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": "[]"});
    assert_eq!(
        sent(&request, COMPATIBLE)["messages"],
        json!([
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": "let me look", "reasoning_content": "hm",
                "tool_calls": [call("1"), call("2")]},
            tool("1"),
            tool("2"),
            {"role": "assistant", "content": null, "reasoning": "hm", "tool_calls": [call("3")]},
            tool("3"),
            {"role": "assistant", "content": null,
                "reasoning_details": [{"type": "reasoning.encrypted", "data": "x"}], "tool_calls": [call("4")]},
            tool("4"),
        ])
    );
}

/// OpenAI: "Function tools with reasoning_effort are not supported for gpt-6-sol in /v1/chat/completions. To use function
/// tools, use /v1/responses or set reasoning_effort to 'none'."
#[test]
fn newer_models_of_openai_call_tools_without_thinking() {
    let openai = Manner {
        is_openai: true,
        ..COMPATIBLE
    };
    let sent = |model: &str, manner, tools: Vec<Arc<ToolSpec>>| {
        let request = Request {
            model: model.to_owned(),
            tools,
            reasoning_effort: Some(Effort::High),
            ..Request::default()
        };
        serde_json::to_value(Body::new(&request, manner)).unwrap()["reasoning_effort"].clone()
    };
    let tools = || {
        vec![Arc::new(ToolSpec {
            name: "find".to_owned(),
            description: String::new(),
            parameters: json!({"type": "object"}),
            strict: false,
        })]
    };
    assert_eq!(sent("gpt-6-luna", openai, tools()), "none");
    assert_eq!(sent("gpt-6-luna", openai, Vec::new()), "high");
    assert_eq!(sent("gpt-5.1", openai, tools()), "high");
    // Whoever else has it may take both.
    assert_eq!(sent("openai/gpt-6-luna", COMPATIBLE, tools()), "high");
}
