//! What a model call asks for, read out of its JSON whatever its dialect.

use super::Dialect;
use serde_json::Value;

/// A model call as a test looks at it.
#[derive(Debug, Default)]
pub(super) struct Asked {
    pub(super) instructions: String,
    pub(super) last_user_text: String,
    /// The schema that the answer must fit, with its name; where the vendor has no names, its first member's.
    pub(super) schema: Option<(String, Value)>,
    pub(super) tools: Vec<String>,
    /// Results of tools: call id and text. Without an id, the tool's name stands for it.
    pub(super) outputs: Vec<(String, String)>,
    /// A tool whose arguments are to be the answer.
    pub(super) answer_tool: Option<String>,
}

impl Asked {
    pub(super) fn read(dialect: Dialect, body: &Value) -> Self {
        match dialect {
            Dialect::Responses => responses(body),
            Dialect::Chat => chat(body),
            Dialect::Anthropic => anthropic(body),
            Dialect::Gemini => gemini(body),
        }
    }
}

/// The member that holds the conversation.
pub(super) fn conversation(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Responses => "input",
        Dialect::Chat | Dialect::Anthropic => "messages",
        Dialect::Gemini => "contents",
    }
}

fn responses(body: &Value) -> Asked {
    let format = &body["text"]["format"];
    let items = list(&body["input"]);
    let last_user_text = match &body["input"] {
        Value::String(text) => text.clone(),
        _ => last_text(items, "content"),
    };
    Asked {
        instructions: text(&body["instructions"]),
        last_user_text,
        schema: format
            .get("schema")
            .map(|schema| (text(&format["name"]), schema.clone())),
        tools: names(list(&body["tools"]), "name"),
        outputs: items
            .iter()
            .filter(|item| item["type"] == "function_call_output")
            .map(|item| (text(&item["call_id"]), text(&item["output"])))
            .collect(),
        answer_tool: None,
    }
}

fn chat(body: &Value) -> Asked {
    let messages = list(&body["messages"]);
    let schema = &body["response_format"]["json_schema"];
    let system = messages
        .iter()
        .find(|message| matches!(message["role"].as_str(), Some("system" | "developer")));
    Asked {
        instructions: system
            .map(|system| joined(&system["content"]))
            .unwrap_or_default(),
        last_user_text: last_text(messages, "content"),
        schema: schema
            .get("schema")
            .map(|found| (text(&schema["name"]), found.clone())),
        tools: list(&body["tools"])
            .iter()
            .map(|tool| text(&tool["function"]["name"]))
            .collect(),
        outputs: messages
            .iter()
            .filter(|message| message["role"] == "tool")
            .map(|message| (text(&message["tool_call_id"]), joined(&message["content"])))
            .collect(),
        answer_tool: None,
    }
}

fn anthropic(body: &Value) -> Asked {
    let messages = list(&body["messages"]);
    let mut tools = names(list(&body["tools"]), "name");
    // A model that must call a tool, and has nothing to look up, gives its answer by one.
    let answer_tool = match body["tool_choice"]["type"].as_str() {
        Some("tool") => Some(text(&body["tool_choice"]["name"])),
        Some("any") => tools.last().cloned(),
        _ => None,
    };
    let schema = match (&body["output_config"]["format"]["schema"], &answer_tool) {
        (Value::Null, Some(name)) => list(&body["tools"])
            .iter()
            .find(|tool| tool["name"] == **name)
            .map(|tool| &tool["input_schema"]),
        (Value::Null, None) => None,
        (schema, _) => Some(schema),
    };
    tools.retain(|name| Some(name) != answer_tool.as_ref());
    let results = messages
        .iter()
        .flat_map(|message| list(&message["content"]))
        .filter(|block| block["type"] == "tool_result");
    Asked {
        instructions: joined(&body["system"]),
        last_user_text: last_text(messages, "content"),
        schema: schema.map(named_by_first_member),
        tools,
        outputs: results
            .map(|block| (text(&block["tool_use_id"]), joined(&block["content"])))
            .collect(),
        answer_tool,
    }
}

fn gemini(body: &Value) -> Asked {
    let contents = list(&body["contents"]);
    let parts = contents.iter().flat_map(|content| list(&content["parts"]));
    let declared = list(&body["tools"])
        .iter()
        .flat_map(|tool| list(&tool["functionDeclarations"]));
    let schema = &body["generationConfig"]["responseJsonSchema"];
    let outputs = parts
        .filter_map(|part| part.get("functionResponse"))
        .map(|given| {
            let id = given.get("id").unwrap_or(&given["name"]);
            let response = &given["response"];
            let output = match response["result"].as_str() {
                Some(result) => result.to_owned(),
                None => response.to_string(),
            };
            (text(id), output)
        });
    Asked {
        instructions: joined(&body["systemInstruction"]["parts"]),
        last_user_text: last_text(contents, "parts"),
        schema: (!schema.is_null()).then(|| named_by_first_member(schema)),
        tools: declared.map(|function| text(&function["name"])).collect(),
        outputs: outputs.collect(),
        answer_tool: None,
    }
}

fn named_by_first_member(schema: &Value) -> (String, Value) {
    let first = schema["properties"]
        .as_object()
        .and_then(|members| members.keys().next());
    (first.cloned().unwrap_or_default(), schema.clone())
}

/// The text of the last entry of the user's that has any: results of tools are the user's to some vendors.
fn last_text(entries: &[Value], content: &str) -> String {
    let users = entries.iter().rev().filter(|entry| entry["role"] == "user");
    users
        .map(|entry| joined(&entry[content]))
        .find(|text| !text.is_empty())
        .unwrap_or_default()
}

/// A text, or the text parts of a list, joined by line breaks.
fn joined(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

fn names(entries: &[Value], member: &str) -> Vec<String> {
    entries
        .iter()
        .filter_map(|entry| Some(entry[member].as_str()?.to_owned()))
        .collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
