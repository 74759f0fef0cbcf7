//! A request in the form of `POST /messages`.
//!
//! A prefix is cached up to each block that is marked: the tools, the instructions, and the conversation as it
//! stands, since the next call repeats all of it.
//!
//! <https://platform.claude.com/docs/en/api/messages/create>,
//! <https://platform.claude.com/docs/en/build-with-claude/prompt-caching>,
//! <https://platform.claude.com/docs/en/build-with-claude/extended-thinking>,
//! <https://platform.claude.com/docs/en/build-with-claude/structured-outputs>

use super::{
    generation::{Generation, Thinking as Ability},
    messages::{Message, messages, thoughts_may_begin},
};
use crate::{
    model::{Effort, Format, Priority, Request, ToolChoice, ToolSpec},
    provider::LlmError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::borrow::Cow;

/// The smallest number of tokens to think with that the API takes.
const SMALLEST_BUDGET: u32 = 1_024;

/// The tool whose arguments are the answer, for models that cannot be held to a schema in another way.
const ANSWER_TOOL: &str = "answer_in_json";

/// The body of a call. Borrowed from the request: only images and arguments are copied.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<System<'a>>,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Choice<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Thinking>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    stream: bool,
    #[serde(skip)]
    answer_tool: Option<String>,
}

/// The mark of a block up to which the prefix is cached, for the usual five minutes.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename = "ephemeral")]
pub(super) struct CacheControl {}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "text")]
struct System<'a> {
    text: &'a str,
    cache_control: CacheControl,
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    name: Cow<'a, str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: Cow<'a, Value>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    strict: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Debug, Serialize)]
struct Choice<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_parallel_tool_use: Option<bool>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Thinking {
    Enabled { budget_tokens: u32 },
    Adaptive { display: &'static str },
}

#[derive(Debug, Serialize)]
struct OutputConfig<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    effort: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<OutputFormat<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "json_schema")]
struct OutputFormat<'a> {
    schema: &'a Value,
}

/// What [`super::decode`] keeps of a block of thinking, beside its words.
#[derive(Debug, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kept {
    /// What the vendor signed the words with.
    Thinking { signature: String },
    /// Words that the vendor keeps to itself.
    Redacted { data: String },
}

impl Kept {
    pub(super) fn to_text(&self) -> String {
        match self {
            Self::Thinking { signature } => json!({"thinking": {"signature": signature}}),
            Self::Redacted { data } => json!({"redacted": {"data": data}}),
        }
        .to_string()
    }
}

impl<'a> TryFrom<&'a Request> for Body<'a> {
    type Error = LlmError;

    /// A seed and a cache key are left out: this API has neither, and promises nothing about them where others
    /// have them.
    fn try_from(request: &'a Request) -> Result<Self, LlmError> {
        let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
        if is_set(request.presence_penalty) || is_set(request.frequency_penalty) {
            let reason = "this provider's API takes no presence and frequency penalties";
            return Err(LlmError::Rejected(reason.to_owned()));
        }
        let generation = Generation::of(&request.model);
        let (format, answer_schema) = output_format(request, generation);
        let mut tools: Vec<_> = request
            .tools
            .iter()
            .map(|tool| Tool::new(tool, generation.keeps_to_schemas()))
            .collect();
        let answer_tool = answer_schema.map(|schema| {
            let mut name = ANSWER_TOOL.to_owned();
            while request.tools.iter().any(|tool| tool.name == name) {
                name.push('_');
            }
            tools.push(Tool {
                name: Cow::Owned(name.clone()),
                description: "Gives the final answer. Call it once, when everything needed for it is known.",
                input_schema: schema,
                strict: false,
                cache_control: None,
            });
            name
        });
        if let Some(last) = tools.last_mut() {
            last.cache_control = Some(CacheControl {});
        }
        let tool_choice = Choice::of(request, answer_tool.as_deref());
        let max_tokens = request
            .max_output_tokens
            .unwrap_or_else(|| generation.output_limit())
            .max(1);
        // The API refuses thoughts before a call that it is told to make.
        let forced = tool_choice.as_ref().is_some_and(Choice::forces);
        let effort = request.reasoning_effort.filter(|_| !forced);
        let cached = request.priority == Priority::Answer;
        let messages = messages(&request.items, cached)?;
        let thinking = effort
            .filter(|_| !request.without_thinking)
            .and_then(|effort| Thinking::of(generation.thinking(), effort, max_tokens))
            .filter(|thinking| {
                matches!(thinking, Thinking::Adaptive { .. }) || thoughts_may_begin(&messages)
            });
        let effort = match (&thinking, request.reasoning_effort) {
            (Some(Thinking::Adaptive { .. }), Some(effort)) => Some(effort_name(generation, effort)),
            // Not every model of this kind takes it to be told not to think, but all of them this.
            (None, Some(Effort::None)) if generation.thinks_by_itself() && !forced => Some("low"),
            (None, Some(effort))
                if request.without_thinking
                    && effort != Effort::None
                    && generation.thinking() == Ability::Adaptive =>
            {
                Some(effort_name(generation, effort))
            }
            _ => None,
        };
        // Thinking models choose as they do, and newer ones take one of the two at most.
        let sampled = thinking.is_none() && generation.takes_sampling();
        let temperature = request.temperature.filter(|_| sampled);
        Ok(Self {
            model: &request.model,
            max_tokens,
            system: system(&request.system),
            messages,
            tools,
            tool_choice,
            thinking,
            output_config: (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format }),
            // Others count up to two.
            temperature: temperature.map(|temperature| temperature.min(1.0)),
            top_p: request.top_p.filter(|_| sampled && temperature.is_none()),
            stop_sequences: &request.stop,
            stream: true,
            answer_tool,
        })
    }
}

