//! A request in the form of `POST /responses`.
//!
//! <https://platform.openai.com/docs/api-reference/responses/create>

use crate::{
    model::{Dialect, Format, Item, Part, ReasoningState, Request, ToolChoice, ToolSpec},
    openai::{
        generation::{effort_word, thinks},
        unsupported,
    },
    provider::LlmError,
    wire::data_url,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

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
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextOptions<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<Reasoning>,
    /// Asks for reasoning in the encrypted form that can be handed back.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    include: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
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
    Reasoning {
        id: String,
        encrypted_content: String,
        summary: Vec<Content<'a>>,
    },
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
    /// A `data:` URL, unless the caller asked for the vendor to fetch it.
    InputImage {
        image_url: Cow<'a, str>,
        detail: &'a str,
    },
    OutputText {
        text: &'a str,
    },
    SummaryText {
        text: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Mode(&'static str),
    Tool {
        #[serde(rename = "type")]
        kind: &'static str,
        name: &'a str,
    },
}

#[derive(Debug, Serialize)]
struct Reasoning {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary: Option<&'static str>,
}

/// What [`super::decode`] keeps of a reasoning item.
#[derive(Deserialize)]
struct Kept {
    id: String,
    encrypted_content: String,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
struct Tool<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    strict: bool,
}

#[derive(Debug, Serialize)]
struct TextOptions<'a> {
    format: TextFormat<'a>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum TextFormat<'a> {
    JsonObject,
    #[serde(untagged)]
    JsonSchema(SchemaFormat<'a>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "json_schema")]
struct SchemaFormat<'a> {
    name: &'a str,
    schema: &'a Value,
    strict: bool,
}

impl<'a> TryFrom<&'a Request> for Body<'a> {
    type Error = LlmError;

    /// A seed is left out: this API has none, and promises nothing about it where it has.
    fn try_from(request: &'a Request) -> Result<Self, LlmError> {
        if !request.stop.is_empty() {
            return Err(unsupported("stop sequences"));
        }
        let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
        if is_set(request.presence_penalty) || is_set(request.frequency_penalty) {
            return Err(unsupported("presence and frequency penalties"));
        }
        let has_tools = !request.tools.is_empty();
        Ok(Self {
            model: &request.model,
            instructions: &request.system,
            input: request.items.iter().filter_map(input_item).collect(),
            tools: request.tools.iter().map(|tool| Tool::from(&**tool)).collect(),
            tool_choice: Choice::of(&request.tool_choice).filter(|_| has_tools),
            parallel_tool_calls: request.parallel_tool_calls.filter(|_| has_tools),
            text: text_format(&request.format).map(|format| TextOptions { format }),
            reasoning: Reasoning::of(request),
            include: if has_tools && thinks(&request.model) {
                &["reasoning.encrypted_content"]
            } else {
                &[]
            },
            temperature: request.temperature,
            top_p: request.top_p,
            max_output_tokens: request
                .max_output_tokens
                .map(|tokens| tokens.max(SMALLEST_OUTPUT_LIMIT)),
            prompt_cache_key: request.cache_key.as_deref(),
            stream: true,
            store: false,
        })
    }
}

impl Reasoning {
    /// The API tells nothing of what was thought unless it is asked to; `auto` is the most that a model has to tell.
    fn of(request: &Request) -> Option<Self> {
        let effort = request.reasoning_effort;
        let effort = effort.and_then(|effort| effort_word(&request.model, effort));
        let summary = request.shows_reasoning.then_some("auto");
        (effort.is_some() || summary.is_some()).then_some(Self { effort, summary })
    }
}

impl<'a> Choice<'a> {
    /// `None` where it is as the API does it anyway.
    fn of(choice: &'a ToolChoice) -> Option<Self> {
        Some(match choice {
            ToolChoice::Auto => return None,
            ToolChoice::None => Self::Mode("none"),
            ToolChoice::Required => Self::Mode("required"),
            ToolChoice::Tool(name) => Self::Tool {
                kind: "function",
                name,
            },
        })
    }
}

fn text_format(format: &Format) -> Option<TextFormat<'_>> {
    Some(match format {
        Format::Text => return None,
        Format::JsonObject => TextFormat::JsonObject,
        Format::JsonSchema { name, schema, strict } => TextFormat::JsonSchema(SchemaFormat {
            name,
            schema,
            strict: *strict,
        }),
    })
}

fn input_item(item: &Item) -> Option<InputItem<'_>> {
    Some(match item {
        Item::User(parts) => InputItem::Message {
            role: "user",
            content: parts.iter().map(Content::from).collect(),
        },
        Item::Assistant(text) => InputItem::Message {
            role: "assistant",
            content: vec![Content::OutputText { text }],
        },
        Item::Reasoning(state) => return reasoning(state),
        Item::ToolCall(call) => InputItem::FunctionCall {
            call_id: &call.id,
            name: &call.name,
            arguments: &call.arguments,
        },
        Item::ToolResult { call_id, output } => InputItem::FunctionCallOutput { call_id, output },
    })
}

/// Another vendor's reasoning is left out: nobody but its maker can read it.
fn reasoning(state: &ReasoningState) -> Option<InputItem<'_>> {
    if state.dialect != Dialect::OpenAiResponses {
        return None;
    }
    let kept: Kept = serde_json::from_str(&state.opaque).ok()?;
    let summary = if state.text.is_empty() {
        Vec::new()
    } else {
        vec![Content::SummaryText { text: &state.text }]
    };
    Some(InputItem::Reasoning {
        id: kept.id,
        encrypted_content: kept.encrypted_content,
        summary,
    })
}

