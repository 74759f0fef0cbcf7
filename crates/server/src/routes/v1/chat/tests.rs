//! Chat completions: what is taken, what is refused by name, and the answers to the byte.

use super::{
    reply::{self, Chunks},
    request::{Asked, ChatRequest},
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
    llm::{Effort, Format, Item, Part, ReasoningState, StopReason, ToolCall, ToolChoice},
};
use chatai_types::CallKind;
use proptest::prelude::*;
use serde_json::{Value, json};

fn asked(body: &Value) -> Result<Asked, ApiError> {
    let text = body.to_string();
    parse::<ChatRequest<'_>>(text.as_bytes())?.into_asked()
}

/// A body of one message, with these members beside it.
fn with(members: &Value) -> Value {
    let mut body = json!({"model": "m", "messages": [{"role": "user", "content": "hi"}]});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

#[test]
fn what_sdks_send_is_understood() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "developer", "content": [{"type": "text", "text": "And kind."}]},
            {"role": "user", "name": "ada", "content": [
                {"type": "text", "text": "look"},
                {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ]},
            {"role": "assistant", "content": null, "refusal": null, "annotations": [], "audio": null, "function_call": null,
             "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"role": "tool", "tool_call_id": "c", "content": "rain"},
            {"role": "assistant", "content": [{"type": "text", "text": "ok"}]},
            {"role": "user", "content": "\u{e9}\n"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": true}}],
        "tool_choice": {"type": "function", "function": {"name": "f"}},
        "parallel_tool_calls": false,
        "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": true}},
        "max_tokens": 5, "max_completion_tokens": 7, "temperature": 0, "top_p": 0.5, "stop": ["a", "b"], "seed": 3,
        "presence_penalty": 1, "frequency_penalty": -1, "reasoning_effort": "high", "prompt_cache_key": "k", "n": 1,
        "stream": true, "stream_options": {"include_usage": true, "include_obfuscation": false},
        "user": "u", "metadata": {"a": "b"}, "store": true, "service_tier": "auto", "logprobs": false, "logit_bias": {},
        "modalities": ["text"], "something_new": [1],
    });
    let asked = asked(&body).unwrap();
    assert_eq!(
        (asked.model.as_deref(), asked.streams, asked.with_usage),
        (Some("m"), true, true)
    );
    let request = asked.request;
    assert_eq!(request.system, "Be brief.\n\nAnd kind.");
    let image = Part::ImageUrl {
        url: "https://example.com/a.png".to_owned(),
        detail: Some("low".to_owned()),
    };
    let bytes = Part::Image {
        media_type: "image/png".to_owned(),
        bytes: vec![0, 0, 0].into(),
    };
    assert_eq!(
        request.items,
        [
            Item::User(vec![Part::Text("look".to_owned()), image, bytes]),
            Item::ToolCall(ToolCall {
                id: "c".to_owned(),
                name: "f".to_owned(),
                arguments: "{}".to_owned()
            }),
            Item::ToolResult {
                call_id: "c".to_owned(),
                output: "rain".to_owned()
            },
            Item::Assistant("ok".to_owned()),
            Item::User(vec![Part::Text("\u{e9}\n".to_owned())]),
        ]
    );
    assert_eq!((request.tools.len(), request.tools[0].strict), (1, true));
    assert_eq!(request.tool_choice, ToolChoice::Tool("f".to_owned()));
    assert_eq!(request.parallel_tool_calls, Some(false));
    assert!(matches!(request.format, Format::JsonSchema { name, strict: true, .. } if name == "n"));
    assert_eq!((request.max_output_tokens, request.seed), (Some(7), Some(3)));
    assert_eq!((request.temperature, request.top_p), (Some(0.0), Some(0.5)));
    assert_eq!(
        (request.presence_penalty, request.frequency_penalty),
        (Some(1.0), Some(-1.0))
    );
    assert_eq!(request.stop, ["a", "b"]);
    assert_eq!(request.reasoning_effort, Some(Effort::High));
    assert_eq!(request.cache_key.as_deref(), Some("k"));
}

/// What the items of an assistant's message that called two tools are.
fn handed_back(members: &Value) -> Vec<Item> {
    let call = |id: &str| json!({"id": id, "type": "function", "function": {"name": "f", "arguments": "{}"}});
    let mut message = json!({"role": "assistant", "tool_calls": [call("c"), call("d")]});
    for (name, value) in members.as_object().unwrap() {
        message[name] = value.clone();
    }
    let result = |id: &str| json!({"role": "tool", "tool_call_id": id, "content": ""});
    let body = with(&json!({"messages": [message, result("c"), result("d")]}));
    asked(&body).unwrap().request.items
}

