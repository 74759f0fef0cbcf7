//! Requests in the vendor's form, member by member.

use super::*;
use crate::model::{Dialect, Item, Part, ReasoningState, ToolCall};
use bytes::Bytes;
use std::sync::Arc;

fn sent(request: &Request) -> Value {
    serde_json::to_value(Body::try_from(request).unwrap()).unwrap()
}

fn ask(model: &str) -> Request {
    Request {
        model: model.to_owned(),
        items: vec![Item::User(vec![Part::Text("hi".to_owned())])],
        ..Request::default()
    }
}

fn tool(name: &str) -> Arc<ToolSpec> {
    Arc::new(ToolSpec {
        name: name.to_owned(),
        description: "Finds.".to_owned(),
        parameters: json!({"type": "object"}),
        strict: true,
    })
}

fn schema(strict: bool) -> Format {
    Format::JsonSchema {
        name: "title".to_owned(),
        schema: json!({"type": "object", "properties": {}}),
        strict,
    }
}

#[test]
fn a_minimal_request_says_only_what_it_must() {
    let mut request = ask("claude-sonnet-4-5");
    request.priority = Priority::BestEffort;
    assert_eq!(
        sent(&request),
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 32_000,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}],
            "stream": true
        })
    );
}

#[test]
fn every_kind_of_item_in_its_form_and_the_prefixes_marked() {
    let call = |id: &str, arguments: &str| {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "find".to_owned(),
            arguments: arguments.to_owned(),
        })
    };
    let result = |id: &str| Item::ToolResult {
        call_id: id.to_owned(),
        output: "[]".to_owned(),
    };
    let thought = |dialect, opaque: &str| {
        Item::Reasoning(ReasoningState {
            dialect,
            text: "hm".to_owned(),
            opaque: opaque.to_owned(),
        })
    };
    let url = |url: &str| Part::ImageUrl {
        url: url.to_owned(),
        detail: Some("low".to_owned()),
    };
    let request = Request {
        system: "Be kind.".to_owned(),
        items: vec![
            Item::User(vec![
                Part::Text("look".to_owned()),
                Part::Image {
                    media_type: "image/png".to_owned(),
                    bytes: Bytes::from_static(&[0, 255, 16]),
                },
                url("https://a/b.png"),
                url("data:image/gif;base64,R0lG"),
                Part::Text(" ".to_owned()),
            ]),
            Item::Assistant("I look.".to_owned()),
            thought(Dialect::Anthropic, r#"{"thinking":{"signature":"sig"}}"#),
            thought(Dialect::Anthropic, r#"{"redacted":{"data":"xyz"}}"#),
            thought(Dialect::OpenAiResponses, "{}"),
            call("toolu_1", r#"{"q":1}"#),
            call("call|2", "[1"),
            result("toolu_1"),
            result("call|2"),
            Item::User(vec![Part::Text("and?".to_owned())]),
        ],
        tools: vec![tool("find"), tool("now")],
        parallel_tool_calls: Some(false),
        max_output_tokens: Some(64),
        stop: vec!["END".to_owned()],
        seed: Some(7),
        temperature: Some(1.5),
        top_p: Some(0.5),
        ..ask("claude-3-5-haiku-20241022")
    };
    let marked = json!({"type": "ephemeral"});
    assert_eq!(
        sent(&request),
        json!({
            "model": "claude-3-5-haiku-20241022",
            "max_tokens": 64,
            "system": [{"type": "text", "text": "Be kind.", "cache_control": marked}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AP8Q"}},
                    {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/gif", "data": "R0lG"}}
                ]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "xyz"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "toolu_1", "name": "find", "input": {"q": 1}},
                    {"type": "tool_use", "id": "call_2", "name": "find", "input": {"unreadable": "[1"}}
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "toolu_1", "content": "[]"},
                    {"type": "tool_result", "tool_use_id": "call_2", "content": "[]"},
                    {"type": "text", "text": "and?", "cache_control": marked}
                ]}
            ],
            "tools": [
                {"name": "find", "description": "Finds.", "input_schema": {"type": "object"}},
                {"name": "now", "description": "Finds.", "input_schema": {"type": "object"}, "cache_control": marked}
            ],
            "tool_choice": {"type": "auto", "disable_parallel_tool_use": true},
            "temperature": 1.0,
            "stop_sequences": ["END"],
            "stream": true
        })
    );
}

