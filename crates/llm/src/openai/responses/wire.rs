//! A request in the form of `POST /responses`.

use crate::model::{Format, Item, Part, Request, ToolSpec};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::Value;

/// The API refuses a smaller `max_output_tokens`.
const SMALLEST_OUTPUT_LIMIT: u32 = 16;

/// The body of a call. Borrowed from the request: only images are copied, into their base64 form.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    instructions: &'a str,
    input: Vec<InputItem<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextOptions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    stream: bool,
    /// Conversations are kept here, not at the vendor's.
    store: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum InputItem<'a> {
    Message {
        role: &'static str,
        content: Vec<Content<'a>>,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    InputText {
        text: &'a str,
    },
    /// A `data:` URL: the vendor fetches nothing on our behalf.
    InputImage {
        image_url: String,
        detail: &'static str,
    },
    OutputText {
        text: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    /// Strict schemas demand every property; ours have optional ones, and arguments are checked here anyway.
    strict: bool,
}

#[derive(Debug, Serialize)]
struct TextOptions<'a> {
    format: TextFormat<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "json_schema")]
struct TextFormat<'a> {
    name: &'a str,
    schema: &'a Value,
    strict: bool,
}

impl<'a> From<&'a Request> for Body<'a> {
    fn from(request: &'a Request) -> Self {
        Self {
            model: &request.model,
            instructions: &request.system,
            input: request.items.iter().map(InputItem::from).collect(),
            tools: request.tools.iter().map(Tool::from).collect(),
            text: match &request.format {
                Format::Text => None,
                Format::JsonSchema { name, schema } => Some(TextOptions {
                    format: TextFormat {
                        name,
                        schema,
                        strict: true,
                    },
                }),
            },
            max_output_tokens: request
                .max_output_tokens
                .map(|tokens| tokens.max(SMALLEST_OUTPUT_LIMIT)),
            prompt_cache_key: request.cache_key.as_deref(),
            stream: true,
            store: false,
        }
    }
}

impl<'a> From<&'a Item> for InputItem<'a> {
    fn from(item: &'a Item) -> Self {
        match item {
            Item::User(parts) => Self::Message {
                role: "user",
                content: parts.iter().map(Content::from).collect(),
            },
            Item::Assistant(text) => Self::Message {
                role: "assistant",
                content: vec![Content::OutputText { text }],
            },
            Item::ToolCall(call) => Self::FunctionCall {
                call_id: &call.id,
                name: &call.name,
                arguments: &call.arguments,
            },
            Item::ToolResult { call_id, output } => Self::FunctionCallOutput { call_id, output },
        }
    }
}

impl<'a> From<&'a Part> for Content<'a> {
    fn from(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::InputText { text },
            Part::Image { media_type, bytes } => {
                let mut image_url = format!("data:{media_type};base64,");
                STANDARD.encode_string(bytes, &mut image_url);
                Self::InputImage {
                    image_url,
                    detail: "auto",
                }
            }
        }
    }
}

impl<'a> From<&'a ToolSpec> for Tool<'a> {
    fn from(tool: &'a ToolSpec) -> Self {
        Self {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
            strict: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Priority, ToolCall};
    use bytes::Bytes;
    use serde_json::json;

    fn sent(request: &Request) -> Value {
        serde_json::to_value(Body::from(request)).unwrap()
    }

    #[test]
    fn a_minimal_request_says_only_what_it_must() {
        let request = Request {
            model: "gpt-4.1-nano".to_owned(),
            items: vec![Item::User(vec![Part::Text("hi".to_owned())])],
            ..Request::default()
        };
        assert_eq!(
            sent(&request),
            json!({
                "model": "gpt-4.1-nano",
                "input": [{"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}],
                "stream": true,
                "store": false
            })
        );
    }

    #[test]
    fn every_kind_of_item_and_option_in_its_form() {
        let call = ToolCall {
            id: "call_1".to_owned(),
            name: "find".to_owned(),
            arguments: r#"{"q":1}"#.to_owned(),
        };
        let request = Request {
            model: "o3".to_owned(),
            system: "Be kind.".to_owned(),
            items: vec![
                Item::User(vec![
                    Part::Text("look".to_owned()),
                    Part::Image {
                        media_type: "image/png".to_owned(),
                        bytes: Bytes::from_static(&[0, 255, 16]),
                    },
                ]),
                Item::Assistant("seen".to_owned()),
                Item::ToolCall(call),
                Item::ToolResult {
                    call_id: "call_1".to_owned(),
                    output: "[]".to_owned(),
                },
            ],
            tools: vec![ToolSpec {
                name: "find".to_owned(),
                description: "Finds.".to_owned(),
                parameters: json!({"type": "object", "properties": {"q": {"type": "integer"}}}),
            }],
            format: Format::JsonSchema {
                name: "title".to_owned(),
                schema: json!({"type": "object"}),
            },
            priority: Priority::Answer,
            max_output_tokens: Some(64),
            cache_key: Some("conversation-7".to_owned()),
        };
        assert_eq!(
            sent(&request),
            json!({
                "model": "o3",
                "instructions": "Be kind.",
                "input": [
                    {"type": "message", "role": "user", "content": [
                        {"type": "input_text", "text": "look"},
                        {"type": "input_image", "image_url": "data:image/png;base64,AP8Q", "detail": "auto"}
                    ]},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "seen"}]},
                    {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "{\"q\":1}"},
                    {"type": "function_call_output", "call_id": "call_1", "output": "[]"}
                ],
                "tools": [{
                    "type": "function", "name": "find", "description": "Finds.",
                    "parameters": {"type": "object", "properties": {"q": {"type": "integer"}}}, "strict": false
                }],
                "text": {"format": {"type": "json_schema", "name": "title", "schema": {"type": "object"}, "strict": true}},
                "max_output_tokens": 64,
                "prompt_cache_key": "conversation-7",
                "stream": true,
                "store": false
            })
        );
    }
}
