//! A request in the form of `streamGenerateContent`.
//!
//! <https://ai.google.dev/api/generate-content>, <https://ai.google.dev/gemini-api/docs/thinking>,
//! <https://ai.google.dev/gemini-api/docs/thought-signatures>

use super::{MADE_UP_ID, short_name};
use crate::{
    model::{self, Dialect, Effort, Format, Item, ReasoningState, Request, ToolCall, ToolChoice},
    provider::LlmError,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Map, Value, json};
use std::collections::HashMap;

/// What the API takes in place of a signature for a call that another model made.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// The body of a call.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    system_instruction: Option<Value>,
    contents: Vec<Content>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_config: Option<Value>,
    generation_config: Generation<'a>,
}

/// What one side said. Neighbours of one side are one content: the API wants them to take turns.
#[derive(Debug, Serialize)]
struct Content {
    role: &'static str,
    parts: Vec<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Generation<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_mime_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_json_schema: Option<&'a Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking_config: Option<Value>,
}

impl<'a> Body<'a> {
    /// The body, or why the API cannot do what is asked.
    pub(super) fn new(request: &'a Request) -> Result<Self, LlmError> {
        if request.parallel_tool_calls == Some(false) && !request.tools.is_empty() {
            let what = "Gemini cannot be kept from calling several tools at once";
            return Err(LlmError::Rejected(what.to_owned()));
        }
        let seed = request.seed.map(i32::try_from).transpose();
        let seed = seed.map_err(|_| LlmError::Rejected("Gemini's seeds have 32 bits".to_owned()))?;
        let (response_mime_type, response_json_schema) = match &request.format {
            Format::Text => (None, None),
            Format::JsonObject => (Some("application/json"), None),
            Format::JsonSchema { schema, .. } => (Some("application/json"), Some(schema)),
        };
        Ok(Self {
            system_instruction: (!request.system.is_empty())
                .then(|| json!({"parts": [{"text": request.system}]})),
            contents: contents(request)?,
            tools: tools(request),
            tool_config: tool_config(request),
            generation_config: Generation {
                max_output_tokens: request.max_output_tokens,
                temperature: request.temperature,
                top_p: request.top_p,
                stop_sequences: &request.stop,
                seed,
                presence_penalty: request.presence_penalty,
                frequency_penalty: request.frequency_penalty,
                response_mime_type,
                response_json_schema,
                thinking_config: thinking(short_name(&request.model), request.reasoning_effort),
            },
        })
    }
}

fn contents(request: &Request) -> Result<Vec<Content>, LlmError> {
    let mut contents = Vec::<Content>::new();
    let mut say = |role, parts: Vec<Value>| match contents.last_mut() {
        Some(last) if last.role == role => last.parts.extend(parts),
        _ => contents.push(Content { role, parts }),
    };
    let mut names = HashMap::<&str, &str>::new();
    let (mut signatures, mut is_first) = (Vec::new().into_iter(), true);
    let needs_signature = is_third_generation(&request.model);
    for item in &request.items {
        let is_call = matches!(item, Item::ToolCall(_));
        match item {
            Item::User(parts) => say("user", parts.iter().map(part).collect::<Result<_, _>>()?),
            Item::Assistant(text) => say("model", vec![json!({"text": text})]),
            Item::Reasoning(state) => signatures = signatures_of(state).into_iter(),
            Item::ToolCall(call) => {
                names.insert(&call.id, &call.name);
                let mut part = json!({"functionCall": function_call(call)});
                // Only the first call of several bears a signature, and without it the model's API refuses.
                let missing = || (is_first && needs_signature).then(|| NO_SIGNATURE.to_owned());
                if let Some(signature) = signatures.next().flatten().or_else(missing) {
                    part["thoughtSignature"] = Value::String(signature);
                }
                say("model", vec![part]);
            }
            Item::ToolResult { call_id, output } => {
                let Some(name) = names.get(call_id.as_str()) else {
                    let what = "a tool's result belongs to no call".to_owned();
                    return Err(LlmError::Rejected(what));
                };
                let response = match serde_json::from_str(output) {
                    Ok(Value::Object(object)) => Value::Object(object),
                    // The API takes objects alone.
                    _ => json!({"result": output}),
                };
                let mut result = json!({"name": name, "response": response});
                if !call_id.starts_with(MADE_UP_ID) {
                    result["id"] = Value::from(call_id.as_str());
                }
                say("user", vec![json!({"functionResponse": result})]);
            }
        }
        is_first = !is_call;
        if !is_call && !matches!(item, Item::Reasoning(_)) {
            signatures = Vec::new().into_iter();
        }
    }
    Ok(contents)
}

