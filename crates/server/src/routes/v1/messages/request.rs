//! What Anthropic's messages are asked with, and what that is in the normal form.

use super::super::{
    input::{Text, TextOrList, Unread, refuse},
    normal::{self, unseal},
};
use crate::error::ApiError;
use chatai_engine::llm::{Effort, Format, Item, Part, Request, ToolCall, ToolChoice, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{borrow::Cow, sync::Arc};

/// Up to so many tokens, thinking is short, and up to so many as usual: models elsewhere are told in words.
const LOW_BUDGET: u32 = 2_048;
const MEDIUM_BUDGET: u32 = 8_192;

/// The body. Members that change nothing about the answer (`metadata`, `service_tier`, `cache_control`, …) are not read.
#[derive(Debug, Deserialize)]
pub(crate) struct MessagesRequest<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    max_tokens: Option<u32>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    #[serde(borrow)]
    system: Option<TextOrList<'a, Block<'a>>>,
    #[serde(borrow)]
    tools: Option<Vec<Tool<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<Choice<'a>>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    #[serde(borrow)]
    stop_sequences: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    thinking: Option<Thinking<'a>>,
    #[serde(borrow)]
    output_config: Option<OutputConfig<'a>>,
    stream: Option<bool>,
    #[serde(borrow)]
    top_k: Unread<'a>,
    #[serde(borrow)]
    mcp_servers: Unread<'a>,
    #[serde(borrow)]
    container: Unread<'a>,
    #[serde(borrow)]
    context_management: Unread<'a>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: TextOrList<'a, Block<'a>>,
}

/// A block of whatever type.
#[derive(Debug, Deserialize)]
struct Block<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    source: Option<Source<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<&'a RawValue>,
    #[serde(borrow)]
    tool_use_id: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<&'a RawValue>,
    is_error: Option<bool>,
    #[serde(borrow)]
    signature: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Source<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    media_type: Option<Text<'a>>,
    #[serde(borrow)]
    data: Option<Text<'a>>,
    #[serde(borrow)]
    url: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    input_schema: Option<Value>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Choice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Thinking<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    budget_tokens: Option<u32>,
}

#[derive(Debug, Deserialize)]
struct OutputConfig<'a> {
    #[serde(borrow)]
    effort: Option<Text<'a>>,
    #[serde(borrow)]
    format: Option<OutputFormat<'a>>,
}

#[derive(Debug, Deserialize)]
struct OutputFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    schema: Option<Value>,
}

/// What the client wants to be given, and how.
#[derive(Debug)]
pub(super) struct Asked {
    /// As the client named it.
    pub(super) model: Option<String>,
    pub(super) request: Request,
    pub(super) streams: bool,
}

impl MessagesRequest<'_> {
    /// The call in the normal form.
    ///
    /// # Errors
    /// `unsupported_parameter` and `invalid_value`, each with the member's name.
    pub(super) fn into_asked(self) -> Result<Asked, ApiError> {
        refuse(&[
            ("top_k", self.top_k),
            ("mcp_servers", self.mcp_servers),
            ("container", self.container),
            ("context_management", self.context_management),
        ])?;
        if self.max_tokens.is_none() {
            return Err(ApiError::invalid_value(
                "max_tokens",
                "`max_tokens` says how long the answer may be",
            ));
        }
        if self.messages.is_empty() {
            return Err(ApiError::invalid_value(
                "messages",
                "there is at least one message",
            ));
        }
        let (effort, format) = output(self.output_config)?;
        let thinking = self.thinking.map(|wish| thinking(&wish)).transpose()?;
        let mut request = Request {
            system: self
                .system
                .map_or(Ok(String::new()), |content| text(content, "system"))?,
            max_output_tokens: normal::output_tokens("max_tokens", self.max_tokens)?,
            temperature: normal::within("temperature", self.temperature, 0.0..=1.0)?,
            top_p: normal::within("top_p", self.top_p, 0.0..=1.0)?,
            stop: match self.stop_sequences {
                None => Vec::new(),
                Some(texts) => {
                    normal::stops("stop_sequences", texts.into_iter().map(|text| text.0).collect())?
                }
            },
            reasoning_effort: match thinking {
                Some(Thoughts::Off) => None,
                Some(Thoughts::On(usual)) => effort.or(Some(usual)),
                None => effort,
            },
            // An effort says how hard to try, and makes nobody think who was not told to.
            without_thinking: thinking.is_none(),
            format,
            ..Request::default()
        };
        for (index, offered) in self.tools.into_iter().flatten().enumerate() {
            request.tools.push(Arc::new(tool(index, offered)?));
        }
        normal::tools(&request.tools)?;
        if let Some(wish) = self.tool_choice {
            request.parallel_tool_calls = wish.disable_parallel_tool_use.map(|disable| !disable);
            request.tool_choice = choice(wish, &request.tools)?;
        }
        for (index, message) in self.messages.into_iter().enumerate() {
            add_message(&mut request, index, message)?;
        }
        normal::paired("messages", &request.items)?;
        Ok(Asked {
            model: self.model.map(|model| model.0.into_owned()),
            request,
            streams: self.stream.unwrap_or_default(),
        })
    }

    /// The same of what is only counted: how long an answer may be is of no matter then.
    pub(super) fn into_counted(mut self) -> Result<Asked, ApiError> {
        self.max_tokens = Some(1);
        self.into_asked()
    }
}

