//! What a response is asked with, and what it is in the normal form.

use super::{face::ResponseFace, items::add_input};
use crate::{
    error::ApiError,
    routes::v1::{
        input::{Text, Unread, WordOrObject, parse_member, refuse},
        normal,
    },
};
use chatai_engine::llm::{Format, Request, ToolChoice, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, value::RawValue};
use std::{borrow::Cow, sync::Arc};

/// The one thing that can be asked for beside what every response holds.
const SEALED: &str = "reasoning.encrypted_content";

/// The body. Members that change nothing about the answer are told again with it.
#[derive(Debug, Deserialize)]
pub(crate) struct ResponseRequest<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    input: Unread<'a>,
    #[serde(borrow)]
    instructions: Option<Text<'a>>,
    #[serde(borrow)]
    previous_response_id: Option<Text<'a>>,
    #[serde(borrow)]
    tools: Unread<'a>,
    #[serde(borrow)]
    tool_choice: Unread<'a>,
    parallel_tool_calls: Option<bool>,
    #[serde(borrow)]
    text: Unread<'a>,
    #[serde(borrow)]
    reasoning: Unread<'a>,
    max_output_tokens: Option<u32>,
    temperature: Option<f64>,
    top_p: Option<f64>,
    #[serde(borrow)]
    include: Option<Vec<Text<'a>>>,
    #[serde(borrow)]
    prompt_cache_key: Option<Text<'a>>,
    #[serde(borrow)]
    safety_identifier: Option<Text<'a>>,
    #[serde(borrow)]
    user: Option<Text<'a>>,
    #[serde(borrow)]
    metadata: Unread<'a>,
    store: Option<bool>,
    background: Option<bool>,
    stream: Option<bool>,
    #[serde(borrow)]
    truncation: Option<Text<'a>>,
    #[serde(borrow)]
    top_logprobs: Unread<'a>,
    #[serde(borrow)]
    conversation: Unread<'a>,
    #[serde(borrow)]
    prompt: Unread<'a>,
    #[serde(borrow)]
    max_tool_calls: Unread<'a>,
    #[serde(borrow)]
    context_management: Unread<'a>,
}

#[derive(Debug, Deserialize)]
struct Tool<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
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
    name: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct TextWish<'a> {
    #[serde(borrow)]
    format: Option<FormatWish<'a>>,
    #[serde(borrow)]
    verbosity: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct FormatWish<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    schema: Option<Value>,
    strict: Option<bool>,
}

#[derive(Debug, Deserialize)]
struct ReasoningWish<'a> {
    #[serde(borrow)]
    effort: Option<Text<'a>>,
    #[serde(borrow)]
    summary: Option<Text<'a>>,
}

/// Whether the client wants to be told what was thought. How much of it there is is the model's matter.
fn shows_reasoning(summary: Option<&str>) -> Result<bool, ApiError> {
    match summary {
        None => Ok(false),
        Some("auto" | "concise" | "detailed") => Ok(true),
        Some(_) => {
            let detail = "a summary is one of `auto`, `concise` and `detailed`";
            Err(ApiError::invalid_value("reasoning.summary", detail))
        }
    }
}

/// What the client wants to be given, and how.
#[derive(Debug)]
pub(super) struct Asked {
    /// As the client named it.
    pub(super) model: Option<String>,
    /// The request, without its input.
    pub(super) request: Request,
    /// The response that it goes on from, by its name.
    pub(super) previous: Option<String>,
    /// The input as the client sent it.
    pub(super) input: String,
    pub(super) face: ResponseFace,
    pub(super) streams: bool,
}

