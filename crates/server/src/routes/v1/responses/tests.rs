//! Responses: what is taken, what is refused by name, and events that come again as they came.

use super::{
    events::Events,
    face::ResponseFace,
    items::add_output,
    request::{Asked, ResponseRequest, with_input},
};
use crate::{
    error::ApiError,
    routes::v1::{
        call::Frames,
        input::parse,
        normal::{seal, unseal},
        testing::{about, call, ended, failed, outcomes, pieces, reasoning, state, stream, text},
    },
};
use chatai_engine::{
    Piece,
    llm::{Effort, Format, Item, Part, Request, StopReason, ToolCall, ToolChoice},
};
use chatai_types::CallKind;
use proptest::prelude::*;
use serde_json::{Value, json};

fn asked(body: &Value) -> Result<Asked, ApiError> {
    let text = body.to_string();
    parse::<ResponseRequest<'_>>(text.as_bytes())?.into_asked()
}

/// The conversation of a request with this input.
fn items(input: &Value) -> Result<Request, ApiError> {
    with_input(Request::default(), &input.to_string())
}

fn with(members: &Value) -> Value {
    let mut body = json!({"model": "m", "input": "hi"});
    for (name, value) in members.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn face(sealed: bool) -> ResponseFace {
    ResponseFace::new(&[("store", None, "true")], false, true, sealed)
}

fn events(sealed: bool) -> Events {
    Events::new(about(CallKind::Response), face(sealed))
}

#[test]
fn what_sdks_send_is_understood() {
    let asked = asked(&json!({
        "model": "m", "input": "hi", "instructions": "Be brief.", "previous_response_id": "resp_y",
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}, "strict": true, "description": null}],
        "tool_choice": {"type": "function", "name": "f"}, "parallel_tool_calls": true,
        "text": {"format": {"type": "json_schema", "name": "n", "schema": {"type": "object"}, "strict": true}, "verbosity": "medium"},
        "reasoning": {"effort": "low", "summary": "auto"}, "max_output_tokens": 9, "temperature": 1, "top_p": 1,
        "include": ["reasoning.encrypted_content"], "metadata": {"a": "b"}, "truncation": "disabled", "user": "u",
        "background": true, "stream": true, "service_tier": "auto", "something_new": 1,
    })).unwrap();
    assert!(asked.streams && asked.face.background && asked.face.store && asked.face.sealed);
    assert_eq!(
        (asked.previous.as_deref(), asked.input.as_str()),
        (Some("resp_y"), r#""hi""#)
    );
    let request = asked.request;
    assert_eq!((request.system.as_str(), request.tools.len()), ("Be brief.", 1));
    assert_eq!(request.tool_choice, ToolChoice::Tool("f".to_owned()));
    assert!(matches!(request.format, Format::JsonSchema { strict: true, .. }));
    assert_eq!(
        (
            request.reasoning_effort,
            request.shows_reasoning,
            request.max_output_tokens
        ),
        (Some(Effort::Low), true, Some(9))
    );
    let echo: Value =
        serde_json::from_slice(&Events::new(about(CallKind::Response), asked.face).object(&[], None))
            .unwrap();
    assert_eq!(
        (&echo["status"], &echo["background"], &echo["store"]),
        (&json!("queued"), &json!(true), &json!(true))
    );
    assert_eq!(
        (&echo["metadata"], &echo["instructions"]),
        (&json!({"a": "b"}), &json!("Be brief."))
    );
    assert_eq!(
        (&echo["tools"][0]["name"], &echo["temperature"]),
        (&json!("f"), &json!(1.0))
    );
}

