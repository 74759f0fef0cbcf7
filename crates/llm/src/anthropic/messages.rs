//! The conversation as the API wants it: messages of the user and of the assistant in turn, each a row of blocks.

use super::wire::{CacheControl, Kept};
use crate::{
    model::{Dialect, Item, Part, ReasoningState, ToolCall},
    provider::LlmError,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::Serialize;
use serde_json::{Value, json};
use std::borrow::Cow;

/// One message.
#[derive(Debug, Serialize)]
pub(super) struct Message<'a> {
    role: Role,
    content: Vec<Marked<'a>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Role {
    User,
    Assistant,
}

/// A block, which may end a prefix that is cached.
#[derive(Debug, Serialize)]
struct Marked<'a> {
    #[serde(flatten)]
    block: Block<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_control: Option<CacheControl>,
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Block<'a> {
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
        id: Cow<'a, str>,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: Cow<'a, str>,
        content: &'a str,
    },
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Source<'a> {
    Base64 { media_type: &'a str, data: Cow<'a, str> },
    Url { url: &'a str },
}

/// The messages; where `cached`, the last block ends a cached prefix.
pub(super) fn messages(items: &[Item], cached: bool) -> Result<Vec<Message<'_>>, LlmError> {
    let mut messages: Vec<Message<'_>> = Vec::new();
    for item in items {
        let (role, blocks) = match item {
            Item::User(parts) => (Role::User, parts.iter().filter_map(part).collect()),
            Item::Assistant(text) => (Role::Assistant, words(text).into_iter().collect()),
            Item::Reasoning(state) => (Role::Assistant, reasoning(state).into_iter().collect()),
            Item::ToolCall(call) => (Role::Assistant, vec![tool_use(call)]),
            Item::ToolResult { call_id, output } => {
                let result = Block::ToolResult {
                    tool_use_id: fit_id(call_id),
                    content: output,
                };
                (Role::User, vec![result])
            }
        };
        let blocks = blocks.into_iter().map(|block| Marked {
            block,
            cache_control: None,
        });
        match messages.last_mut() {
            Some(last) if last.role == role => last.content.extend(blocks),
            _ => messages.push(Message {
                role,
                content: blocks.collect(),
            }),
        }
    }
    // The API takes no message without content; its neighbours are of one role, and it joins those itself.
    messages.retain(|message| !message.content.is_empty());
    if messages.is_empty() {
        return Err(LlmError::Rejected("the conversation is empty".to_owned()));
    }
    for message in &mut messages {
        // The API wants thoughts, and results of tools, before all else in a message.
        message.content.sort_by_key(|marked| {
            !matches!(
                marked.block,
                Block::Thinking { .. } | Block::RedactedThinking { .. } | Block::ToolResult { .. }
            )
        });
    }
    let last = messages.last_mut().and_then(|message| message.content.last_mut());
    if let Some(last) = last.filter(|last| cached && last.block.can_be_marked()) {
        last.cache_control = Some(CacheControl {});
    }
    Ok(messages)
}

/// Whether a model that thinks by a budget may be told to. Within rounds of tools its answer goes on from the message of the
/// first calls, and the API refuses to think on where that does not begin with thoughts: it is another vendor's, or the
/// client did not keep them.
///
/// <https://platform.claude.com/docs/en/build-with-claude/extended-thinking#toggling-thinking-modes-in-conversations>
pub(super) fn thoughts_may_begin(messages: &[Message<'_>]) -> bool {
    let mut begun = None;
    let mut turns = messages.rchunks_exact(2);
    while let Some([calls, results]) = turns.next() {
        if calls.role != Role::Assistant || !results.holds_results() {
            break;
        }
        begun = Some(calls);
    }
    begun.is_none_or(|message| {
        message
            .content
            .first()
            .is_some_and(|first| !first.block.can_be_marked())
    })
}

impl Message<'_> {
    fn holds_results(&self) -> bool {
        let is_result = |marked: &Marked<'_>| matches!(marked.block, Block::ToolResult { .. });
        self.content.iter().any(is_result)
    }
}

impl Block<'_> {
    /// Thoughts cannot.
    fn can_be_marked(&self) -> bool {
        !matches!(self, Self::Thinking { .. } | Self::RedactedThinking { .. })
    }
}

/// The API refuses a text without words.
fn words(text: &str) -> Option<Block<'_>> {
    (!text.trim().is_empty()).then_some(Block::Text { text })
}

fn part(part: &Part) -> Option<Block<'_>> {
    let source = match part {
        Part::Text(text) => return words(text),
        Part::Image { media_type, bytes } => Source::Base64 {
            media_type,
            data: Cow::Owned(STANDARD.encode(bytes)),
        },
        // How closely it is looked at cannot be chosen here.
        Part::ImageUrl { url, detail: _ } => inline(url).unwrap_or(Source::Url { url }),
    };
    Some(Block::Image { source })
}

/// A file that the URL itself carries, which the API wants in another form.
fn inline(url: &str) -> Option<Source<'_>> {
    let (media_type, data) = url.strip_prefix("data:")?.split_once(";base64,")?;
    Some(Source::Base64 {
        media_type,
        data: Cow::Borrowed(data),
    })
}

/// Another vendor's thoughts are left out: nobody but their maker can read them.
fn reasoning(state: &ReasoningState) -> Option<Block<'_>> {
    if state.dialect != Dialect::Anthropic {
        return None;
    }
    Some(match serde_json::from_str(&state.opaque).ok()? {
        Kept::Thinking { signature } => Block::Thinking {
            thinking: &state.text,
            signature,
        },
        Kept::Redacted { data } => Block::RedactedThinking { data },
    })
}

/// A call as it was made. The API takes objects alone; whatever else a model wrote is shown to it inside one.
fn tool_use(call: &ToolCall) -> Block<'_> {
    let input = match serde_json::from_str(&call.arguments) {
        Ok(input @ Value::Object(_)) => input,
        _ if call.arguments.trim().is_empty() => json!({}),
        _ => json!({"unreadable": call.arguments}),
    };
    Block::ToolUse {
        id: fit_id(&call.id),
        name: &call.name,
        input,
    }
}

/// An id as the API takes it, for calls that another vendor's model made.
fn fit_id(id: &str) -> Cow<'_, str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !id.is_empty() && id.chars().all(fits) {
        return Cow::Borrowed(id);
    }
    let fitted: String = id.chars().map(|c| if fits(c) { c } else { '_' }).collect();
    Cow::Owned(if fitted.is_empty() {
        "call".to_owned()
    } else {
        fitted
    })
}