#[test]
fn choices_of_tools() {
    for (choice, expected) in [
        (ToolChoice::Auto, Value::Null),
        (ToolChoice::None, json!({"type": "none"})),
        (ToolChoice::Required, json!({"type": "any"})),
        (
            ToolChoice::Tool("find".to_owned()),
            json!({"type": "tool", "name": "find"}),
        ),
    ] {
        let request = Request {
            tools: vec![tool("find")],
            tool_choice: choice,
            ..ask("claude-sonnet-4-5")
        };
        let body = sent(&request);
        assert_eq!(body["tool_choice"], expected);
        assert_eq!(body["tools"][0]["strict"], true);
    }
    let nothing_offered = Request {
        tool_choice: ToolChoice::Required,
        parallel_tool_calls: Some(true),
        ..ask("claude-sonnet-4-5")
    };
    assert_eq!(sent(&nothing_offered)["tool_choice"], Value::Null);
}

#[test]
fn a_schema_is_kept_by_the_api_or_by_a_tool() {
    let format = |model: &str, format| Request { format, ..ask(model) };
    let native = format("claude-opus-4-5", schema(true));
    let body = sent(&native);
    let expected = json!({"format": {"type": "json_schema", "schema": {"type": "object", "properties": {}}}});
    assert_eq!(
        (&body["output_config"], &body["tools"]),
        (&expected, &Value::Null)
    );

    for by_tool in [
        format("claude-sonnet-4-0", schema(true)),
        format("claude-opus-4-5", schema(false)),
        format("claude-opus-4-5", Format::JsonObject),
    ] {
        let body = sent(&by_tool);
        assert_eq!(body["tools"][0]["name"], ANSWER_TOOL);
        let choice = json!({"type": "tool", "name": ANSWER_TOOL, "disable_parallel_tool_use": true});
        assert_eq!(body["tool_choice"], choice);
        assert_eq!(Body::try_from(&by_tool).unwrap().answer_tool(), Some(ANSWER_TOOL));
    }

    let beside = Request {
        tools: vec![tool(ANSWER_TOOL)],
        reasoning_effort: Some(Effort::High),
        ..format("claude-opus-4-5", Format::JsonObject)
    };
    let body = sent(&beside);
    assert_eq!(body["tools"][1]["name"], "answer_in_json_");
    assert_eq!(body["tool_choice"]["type"], "any");
    assert_eq!(body["thinking"], Value::Null);
    let called = Request {
        tool_choice: ToolChoice::Required,
        ..beside
    };
    assert_eq!(Body::try_from(&called).unwrap().answer_tool(), None);
}

#[test]
fn thinking_as_each_model_takes_it() {
    for (model, effort, limit, thinking, config) in [
        (
            "claude-3-5-haiku-latest",
            Effort::High,
            None,
            Value::Null,
            Value::Null,
        ),
        (
            "claude-sonnet-4-5",
            Effort::Medium,
            None,
            json!({"type": "enabled", "budget_tokens": 8_192}),
            Value::Null,
        ),
        (
            "claude-sonnet-4-5",
            Effort::High,
            Some(4_000),
            json!({"type": "enabled", "budget_tokens": 2_000}),
            Value::Null,
        ),
        (
            "claude-sonnet-4-5",
            Effort::High,
            Some(100),
            Value::Null,
            Value::Null,
        ),
        (
            "claude-opus-4-6",
            Effort::Minimal,
            None,
            json!({"type": "adaptive", "display": "summarized"}),
            json!({"effort": "low"}),
        ),
        (
            "claude-opus-4-6",
            Effort::XHigh,
            None,
            json!({"type": "adaptive", "display": "summarized"}),
            json!({"effort": "high"}),
        ),
        (
            "claude-opus-4-7",
            Effort::XHigh,
            None,
            json!({"type": "adaptive", "display": "summarized"}),
            json!({"effort": "xhigh"}),
        ),
        (
            "claude-sonnet-4-6",
            Effort::Max,
            None,
            json!({"type": "adaptive", "display": "summarized"}),
            json!({"effort": "max"}),
        ),
        (
            "claude-sonnet-4-5",
            Effort::Max,
            Some(48_000),
            json!({"type": "enabled", "budget_tokens": 24_000}),
            Value::Null,
        ),
        ("claude-sonnet-4-5", Effort::None, None, Value::Null, Value::Null),
        ("claude-opus-4-6", Effort::None, None, Value::Null, Value::Null),
    ] {
        let request = Request {
            reasoning_effort: Some(effort),
            max_output_tokens: limit,
            temperature: Some(0.5),
            ..ask(model)
        };
        let body = sent(&request);
        assert_eq!(
            (&body["thinking"], &body["output_config"]),
            (&thinking, &config),
            "{model}"
        );
        assert_eq!(body["temperature"].is_null(), !thinking.is_null(), "{model}");
    }
}

