//! <https://platform.openai.com/docs/api-reference/chat/create>, with the members of reasoning that compatible servers
//! take back.

use super::{
    closed_schema, list, only_with_tools,
    shape::{
        Shape::{self, Either, Flag, List, Members, Null, Number, Object, Tagged, Text, True, Whole, Word},
        may, must,
    },
};
use serde_json::Value;

const BODY: Shape = Members(&[
    must("model", Text),
    must("messages", List(1, &MESSAGE)),
    may("tools", List(1, &TOOL)),
    may(
        "tool_choice",
        Either(&[Word(&["auto", "none", "required"]), CHOSEN]),
    ),
    may("parallel_tool_calls", Flag),
    may("response_format", FORMAT),
    may("max_tokens", Whole(1)),
    may("max_completion_tokens", Whole(1)),
    may(
        "reasoning_effort",
        Word(&["none", "minimal", "low", "medium", "high", "xhigh", "max"]),
    ),
    may("temperature", Number(0.0, 2.0)),
    may("top_p", Number(0.0, 1.0)),
    may("stop", Either(&[Text, List(1, &Text)])),
    may("seed", Whole(i64::MIN)),
    may("presence_penalty", Number(-2.0, 2.0)),
    may("frequency_penalty", Number(-2.0, 2.0)),
    may("prompt_cache_key", Text),
    must("stream", True),
    may("stream_options", Members(&[must("include_usage", Flag)])),
]);

const MESSAGE: Shape = Tagged(
    "role",
    &[
        ("system", &[must("content", Text)]),
        ("developer", &[must("content", Text)]),
        ("user", &[must("content", Either(&[Text, List(1, &PART)]))]),
        (
            "assistant",
            &[
                must("content", Either(&[Text, Null])),
                may("tool_calls", List(1, &CALL)),
                may("reasoning_content", Text),
                may("reasoning", Text),
                may("reasoning_details", List(1, &Object)),
            ],
        ),
        ("tool", &[must("tool_call_id", Text), must("content", Text)]),
    ],
);

const PART: Shape = Tagged(
    "type",
    &[
        ("text", &[must("text", Text)]),
        (
            "image_url",
            &[must(
                "image_url",
                Members(&[must("url", Text), may("detail", Word(&["low", "high", "auto"]))]),
            )],
        ),
    ],
);

const CALL: Shape = Tagged(
    "type",
    &[(
        "function",
        &[
            must("id", Text),
            must(
                "function",
                Members(&[must("name", Text), must("arguments", Text)]),
            ),
        ],
    )],
);

const TOOL: Shape = Tagged(
    "type",
    &[(
        "function",
        &[must(
            "function",
            Members(&[
                must("name", Text),
                may("description", Text),
                may("parameters", Object),
                may("strict", Flag),
            ]),
        )],
    )],
);

const CHOSEN: Shape = Tagged(
    "type",
    &[("function", &[must("function", Members(&[must("name", Text)]))])],
);

const FORMAT: Shape = Tagged(
    "type",
    &[
        ("text", &[]),
        ("json_object", &[]),
        (
            "json_schema",
            &[must(
                "json_schema",
                Members(&[must("name", Text), must("schema", Object), may("strict", Flag)]),
            )],
        ),
    ],
);

pub(super) fn check(body: &Value) -> Result<(), String> {
    BODY.check(body, "body")?;
    only_with_tools(body, &["tool_choice", "parallel_tool_calls"])?;
    if body.get("max_tokens").is_some() && body.get("max_completion_tokens").is_some() {
        return Err("max_tokens: not beside max_completion_tokens".to_owned());
    }
    if list(&body["stop"]).len() > 4 {
        return Err("stop: at most 4".to_owned());
    }
    let functions = list(&body["tools"]).iter().map(|tool| &tool["function"]);
    for function in functions.filter(|function| function["strict"] == true) {
        closed_schema(&function["parameters"], true, "tools.function.parameters")?;
    }
    let schema = &body["response_format"]["json_schema"];
    if schema["strict"] == true {
        closed_schema(&schema["schema"], true, "response_format.json_schema.schema")?;
    }
    calls_are_answered(list(&body["messages"]))
}

/// Each call's result follows the message of the call, before anything else is said.
fn calls_are_answered(messages: &[Value]) -> Result<(), String> {
    let mut open: Vec<&Value> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        if message["role"] == "tool" {
            let Some(place) = open.iter().position(|id| **id == message["tool_call_id"]) else {
                return Err(format!(
                    "messages[{at}]: a tool's result without a preceding call"
                ));
            };
            open.swap_remove(place);
            continue;
        }
        if let Some(id) = open.first() {
            return Err(format!("messages[{at}]: the call {id} was not responded to"));
        }
        let calls = list(&message["tool_calls"]);
        if message["role"] == "assistant" && message["content"].is_null() && calls.is_empty() {
            return Err(format!("messages[{at}]: neither content nor tool calls"));
        }
        open = calls.iter().map(|call| &call["id"]).collect();
    }
    match open.first() {
        Some(id) => Err(format!("messages: the call {id} was not responded to")),
        None => Ok(()),
    }
}
