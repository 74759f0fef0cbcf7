//! <https://platform.claude.com/docs/en/api/messages/create>

use super::{
    closed_schema, list, only_with_tools,
    shape::{
        Member,
        Shape::{self, Either, Flag, List, Members, Number, Object, Tagged, Text, True, Whole, Word, Words},
        may, must,
    },
};
use serde_json::Value;

const BODY: Shape = Members(&[
    must("model", Text),
    must("max_tokens", Whole(1)),
    must("messages", List(1, &MESSAGE)),
    may("system", Either(&[Text, List(1, &SYSTEM)])),
    may("tools", List(0, &TOOL)),
    may("tool_choice", CHOICE),
    may("thinking", THINKING),
    may(
        "output_config",
        Members(&[
            may("effort", Word(&["low", "medium", "high", "xhigh", "max"])),
            may("format", FORMAT),
        ]),
    ),
    may("temperature", Number(0.0, 1.0)),
    may("top_p", Number(0.0, 1.0)),
    may("stop_sequences", List(1, &Words)),
    must("stream", True),
]);

const MARK: Member = may(
    "cache_control",
    Tagged("type", &[("ephemeral", &[may("ttl", Word(&["5m", "1h"]))])]),
);

const SYSTEM: Shape = Tagged("type", &[("text", &[must("text", Words), MARK])]);

const MESSAGE: Shape = Tagged(
    "role",
    &[
        ("user", &[must("content", Either(&[Words, List(1, &SAID)]))]),
        (
            "assistant",
            &[must("content", Either(&[Words, List(1, &ANSWERED)]))],
        ),
    ],
);

const SAID: Shape = Tagged(
    "type",
    &[
        ("text", &[must("text", Words), MARK]),
        ("image", &[must("source", SOURCE), MARK]),
        (
            "tool_result",
            &[
                must("tool_use_id", Text),
                may("content", Either(&[Text, List(1, &SYSTEM)])),
                may("is_error", Flag),
                MARK,
            ],
        ),
    ],
);

const ANSWERED: Shape = Tagged(
    "type",
    &[
        ("text", &[must("text", Words), MARK]),
        ("thinking", &[must("thinking", Text), must("signature", Words)]),
        ("redacted_thinking", &[must("data", Words)]),
        (
            "tool_use",
            &[
                must("id", Words),
                must("name", Words),
                must("input", Object),
                MARK,
            ],
        ),
    ],
);

const SOURCE: Shape = Tagged(
    "type",
    &[
        (
            "base64",
            &[
                must(
                    "media_type",
                    Word(&["image/png", "image/jpeg", "image/gif", "image/webp"]),
                ),
                must("data", Words),
            ],
        ),
        ("url", &[must("url", Words)]),
    ],
);

const TOOL: Shape = Members(&[
    may("type", Word(&["custom"])),
    must("name", Words),
    may("description", Text),
    must("input_schema", Object),
    may("strict", Flag),
    MARK,
]);

const SINGLE: Member = may("disable_parallel_tool_use", Flag);

const CHOICE: Shape = Tagged(
    "type",
    &[
        ("auto", &[SINGLE]),
        ("any", &[SINGLE]),
        ("tool", &[must("name", Words), SINGLE]),
        ("none", &[]),
    ],
);

const THINKING: Shape = Tagged(
    "type",
    &[
        ("enabled", &[must("budget_tokens", Whole(1_024))]),
        ("adaptive", &[may("display", Word(&["summarized", "omitted"]))]),
        ("disabled", &[]),
    ],
);

const FORMAT: Shape = Tagged("type", &[("json_schema", &[must("schema", Object)])]);

/// Prefixes that one request may have cached.
const MOST_MARKS: usize = 4;

pub(super) fn check(body: &Value) -> Result<(), String> {
    BODY.check(body, "body")?;
    only_with_tools(body, &["tool_choice"])?;
    for tool in list(&body["tools"]) {
        if tool["input_schema"]["type"] != "object" {
            return Err("tools.input_schema.type: must be `object`".to_owned());
        }
        if tool["strict"] == true {
            closed_schema(&tool["input_schema"], false, "tools.input_schema")?;
        }
    }
    if let Some(schema) = body["output_config"]["format"].get("schema") {
        closed_schema(schema, false, "output_config.format.schema")?;
    }
    if body.to_string().matches("\"cache_control\"").count() > MOST_MARKS {
        return Err(format!("cache_control: at most {MOST_MARKS} blocks"));
    }
    thinking(body)?;
    turns(list(&body["messages"]))?;
    rounds_begin_with_thoughts(body)
}

