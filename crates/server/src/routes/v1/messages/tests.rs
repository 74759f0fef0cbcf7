//! Anthropic's messages: what is taken, what is refused by name, and the answers to the byte.

use super::{
    reply::{self, Events},
    request::{Asked, MessagesRequest},
};
use crate::{
    error::ApiError,
    routes::v1::{
        input::parse,
        normal::seal,
        testing::{about, call, ended, failed, outcomes, pieces, reasoning, state, stream, text},
    },
};
use chatai_engine::{
    Piece,
    llm::{Effort, Format, Item, Part, StopReason, ToolCall, ToolChoice},
};
use chatai_types::CallKind;
use proptest::prelude::*;
use serde_json::{Value, json};

fn asked(body: &Value) -> Result<Asked, ApiError> {
    let text = body.to_string();
    parse::<MessagesRequest<'_>>(text.as_bytes())?.into_asked()
}

fn with(members: &Value) -> Value {
    let mut body = json!({"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn what_sdks_send_is_understood() {
    let Piece::State(made) = state() else {
        unreachable!()
    };
    let body = json!({
        "model": "m", "max_tokens": 9, "system": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}, {"type": "text", "text": "And kind."}],
        "messages": [
            {"role": "user", "content": [
                {"type": "text", "text": "look"},
                {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}},
                {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}},
            ]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "why", "signature": seal(&made)},
                {"type": "thinking", "thinking": "hm", "signature": "theirs"},
                {"type": "redacted_thinking", "data": "x"},
                {"type": "text", "text": "ok"},
                {"type": "tool_use", "id": "c", "name": "f", "input": {"a": 1}},
            ]},
            {"role": "user", "content": [
                {"type": "tool_result", "tool_use_id": "c", "content": [{"type": "text", "text": "rain"}], "is_error": false},
                {"type": "text", "text": "so?"},
            ]},
        ],
        "tools": [{"name": "f", "description": "d", "input_schema": {"type": "object"}, "type": "custom"}],
        "tool_choice": {"type": "any", "disable_parallel_tool_use": true},
        "thinking": {"type": "enabled", "budget_tokens": 1024}, "temperature": 1, "stop_sequences": ["x"], "stream": true,
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
        "metadata": {"user_id": "u"}, "service_tier": "auto",
    });
    let asked = asked(&body).unwrap();
    assert!(asked.streams);
    let request = asked.request;
    assert_eq!(request.system, "Be brief.\n\nAnd kind.");
    let image = Part::Image {
        media_type: "image/png".to_owned(),
        bytes: vec![0, 0, 0].into(),
    };
    let url = Part::ImageUrl {
        url: "https://example.com/a.png".to_owned(),
        detail: None,
    };
    assert_eq!(
        request.items,
        [
            Item::User(vec![Part::Text("look".to_owned()), image, url]),
            Item::Reasoning(made),
            Item::Assistant("ok".to_owned()),
            Item::ToolCall(ToolCall {
                id: "c".to_owned(),
                name: "f".to_owned(),
                arguments: r#"{"a":1}"#.to_owned()
            }),
            Item::ToolResult {
                call_id: "c".to_owned(),
                output: "rain".to_owned()
            },
            Item::User(vec![Part::Text("so?".to_owned())]),
        ]
    );
    assert_eq!(
        (request.tool_choice, request.parallel_tool_calls),
        (ToolChoice::Required, Some(false))
    );
    assert_eq!(
        (request.reasoning_effort, request.max_output_tokens),
        (Some(Effort::Low), Some(9))
    );
    assert!(matches!(request.format, Format::JsonSchema { .. }));
    assert_eq!(request.stop, ["x"]);
}

#[test]
fn thinking_and_effort_are_two_things() {
    for (members, effort, without_thinking) in [
        (json!({}), None, true),
        (json!({"thinking": {"type": "disabled"}}), None, false),
        (
            json!({"thinking": {"type": "disabled"}, "output_config": {"effort": "high"}}),
            None,
            false,
        ),
        (
            json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
            Some(Effort::High),
            false,
        ),
        (
            json!({"thinking": {"type": "adaptive"}}),
            Some(Effort::Medium),
            false,
        ),
        (
            json!({"output_config": {"effort": "high"}}),
            Some(Effort::High),
            true,
        ),
    ] {
        let request = asked(&with(&members)).unwrap().request;
        assert_eq!(
            (request.reasoning_effort, request.without_thinking),
            (effort, without_thinking),
            "{members}"
        );
    }
}

#[test]
fn the_text_that_it_ended_at_is_told() {
    let stopped = Piece::StoppedAt("\n\nHuman:".to_owned());
    let pieces = [text("a"), stopped.clone()];
    let about = about(CallKind::Message);
    let outcome = ended(StopReason::Stop);
    let whole: Value = serde_json::from_slice(&reply::whole(&about, &pieces, &outcome)).unwrap();
    assert_eq!(
        (&whole["stop_reason"], &whole["stop_sequence"]),
        (&json!("stop_sequence"), &json!("\n\nHuman:"))
    );
    let told = stream(Events::new(&about), &pieces, &outcome);
    let expected = r#""delta":{"stop_reason":"stop_sequence","stop_sequence":"\n\nHuman:"}"#;
    assert!(told.contains(expected), "{told}");
    // Whoever calls a tool did not end there.
    let whole = reply::whole(&about, &[call("c"), stopped], &ended(StopReason::ToolCalls));
    let whole: Value = serde_json::from_slice(&whole).unwrap();
    assert_eq!(
        (&whole["stop_reason"], &whole["stop_sequence"]),
        (&json!("tool_use"), &Value::Null)
    );
}

