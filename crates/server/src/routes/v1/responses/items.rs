//! Items of a response's input, and of an earlier response's output, as entries of the conversation.

use crate::{
    error::ApiError,
    routes::v1::{
        input::{Text, TextOrList, WordOrObject, parse_member},
        normal::{self, unseal},
    },
};
use chatai_engine::{
    Piece,
    llm::{ChatReasoning, Item, Part, ReasoningState, Request, ToolCall},
};
use serde::Deserialize;
use std::borrow::Cow;

/// A response's input: a user's text, or items.
pub(super) type Input<'a> = TextOrList<'a, InputItem<'a>>;

/// An item of the input, of whatever type.
#[derive(Debug, Deserialize)]
pub(super) struct InputItem<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<Text<'a>>,
    #[serde(borrow)]
    role: Option<Text<'a>>,
    #[serde(borrow)]
    content: Option<TextOrList<'a, InputPart<'a>>>,
    #[serde(borrow)]
    call_id: Option<Text<'a>>,
    #[serde(borrow)]
    name: Option<Text<'a>>,
    #[serde(borrow)]
    arguments: Option<Text<'a>>,
    #[serde(borrow)]
    output: Option<TextOrList<'a, InputPart<'a>>>,
    #[serde(borrow)]
    encrypted_content: Option<Text<'a>>,
    #[serde(borrow)]
    summary: Option<Vec<InputPart<'a>>>,
}

#[derive(Debug, Deserialize)]
struct InputPart<'a> {
    #[serde(borrow, rename = "type")]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    refusal: Option<Text<'a>>,
    #[serde(borrow)]
    image_url: Option<WordOrObject<'a, Image<'a>>>,
    #[serde(borrow)]
    detail: Option<Text<'a>>,
}

#[derive(Debug, Deserialize)]
struct Image<'a> {
    #[serde(borrow)]
    url: Cow<'a, str>,
}

/// Appends a response's input to a conversation.
pub(super) fn add_input(request: &mut Request, json: &str) -> Result<(), ApiError> {
    match parse_member::<Input<'_>>("input", json)? {
        TextOrList::Text(text) => {
            request
                .items
                .push(Item::User(vec![Part::Text(text.into_owned())]));
            Ok(())
        }
        TextOrList::List(items) => {
            let mut items = items.into_iter().enumerate();
            items.try_for_each(|(index, item)| add_item(request, index, item))
        }
    }
}

/// Appends a response's output to a conversation.
pub(super) fn add_output(request: &mut Request, pieces: Vec<Piece>) {
    let mut said = String::new();
    for piece in pieces {
        let item = match piece {
            Piece::Text(more) => {
                said.push_str(&more);
                continue;
            }
            Piece::Reasoning(_) | Piece::StoppedAt(_) | Piece::Vectors(_) => continue,
            Piece::State(state) => Item::Reasoning(state),
            Piece::ToolCall { id, name, arguments } => Item::ToolCall(ToolCall { id, name, arguments }),
        };
        add_said(request, &mut said);
        request.items.push(item);
    }
    add_said(request, &mut said);
}

fn add_said(request: &mut Request, said: &mut String) {
    if !said.is_empty() {
        request.items.push(Item::Assistant(std::mem::take(said)));
    }
}

fn add_item(request: &mut Request, index: usize, item: InputItem<'_>) -> Result<(), ApiError> {
    let at = |member: &str| format!("input[{index}].{member}");
    let kind = item.kind.as_deref().unwrap_or("message");
    let added = match kind {
        "message" => return add_message(request, index, item.role.as_deref(), item.content),
        "function_call" => {
            let (Some(call_id), Some(name)) = (item.call_id, item.name) else {
                return Err(ApiError::invalid_value(
                    at("call_id"),
                    "a call has a `call_id` and a `name`",
                ));
            };
            Item::ToolCall(ToolCall {
                id: call_id.0.into_owned(),
                name: name.0.into_owned(),
                arguments: item.arguments.map(|text| text.0.into_owned()).unwrap_or_default(),
            })
        }
        "function_call_output" => {
            let (Some(call_id), Some(output)) = (item.call_id, item.output) else {
                let detail = "the output of a call has a `call_id` and an `output`";
                return Err(ApiError::invalid_value(at("call_id"), detail));
            };
            Item::ToolResult {
                call_id: call_id.0.into_owned(),
                output: text(Some(output), || at("output"))?.into_owned(),
            }
        }
        "reasoning" => match reasoning(item) {
            Some(state) => Item::Reasoning(state),
            // Sealed elsewhere, or empty, it tells nothing to a model.
            None => return Ok(()),
        },
        _ => return Err(ApiError::unsupported(at("type"))),
    };
    request.items.push(added);
    Ok(())
}

