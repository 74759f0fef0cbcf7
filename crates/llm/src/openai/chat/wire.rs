//! A request in the form of `POST /chat/completions`.
//!
//! Members that not every server knows are written only where the request needs them: some servers refuse what
//! they do not know.
//!
//! <https://platform.openai.com/docs/api-reference/chat/create>, <https://api-docs.deepseek.com/guides/thinking_mode>,
//! <https://openrouter.ai/docs/use-cases/reasoning-tokens>

use crate::{
    model::{Dialect, Format, Item, Part, ReasoningState, Request, ToolChoice, ToolSpec},
    openai::generation::{calls_without_thoughts, effort_word},
    wire::data_url,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;

/// How the server at hand wants to be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Manner {
    /// OpenAI itself, or Azure: knows `max_completion_tokens`, which its reasoning models demand, and
    /// `prompt_cache_key`. All others know `max_tokens`.
    pub(super) is_openai: bool,
    /// Whether to ask for the report of use, which servers send in a stream only when asked.
    pub(super) asks_for_usage: bool,
}

/// The body of a call.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    parallel_tool_calls: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_format: Option<ResponseFormat<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    presence_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequency_penalty: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_cache_key: Option<&'a str>,
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream_options: Option<StreamOptions>,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, Serialize)]
#[serde(tag = "role", rename_all = "lowercase")]
enum Message<'a> {
    System { content: &'a str },
    User { content: UserContent<'a> },
    Assistant(Assistant<'a>),
    Tool { tool_call_id: &'a str, content: &'a str },
}

#[derive(Debug, Default, Serialize)]
struct Assistant<'a> {
    /// Null beside tool calls; servers demand the member.
    content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_details: Option<Vec<Value>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<Call<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum UserContent<'a> {
    /// What every server takes, also those whose models see nothing.
    Text(Cow<'a, str>),
    Parts(Vec<Content<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

#[derive(Debug, Serialize)]
struct ImageUrl<'a> {
    url: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
struct Call<'a> {
    id: &'a str,
    function: CalledFunction<'a>,
}

#[derive(Debug, Serialize)]
struct CalledFunction<'a> {
    name: &'a str,
    arguments: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
struct Tool<'a> {
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: &'a str,
    description: &'a str,
    parameters: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Choice<'a> {
    Mode(&'static str),
    Tool(ChosenTool<'a>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "function")]
struct ChosenTool<'a> {
    function: ChosenName<'a>,
}

#[derive(Debug, Serialize)]
struct ChosenName<'a> {
    name: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ResponseFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: Schema<'a> },
}

#[derive(Debug, Serialize)]
struct Schema<'a> {
    name: &'a str,
    schema: &'a Value,
    strict: bool,
}

/// What [`super::decode`] keeps of a model's reasoning: the member its words came in, or OpenRouter's details.
#[derive(Debug, Default, Deserialize, Serialize)]
pub(super) struct KeptReasoning {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) details: Option<Vec<Value>>,
    /// `reasoning` where it is not `reasoning_content`.
    #[serde(default)]
    pub(super) is_short_name: bool,
}

impl KeptReasoning {
    pub(super) fn to_text(&self) -> String {
        serde_json::to_string(self).expect("texts and JSON can be written as JSON")
    }
}

impl<'a> Body<'a> {
    pub(super) fn new(request: &'a Request, manner: Manner) -> Self {
        let has_tools = !request.tools.is_empty();
        let (max_tokens, max_completion_tokens) = if manner.is_openai {
            (None, request.max_output_tokens)
        } else {
            (request.max_output_tokens, None)
        };
        Self {
            model: &request.model,
            messages: messages(request),
            tools: request.tools.iter().map(|tool| Tool::from(&**tool)).collect(),
            tool_choice: Choice::of(&request.tool_choice).filter(|_| has_tools),
            parallel_tool_calls: request.parallel_tool_calls.filter(|_| has_tools),
            response_format: response_format(&request.format),
            max_tokens,
            max_completion_tokens,
            reasoning_effort: match request.reasoning_effort {
                _ if manner.is_openai && has_tools && calls_without_thoughts(&request.model) => Some("none"),
                effort => effort.and_then(|effort| effort_word(&request.model, effort)),
            },
            temperature: request.temperature,
            top_p: request.top_p,
            stop: &request.stop,
            seed: request.seed,
            presence_penalty: request.presence_penalty,
            frequency_penalty: request.frequency_penalty,
            prompt_cache_key: request.cache_key.as_deref().filter(|_| manner.is_openai),
            stream: true,
            stream_options: manner
                .asks_for_usage
                .then_some(StreamOptions { include_usage: true }),
        }
    }
}

/// The conversation. What a model said and which tools it called then is one message.
fn messages(request: &Request) -> Vec<Message<'_>> {
    let mut messages = Vec::with_capacity(request.items.len() + 1);
    if !request.system.is_empty() {
        messages.push(Message::System {
            content: &request.system,
        });
    }
    let mut reasoned: Option<&ReasoningState> = None;
    for item in &request.items {
        match item {
            Item::User(parts) => messages.push(Message::User {
                content: user_content(parts),
            }),
            Item::Assistant(text) => messages.push(Message::Assistant(Assistant {
                content: Some(text),
                ..Assistant::default()
            })),
            Item::Reasoning(state) => reasoned = Some(state),
            Item::ToolCall(call) => {
                if !matches!(messages.last(), Some(Message::Assistant(_))) {
                    messages.push(Message::Assistant(Assistant::default()));
                }
                if let Some(Message::Assistant(message)) = messages.last_mut() {
                    if let Some(state) = reasoned.take() {
                        message.remember(state);
                    }
                    message.tool_calls.push(Call {
                        id: &call.id,
                        function: CalledFunction {
                            name: &call.name,
                            arguments: &call.arguments,
                        },
                    });
                }
            }
            Item::ToolResult { call_id, output } => messages.push(Message::Tool {
                tool_call_id: call_id,
                content: output,
            }),
        }
    }
    messages
}

