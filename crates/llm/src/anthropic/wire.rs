//! A request in the form of `POST /messages`.
//!
//! <https://docs.anthropic.com/en/api/messages>, <https://docs.anthropic.com/en/docs/build-with-claude/prompt-caching>,
//! <https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking>

use super::version::Version;
use crate::{
    model::{Dialect, Effort, Format, Item, Part, Priority, ReasoningState, Request, ToolChoice},
    provider::LlmError,
    wire::unsupported,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// The tool by whose arguments a model answers that cannot be held to a schema in another way.
pub(super) const ANSWER_TOOL: &str = "answer";

/// The API refuses to think less than this.
const LEAST_BUDGET: u32 = 1_024;

/// The body of a call.
#[derive(Debug, Serialize)]
pub(super) struct Body<'a> {
    model: &'a str,
    max_tokens: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    system: Vec<Block<'a>>,
    messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_choice: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    thinking: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_config: Option<OutputConfig<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    stop_sequences: &'a [String],
    stream: bool,
    /// Whether the answer comes as the arguments of [`ANSWER_TOOL`].
    #[serde(skip)]
    pub(super) answers_by_tool: bool,
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

#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

#[derive(Debug, Serialize)]
struct Block<'a> {
    #[serde(flatten)]
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Clone, Copy, Debug, Serialize)]
#[serde(tag = "type", rename = "ephemeral")]
struct CacheControl {}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Content<'a> {
    Text {
        text: &'a str,
    },
    Image {
        source: Source<'a>,
    },
    Thinking {
        thinking: &'a str,
        signature: String,
    },
    RedactedThinking {
        data: String,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: String },
    Url { url: &'a str },
}

#[derive(Debug, Serialize)]
struct Tool<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    description: &'a str,
    input_schema: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    strict: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

/// What [`super::decode`] keeps of a block of thinking.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
pub(super) enum Kept {
    Signed { signature: String },
    Redacted { data: String },
}

impl<'a> TryFrom<&'a Request> for Body<'a> {
    type Error = LlmError;

    /// A seed is left out: this API has none, and nobody promises anything about it.
    fn try_from(request: &'a Request) -> Result<Self, LlmError> {
        let is_set = |penalty: Option<f64>| penalty.is_some_and(|penalty| penalty != 0.0);
        if is_set(request.presence_penalty) || is_set(request.frequency_penalty) {
            return Err(unsupported("presence and frequency penalties"));
        }
        let version = Version::of(&request.model);
        let max_tokens = request
            .max_output_tokens
            .unwrap_or_else(|| version.usual_output());
        let mut body = Self {
            model: &request.model,
            max_tokens,
            system: text(&request.system).map(Block::from).into_iter().collect(),
            messages: messages(&request.items),
            tools: tools(request),
            tool_choice: tool_choice(request),
            thinking: None,
            output_config: None,
            temperature: request.temperature,
            top_p: request.top_p,
            stop_sequences: &request.stop,
            stream: true,
            answers_by_tool: false,
        };
        body.set_format(request, version)?;
        body.set_effort(request, version);
        // A call that nobody repeats, such as for a title, would pay for a cache that nobody reads.
        if request.priority == Priority::Answer {
            body.mark_for_cache();
        }
        Ok(body)
    }
}

impl<'a> Body<'a> {
    fn set_format(&mut self, request: &'a Request, version: Version) -> Result<(), LlmError> {
        let schema = match &request.format {
            Format::Text => return Ok(()),
            Format::JsonSchema {
                schema, strict: true, ..
            } if version.keeps_to_schemas() => {
                self.output_config = Some(OutputConfig {
                    effort: None,
                    format: Some(OutputFormat { schema }),
                });
                return Ok(());
            }
            Format::JsonSchema { schema, .. } => schema.clone(),
            Format::JsonObject => json!({"type": "object"}),
        };
        if !self.tools.is_empty() {
            return Err(unsupported("structured output beside tools for this model"));
        }
        self.tools.push(Tool {
            name: ANSWER_TOOL,
            description: "Gives the answer.",
            input_schema: schema,
            strict: None,
            cache_control: None,
        });
        self.tool_choice = Some(json!({"type": "tool", "name": ANSWER_TOOL}));
        self.answers_by_tool = true;
        Ok(())
    }

    /// Models that do not think, and calls that must use a tool, go without: the API allows thinking in neither.
    fn set_effort(&mut self, request: &Request, version: Version) {
        let Some(effort) = request.reasoning_effort else {
            return;
        };
        let must_call = matches!(request.tool_choice, ToolChoice::Required | ToolChoice::Tool(_));
        if version.thinks_as_it_likes() {
            let effort_name = match effort {
                Effort::Minimal | Effort::Low => "low",
                Effort::Medium => "medium",
                Effort::High => "high",
            };
            self.output_config
                .get_or_insert(OutputConfig {
                    effort: None,
                    format: None,
                })
                .effort = Some(effort_name);
            if effort > Effort::Minimal && !must_call && !self.answers_by_tool {
                self.thinking = Some(json!({"type": "adaptive"}));
            }
            return;
        }
        let budget = match effort {
            Effort::Minimal => return,
            Effort::Low => 2_048,
            Effort::Medium => 8_192,
            Effort::High => 16_384,
        };
        // The answer is to have half of what there is.
        let budget = budget.min(self.max_tokens / 2);
        let is_possible = version.thinks_within_a_budget()
            && budget >= LEAST_BUDGET
            && !must_call
            && !self.answers_by_tool
            && may_think_on(&request.items);
        if is_possible {
            self.thinking = Some(json!({"type": "enabled", "budget_tokens": budget}));
        }
    }