/// An effort that is meant for the answer alone goes along where the API takes it, and makes no model think.
#[test]
fn an_effort_without_thinking() {
    for (model, config) in [
        ("claude-sonnet-4-5", Value::Null),
        ("claude-opus-4-6", json!({"effort": "high"})),
    ] {
        let request = Request {
            reasoning_effort: Some(Effort::High),
            without_thinking: true,
            ..ask(model)
        };
        let body = sent(&request);
        assert_eq!(
            (&body["thinking"], &body["output_config"]),
            (&Value::Null, &config),
            "{model}"
        );
    }
}

#[test]
fn what_the_api_does_not_have_is_refused() {
    for request in [
        Request {
            presence_penalty: Some(0.5),
            ..ask("m")
        },
        Request {
            frequency_penalty: Some(-0.5),
            ..ask("m")
        },
        Request {
            items: vec![Item::User(Vec::new())],
            ..ask("m")
        },
    ] {
        let refused = Body::try_from(&request);
        assert!(matches!(refused, Err(LlmError::Rejected(_))), "{refused:?}");
    }
}

/// Some of them can be told not to think, none of them refuses the least effort.
#[test]
fn a_model_that_thinks_by_itself_is_told_to_think_little() {
    let request = Request {
        reasoning_effort: Some(Effort::None),
        ..ask("claude-opus-5-5")
    };
    let body = sent(&request);
    assert_eq!(
        (&body["thinking"], &body["output_config"]),
        (&Value::Null, &json!({"effort": "low"}))
    );
}

#[test]
fn rounds_of_tools_that_began_without_thoughts_go_on_without() {
    let user = || Item::User(vec![Part::Text("hi".to_owned())]);
    let thought = |dialect| {
        Item::Reasoning(ReasoningState {
            dialect,
            text: "hm".to_owned(),
            opaque: r#"{"thinking":{"signature":"sig"}}"#.to_owned(),
        })
    };
    let call = |id: &str| {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "find".to_owned(),
            arguments: "{}".to_owned(),
        })
    };
    let result = |id: &str| Item::ToolResult {
        call_id: id.to_owned(),
        output: "[]".to_owned(),
    };
    let own = || thought(Dialect::Anthropic);
    let round = |id| vec![call(id), result(id)];
    let thinks = |model: &str, items: &[Vec<Item>]| {
        let request = Request {
            items: items.concat(),
            tools: vec![tool("find")],
            reasoning_effort: Some(Effort::Low),
            ..ask(model)
        };
        !sent(&request)["thinking"].is_null()
    };
    for (items, expected) in [
        (vec![vec![user()], round("a")], false),
        (
            vec![vec![user(), thought(Dialect::OpenAiChat)], round("a")],
            false,
        ),
        (
            vec![vec![user(), Item::Assistant("I look.".to_owned())], round("a")],
            false,
        ),
        (vec![vec![user(), own()], round("a")], true),
        // It thinks at the beginning of its turn alone, and calls on.
        (vec![vec![user(), own()], round("a"), round("b")], true),
        (vec![vec![user()], round("a"), vec![own()], round("b")], false),
        (vec![vec![user()], round("a"), vec![user()]], false),
        // What has ended binds nobody.
        (
            vec![
                vec![user()],
                round("a"),
                vec![Item::Assistant("so".to_owned()), user()],
            ],
            true,
        ),
    ] {
        assert_eq!(thinks("claude-sonnet-4-5", &items), expected, "{items:?}");
        assert!(
            thinks("claude-opus-4-6", &items),
            "models that think as they see fit are free"
        );
    }
}