impl ResponseRequest<'_> {
    /// The call in the normal form, up to its input.
    ///
    /// # Errors
    /// `unsupported_parameter` and `invalid_value`, each with the member's name.
    pub(super) fn into_asked(self) -> Result<Asked, ApiError> {
        self.refuse_what_cannot_be()?;
        let Some(input) = self.input else {
            return Err(ApiError::invalid_value("input", "there is an `input`"));
        };
        let (background, store) = (self.background.unwrap_or_default(), self.store.unwrap_or(true));
        if background && !store {
            return Err(ApiError::invalid_value(
                "store",
                "what is made in the background is stored",
            ));
        }
        let face = self.face(background, store)?;
        let reasoning: Option<ReasoningWish<'_>> = member("reasoning", self.reasoning)?;
        let (effort, summary) = reasoning.map_or((None, None), |wish| (wish.effort, wish.summary));
        let mut request = Request {
            system: self
                .instructions
                .map(|text| text.0.into_owned())
                .unwrap_or_default(),
            parallel_tool_calls: self.parallel_tool_calls,
            format: member("text", self.text)?.map_or(Ok(Format::Text), format)?,
            max_output_tokens: normal::output_tokens("max_output_tokens", self.max_output_tokens)?,
            reasoning_effort: normal::effort("reasoning.effort", effort.as_deref())?,
            shows_reasoning: shows_reasoning(summary.as_deref())?,
            temperature: normal::within("temperature", self.temperature, 0.0..=2.0)?,
            top_p: normal::within("top_p", self.top_p, 0.0..=1.0)?,
            cache_key: self.prompt_cache_key.map(|key| key.0.into_owned()),
            ..Request::default()
        };
        let offered: Option<Vec<Tool<'_>>> = member("tools", self.tools)?;
        for (index, offered) in offered.into_iter().flatten().enumerate() {
            request.tools.push(Arc::new(tool(index, offered)?));
        }
        normal::tools(&request.tools)?;
        request.tool_choice = member("tool_choice", self.tool_choice)?
            .map_or(Ok(ToolChoice::Auto), |wish| choice(wish, &request.tools))?;
        Ok(Asked {
            model: self.model.map(|model| model.0.into_owned()),
            request,
            previous: self.previous_response_id.map(|id| id.0.into_owned()),
            input: input.get().to_owned(),
            face,
            streams: self.stream.unwrap_or_default(),
        })
    }

    fn refuse_what_cannot_be(&self) -> Result<(), ApiError> {
        if self.truncation.as_deref().is_some_and(|word| word != "disabled") {
            return Err(ApiError::unsupported("truncation"));
        }
        if self.include.iter().flatten().any(|word| &**word != SEALED) {
            return Err(ApiError::unsupported("include"));
        }
        refuse(&[
            ("top_logprobs", self.top_logprobs),
            ("conversation", self.conversation),
            ("prompt", self.prompt),
            ("max_tool_calls", self.max_tool_calls),
            ("context_management", self.context_management),
        ])
    }

    fn face(&self, background: bool, store: bool) -> Result<ResponseFace, ApiError> {
        let metadata: Option<serde_json::Map<String, Value>> = member("metadata", self.metadata)?;
        if metadata.is_some_and(|members| members.values().any(|value| !value.is_string())) {
            return Err(ApiError::invalid_value(
                "metadata",
                "`metadata` is an object of texts",
            ));
        }
        let raw_of = |text: &Option<Text<'_>>| text.as_ref().map(|text| raw_value(&*text.0));
        let (instructions, cache_key) = (raw_of(&self.instructions), raw_of(&self.prompt_cache_key));
        let (safety_identifier, user) = (raw_of(&self.safety_identifier), raw_of(&self.user));
        let max_output_tokens = self.max_output_tokens.map(|number| raw_value(&number));
        let (temperature, top_p) = (
            self.temperature.map(|number| raw_value(&number)),
            self.top_p.map(|number| raw_value(&number)),
        );
        let parallel = self.parallel_tool_calls.map(|flag| raw_value(&flag));
        let flag = |is: bool| if is { "true" } else { "false" };
        let echo = [
            ("background", None, flag(background)),
            ("instructions", instructions.as_deref(), "null"),
            ("max_output_tokens", max_output_tokens.as_deref(), "null"),
            ("max_tool_calls", None, "null"),
            ("metadata", self.metadata, "{}"),
            ("parallel_tool_calls", parallel.as_deref(), "true"),
            ("prompt_cache_key", cache_key.as_deref(), "null"),
            ("reasoning", self.reasoning, r#"{"effort":null,"summary":null}"#),
            ("safety_identifier", safety_identifier.as_deref(), "null"),
            ("service_tier", None, r#""default""#),
            ("store", None, flag(store)),
            ("temperature", temperature.as_deref(), "1.0"),
            ("text", self.text, r#"{"format":{"type":"text"}}"#),
            ("tool_choice", self.tool_choice, r#""auto""#),
            ("tools", self.tools, "[]"),
            ("top_logprobs", None, "0"),
            ("top_p", top_p.as_deref(), "1.0"),
            ("truncation", None, r#""disabled""#),
            ("user", user.as_deref(), "null"),
        ];
        let sealed = self.include.iter().flatten().any(|word| &**word == SEALED);
        Ok(ResponseFace::new(&echo, background, store, sealed))
    }
}

/// Adds the input: last, since what comes before it may be another response.
pub(super) fn with_input(mut request: Request, input: &str) -> Result<Request, ApiError> {
    add_input(&mut request, input)?;
    normal::drop_idle_reasoning(&mut request.items);
    if request.items.is_empty() {
        return Err(ApiError::invalid_value("input", "there is something to answer"));
    }
    normal::paired("input", &request.items)?;
    Ok(request)
}

fn raw_value<T: serde::Serialize + ?Sized>(value: &T) -> Box<RawValue> {
    serde_json::value::to_raw_value(value).expect("texts, finite numbers and flags are JSON")
}

fn member<'a, T: Deserialize<'a>>(name: &'static str, value: Unread<'a>) -> Result<Option<T>, ApiError> {
    value.map(|value| parse_member(name, value.get())).transpose()
}

fn format(wish: TextWish<'_>) -> Result<Format, ApiError> {
    if wish.verbosity.as_deref().is_some_and(|word| word != "medium") {
        return Err(ApiError::unsupported("text.verbosity"));
    }
    let Some(wish) = wish.format else {
        return Ok(Format::Text);
    };
    match (&*wish.kind, wish.name, wish.schema) {
        ("text", ..) => Ok(Format::Text),
        ("json_object", ..) => Ok(Format::JsonObject),
        ("json_schema", Some(name), Some(schema @ Value::Object(_))) => Ok(Format::JsonSchema {
            name: name.0.into_owned(),
            schema,
            strict: wish.strict.unwrap_or_default(),
        }),
        ("json_schema", ..) => Err(ApiError::invalid_value(
            "text.format",
            "`json_schema` has a `name` and a `schema`, which is an object",
        )),
        _ => Err(ApiError::unsupported("text.format.type")),
    }
}

fn tool(index: usize, offered: Tool<'_>) -> Result<ToolSpec, ApiError> {
    match (&*offered.kind, offered.name) {
        ("function", name) => normal::tool(
            format!("tools[{index}]"),
            name.as_deref().unwrap_or_default(),
            offered.description.map(|text| text.0),
            offered.parameters,
            offered.strict.unwrap_or_default(),
        ),
        _ => Err(ApiError::unsupported(format!("tools[{index}].type"))),
    }
}

fn choice(wish: WordOrObject<'_, Choice<'_>>, tools: &[Arc<ToolSpec>]) -> Result<ToolChoice, ApiError> {
    match wish {
        WordOrObject::Word(word) => normal::tool_choice(&word),
        WordOrObject::Object(Choice {
            kind,
            name: Some(name),
        }) if kind == "function" => {
            normal::chosen(&name, tools)?;
            Ok(ToolChoice::Tool(name.0.into_owned()))
        }
        WordOrObject::Object(_) => Err(ApiError::unsupported("tool_choice.type")),
    }
}