fn output(config: Option<OutputConfig<'_>>) -> Result<(Option<Effort>, Format), ApiError> {
    let Some(config) = config else {
        return Ok((None, Format::Text));
    };
    let effort = normal::effort("output_config.effort", config.effort.as_deref())?;
    let format = match config.format {
        None => Format::Text,
        Some(OutputFormat {
            kind,
            schema: Some(schema @ Value::Object(_)),
        }) if kind == "json_schema" => Format::JsonSchema {
            name: "answer".to_owned(),
            schema,
            strict: true,
        },
        Some(_) => return Err(ApiError::unsupported("output_config.format")),
    };
    Ok((effort, format))
}

/// Whether the model thinks.
#[derive(Clone, Copy)]
enum Thoughts {
    /// It does not, whatever its effort.
    Off,
    /// So much, unless an effort is named.
    On(Effort),
}

fn thinking(wish: &Thinking<'_>) -> Result<Thoughts, ApiError> {
    match (&*wish.kind, wish.budget_tokens) {
        ("disabled", _) => Ok(Thoughts::Off),
        ("adaptive", _) => Ok(Thoughts::On(Effort::Medium)),
        ("enabled", Some(..=LOW_BUDGET)) => Ok(Thoughts::On(Effort::Low)),
        ("enabled", Some(..=MEDIUM_BUDGET)) => Ok(Thoughts::On(Effort::Medium)),
        ("enabled", Some(_)) => Ok(Thoughts::On(Effort::High)),
        _ => Err(ApiError::invalid_value(
            "thinking",
            "`thinking` is `disabled`, `adaptive`, or `enabled` with its `budget_tokens`",
        )),
    }
}

fn tool(index: usize, offered: Tool<'_>) -> Result<ToolSpec, ApiError> {
    if offered.kind.as_deref().is_some_and(|kind| kind != "custom") {
        return Err(ApiError::unsupported(format!("tools[{index}].type")));
    }
    normal::tool(
        format!("tools[{index}]"),
        &offered.name,
        offered.description.map(|text| text.0),
        offered.input_schema,
        offered.strict.unwrap_or_default(),
    )
}

fn choice(wish: Choice<'_>, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, ApiError> {
    match (&*wish.kind, wish.name) {
        ("auto", _) => Ok(ToolChoice::Auto),
        ("none", _) => Ok(ToolChoice::None),
        ("any", _) => Ok(ToolChoice::Required),
        ("tool", Some(name)) => {
            normal::chosen(&name, tools)?;
            Ok(ToolChoice::Tool(name.0.into_owned()))
        }
        _ => Err(ApiError::invalid_value(
            "tool_choice",
            "`tool_choice` is `auto`, `any`, `none` or `tool` with a name",
        )),
    }
}

fn add_message(request: &mut Request, index: usize, message: Message<'_>) -> Result<(), ApiError> {
    let at = format!("messages[{index}]");
    let blocks = match (&*message.role, message.content) {
        ("user", TextOrList::Text(text)) => {
            request
                .items
                .push(Item::User(vec![Part::Text(text.into_owned())]));
            return Ok(());
        }
        ("assistant", TextOrList::Text(text)) => {
            request.items.push(Item::Assistant(text.into_owned()));
            return Ok(());
        }
        ("user" | "assistant", TextOrList::List(blocks)) => blocks,
        _ => {
            return Err(ApiError::invalid_value(
                at + ".role",
                "a message's role is `user` or `assistant`",
            ));
        }
    };
    let is_user = message.role == "user";
    let mut parts = Vec::new();
    for (number, block) in blocks.into_iter().enumerate() {
        let at = format!("{at}.content[{number}]");
        if is_user {
            add_user_block(request, &mut parts, at, block)?;
        } else {
            add_assistant_block(request, at, block)?;
        }
    }
    if !parts.is_empty() {
        request.items.push(Item::User(parts));
    }
    Ok(())
}

