//! Requests as they are sent.

use super::*;
use crate::model::{ToolCall, ToolSpec};
use bytes::Bytes;

fn sent(request: &Request) -> Value {
    serde_json::to_value(Body::try_from(request).unwrap()).unwrap()
}

fn user(text: &str) -> Item {
    Item::User(vec![Part::Text(text.to_owned())])
}

fn call(id: &str, arguments: &str) -> Item {
    Item::ToolCall(ToolCall {
        id: id.to_owned(),
        name: "find".to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn result(id: &str) -> Item {
    Item::ToolResult {
        call_id: id.to_owned(),
        output: "[]".to_owned(),
    }
}

fn thought(opaque: &str) -> Item {
    Item::Reasoning(ReasoningState {
        dialect: Dialect::Anthropic,
        text: "hm".to_owned(),
        opaque: opaque.to_owned(),
    })
}

fn find() -> ToolSpec {
    ToolSpec {
        name: "find".to_owned(),
        description: "Finds.".to_owned(),
        parameters: json!({"type": "object"}),
        strict: false,
    }
}

#[test]
fn a_minimal_request_says_only_what_it_must() {
    let request = Request {
        model: "claude-sonnet-4-5".to_owned(),
        items: vec![user("hi")],
        priority: Priority::BestEffort,
        ..Request::default()
    };
    assert_eq!(
        sent(&request),
        json!({
            "model": "claude-sonnet-4-5", "max_tokens": 32_000, "stream": true,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
        })
    );
}

#[test]
fn every_item_in_its_form_with_marks_for_the_cache() {
    let request = Request {
        model: "claude-sonnet-4-5".to_owned(),
        system: "Be kind.".to_owned(),
        items: vec![
            Item::User(vec![
                Part::Text(String::new()),
                Part::Text("look".to_owned()),
                Part::Image {
                    media_type: "image/png".to_owned(),
                    bytes: Bytes::from_static(&[0, 255, 16]),
                },
                Part::ImageUrl {
                    url: "https://a/b.png".to_owned(),
                    detail: None,
                },
            ]),
            Item::Assistant("let me see".to_owned()),
            thought(r#"{"signature":"sig"}"#),
            thought(r#"{"data":"enc"}"#),
            Item::Reasoning(ReasoningState {
                dialect: Dialect::Gemini,
                text: "another's".to_owned(),
                opaque: "x".to_owned(),
            }),
            call("1", r#"{"q":1}"#),
            call("2", "{broken"),
            result("1"),
            result("2"),
        ],
        tools: vec![find()],
        tool_choice: ToolChoice::Required,
        parallel_tool_calls: Some(false),
        max_output_tokens: Some(64),
        temperature: Some(0.5),
        top_p: Some(0.25),
        stop: vec!["END".to_owned()],
        seed: Some(7),
        ..Request::default()
    };
    let mark = json!({"type": "ephemeral"});
    assert_eq!(
        sent(&request),
        json!({
            "model": "claude-sonnet-4-5",
            "max_tokens": 64,
            "system": [{"type": "text", "text": "Be kind.", "cache_control": mark}],
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AP8Q"}},
                    {"type": "image", "source": {"type": "url", "url": "https://a/b.png"}}
                ]},
                {"role": "assistant", "content": [
                    {"type": "text", "text": "let me see"},
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "enc"},
                    {"type": "tool_use", "id": "1", "name": "find", "input": {"q": 1}},
                    {"type": "tool_use", "id": "2", "name": "find", "input": {"arguments": "{broken"}}
                ]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "[]"},
                    {"type": "tool_result", "tool_use_id": "2", "content": "[]", "cache_control": mark}
                ]}
            ],
            "tools": [{"name": "find", "description": "Finds.", "input_schema": {"type": "object"}}],
            "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
            "temperature": 0.5,
            "top_p": 0.25,
            "stop_sequences": ["END"],
            "stream": true
        })
    );
}