    /// Everything up to a mark is cached: the instructions with the tools before them, and the conversation up to
    /// its last block, which the next call repeats.
    fn mark_for_cache(&mut self) {
        match (self.system.last_mut(), self.tools.last_mut()) {
            (Some(block), _) => block.cache_control = Some(CacheControl {}),
            (None, Some(tool)) => tool.cache_control = Some(CacheControl {}),
            (None, None) => {}
        }
        let last = self
            .messages
            .last_mut()
            .and_then(|message| message.content.last_mut());
        if let Some(block) = last.filter(|block| {
            !matches!(
                block.content,
                Content::Thinking { .. } | Content::RedactedThinking { .. }
            )
        }) {
            block.cache_control = Some(CacheControl {});
        }
    }
}

/// Whether the API lets a model think in the middle of a round of tools: only where it did so at its beginning.
fn may_think_on(items: &[Item]) -> bool {
    let begun = items
        .iter()
        .rposition(|item| matches!(item, Item::User(_) | Item::Assistant(_)))
        .map_or(0, |place| place + 1);
    match items.get(begun) {
        None => true,
        Some(first) => matches!(first, Item::Reasoning(state) if state.dialect == Dialect::Anthropic),
    }
}

/// A text; none where it is empty, since the API refuses empty blocks.
fn text(text: &str) -> Option<Content<'_>> {
    (!text.is_empty()).then_some(Content::Text { text })
}

impl<'a> From<Content<'a>> for Block<'a> {
    fn from(content: Content<'a>) -> Self {
        Self {
            content,
            cache_control: None,
        }
    }
}

/// The conversation. The API wants the sides to alternate, so what one side says in a row is one message.
fn messages(items: &[Item]) -> Vec<Message<'_>> {
    let mut messages: Vec<Message<'_>> = Vec::with_capacity(items.len());
    for item in items {
        let role = match item {
            Item::User(_) | Item::ToolResult { .. } => "user",
            Item::Assistant(_) | Item::Reasoning(_) | Item::ToolCall(_) => "assistant",
        };
        let blocks = blocks(item);
        if blocks.is_empty() {
            continue;
        }
        match messages.last_mut() {
            Some(message) if message.role == role => message.content.extend(blocks),
            _ => messages.push(Message {
                role,
                content: blocks,
            }),
        }
    }
    messages
}

fn blocks(item: &Item) -> Vec<Block<'_>> {
    let content = match item {
        Item::User(parts) => return parts.iter().filter_map(part).map(Block::from).collect(),
        Item::Assistant(said) => text(said),
        Item::Reasoning(state) => thought(state),
        Item::ToolCall(call) => Some(Content::ToolUse {
            id: &call.id,
            name: &call.name,
            input: match serde_json::from_str(&call.arguments) {
                Ok(input @ Value::Object(_)) => input,
                // What the model said, in the only form the API takes.
                _ => json!({"arguments": call.arguments}),
            },
        }),
        Item::ToolResult { call_id, output } => Some(Content::ToolResult {
            tool_use_id: call_id,
            content: output,
        }),
    };
    content.map(Block::from).into_iter().collect()
}

fn part(part: &Part) -> Option<Content<'_>> {
    match part {
        Part::Text(said) => text(said),
        Part::Image { media_type, bytes } => Some(Content::Image {
            source: Source::Base64 {
                media_type,
                data: STANDARD.encode(bytes),
            },
        }),
        Part::ImageUrl { url, .. } => Some(Content::Image {
            source: Source::Url { url },
        }),
    }
}

/// Another API's reasoning is left out: nobody but its maker can read it.
fn thought(state: &ReasoningState) -> Option<Content<'_>> {
    if state.dialect != Dialect::Anthropic {
        return None;
    }
    Some(match serde_json::from_str(&state.opaque).ok()? {
        Kept::Signed { signature } => Content::Thinking {
            thinking: &state.text,
            signature,
        },
        Kept::Redacted { data } => Content::RedactedThinking { data },
    })
}

/// The tools offered; where none are, those that were called before: the API wants every tool of the conversation
/// declared.
fn tools(request: &Request) -> Vec<Tool<'_>> {
    let mut tools: Vec<Tool<'_>> = request
        .tools
        .iter()
        .map(|tool| Tool {
            name: &tool.name,
            description: &tool.description,
            input_schema: tool.parameters.clone(),
            strict: tool.strict.then_some(true),
            cache_control: None,
        })
        .collect();
    if tools.is_empty() {
        for item in &request.items {
            if let Item::ToolCall(call) = item
                && !tools.iter().any(|tool| tool.name == call.name)
            {
                tools.push(Tool {
                    name: &call.name,
                    description: "",
                    input_schema: json!({"type": "object"}),
                    strict: None,
                    cache_control: None,
                });
            }
        }
    }
    tools
}

fn tool_choice(request: &Request) -> Option<Value> {
    if request.tools.is_empty() {
        let has_calls = request.items.iter().any(|item| matches!(item, Item::ToolCall(_)));
        return has_calls.then(|| json!({"type": "none"}));
    }
    let one_at_a_time = request.parallel_tool_calls == Some(false);
    let mut choice = match &request.tool_choice {
        ToolChoice::None => return Some(json!({"type": "none"})),
        ToolChoice::Auto if !one_at_a_time => return None,
        ToolChoice::Auto => json!({"type": "auto"}),
        ToolChoice::Required => json!({"type": "any"}),
        ToolChoice::Tool(name) => json!({"type": "tool", "name": name}),
    };
    if one_at_a_time {
        choice["disable_parallel_tool_use"] = true.into();
    }
    Some(choice)
}

#[cfg(test)]
mod tests;