#[test]
fn how_a_model_reasoned_comes_back() {
    let states = |members: Value| -> Vec<(usize, ReasoningState)> {
        let items = handed_back(&members).into_iter().enumerate();
        items
            .filter_map(|(place, item)| match item {
                Item::Reasoning(state) => Some((place, state)),
                _ => None,
            })
            .collect()
    };
    let Piece::State(made) = state() else {
        unreachable!()
    };
    // As it was told: each before the call that it led to.
    let told: Value = serde_json::from_slice(&reply::whole(
        &about(CallKind::Chat),
        &[reasoning("r"), state(), call("c"), state(), call("d")],
        &ended(StopReason::ToolCalls),
    ))
    .unwrap();
    let told = &told["choices"][0]["message"];
    let members = json!({"reasoning_content": told["reasoning_content"], "reasoning_details": told["reasoning_details"]});
    assert_eq!(states(members), [(0, made.clone()), (2, made)]);
    // In other servers' words.
    for (members, text, opaque) in [
        (
            json!({"reasoning_content": "why"}),
            "why",
            r#"{"is_short_name":false}"#,
        ),
        (
            json!({"reasoning": "why", "reasoning_details": []}),
            "why",
            r#"{"is_short_name":true}"#,
        ),
        (
            json!({"reasoning": "why", "reasoning_details": [{"type": "reasoning.text", "text": "why"}]}),
            "why",
            r#"{"details":[{"type":"reasoning.text","text":"why"}],"is_short_name":true}"#,
        ),
    ] {
        let states = states(members);
        let [(0, state)] = &states[..] else {
            panic!("{states:?}")
        };
        assert_eq!((state.text.as_str(), state.opaque.as_str()), (text, opaque));
    }
    for members in [
        json!({}),
        json!({"reasoning_content": "", "reasoning": null}),
        json!({"reasoning_content": null}),
    ] {
        assert_eq!(states(members), []);
    }
    // Of an answer that called nothing it tells nothing.
    let body = with(&json!({"messages": [
        {"role": "assistant", "content": "a", "reasoning_content": "why", "reasoning_details": told["reasoning_details"]},
        {"role": "user", "content": "b"},
    ]}));
    let items = asked(&body).unwrap().request.items;
    assert!(
        !items.iter().any(|item| matches!(item, Item::Reasoning(_))),
        "{items:?}"
    );
}

#[test]
fn what_would_change_the_answer_is_refused_by_name() {
    for (members, param) in [
        (json!({"n": 2}), "n"),
        (json!({"n": 0}), "n"),
        (json!({"logprobs": true}), "logprobs"),
        (json!({"top_logprobs": 3}), "top_logprobs"),
        (json!({"logit_bias": {"50256": -100}}), "logit_bias"),
        (json!({"modalities": ["text", "audio"]}), "modalities"),
        (json!({"audio": {"voice": "alloy"}}), "audio"),
        (json!({"functions": [{"name": "f"}]}), "functions"),
        (json!({"function_call": "auto"}), "function_call"),
        (json!({"web_search_options": {"x": 1}}), "web_search_options"),
        (json!({"verbosity": "low"}), "verbosity"),
        (json!({"top_k": 5}), "top_k"),
        (json!({"min_p": 0.1}), "min_p"),
        (json!({"repetition_penalty": 1.1}), "repetition_penalty"),
        (
            json!({"response_format": {"type": "grammar"}}),
            "response_format.type",
        ),
        (
            json!({"tools": [{"type": "custom", "custom": {"name": "f"}}]}),
            "tools[0].type",
        ),
        (
            json!({"tool_choice": {"type": "allowed_tools"}}),
            "tool_choice.type",
        ),
        (
            json!({"messages": [{"role": "function", "content": "x"}]}),
            "messages[0].role",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}),
            "messages[0].content[0].type",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "file"}]}]}),
            "messages[0].content[0].type",
        ),
        (
            json!({"messages": [{"role": "assistant", "audio": {"id": "a"}}]}),
            "messages[0].audio",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "type": "custom"}]}]}),
            "messages[0].tool_calls[0].type",
        ),
    ] {
        let refused = asked(&with(&members)).unwrap_err();
        assert_eq!(refused.at_fault(), ("unsupported_parameter", param), "{members}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let long: Vec<String> = (0..17).map(|number| number.to_string()).collect();
    for (members, param) in [
        (json!({"messages": []}), "messages"),
        (json!({"messages": "hi"}), "messages"),
        (json!({"messages": [{"content": "x"}]}), "messages[0]"),
        (json!({"messages": [{"role": "user"}]}), "messages[0].content"),
        (
            json!({"messages": [{"role": "user", "content": 5}]}),
            "messages[0].content",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "text"}]}]}),
            "messages[0].content[0]",
        ),
        (
            json!({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "ftp://x"}}]}]}),
            "messages[0].content[0].image_url.url",
        ),
        (
            json!({"messages": [{"role": "tool", "content": "x"}]}),
            "messages[0].tool_call_id",
        ),
        (
            json!({"messages": [{"role": "tool", "tool_call_id": "none", "content": "x"}]}),
            "messages",
        ),
        (
            json!({"messages": [{"role": "assistant", "tool_calls": [{"id": "c", "function": {"name": "f", "arguments": "{}"}}]}]}),
            "messages",
        ),
        (json!({"model": 5}), "model"),
        (json!({"temperature": 2.1}), "temperature"),
        (json!({"temperature": "hot"}), "temperature"),
        (json!({"top_p": -0.1}), "top_p"),
        (json!({"presence_penalty": 3}), "presence_penalty"),
        (json!({"max_tokens": 0}), "max_tokens"),
        (json!({"max_completion_tokens": -1}), "max_completion_tokens"),
        (json!({"stop": long}), "stop"),
        (json!({"stop": [""]}), "stop"),
        (json!({"reasoning_effort": "endless"}), "reasoning_effort"),
        (json!({"tool_choice": "perhaps"}), "tool_choice"),
        (
            json!({"tool_choice": {"type": "function", "function": {"name": "f"}}}),
            "tool_choice",
        ),
        (
            json!({"tools": [{"type": "function", "function": {"name": "a b"}}]}),
            "tools[0].function",
        ),
        (
            json!({"response_format": {"type": "json_schema"}}),
            "response_format.json_schema",
        ),
    ] {
        let refused = asked(&with(&members)).unwrap_err();
        assert_eq!(refused.at_fault(), ("invalid_value", param), "{members}");
    }
}