impl<'a> Assistant<'a> {
    /// Adds the reasoning that led to the calls, in the form it came in; another API's is left out.
    fn remember(&mut self, state: &'a ReasoningState) {
        if state.dialect != Dialect::OpenAiChat {
            return;
        }
        let kept: KeptReasoning = serde_json::from_str(&state.opaque).unwrap_or_default();
        match kept {
            KeptReasoning {
                details: Some(details),
                ..
            } => self.reasoning_details = Some(details),
            KeptReasoning {
                is_short_name: true, ..
            } => self.reasoning = Some(&state.text),
            _ => self.reasoning_content = Some(&state.text),
        }
    }
}

fn user_content(parts: &[Part]) -> UserContent<'_> {
    let texts: Option<Vec<&str>> = parts
        .iter()
        .map(|part| match part {
            Part::Text(text) => Some(text.as_str()),
            Part::Image { .. } | Part::ImageUrl { .. } => None,
        })
        .collect();
    match texts.as_deref() {
        Some([text]) => UserContent::Text(Cow::Borrowed(text)),
        Some(texts) => UserContent::Text(Cow::Owned(texts.join("\n\n"))),
        None => UserContent::Parts(parts.iter().map(Content::from).collect()),
    }
}

impl<'a> From<&'a Part> for Content<'a> {
    fn from(part: &'a Part) -> Self {
        let (url, detail) = match part {
            Part::Text(text) => return Self::Text { text },
            Part::Image { media_type, bytes } => (Cow::Owned(data_url(media_type, bytes)), None),
            Part::ImageUrl { url, detail } => (Cow::Borrowed(url.as_str()), detail.as_deref()),
        };
        Self::ImageUrl {
            image_url: ImageUrl { url, detail },
        }
    }
}

impl<'a> From<&'a ToolSpec> for Tool<'a> {
    fn from(tool: &'a ToolSpec) -> Self {
        Self {
            function: Function {
                name: &tool.name,
                description: &tool.description,
                parameters: &tool.parameters,
                strict: tool.strict.then_some(true),
            },
        }
    }
}

impl<'a> Choice<'a> {
    fn of(choice: &'a ToolChoice) -> Option<Self> {
        Some(match choice {
            ToolChoice::Auto => return None,
            ToolChoice::None => Self::Mode("none"),
            ToolChoice::Required => Self::Mode("required"),
            ToolChoice::Tool(name) => Self::Tool(ChosenTool {
                function: ChosenName { name },
            }),
        })
    }
}

fn response_format(format: &Format) -> Option<ResponseFormat<'_>> {
    Some(match format {
        Format::Text => return None,
        Format::JsonObject => ResponseFormat::JsonObject,
        Format::JsonSchema { name, schema, strict } => ResponseFormat::JsonSchema {
            json_schema: Schema {
                name,
                schema,
                strict: *strict,
            },
        },
    })
}

#[cfg(test)]
mod tests;