impl Body<'_> {
    /// The tool whose arguments are to be shown as the answer.
    pub(super) fn answer_tool(&self) -> Option<&str> {
        self.answer_tool.as_deref()
    }
}

/// The instructions; the API refuses a block without words.
fn system(text: &str) -> Vec<System<'_>> {
    if text.trim().is_empty() {
        return Vec::new();
    }
    vec![System {
        text,
        cache_control: CacheControl {},
    }]
}

/// How the answer is held to its form: by the API where it can, else by the schema of a tool that gives it.
fn output_format(
    request: &Request,
    generation: Generation,
) -> (Option<OutputFormat<'_>>, Option<Cow<'_, Value>>) {
    // An answer cannot be demanded where a call of another tool is.
    let calls = !request.tools.is_empty()
        && matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
    match &request.format {
        Format::JsonSchema {
            schema, strict: true, ..
        } if generation.keeps_to_schemas() => (Some(OutputFormat { schema }), None),
        Format::JsonSchema { schema, .. } if !calls => (None, Some(Cow::Borrowed(schema))),
        Format::JsonObject if !calls => (None, Some(Cow::Owned(json!({"type": "object"})))),
        _ => (None, None),
    }
}

impl<'a> Tool<'a> {
    fn new(tool: &'a ToolSpec, can_be_strict: bool) -> Self {
        Self {
            name: Cow::Borrowed(&tool.name),
            description: &tool.description,
            input_schema: Cow::Borrowed(&tool.parameters),
            strict: tool.strict && can_be_strict,
            cache_control: None,
        }
    }
}

impl<'a> Choice<'a> {
    /// `None` where it is as the API does it anyway.
    fn of(request: &'a Request, answer_tool: Option<&str>) -> Option<Self> {
        let choice = |kind, name| Self {
            kind,
            name,
            disable_parallel_tool_use: None,
        };
        if let Some(answer) = answer_tool {
            // Either a tool is called or the answer is given, and the answer only once.
            let others = !request.tools.is_empty() && request.tool_choice != ToolChoice::None;
            let forced = if others {
                choice("any", None)
            } else {
                choice("tool", Some(Cow::Owned(answer.to_owned())))
            };
            return Some(Self {
                disable_parallel_tool_use: Some(true),
                ..forced
            });
        }
        if request.tools.is_empty() {
            return None;
        }
        let disable = request.parallel_tool_calls.map(|parallel| !parallel);
        let chosen = match &request.tool_choice {
            ToolChoice::None => return Some(choice("none", None)),
            ToolChoice::Auto if disable.is_none() => return None,
            ToolChoice::Auto => choice("auto", None),
            ToolChoice::Required => choice("any", None),
            ToolChoice::Tool(name) => choice("tool", Some(Cow::Borrowed(name.as_str()))),
        };
        Some(Self {
            disable_parallel_tool_use: disable,
            ..chosen
        })
    }

    fn forces(&self) -> bool {
        matches!(self.kind, "any" | "tool")
    }
}

impl Thinking {
    fn of(ability: Ability, effort: Effort, max_tokens: u32) -> Option<Self> {
        match ability {
            Ability::None => None,
            _ if effort == Effort::None => None,
            // Newer models keep their thoughts to themselves unless asked.
            Ability::Adaptive => Some(Self::Adaptive {
                display: "summarized",
            }),
            Ability::Budget => {
                let budget = match effort {
                    Effort::None | Effort::Minimal => SMALLEST_BUDGET,
                    Effort::Low => 2_048,
                    Effort::Medium => 8_192,
                    Effort::High => 16_384,
                    Effort::XHigh => 24_576,
                    Effort::Max => 32_768,
                };
                // Thoughts are a part of the output, and something must be left for the answer.
                let budget_tokens = budget.min(max_tokens / 2);
                (budget_tokens >= SMALLEST_BUDGET).then_some(Self::Enabled { budget_tokens })
            }
        }
    }
}

/// <https://platform.claude.com/docs/en/build-with-claude/effort>
fn effort_name(generation: Generation, effort: Effort) -> &'static str {
    match effort {
        Effort::None | Effort::Minimal | Effort::Low => "low",
        Effort::Medium => "medium",
        Effort::XHigh if generation.knows_xhigh() => "xhigh",
        Effort::High | Effort::XHigh => "high",
        Effort::Max => "max",
    }
}

#[cfg(test)]
mod tests;