/// What was sealed here; of what was not sealed its words, which some vendors want back.
fn reasoning(item: InputItem<'_>) -> Option<ReasoningState> {
    if let Some(sealed) = item.encrypted_content {
        return unseal(&sealed);
    }
    let content = match item.content {
        Some(TextOrList::List(parts)) => parts,
        _ => Vec::new(),
    };
    let said = |parts: Vec<InputPart<'_>>| {
        let texts = parts.into_iter().filter_map(|part| part.text);
        let texts: Vec<String> = texts.map(|text| text.0.into_owned()).collect();
        Some(texts.join("\n\n")).filter(|text| !text.is_empty())
    };
    ChatReasoning {
        reasoning_content: said(content).or_else(|| said(item.summary.unwrap_or_default())),
        ..ChatReasoning::default()
    }
    .into_state()
}

fn add_message(
    request: &mut Request,
    index: usize,
    role: Option<&str>,
    content: Option<TextOrList<'_, InputPart<'_>>>,
) -> Result<(), ApiError> {
    let at = || format!("input[{index}].content");
    match role {
        Some("user") => request.items.push(Item::User(user_parts(content, at)?)),
        Some("assistant") => {
            let said = text(content, at)?.into_owned();
            if !said.is_empty() {
                request.items.push(Item::Assistant(said));
            }
        }
        Some("system" | "developer") => {
            let more = text(content, at)?;
            normal::add_system(request, &more);
        }
        _ => {
            let detail = "a message's `role` is `user`, `assistant`, `system` or `developer`";
            return Err(ApiError::invalid_value(format!("input[{index}].role"), detail));
        }
    }
    Ok(())
}

/// The text of what can have nothing else.
fn text<'a>(
    content: Option<TextOrList<'a, InputPart<'a>>>,
    at: impl Fn() -> String,
) -> Result<Cow<'a, str>, ApiError> {
    let parts = match content {
        None => return Err(ApiError::invalid_value(at(), "there has to be a text")),
        Some(TextOrList::Text(text)) => return Ok(text),
        Some(TextOrList::List(parts)) => parts,
    };
    let mut all = String::new();
    for (number, part) in parts.into_iter().enumerate() {
        let text = match &*part.kind {
            "input_text" | "output_text" | "text" => part.text,
            "refusal" => part.refusal,
            _ => None,
        };
        let Some(text) = text else {
            return Err(ApiError::unsupported(format!("{}[{number}].type", at())));
        };
        all.push_str(&text);
    }
    Ok(all.into())
}

fn user_parts(
    content: Option<TextOrList<'_, InputPart<'_>>>,
    at: impl Fn() -> String,
) -> Result<Vec<Part>, ApiError> {
    let parts = match content {
        Some(TextOrList::List(parts)) => parts,
        content => return Ok(vec![Part::Text(text(content, at)?.into_owned())]),
    };
    let read = |(number, part): (usize, InputPart<'_>)| {
        let at = format!("{}[{number}]", at());
        match (&*part.kind, part.text, part.image_url) {
            ("input_text" | "text" | "output_text", Some(text), _) => Ok(Part::Text(text.0.into_owned())),
            ("input_image", _, Some(image)) => {
                let url = match image {
                    WordOrObject::Word(url) => url,
                    WordOrObject::Object(image) => image.url,
                };
                normal::image(at + ".image_url", &url, part.detail.as_deref())
            }
            // An image by a file's id is one of those.
            _ => Err(ApiError::unsupported(at + ".type")),
        }
    };
    parts.into_iter().enumerate().map(read).collect()
}