#[test]
fn a_stream_is_chunks() {
    let chunks = || Chunks::new(about(CallKind::Chat), true);
    let told = stream(
        chunks(),
        &[reasoning("r"), text("a\n"), call("c")],
        &ended(StopReason::ToolCalls),
    );
    let chunk = |rest: &str| {
        format!(
            "data: {{\"id\":\"chatcmpl-x\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{rest}\n\n"
        )
    };
    let delta = |delta: &str, reason: &str| {
        chunk(&format!(
            r#"{{"index":0,"delta":{{{delta}}},"logprobs":null,"finish_reason":{reason}}}],"usage":null}}"#
        ))
    };
    let expected = [
        delta(r#""role":"assistant","content":"","refusal":null"#, "null"),
        delta(r#""reasoning_content":"r""#, "null"),
        delta(r#""content":"a\n""#, "null"),
        delta(
            r#""tool_calls":[{"index":0,"id":"c","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}}]"#,
            "null",
        ),
        delta("", r#""tool_calls""#),
        chunk(
            r#"],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":2,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}"#,
        ),
        "data: [DONE]\n\n".to_owned(),
    ];
    assert_eq!(told, expected.concat());

    let broken = stream(chunks(), &[text("a")], &failed());
    let end = r#"data: {"error":{"message":"it broke","type":"server_error","param":null,"code":"provider_error"}}"#;
    assert!(broken.ends_with(&format!("{end}\n\n")), "{broken}");
    assert!(
        !broken.contains("[DONE]") && !broken.contains(r#""finish_reason":""#),
        "{broken}"
    );
}

#[test]
fn a_whole_answer_is_an_object() {
    let whole = |pieces: &[_], reason| -> Value {
        serde_json::from_slice(&reply::whole(&about(CallKind::Chat), pieces, &ended(reason))).unwrap()
    };
    let answer = whole(
        &[reasoning("r"), state(), text("a"), text("b")],
        StopReason::Length,
    );
    assert_eq!(answer["object"], "chat.completion");
    let Piece::State(made) = state() else {
        unreachable!()
    };
    let detail = json!({"type": "reasoning.encrypted", "id": "rs_0", "format": "chatai-v1", "index": 0, "data": seal(&made)});
    let message = json!({"role": "assistant", "content": "ab", "refusal": null, "annotations": [], "reasoning_content": "r",
                         "reasoning_details": [detail]});
    assert_eq!(
        answer["choices"],
        json!([{"index": 0, "message": message, "logprobs": null, "finish_reason": "length"}])
    );
    let answer = whole(&[call("c"), call("d")], StopReason::ToolCalls);
    assert_eq!(answer["choices"][0]["message"]["content"], Value::Null);
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][1]["id"], "d");
    assert_eq!(
        whole(&[], StopReason::Stop)["choices"][0]["message"]["content"],
        ""
    );
}

proptest! {
    /// Whatever a model says, each chunk is one line of JSON.
    #[test]
    fn every_chunk_is_json(pieces in pieces(), outcome in outcomes(), with_usage: bool) {
        let told = stream(Chunks::new(about(CallKind::Chat), with_usage), &pieces, &outcome);
        for frame in told.strip_suffix("\n\n").unwrap().split("\n\n") {
            let data = frame.strip_prefix("data: ").unwrap();
            prop_assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).is_ok(), "{data}");
        }
        serde_json::from_slice::<Value>(&reply::whole(&about(CallKind::Chat), &pieces, &outcome)).unwrap();
    }
}