/// What thinks by a budget goes on with rounds of tools only where they began with thoughts.
fn rounds_begin_with_thoughts(body: &Value) -> Result<(), String> {
    let messages = list(&body["messages"]);
    let has = |at: usize, kind: &str| {
        list(&messages[at]["content"])
            .iter()
            .any(|block| block["type"] == kind)
    };
    let mut at = messages.len();
    while at >= 2 && has(at - 1, "tool_result") {
        at -= 2;
    }
    if body["thinking"]["type"] != "enabled" || at == messages.len() {
        return Ok(());
    }
    match messages[at]["content"][0]["type"].as_str() {
        Some("thinking" | "redacted_thinking") => Ok(()),
        found => Err(format!(
            "messages.{at}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{}`",
            found.unwrap_or_default()
        )),
    }
}

fn thinking(body: &Value) -> Result<(), String> {
    let kind = body["thinking"]["type"].as_str();
    if kind == Some("enabled") && body["thinking"]["budget_tokens"].as_i64() >= body["max_tokens"].as_i64() {
        return Err("max_tokens: must be greater than thinking.budget_tokens".to_owned());
    }
    let is_thinking = matches!(kind, Some("enabled" | "adaptive"));
    if is_thinking && matches!(body["tool_choice"]["type"].as_str(), Some("any" | "tool")) {
        return Err("thinking: not when tool_choice forces tool use".to_owned());
    }
    if is_thinking
        && body
            .get("temperature")
            .is_some_and(|temperature| *temperature != 1.0)
    {
        return Err("temperature: may only be 1 when thinking is enabled".to_owned());
    }
    Ok(())
}

/// The user begins; all calls of a message are answered at the beginning of the next one; thoughts come first.
fn turns(messages: &[Value]) -> Result<(), String> {
    if messages[0]["role"] != "user" {
        return Err("messages[0]: the first message must be the user's".to_owned());
    }
    let mut open: Vec<&Value> = Vec::new();
    for (at, message) in messages.iter().enumerate() {
        let blocks = list(&message["content"]);
        let results = blocks.iter().take_while(|block| block["type"] == "tool_result");
        let given: Vec<&Value> = results.map(|block| &block["tool_use_id"]).collect();
        let stray = blocks[given.len()..]
            .iter()
            .any(|block| block["type"] == "tool_result");
        if let Some(id) = open.iter().find(|id| !given.contains(id)) {
            return Err(format!(
                "messages[{at}]: tool_use without tool_result after it: {id}"
            ));
        }
        if stray || given.iter().any(|id| !open.contains(id)) {
            return Err(format!(
                "messages[{at}]: a tool_result without its tool_use before it"
            ));
        }
        let is_thought =
            |block: &Value| matches!(block["type"].as_str(), Some("thinking" | "redacted_thinking"));
        if !blocks.is_sorted_by_key(|block| !is_thought(block)) {
            return Err(format!("messages[{at}]: thinking must come first"));
        }
        let calls = blocks.iter().filter(|block| block["type"] == "tool_use");
        open = calls.map(|block| &block["id"]).collect();
    }
    match open.first() {
        Some(id) => Err(format!("messages: tool_use without tool_result after it: {id}")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_thinks_by_a_budget_begins_its_rounds_with_thoughts() {
        let user = json!({"role": "user", "content": "x"});
        let call = |thought: Option<Value>| {
            let used = json!({"type": "tool_use", "id": "a", "name": "f", "input": {}});
            let blocks: Vec<Value> = thought.into_iter().chain([used]).collect();
            json!({"role": "assistant", "content": blocks})
        };
        let result =
            json!({"role": "user", "content": [{"type": "tool_result", "tool_use_id": "a", "content": "1"}]});
        let answer = json!({"role": "assistant", "content": "so"});
        let thought = || Some(json!({"type": "thinking", "thinking": "hm", "signature": "s"}));
        let bare = || call(None);
        for (messages, is_taken) in [
            (json!([user, bare(), result]), false),
            (json!([user, call(thought()), result]), true),
            (json!([user, call(thought()), result, bare(), result]), true),
            (json!([user, bare(), result, call(thought()), result]), false),
            (json!([user, bare(), result, answer, user]), true),
        ] {
            let body = |thinking: Value| json!({"model": "m", "max_tokens": 4096, "stream": true, "thinking": thinking, "messages": messages});
            let found = check(&body(json!({"type": "enabled", "budget_tokens": 1024})));
            assert_eq!(found.is_ok(), is_taken, "{found:?}: {messages}");
            check(&body(json!({"type": "adaptive"}))).unwrap();
        }
    }
}