#[test]
fn input_becomes_a_conversation() {
    let Piece::State(made) = state() else {
        unreachable!()
    };
    let request = items(&json!([
        {"role": "developer", "content": "Be kind."},
        {"role": "user", "content": [{"type": "input_text", "text": "look"}, {"type": "input_image", "image_url": "https://example.com/a.png", "detail": "auto"}]},
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal(&made)},
        {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": "hm"}], "encrypted_content": "gAAAA"},
        {"type": "function_call", "id": "fc_1", "status": "completed", "call_id": "c", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c", "output": [{"type": "input_text", "text": "rain"}]},
        {"type": "message", "id": "msg_1", "status": "completed", "role": "assistant", "content": [{"type": "output_text", "text": "ok", "annotations": []}]},
        {"role": "user", "content": "more"},
    ])).unwrap();
    assert_eq!(request.system, "Be kind.");
    let tool_call = ToolCall {
        id: "c".to_owned(),
        name: "f".to_owned(),
        arguments: "{}".to_owned(),
    };
    let url = Part::ImageUrl {
        url: "https://example.com/a.png".to_owned(),
        detail: Some("auto".to_owned()),
    };
    assert_eq!(
        request.items,
        [
            Item::User(vec![Part::Text("look".to_owned()), url]),
            Item::Reasoning(made),
            Item::ToolCall(tool_call),
            Item::ToolResult {
                call_id: "c".to_owned(),
                output: "rain".to_owned()
            },
            Item::Assistant("ok".to_owned()),
            Item::User(vec![Part::Text("more".to_owned())]),
        ]
    );
}

#[test]
fn unsealed_reasoning_is_its_words() {
    let call = json!({"type": "function_call", "call_id": "c", "name": "f", "arguments": "{}"});
    let output = json!({"type": "function_call_output", "call_id": "c", "output": ""});
    let reasoning = |members: Value| {
        let mut item = json!({"type": "reasoning", "id": "rs_1", "summary": []});
        for (name, value) in members.as_object().unwrap() {
            item[name] = value.clone();
        }
        item
    };
    let words = |items: &[Item]| -> Vec<String> {
        let states = items.iter().filter_map(|item| match item {
            Item::Reasoning(state) => Some(state.text.clone()),
            _ => None,
        });
        states.collect()
    };
    let summary =
        json!({"summary": [{"type": "summary_text", "text": "a"}, {"type": "summary_text", "text": "b"}]});
    let content = json!({"content": [{"type": "reasoning_text", "text": "c"}], "encrypted_content": null});
    for (members, expected) in [(summary.clone(), "a\n\nb"), (content, "c")] {
        let request = items(&json!([reasoning(members), call, output])).unwrap();
        assert_eq!(words(&request.items), [expected]);
    }
    // What said nothing, and what led to no call.
    let request = items(&json!([reasoning(json!({})), call, output])).unwrap();
    assert_eq!(request.items.len(), 2);
    let said = json!({"role": "assistant", "content": "ok"});
    let request =
        items(&json!([reasoning(summary), said, {"role": "user", "content": "x"}, call, output])).unwrap();
    assert!(words(&request.items).is_empty(), "{:?}", request.items);
}

#[test]
fn output_becomes_a_conversation_too() {
    let mut request = Request::default();
    add_output(
        &mut request,
        vec![
            reasoning("r"),
            text("a"),
            text("b"),
            state(),
            call("c"),
            call("d"),
        ],
    );
    let kinds: Vec<&str> = request
        .items
        .iter()
        .map(|item| match item {
            Item::Assistant(text) => {
                assert_eq!(text, "ab");
                "text"
            }
            Item::Reasoning(_) => "state",
            Item::ToolCall(_) => "call",
            Item::User(_) | Item::ToolResult { .. } => "other",
        })
        .collect();
    assert_eq!(kinds, ["text", "state", "call", "call"]);
}

#[test]
fn what_would_change_the_answer_is_refused_by_name() {
    for (members, param) in [
        (json!({"tools": [{"type": "web_search"}]}), "tools[0].type"),
        (
            json!({"tools": [{"type": "file_search", "vector_store_ids": ["v"]}]}),
            "tools[0].type",
        ),
        (
            json!({"tools": [{"type": "mcp", "server_label": "x"}]}),
            "tools[0].type",
        ),
        (
            json!({"tool_choice": {"type": "file_search"}}),
            "tool_choice.type",
        ),
        (json!({"truncation": "auto"}), "truncation"),
        (json!({"include": ["message.output_text.logprobs"]}), "include"),
        (json!({"top_logprobs": 2}), "top_logprobs"),
        (json!({"conversation": "conv_1"}), "conversation"),
        (json!({"prompt": {"id": "p"}}), "prompt"),
        (json!({"max_tool_calls": 3}), "max_tool_calls"),
        (json!({"text": {"verbosity": "low"}}), "text.verbosity"),
        (
            json!({"text": {"format": {"type": "grammar"}}}),
            "text.format.type",
        ),
    ] {
        let refused = asked(&with(&members)).unwrap_err();
        assert_eq!(refused.at_fault(), ("unsupported_parameter", param), "{members}");
    }
    for (input, param) in [
        (json!([{"type": "web_search_call"}]), "input[0].type"),
        (
            json!([{"role": "user", "content": [{"type": "input_file", "file_id": "f"}]}]),
            "input[0].content[0].type",
        ),
        (
            json!([{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]),
            "input[0].content[0].type",
        ),
        (
            json!([{"type": "function_call_output", "call_id": "c", "output": [{"type": "input_image"}]}]),
            "input[0].output[0].type",
        ),
    ] {
        let refused = items(&input).unwrap_err();
        assert_eq!(refused.at_fault(), ("unsupported_parameter", param), "{input}");
    }
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (members, param) in [
        (json!({"input": null}), "input"),
        (json!({"store": false, "background": true}), "store"),
        (json!({"metadata": {"a": 1}}), "metadata"),
        (json!({"metadata": []}), "metadata"),
        (json!({"reasoning": {"effort": 3}}), "reasoning.effort"),
        (json!({"reasoning": {"effort": "endless"}}), "reasoning.effort"),
        (json!({"reasoning": {"summary": "short"}}), "reasoning.summary"),
        (
            json!({"text": {"format": {"type": "json_schema"}}}),
            "text.format",
        ),
        (json!({"tools": [{"name": "f"}]}), "tools[0]"),
        (json!({"tools": [{"type": "function"}]}), "tools[0]"),
        (json!({"tool_choice": "perhaps"}), "tool_choice"),
        (json!({"max_output_tokens": 0}), "max_output_tokens"),
    ] {
        let refused = asked(&with(&members)).unwrap_err();
        assert_eq!(refused.at_fault(), ("invalid_value", param), "{members}");
    }
    for (input, param) in [
        (json!([]), "input"),
        (json!(5), "input"),
        (json!([{"role": "user", "content": 5}]), "input[0].content"),
        (json!([{"role": "user"}]), "input[0].content"),
        (json!([{"content": "x"}]), "input[0].role"),
        (
            json!([{"type": "function_call", "name": "f"}]),
            "input[0].call_id",
        ),
        (
            json!([{"type": "function_call_output", "call_id": "none", "output": "x"}]),
            "input",
        ),
    ] {
        let refused = items(&input).unwrap_err();
        assert_eq!(refused.at_fault(), ("invalid_value", param), "{input}");
    }
}

/// A stream's events: their names and data.
fn parsed(told: &str) -> Vec<(String, Value)> {
    let frames = told
        .strip_suffix("\n\n")
        .unwrap_or_default()
        .split("\n\n")
        .filter(|frame| !frame.is_empty());
    frames
        .map(|frame| {
            let (name, data) = frame.split_once('\n').unwrap();
            let name = name.strip_prefix("event: ").unwrap().to_owned();
            (
                name,
                serde_json::from_str(data.strip_prefix("data: ").unwrap()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_stream_is_events() {
    let told = stream(
        events(false),
        &[reasoning("r"), state(), text("a\n"), text("b"), call("c")],
        &ended(StopReason::ToolCalls),
    );
    let told = parsed(&told);
    let names: Vec<&str> = told
        .iter()
        .map(|(name, _)| name.strip_prefix("response.").unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "created",
            "in_progress",
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
            "output_item.added",
            "content_part.added",
            "output_text.delta",
            "output_text.delta",
            "output_text.done",
            "content_part.done",
            "output_item.done",
            "output_item.added",
            "function_call_arguments.delta",
            "function_call_arguments.done",
            "output_item.done",
            "completed",
        ]
    );
    for (number, (name, data)) in told.iter().enumerate() {
        assert_eq!(
            (&data["type"], &data["sequence_number"]),
            (&json!(name), &json!(number))
        );
    }
    assert_eq!(
        told[10].1,
        json!({"type": "response.output_text.delta", "sequence_number": 10, "item_id": "msg_x_1", "output_index": 1,
               "content_index": 0, "delta": "a\n", "logprobs": []})
    );
    assert_eq!(
        (&told[12].1["text"], &told[17].1["arguments"]),
        (&json!("a\nb"), &json!(r#"{"a":1}"#))
    );
    let response = &told[19].1["response"];
    assert_eq!(
        (&response["id"], &response["status"]),
        (&json!("resp_x"), &json!("completed"))
    );
    assert_eq!(
        response["usage"],
        json!({"input_tokens": 10, "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 0}, "output_tokens": 5,
               "output_tokens_details": {"reasoning_tokens": 2}, "total_tokens": 15})
    );
    let done: Vec<&Value> = told
        .iter()
        .filter(|(name, _)| name.ends_with("item.done"))
        .map(|(_, data)| &data["item"])
        .collect();
    assert_eq!(
        response["output"].as_array().unwrap().iter().collect::<Vec<_>>(),
        done
    );
    assert_eq!(told[0].1["response"]["output"], json!([]));
}

#[test]
fn what_the_model_needs_back_is_told_to_those_who_ask() {
    let sealed_in = |sealed: bool, pieces: &[Piece]| -> Value {
        let object: Value = serde_json::from_slice(&events(sealed).object(pieces, None)).unwrap();
        object["output"][0].clone()
    };
    let with_words = sealed_in(true, &[reasoning("r"), state(), call("c")]);
    assert_eq!(with_words["summary"][0]["text"], "r");
    assert_eq!(
        unseal(with_words["encrypted_content"].as_str().unwrap()).map(Piece::State),
        Some(state())
    );
    let without = sealed_in(true, &[state(), call("c")]);
    assert_eq!(
        (&without["type"], &without["summary"]),
        (&json!("reasoning"), &json!([]))
    );
    assert_eq!(
        sealed_in(false, &[reasoning("r"), state()]).get("encrypted_content"),
        None
    );
    assert_eq!(sealed_in(false, &[state(), call("c")])["type"], "function_call");
}

#[test]
fn ends_have_their_names() {
    let stopped = chatai_engine::CallOutcome {
        status: chatai_types::TurnStatus::Stopped,
        ..ended(StopReason::Stop)
    };
    for (outcome, event, status, item) in [
        (
            ended(StopReason::Stop),
            "response.completed",
            "completed",
            "completed",
        ),
        (
            ended(StopReason::Length),
            "response.incomplete",
            "incomplete",
            "incomplete",
        ),
        (
            ended(StopReason::Refusal),
            "response.incomplete",
            "incomplete",
            "incomplete",
        ),
        (stopped, "response.incomplete", "cancelled", "incomplete"),
        (failed(), "response.failed", "failed", "incomplete"),
    ] {
        let told = parsed(&stream(events(false), &[text("a")], &outcome));
        let (name, data) = told.last().unwrap();
        let response = &data["response"];
        assert_eq!((name.as_str(), &response["status"]), (event, &json!(status)));
        assert_eq!(response["output"][0]["status"], item);
        assert_eq!(response["error"].is_null(), status != "failed");
        assert_eq!(response["incomplete_details"].is_null(), status != "incomplete");
    }
}

#[test]
fn a_face_is_kept_as_it_was() {
    let kept = face(true).to_text();
    let read = ResponseFace::read(&kept).unwrap();
    assert_eq!(
        (read.to_text(), read.sealed, read.background),
        (kept, true, false)
    );
}

proptest! {
    /// A stream that is left after any event and resumed there is the same stream.
    #[test]
    fn resumed_anywhere_it_is_the_same_stream(pieces in pieces(), outcome in outcomes(), sealed: bool) {
        let whole = stream(events(sealed), &pieces, &outcome);
        let frames: Vec<&str> = whole.split_inclusive("\n\n").collect();
        prop_assert_eq!(parsed(&whole).len(), frames.len());
        for number in 0..frames.len() {
            let rest = stream(events(sealed).after(number as u64), &pieces, &outcome);
            prop_assert_eq!(frames[..=number].concat() + &rest, whole.as_str());
        }
        prop_assert_eq!(stream(events(sealed).after(u64::MAX), &pieces, &outcome), "");
        // What is read again is what the stream ended with.
        let object: Value = serde_json::from_slice(&events(sealed).object(&pieces, Some(&outcome))).unwrap();
        let (_, last) = parsed(&whole).pop().unwrap();
        prop_assert_eq!(&last["response"], &object);
    }

    /// However a stream breaks off, what it says is an event.
    #[test]
    fn a_broken_stream_says_so(pieces in pieces()) {
        let mut events = events(false);
        let mut out = Vec::new();
        for piece in &pieces {
            events.piece(&mut out, piece);
        }
        events.broken(&mut out, &ApiError::internal("x"));
        let told = parsed(std::str::from_utf8(&out).unwrap());
        prop_assert_eq!(told.last().unwrap().0.as_str(), "error");
    }
}
