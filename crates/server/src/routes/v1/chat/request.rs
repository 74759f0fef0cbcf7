//! What a chat completion is asked with, and what it is in the normal form.

use super::{
    super::{
        input::{Text, TextOrList, Unread, WordOrObject, refuse},
        normal,
    },
    reasoning,
};
use crate::error::ApiError;
use chatai_engine::llm::{ChatReasoning, Format, Item, Part, Request, ToolCall, ToolChoice, ToolSpec};
use serde::Deserialize;
use serde_json::Value;
use std::{borrow::Cow, sync::Arc};

/// The body. Members that change nothing about the answer (`user`, `metadata`, `store`, `service_tier`, …) are not read.
#[derive(Debug, Deserialize)]
pub(crate) struct ChatRequest<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow, default)]
    messages: Vec<Message<'a>>,
    #[serde(borrow)]
    tools: Option<Vec<Tool<'a>>>,
    #[serde(borrow)]
    tool_choice: Option<WordOrObject<'a, Choice<'a>>>,
    parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    response_format: Option<ResponseFormat<'a>>,
    max_tokens: Option<u32>,
    max_completion_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    #[serde(borrow)]
    stop: Option<TextOrList<'a, Text<'a>>>,
    seed: Option<i64>,
    presence_penalty: Option<f64>,
    frequency_penalty: Option<f64>,
    #[serde(borrow)]
    reasoning_effort: Option<Text<'a>>,
    #[serde(borrow)]
    prompt_cache_key: Option<Text<'a>>,
    stream: Option<bool>,
    stream_options: Option<StreamOptions>,
    n: Option<u32>,
    #[serde(borrow)]
    verbosity: Option<Text<'a>>,
    #[serde(borrow)]
    modalities: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    audio: Unread<'a>,
    #[serde(borrow)]
    function_call: Unread<'a>,
    #[serde(borrow)]
    functions: Unread<'a>,
    #[serde(borrow)]
    logit_bias: Unread<'a>,
    #[serde(borrow)]
    logprobs: Unread<'a>,
    #[serde(borrow)]
    top_logprobs: Unread<'a>,
    #[serde(borrow)]
    web_search_options: Unread<'a>,
    #[serde(borrow)]
    top_k: Unread<'a>,
    #[serde(borrow)]
    min_p: Unread<'a>,
    #[serde(borrow)]
    repetition_penalty: Unread<'a>,
}

#[derive(Debug, Deserialize)]
struct Message<'a> {
    #[serde(borrow)]
    role: Cow<'a, str>,
    #[serde(borrow)]
    content: Option<TextOrList<'a, ContentPart<'a>>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    tool_calls: Option<Vec<Call<'a>>>,
    #[serde(borrow)]
    reasoning_content: Option<Text<'a>>,
    #[serde(borrow)]
    reasoning: Option<Text<'a>>,
    reasoning_details: Option<Vec<Value>>,
    #[serde(borrow)]
    tool_call_id: Option<Text<'a>>,
    #[serde(borrow)]
    audio: Unread<'a>,
    #[serde(borrow)]
    function_call: Unread<'a>,
}

#[derive(Debug, Deserialize)]
struct ContentPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<WordOrObject<'a, ImageUrl<'a>>>,
}

#[derive(Debug, Deserialize)]
struct ImageUrl<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Call<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    function: Option<CalledFunction<'a>>,
}

#[derive(Debug, Deserialize)]
struct CalledFunction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    function: Option<Function<'a>>,
}

#[derive(Debug, Deserialize)]
struct Function<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    description: Option<Text<'a>>,
    parameters: Option<Value>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct Choice<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    function: Option<ChosenFunction<'a>>,
}

#[derive(Debug, Deserialize)]
struct ChosenFunction<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

#[derive(Debug, Deserialize)]
struct ResponseFormat<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    json_schema: Option<NamedSchema<'a>>,
}

#[derive(Debug, Deserialize)]
struct NamedSchema<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    schema: Option<Value>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct StreamOptions {
    include_usage: Option<bool>,
}

/// What the client wants to be given, and how.
#[derive(Debug)]
pub(super) struct Asked {
    /// As the client named it.
    pub(super) model: Option<String>,
    pub(super) request: Request,
    pub(super) streams: bool,
    /// Whether a stream ends with what was used.
    pub(super) with_usage: bool,
}