#[test]
fn tools_that_are_no_longer_offered_stay_declared() {
    let request = Request {
        items: vec![user("q"), call("1", "{}"), result("1")],
        ..Request::default()
    };
    let sent = sent(&request);
    assert_eq!(sent["tools"][0]["name"], "find");
    assert_eq!(sent["tool_choice"], json!({"type": "none"}));
}

#[test]
fn structured_output_by_schema_or_by_a_tool() {
    let form = |model: &str, format: Format| Request {
        model: model.to_owned(),
        items: vec![user("q")],
        format,
        ..Request::default()
    };
    let schema = json!({"type": "object", "properties": {"title": {"type": "string"}}});
    let by_schema = |strict| Format::JsonSchema {
        name: "title".to_owned(),
        schema: schema.clone(),
        strict,
    };
    let native = sent(&form("claude-haiku-4-5-20251001", by_schema(true)));
    assert_eq!(
        native["output_config"],
        json!({"format": {"type": "json_schema", "schema": schema}})
    );
    assert_eq!(native["tools"], Value::Null);
    for (model, format, expected) in [
        ("claude-haiku-4-5", by_schema(false), schema.clone()),
        ("claude-3-5-haiku-latest", by_schema(true), schema.clone()),
        ("claude-haiku-4-5", Format::JsonObject, json!({"type": "object"})),
    ] {
        let by_tool = sent(&form(model, format));
        assert_eq!(by_tool["tools"][0]["input_schema"], expected, "{model}");
        assert_eq!(by_tool["tool_choice"], json!({"type": "tool", "name": "answer"}));
    }
    let both = Request {
        tools: vec![find()],
        ..form("claude-3-5-haiku-latest", by_schema(true))
    };
    assert!(matches!(Body::try_from(&both), Err(LlmError::Rejected(_))));
}

#[test]
fn effort_in_the_form_each_model_takes() {
    let think = |model: &str, effort, max_output_tokens| Request {
        model: model.to_owned(),
        reasoning_effort: Some(effort),
        max_output_tokens,
        items: vec![user("q")],
        ..Request::default()
    };
    let budget = |tokens: u32| json!({"type": "enabled", "budget_tokens": tokens});
    for (model, effort, limit, thinking, named) in [
        (
            "claude-3-5-sonnet-latest",
            Effort::High,
            None,
            Value::Null,
            Value::Null,
        ),
        (
            "claude-3-7-sonnet-latest",
            Effort::Low,
            None,
            budget(2_048),
            Value::Null,
        ),
        (
            "claude-opus-4-20250514",
            Effort::High,
            None,
            budget(16_000),
            Value::Null,
        ),
        (
            "claude-sonnet-4-5",
            Effort::Medium,
            Some(4_096),
            budget(2_048),
            Value::Null,
        ),
        (
            "claude-sonnet-4-5",
            Effort::Medium,
            Some(1_024),
            Value::Null,
            Value::Null,
        ),
        (
            "claude-sonnet-4-5",
            Effort::Minimal,
            None,
            Value::Null,
            Value::Null,
        ),
        (
            "claude-opus-4-7",
            Effort::High,
            None,
            json!({"type": "adaptive"}),
            "high".into(),
        ),
        (
            "claude-opus-4-7",
            Effort::Minimal,
            None,
            Value::Null,
            "low".into(),
        ),
    ] {
        let sent = sent(&think(model, effort, limit));
        assert_eq!(sent["thinking"], thinking, "{model} {effort:?}");
        assert_eq!(sent["output_config"]["effort"], named, "{model} {effort:?}");
    }
    // A round that began without thinking goes on without.
    let mut request = think("claude-sonnet-4-5", Effort::High, None);
    request.items.extend([call("1", "{}"), result("1")]);
    assert_eq!(sent(&request)["thinking"], Value::Null);
    request.items.insert(1, thought(r#"{"signature":"s"}"#));
    assert_eq!(sent(&request)["thinking"], budget(16_000));
}

#[test]
fn penalties_are_refused() {
    let request = Request {
        presence_penalty: Some(0.5),
        ..Request::default()
    };
    assert!(matches!(Body::try_from(&request), Err(LlmError::Rejected(_))));
}