/// The signatures of the calls that follow, in their order; none of another API's making.
fn signatures_of(state: &ReasoningState) -> Vec<Option<String>> {
    if state.dialect != Dialect::Gemini {
        return Vec::new();
    }
    serde_json::from_str(&state.opaque).unwrap_or_default()
}

fn function_call(call: &ToolCall) -> Value {
    // What a model wrote that is no object was refused by the tool; the API would refuse the conversation.
    let args: Map<String, Value> = serde_json::from_str(&call.arguments).unwrap_or_default();
    let mut function = json!({"name": call.name, "args": args});
    if !call.id.starts_with(MADE_UP_ID) {
        function["id"] = Value::from(call.id.as_str());
    }
    function
}

fn part(part: &model::Part) -> Result<Value, LlmError> {
    Ok(match part {
        model::Part::Text(text) => json!({"text": text}),
        model::Part::Image { media_type, bytes } => {
            json!({"inlineData": {"mimeType": media_type, "data": STANDARD.encode(bytes)}})
        }
        model::Part::ImageUrl { .. } => {
            let what = "Gemini does not fetch images: send the image itself";
            return Err(LlmError::Rejected(what.to_owned()));
        }
    })
}

fn tools(request: &Request) -> Vec<Value> {
    if request.tools.is_empty() {
        return Vec::new();
    }
    let declarations = request.tools.iter().map(|tool| {
        json!({
            "name": tool.name,
            "description": tool.description,
            "parametersJsonSchema": tool.parameters,
        })
    });
    vec![json!({"functionDeclarations": declarations.collect::<Vec<_>>()})]
}

fn tool_config(request: &Request) -> Option<Value> {
    if request.tools.is_empty() {
        return None;
    }
    let config = match &request.tool_choice {
        // Keeps the arguments to the schema where the model may also answer in text.
        ToolChoice::Auto if request.tools.iter().any(|tool| tool.strict) => json!({"mode": "VALIDATED"}),
        ToolChoice::Auto => return None,
        ToolChoice::None => json!({"mode": "NONE"}),
        ToolChoice::Required => json!({"mode": "ANY"}),
        ToolChoice::Tool(name) => json!({"mode": "ANY", "allowedFunctionNames": [name]}),
    };
    Some(json!({"functionCallingConfig": config}))
}

fn is_third_generation(model: &str) -> bool {
    short_name(model).starts_with("gemini-3")
}