#[test]
fn what_cannot_be_honoured_is_refused_by_name() {
    for (members, code, param) in [
        (json!({"top_k": 4}), "unsupported_parameter", "top_k"),
        (
            json!({"mcp_servers": [{"url": "x"}]}),
            "unsupported_parameter",
            "mcp_servers",
        ),
        (json!({"container": "c"}), "unsupported_parameter", "container"),
        (
            json!({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
            "unsupported_parameter",
            "tools[0].type",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "document"}]}]}),
            "unsupported_parameter",
            "messages[0].content[0].type",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "file"}}]}]}),
            "unsupported_parameter",
            "messages[0].content[0].source.type",
        ),
        (json!({"max_tokens": null}), "invalid_value", "max_tokens"),
        (json!({"max_tokens": 0}), "invalid_value", "max_tokens"),
        (json!({"messages": []}), "invalid_value", "messages"),
        (
            json!({"messages": [{"role": "system", "content": "x"}]}),
            "invalid_value",
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            "invalid_value",
            "messages[0].content[0]",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c", "content": 5}]}]}),
            "invalid_value",
            "messages[0].content[0].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c"}]}]}),
            "invalid_value",
            "messages",
        ),
        (json!({"temperature": 1.5}), "invalid_value", "temperature"),
        (
            json!({"thinking": {"type": "enabled"}}),
            "invalid_value",
            "thinking",
        ),
        (
            json!({"tool_choice": {"type": "tool", "name": "f"}}),
            "invalid_value",
            "tool_choice",
        ),
        (
            json!({"tool_choice": {"type": "perhaps"}}),
            "invalid_value",
            "tool_choice",
        ),
    ] {
        let refused = asked(&with(&members)).unwrap_err();
        assert_eq!(refused.at_fault(), (code, param), "{members}");
    }
}

#[test]
fn a_stream_is_events() {
    let told = stream(
        Events::new(&about(CallKind::Message)),
        &[reasoning("r"), state(), text("a\n"), call("c")],
        &ended(StopReason::ToolCalls),
    );
    let Piece::State(made) = state() else {
        unreachable!()
    };
    let event =
        |name: &str, members: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"{members}}}\n\n");
    let expected = [
        event(
            "message_start",
            r#","message":{"id":"msg_x","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":0,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}"#,
        ),
        event("ping", ""),
        event(
            "content_block_start",
            r#","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}"#,
        ),
        event(
            "content_block_delta",
            r#","index":0,"delta":{"type":"thinking_delta","thinking":"r"}"#,
        ),
        event(
            "content_block_delta",
            &format!(
                r#","index":0,"delta":{{"type":"signature_delta","signature":"{}"}}"#,
                seal(&made)
            ),
        ),
        event("content_block_stop", r#","index":0"#),
        event(
            "content_block_start",
            r#","index":1,"content_block":{"type":"text","text":""}"#,
        ),
        event(
            "content_block_delta",
            r#","index":1,"delta":{"type":"text_delta","text":"a\n"}"#,
        ),
        event("content_block_stop", r#","index":1"#),
        event(
            "content_block_start",
            r#","index":2,"content_block":{"type":"tool_use","id":"c","name":"f","input":{}}"#,
        ),
        event(
            "content_block_delta",
            r#","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}"#,
        ),
        event("content_block_stop", r#","index":2"#),
        event(
            "message_delta",
            r#","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":6,"cache_creation_input_tokens":0,"cache_read_input_tokens":4,"output_tokens":5}"#,
        ),
        event("message_stop", ""),
    ];
    assert_eq!(told, expected.concat());

    let broken = stream(Events::new(&about(CallKind::Message)), &[text("a")], &failed());
    let end = "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"it broke\"}}\n\n";
    assert!(
        broken.ends_with(end) && !broken.contains("message_stop"),
        "{broken}"
    );
}

proptest! {
    /// A whole message holds what the blocks of its stream add up to.
    #[test]
    fn whole_and_streamed_are_the_same(pieces in pieces(), outcome in outcomes()) {
        let about = about(CallKind::Message);
        let whole: Value = serde_json::from_slice(&reply::whole(&about, &pieces, &outcome)).unwrap();
        let mut blocks: Vec<Value> = Vec::new();
        let mut arguments = String::new();
        let told = stream(Events::new(&about), &pieces, &outcome);
        for frame in told.strip_suffix("\n\n").unwrap().split("\n\n") {
            let data: Value = serde_json::from_str(frame.split_once("\ndata: ").unwrap().1).unwrap();
            match data["type"].as_str().unwrap() {
                "content_block_start" => {
                    prop_assert_eq!(data["index"].as_u64(), Some(blocks.len() as u64));
                    blocks.push(data["content_block"].clone());
                    arguments.clear();
                }
                "content_block_delta" => {
                    let block = blocks.last_mut().unwrap();
                    for (name, more) in data["delta"].as_object().unwrap().iter().filter(|(name, _)| *name != "type") {
                        let more = more.as_str().unwrap();
                        if name == "partial_json" {
                            arguments.push_str(more);
                            if let Ok(input @ Value::Object(_)) = serde_json::from_str(&arguments) {
                                block["input"] = input;
                            }
                        } else {
                            let joined = block[name].as_str().unwrap().to_owned() + more;
                            block[name] = joined.into();
                        }
                    }
                }
                _ => {}
            }
        }
        prop_assert_eq!(&whole["content"], &Value::Array(blocks));
    }
}