impl ChatRequest<'_> {
    /// The call in the normal form.
    ///
    /// # Errors
    /// `unsupported_parameter` and `invalid_value`, each with the member's name.
    pub(super) fn into_asked(self) -> Result<Asked, ApiError> {
        self.refuse_what_cannot_be()?;
        if self.messages.is_empty() {
            return Err(ApiError::invalid_value(
                "messages",
                "there is at least one message",
            ));
        }
        let mut request = Request {
            parallel_tool_calls: self.parallel_tool_calls,
            format: self.response_format.map_or(Ok(Format::Text), format)?,
            max_output_tokens: match self.max_completion_tokens {
                None => normal::output_tokens("max_tokens", self.max_tokens)?,
                tokens => normal::output_tokens("max_completion_tokens", tokens)?,
            },
            reasoning_effort: normal::effort("reasoning_effort", self.reasoning_effort.as_deref())?,
            temperature: normal::within("temperature", self.temperature, 0.0..=2.0)?,
            top_p: normal::within("top_p", self.top_p, 0.0..=1.0)?,
            stop: match self.stop {
                None => Vec::new(),
                Some(TextOrList::Text(text)) => normal::stops("stop", vec![text])?,
                Some(TextOrList::List(texts)) => {
                    normal::stops("stop", texts.into_iter().map(|text| text.0).collect())?
                }
            },
            seed: self.seed,
            presence_penalty: normal::within("presence_penalty", self.presence_penalty, -2.0..=2.0)?,
            frequency_penalty: normal::within("frequency_penalty", self.frequency_penalty, -2.0..=2.0)?,
            cache_key: self.prompt_cache_key.map(|key| key.0.into_owned()),
            ..Request::default()
        };
        for (index, offered) in self.tools.into_iter().flatten().enumerate() {
            request.tools.push(Arc::new(tool(index, offered)?));
        }
        normal::tools(&request.tools)?;
        request.tool_choice = self
            .tool_choice
            .map_or(Ok(ToolChoice::Auto), |wish| choice(wish, &request.tools))?;
        for (index, message) in self.messages.into_iter().enumerate() {
            add_message(&mut request, index, message)?;
        }
        normal::paired("messages", &request.items)?;
        Ok(Asked {
            model: self.model.map(|model| model.0.into_owned()),
            request,
            streams: self.stream.unwrap_or_default(),
            with_usage: self
                .stream_options
                .and_then(|options| options.include_usage)
                .unwrap_or_default(),
        })
    }

    fn refuse_what_cannot_be(&self) -> Result<(), ApiError> {
        if self.n.is_some_and(|count| count != 1) {
            return Err(ApiError::unsupported("n"));
        }
        if self.verbosity.as_deref().is_some_and(|word| word != "medium") {
            return Err(ApiError::unsupported("verbosity"));
        }
        let kinds = self.modalities.iter().flatten();
        if kinds.into_iter().any(|kind| &**kind != "text") {
            return Err(ApiError::unsupported("modalities"));
        }
        refuse(&[
            ("audio", self.audio),
            ("function_call", self.function_call),
            ("functions", self.functions),
            ("logit_bias", self.logit_bias),
            ("logprobs", self.logprobs),
            ("top_logprobs", self.top_logprobs),
            ("web_search_options", self.web_search_options),
            ("top_k", self.top_k),
            ("min_p", self.min_p),
            ("repetition_penalty", self.repetition_penalty),
        ])
    }
}

fn format(wish: ResponseFormat<'_>) -> Result<Format, ApiError> {
    match (&*wish.kind, wish.json_schema) {
        ("text", _) => Ok(Format::Text),
        ("json_object", _) => Ok(Format::JsonObject),
        (
            "json_schema",
            Some(NamedSchema {
                name,
                schema: Some(schema @ Value::Object(_)),
                strict,
            }),
        ) => Ok(Format::JsonSchema {
            name: name.into_owned(),
            schema,
            strict: strict.unwrap_or_default(),
        }),
        ("json_schema", _) => Err(ApiError::invalid_value(
            "response_format.json_schema",
            "`json_schema` has a `name` and a `schema`, which is an object",
        )),
        _ => Err(ApiError::unsupported("response_format.type")),
    }
}

fn tool(index: usize, offered: Tool<'_>) -> Result<ToolSpec, ApiError> {
    let Some(function) = offered
        .function
        .filter(|_| offered.kind.as_deref().is_none_or(|kind| kind == "function"))
    else {
        return Err(ApiError::unsupported(format!("tools[{index}].type")));
    };
    normal::tool(
        format!("tools[{index}].function"),
        &function.name,
        function.description.map(|text| text.0),
        function.parameters,
        function.strict.unwrap_or_default(),
    )
}