/// How long to think, in the words of the model's generation; models before 2.5 do not think.
fn thinking(model: &str, effort: Option<Effort>) -> Option<Value> {
    let mut config = json!({"includeThoughts": true});
    if is_third_generation(model) {
        if let Some(effort) = effort {
            // The larger models know two levels alone.
            let level = match (effort, model.contains("pro")) {
                (Effort::None | Effort::Minimal, false) => "minimal",
                (Effort::None | Effort::Minimal | Effort::Low, _) => "low",
                (Effort::Medium, false) => "medium",
                (Effort::Medium | Effort::High | Effort::XHigh | Effort::Max, _) => "high",
            };
            config["thinkingLevel"] = Value::from(level);
        }
    } else if model.starts_with("gemini-2.5") {
        if let Some(effort) = effort {
            let is_pro = model.contains("pro");
            let tokens = match effort {
                // The large one cannot be kept from thinking.
                Effort::None if is_pro => 128,
                Effort::None => 0,
                Effort::Minimal => 512,
                Effort::Low => 1_024,
                Effort::Medium => 8_192,
                Effort::XHigh | Effort::Max if is_pro => 32_768,
                Effort::High | Effort::XHigh | Effort::Max => 24_576,
            };
            config["thinkingBudget"] = Value::from(tokens);
        }
    } else {
        return None;
    }
    Some(config)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Part, ToolSpec};
    use bytes::Bytes;
    use std::sync::Arc;

    fn sent(request: &Request) -> Value {
        serde_json::to_value(Body::new(request).unwrap()).unwrap()
    }

    fn tool_call(id: &str, arguments: &str) -> Item {
        Item::ToolCall(ToolCall {
            id: id.to_owned(),
            name: "find".to_owned(),
            arguments: arguments.to_owned(),
        })
    }

    fn result(id: &str, output: &str) -> Item {
        Item::ToolResult {
            call_id: id.to_owned(),
            output: output.to_owned(),
        }
    }

    #[test]
    fn every_option_in_its_form() {
        let request = Request {
            model: "models/gemini-2.5-pro".to_owned(),
            system: "Be kind.".to_owned(),
            items: vec![Item::User(vec![
                Part::Text("look".to_owned()),
                Part::Image {
                    media_type: "image/png".to_owned(),
                    bytes: Bytes::from_static(&[0, 255, 16]),
                },
            ])],
            tools: vec![Arc::new(ToolSpec {
                name: "find".to_owned(),
                description: "Finds.".to_owned(),
                parameters: json!({"type": "object"}),
                strict: true,
            })],
            tool_choice: ToolChoice::Tool("find".to_owned()),
            format: Format::JsonSchema {
                name: "title".to_owned(),
                schema: json!({"type": "object"}),
                strict: true,
            },
            max_output_tokens: Some(7),
            reasoning_effort: Some(Effort::Low),
            temperature: Some(0.5),
            top_p: Some(0.25),
            stop: vec!["END".to_owned()],
            seed: Some(-7),
            ..Request::default()
        };
        assert_eq!(
            sent(&request),
            json!({
                "systemInstruction": {"parts": [{"text": "Be kind."}]},
                "contents": [{"role": "user", "parts": [
                    {"text": "look"}, {"inlineData": {"mimeType": "image/png", "data": "AP8Q"}}
                ]}],
                "tools": [{"functionDeclarations": [
                    {"name": "find", "description": "Finds.", "parametersJsonSchema": {"type": "object"}}
                ]}],
                "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["find"]}},
                "generationConfig": {
                    "maxOutputTokens": 7, "temperature": 0.5, "topP": 0.25, "stopSequences": ["END"],
                    "seed": -7, "responseMimeType": "application/json",
                    "responseJsonSchema": {"type": "object"},
                    "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 1024}
                }
            })
        );
    }

    #[test]
    fn rounds_of_tools_bear_their_signatures() {
        let request = Request {
            model: "gemini-3-pro-preview".to_owned(),
            items: vec![
                Item::User(vec![Part::Text("find".to_owned())]),
                Item::Reasoning(ReasoningState {
                    dialect: Dialect::Gemini,
                    text: String::new(),
                    opaque: r#"["sig",null]"#.to_owned(),
                }),
                tool_call("gemini_call_0", r#"{"q":1}"#),
                tool_call("id-7", "nonsense"),
                result("gemini_call_0", r#"{"a":1}"#),
                result("id-7", "[]"),
                tool_call("of-another", "{}"),
            ],
            ..Request::default()
        };
        assert_eq!(
            sent(&request)["contents"],
            json!([
                {"role": "user", "parts": [{"text": "find"}]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "find", "args": {"q": 1}}, "thoughtSignature": "sig"},
                    {"functionCall": {"name": "find", "args": {}, "id": "id-7"}}
                ]},
                {"role": "user", "parts": [
                    {"functionResponse": {"name": "find", "response": {"a": 1}}},
                    {"functionResponse": {"name": "find", "response": {"result": "[]"}, "id": "id-7"}}
                ]},
                {"role": "model", "parts": [
                    {"functionCall": {"name": "find", "args": {}, "id": "of-another"},
                     "thoughtSignature": "skip_thought_signature_validator"}
                ]}
            ])
        );
    }

    #[test]
    fn what_the_api_cannot_do_is_refused() {
        let image = Item::User(vec![Part::ImageUrl {
            url: "https://a/b.png".to_owned(),
            detail: None,
        }]);
        for items in [vec![image], vec![result("none", "{}")]] {
            let request = Request {
                items,
                ..Request::default()
            };
            assert!(matches!(Body::new(&request), Err(LlmError::Rejected(_))));
        }
        let request = Request {
            seed: Some(i64::MAX),
            ..Request::default()
        };
        assert!(matches!(Body::new(&request), Err(LlmError::Rejected(_))));
    }
}