impl<'a> From<&'a Part> for Content<'a> {
    fn from(part: &'a Part) -> Self {
        match part {
            Part::Text(text) => Self::InputText { text },
            Part::Image { media_type, bytes } => Self::InputImage {
                image_url: Cow::Owned(data_url(media_type, bytes)),
                detail: "auto",
            },
            Part::ImageUrl { url, detail } => Self::InputImage {
                image_url: Cow::Borrowed(url),
                detail: detail.as_deref().unwrap_or("auto"),
            },
        }
    }
}

impl<'a> From<&'a ToolSpec> for Tool<'a> {
    fn from(tool: &'a ToolSpec) -> Self {
        Self {
            name: &tool.name,
            description: &tool.description,
            parameters: &tool.parameters,
            strict: tool.strict,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Effort, ToolCall};
    use bytes::Bytes;
    use serde_json::json;
    use std::sync::Arc;

    fn sent(request: &Request) -> Value {
        serde_json::to_value(Body::try_from(request).unwrap()).unwrap()
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
                    Part::ImageUrl {
                        url: "https://a/b.png".to_owned(),
                        detail: Some("low".to_owned()),
                    },
                ]),
                Item::Assistant("seen".to_owned()),
                Item::Reasoning(ReasoningState {
                    dialect: Dialect::OpenAiResponses,
                    text: "hm".to_owned(),
                    opaque: r#"{"id":"rs_1","encrypted_content":"gAAA"}"#.to_owned(),
                }),
                Item::Reasoning(ReasoningState {
                    dialect: Dialect::Anthropic,
                    text: "another's".to_owned(),
                    opaque: "{}".to_owned(),
                }),
                Item::ToolCall(call),
                Item::ToolResult {
                    call_id: "call_1".to_owned(),
                    output: "[]".to_owned(),
                },
            ],
            tools: vec![Arc::new(ToolSpec {
                name: "find".to_owned(),
                description: "Finds.".to_owned(),
                parameters: json!({"type": "object", "properties": {"q": {"type": "integer"}}}),
                strict: true,
            })],
            tool_choice: ToolChoice::Tool("find".to_owned()),
            parallel_tool_calls: Some(false),
            format: Format::JsonSchema {
                name: "title".to_owned(),
                schema: json!({"type": "object"}),
                strict: true,
            },
            max_output_tokens: Some(64),
            reasoning_effort: Some(Effort::Low),
            shows_reasoning: true,
            temperature: Some(0.5),
            top_p: Some(0.25),
            seed: Some(7),
            presence_penalty: Some(0.0),
            cache_key: Some("conversation-7".to_owned()),
            ..Request::default()
        };
        assert_eq!(
            sent(&request),
            json!({
                "model": "o3",
                "instructions": "Be kind.",
                "input": [
                    {"type": "message", "role": "user", "content": [
                        {"type": "input_text", "text": "look"},
                        {"type": "input_image", "image_url": "data:image/png;base64,AP8Q", "detail": "auto"},
                        {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"}
                    ]},
                    {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "seen"}]},
                    {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAA",
                        "summary": [{"type": "summary_text", "text": "hm"}]},
                    {"type": "function_call", "call_id": "call_1", "name": "find", "arguments": "{\"q\":1}"},
                    {"type": "function_call_output", "call_id": "call_1", "output": "[]"}
                ],
                "tools": [{
                    "type": "function", "name": "find", "description": "Finds.",
                    "parameters": {"type": "object", "properties": {"q": {"type": "integer"}}}, "strict": true
                }],
                "tool_choice": {"type": "function", "name": "find"},
                "parallel_tool_calls": false,
                "text": {"format": {"type": "json_schema", "name": "title", "schema": {"type": "object"}, "strict": true}},
                "reasoning": {"effort": "low", "summary": "auto"},
                "include": ["reasoning.encrypted_content"],
                "temperature": 0.5,
                "top_p": 0.25,
                "max_output_tokens": 64,
                "prompt_cache_key": "conversation-7",
                "stream": true,
                "store": false
            })
        );
    }

    #[test]
    fn thoughts_are_kept_between_rounds_by_every_model_that_thinks() {
        for (model, include) in [
            ("gpt-6-luna", json!(["reasoning.encrypted_content"])),
            ("gpt-4.1", Value::Null),
        ] {
            let request = Request {
                model: model.to_owned(),
                tools: vec![Arc::new(ToolSpec {
                    name: "find".to_owned(),
                    description: String::new(),
                    parameters: json!({"type": "object"}),
                    strict: false,
                })],
                ..Request::default()
            };
            let body = sent(&request);
            assert_eq!(
                (&body["include"], &body["reasoning"]),
                (&include, &Value::Null),
                "{model}"
            );
        }
    }

    #[test]
    fn what_the_api_does_not_have_is_refused_and_nothing_is_said_of_tools_that_are_not_offered() {
        for request in [
            Request {
                stop: vec!["END".to_owned()],
                ..Request::default()
            },
            Request {
                presence_penalty: Some(0.5),
                ..Request::default()
            },
            Request {
                frequency_penalty: Some(-0.5),
                ..Request::default()
            },
        ] {
            let refused = Body::try_from(&request);
            assert!(matches!(refused, Err(LlmError::Rejected(_))), "{refused:?}");
        }
        let request = Request {
            model: "o3".to_owned(),
            tool_choice: ToolChoice::Required,
            parallel_tool_calls: Some(true),
            format: Format::JsonObject,
            ..Request::default()
        };
        assert_eq!(
            sent(&request),
            json!({
                "model": "o3", "input": [], "text": {"format": {"type": "json_object"}}, "stream": true,
                "store": false
            })
        );
    }
}