fn choice(wish: WordOrObject<'_, Choice<'_>>, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, ApiError> {
    match wish {
        WordOrObject::Word(word) => normal::tool_choice(&word),
        WordOrObject::Object(Choice {
            kind,
            function: Some(function),
        }) if kind == "function" => {
            normal::chosen(&function.name, tools)?;
            Ok(ToolChoice::Tool(function.name.into_owned()))
        }
        WordOrObject::Object(_) => Err(ApiError::unsupported("tool_choice.type")),
    }
}

fn add_message(request: &mut Request, index: usize, message: Message<'_>) -> Result<(), ApiError> {
    let at = |member: &str| format!("messages[{index}].{member}");
    for (member, value) in [("audio", message.audio), ("function_call", message.function_call)] {
        if value.is_some() {
            return Err(ApiError::unsupported(at(member)));
        }
    }
    match &*message.role {
        "system" | "developer" => {
            let more = text(message.content, index)?;
            normal::add_system(request, &more);
        }
        "user" => request
            .items
            .push(Item::User(user_parts(message.content, index)?)),
        "assistant" => {
            let mut said = match message.content {
                None => Cow::Borrowed(""),
                content => text(content, index)?,
            };
            if let Some(refusal) = message.refusal.filter(|_| said.is_empty()) {
                said = refusal.0;
            }
            if !said.is_empty() {
                request.items.push(Item::Assistant(said.into_owned()));
            }
            let words = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned());
            let handed_back = ChatReasoning {
                reasoning_content: words(message.reasoning_content),
                reasoning: words(message.reasoning),
                details: message.reasoning_details.unwrap_or_default(),
            };
            let mut reasoned = reasoning::read(handed_back).into_iter().peekable();
            let calls = message.tool_calls.unwrap_or_default();
            let last = calls.len().saturating_sub(1);
            for (number, call) in calls.into_iter().enumerate() {
                // Without a call behind it, it says nothing to a model.
                while let Some((_, state)) = reasoned.next_if(|(before, _)| (*before).min(last) <= number) {
                    request.items.push(Item::Reasoning(state));
                }
                let Some(function) = call.function else {
                    return Err(ApiError::unsupported(at(&format!("tool_calls[{number}].type"))));
                };
                request.items.push(Item::ToolCall(ToolCall {
                    id: call.id.into_owned(),
                    name: function.name.into_owned(),
                    arguments: function
                        .arguments
                        .map(|text| text.0.into_owned())
                        .unwrap_or_default(),
                }));
            }
        }
        "tool" => {
            let Some(call_id) = message.tool_call_id else {
                return Err(ApiError::invalid_value(
                    at("tool_call_id"),
                    "the result of a tool names the call that it belongs to",
                ));
            };
            request.items.push(Item::ToolResult {
                call_id: call_id.0.into_owned(),
                output: text(message.content, index)?.into_owned(),
            });
        }
        _ => return Err(ApiError::unsupported(at("role"))),
    }
    Ok(())
}

/// The text of a message that may have nothing else.
fn text<'a>(
    content: Option<TextOrList<'a, ContentPart<'a>>>,
    index: usize,
) -> Result<Cow<'a, str>, ApiError> {
    match content {
        None => Err(ApiError::invalid_value(
            format!("messages[{index}].content"),
            "the message has a content",
        )),
        Some(TextOrList::Text(text)) => Ok(text),
        Some(TextOrList::List(parts)) => {
            let mut all = String::new();
            for (number, part) in parts.into_iter().enumerate() {
                let text = match &*part.kind {
                    "text" => part.text,
                    "refusal" => part.refusal,
                    _ => None,
                };
                let Some(text) = text else {
                    return Err(ApiError::unsupported(format!(
                        "messages[{index}].content[{number}].type"
                    )));
                };
                all.push_str(&text);
            }
            Ok(all.into())
        }
    }
}

fn user_parts(content: Option<TextOrList<'_, ContentPart<'_>>>, index: usize) -> Result<Vec<Part>, ApiError> {
    let parts = match content {
        Some(TextOrList::List(parts)) => parts,
        content => return Ok(vec![Part::Text(text(content, index)?.into_owned())]),
    };
    let read = |(number, part): (usize, ContentPart<'_>)| {
        let at = format!("messages[{index}].content[{number}]");
        match (&*part.kind, part.text, part.image_url) {
            ("text", Some(text), _) => Ok(Part::Text(text.0.into_owned())),
            ("image_url", _, Some(WordOrObject::Word(url))) => normal::image(at + ".image_url", &url, None),
            ("image_url", _, Some(WordOrObject::Object(image))) => {
                normal::image(at + ".image_url.url", &image.url, image.detail.as_deref())
            }
            ("text" | "image_url", ..) => Err(ApiError::invalid_value(
                at,
                "a part has the member that its type names",
            )),
            _ => Err(ApiError::unsupported(at + ".type")),
        }
    };
    parts.into_iter().enumerate().map(read).collect()
}