/// Results of tools come before whatever else a user's message says.
fn add_user_block(
    request: &mut Request,
    parts: &mut Vec<Part>,
    at: String,
    block: Block<'_>,
) -> Result<(), ApiError> {
    match (&*block.kind, block.text, block.source, block.tool_use_id) {
        ("text", Some(text), ..) => parts.push(Part::Text(text.0.into_owned())),
        ("image", _, Some(source), _) => parts.push(image(at, source)?),
        ("tool_result", _, _, Some(call_id)) => {
            let (output, images) = match block.content {
                None => Default::default(),
                Some(content) => {
                    let inside = format!("{at}.content");
                    let content = serde_json::from_str(content.get())
                        .map_err(|error| ApiError::invalid_value(inside.clone(), error.to_string()))?;
                    tool_output(content, &inside)?
                }
            };
            if !images.is_empty() {
                parts.push(Part::Text(format!(
                    "What the call `{}` of a tool gave to see:",
                    &*call_id
                )));
                parts.extend(images);
            }
            request.items.push(Item::ToolResult {
                call_id: call_id.0.into_owned(),
                // Not every vendor has a mark for it, and every model can read this.
                output: match block.is_error {
                    Some(true) => json!({"error": output}).to_string(),
                    _ => output,
                },
            });
        }
        ("text" | "image" | "tool_result", ..) => {
            return Err(ApiError::invalid_value(at, "a block has the members of its type"));
        }
        _ => return Err(ApiError::unsupported(at + ".type")),
    }
    Ok(())
}

fn add_assistant_block(request: &mut Request, at: String, block: Block<'_>) -> Result<(), ApiError> {
    let item = match (&*block.kind, block.text, block.id, block.name) {
        ("text", Some(text), ..) => Item::Assistant(text.0.into_owned()),
        ("tool_use", _, Some(id), Some(name)) => Item::ToolCall(ToolCall {
            id: id.0.into_owned(),
            name: name.0.into_owned(),
            arguments: block.input.map_or("{}", RawValue::get).to_owned(),
        }),
        ("thinking", ..) => match block.signature.as_deref().and_then(unseal) {
            Some(state) => Item::Reasoning(state),
            // Without it, or signed elsewhere, it tells nothing to a model.
            None => return Ok(()),
        },
        ("redacted_thinking", ..) => return Ok(()),
        ("text" | "tool_use", ..) => {
            return Err(ApiError::invalid_value(at, "a block has the members of its type"));
        }
        _ => return Err(ApiError::unsupported(at + ".type")),
    };
    request.items.push(item);
    Ok(())
}

fn image(at: String, source: Source<'_>) -> Result<Part, ApiError> {
    match (&*source.kind, source.media_type, source.data, source.url) {
        ("base64", Some(media_type), Some(data), _) => {
            normal::image_bytes(at + ".source.data", &media_type, &data)
        }
        ("url", _, _, Some(url)) => normal::image(at + ".source.url", &url, None),
        ("base64" | "url", ..) => Err(ApiError::invalid_value(
            at + ".source",
            "a source has the members of its type",
        )),
        _ => Err(ApiError::unsupported(at + ".source.type")),
    }
}

/// The words and the images of a tool's result. Most vendors take words alone there, so images go into the message behind it.
fn tool_output(content: TextOrList<'_, Block<'_>>, at: &str) -> Result<(String, Vec<Part>), ApiError> {
    let blocks = match content {
        TextOrList::Text(text) => return Ok((text.into_owned(), Vec::new())),
        TextOrList::List(blocks) => blocks,
    };
    let (mut words, mut images) = (Vec::new(), Vec::new());
    for (number, block) in blocks.into_iter().enumerate() {
        let at = format!("{at}[{number}]");
        match (&*block.kind, block.text, block.source) {
            ("text", Some(text), _) => words.push(text.0.into_owned()),
            ("image", _, Some(source)) => images.push(image(at, source)?),
            _ => return Err(ApiError::unsupported(at + ".type")),
        }
    }
    Ok((words.join("\n\n"), images))
}

/// The text of what can have nothing else.
fn text(content: TextOrList<'_, Block<'_>>, at: &str) -> Result<String, ApiError> {
    let blocks = match content {
        TextOrList::Text(text) => return Ok(text.into_owned()),
        TextOrList::List(blocks) => blocks,
    };
    let mut all = Vec::new();
    for (number, block) in blocks.into_iter().enumerate() {
        match block.text.filter(|_| block.kind == "text") {
            Some(text) => all.push(text.0.into_owned()),
            None => return Err(ApiError::unsupported(format!("{at}[{number}].type"))),
        }
    }
    Ok(all.join("\n\n"))
}
