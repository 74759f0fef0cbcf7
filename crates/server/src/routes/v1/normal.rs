//! What the faces of `/v1` share on their way to the normal form: images, tools, bounds of numbers.

use super::image_address::outside;
use crate::error::ApiError;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chatai_engine::llm::{Dialect, Effort, Item, Part, ReasoningState, Request, ToolChoice, ToolSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{borrow::Cow, ops::RangeInclusive, sync::Arc};

/// The most tools of one call.
const MAX_TOOLS: usize = 128;
/// The most texts at which an answer ends.
const MAX_STOPS: usize = 16;
/// The media types of images that models see.
const IMAGES: [&str; 4] = ["image/png", "image/jpeg", "image/gif", "image/webp"];

/// An image by its address: a public one, fetched by the vendor, or a `data:` address that holds it.
pub(crate) fn image(param: String, url: &str, detail: Option<&str>) -> Result<Part, ApiError> {
    if let Some(data) = url.strip_prefix("data:") {
        let Some((media_type, encoded)) = data.split_once(";base64,") else {
            return Err(ApiError::invalid_value(
                param,
                "an image's `data:` address has the form `data:image/png;base64,…`",
            ));
        };
        return image_bytes(param, media_type, encoded);
    }
    let Some(url) = outside(url) else {
        return Err(ApiError::invalid_value(
            param,
            "an image's address begins with `https://` and a public host, or with `data:`",
        ));
    };
    Ok(Part::ImageUrl {
        url,
        detail: detail.map(str::to_owned),
    })
}

/// An image by its content, encoded as base64.
pub(crate) fn image_bytes(param: String, media_type: &str, encoded: &str) -> Result<Part, ApiError> {
    let media_type = match media_type {
        "image/jpg" => "image/jpeg",
        other => other,
    };
    if !IMAGES.contains(&media_type) {
        let types = IMAGES.join(", ");
        return Err(ApiError::invalid_value(
            param,
            format!("an image is one of {types}"),
        ));
    }
    match BASE64_STANDARD.decode(encoded) {
        Ok(bytes) => Ok(Part::Image {
            media_type: media_type.to_owned(),
            bytes: bytes.into(),
        }),
        Err(error) => Err(ApiError::invalid_value(
            param,
            format!("the image's base64 cannot be read: {error}"),
        )),
    }
}

/// A tool, its name and schema checked.
pub(crate) fn tool(
    param: String,
    name: &str,
    description: Option<Cow<'_, str>>,
    parameters: Option<Value>,
    strict: bool,
) -> Result<ToolSpec, ApiError> {
    let is_name = (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    if !is_name {
        return Err(ApiError::invalid_value(
            param,
            "a tool's name is 1 to 64 letters, digits, `_` and `-`",
        ));
    }
    let parameters = match parameters {
        None | Some(Value::Null) => json!({"type": "object", "properties": {}}),
        Some(schema @ Value::Object(_)) => schema,
        Some(_) => {
            return Err(ApiError::invalid_value(
                param,
                "the schema of a tool's arguments is an object",
            ));
        }
    };
    Ok(ToolSpec {
        name: name.to_owned(),
        description: description.map(Cow::into_owned).unwrap_or_default(),
        parameters,
        strict,
    })
}

/// Checks how many tools there are, and that no two have one name.
pub(crate) fn tools(tools: &[Arc<ToolSpec>]) -> Result<(), ApiError> {
    if tools.len() > MAX_TOOLS {
        return Err(ApiError::invalid_value(
            "tools",
            format!("there are at most {MAX_TOOLS} tools"),
        ));
    }
    let mut names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(ApiError::invalid_value(
            "tools",
            format!("two tools are called `{}`", pair[0]),
        )),
        None => Ok(()),
    }
}

/// Whether tools are called, by the word for it.
pub(crate) fn tool_choice(word: &str) -> Result<ToolChoice, ApiError> {
    match word {
        "auto" => Ok(ToolChoice::Auto),
        "none" => Ok(ToolChoice::None),
        "required" => Ok(ToolChoice::Required),
        _ => Err(ApiError::invalid_value(
            "tool_choice",
            "`tool_choice` is `auto`, `none`, `required` or names a tool",
        )),
    }
}

/// A tool that must be called has to be one of those that are there.
pub(crate) fn chosen(name: &str, tools: &[Arc<ToolSpec>]) -> Result<(), ApiError> {
    match tools.iter().any(|tool| tool.name == name) {
        true => Ok(()),
        false => Err(ApiError::invalid_value(
            "tool_choice",
            format!("there is no tool `{name}`"),
        )),
    }
}

/// Adds to what comes before the conversation.
pub(crate) fn add_system(request: &mut Request, more: &str) {
    if !request.system.is_empty() {
        request.system.push_str("\n\n");
    }
    request.system.push_str(more);
}

/// Leaves out reasoning that led to no call of a tool: only those who call need it back.
pub(crate) fn drop_idle_reasoning(items: &mut Vec<Item>) {
    let mut leads_to_call = false;
    let kept: Vec<bool> = items
        .iter()
        .rev()
        .map(|item| match item {
            Item::ToolCall(_) => {
                leads_to_call = true;
                true
            }
            Item::Reasoning(_) => leads_to_call,
            Item::Assistant(_) => true,
            Item::User(_) | Item::ToolResult { .. } => {
                leads_to_call = false;
                true
            }
        })
        .collect();
    let mut kept = kept.into_iter().rev();
    items.retain(|_| kept.next().unwrap_or(true));
}

/// Checks that every call of a tool has its result, and every result its call: vendors refuse anything else.
pub(crate) fn paired(param: &'static str, items: &[Item]) -> Result<(), ApiError> {
    let mut open = Vec::new();
    for item in items {
        match item {
            Item::ToolCall(call) => open.push(call.id.as_str()),
            Item::ToolResult { call_id, .. } => match open.iter().position(|id| id == call_id) {
                Some(place) => {
                    open.swap_remove(place);
                }
                None => {
                    let detail = format!("there is no call of a tool before its result: `{call_id}`");
                    return Err(ApiError::invalid_value(param, detail));
                }
            },
            Item::User(_) | Item::Assistant(_) | Item::Reasoning(_) => {}
        }
    }
    match open.first() {
        None => Ok(()),
        Some(id) => Err(ApiError::invalid_value(
            param,
            format!("a call of a tool has no result: `{id}`"),
        )),
    }
}

/// A number within its bounds.
pub(crate) fn within(
    param: &'static str,
    value: Option<f64>,
    bounds: RangeInclusive<f64>,
) -> Result<Option<f64>, ApiError> {
    match value {
        Some(number) if !bounds.contains(&number) => {
            let (from, to) = bounds.into_inner();
            Err(ApiError::invalid_value(
                param,
                format!("`{param}` lies between {from} and {to}"),
            ))
        }
        value => Ok(value),
    }
}

/// A bound of the answer's length.
pub(crate) fn output_tokens(param: &'static str, value: Option<u32>) -> Result<Option<u32>, ApiError> {
    match value {
        Some(0) => Err(ApiError::invalid_value(param, format!("`{param}` is at least 1"))),
        value => Ok(value),
    }
}

/// Texts at which the answer ends.
pub(crate) fn stops(param: &'static str, texts: Vec<Cow<'_, str>>) -> Result<Vec<String>, ApiError> {
    if texts.len() > MAX_STOPS {
        return Err(ApiError::invalid_value(
            param,
            format!("there are at most {MAX_STOPS}"),
        ));
    }
    if texts.iter().any(|text| text.is_empty()) {
        return Err(ApiError::invalid_value(
            param,
            "an answer cannot end at an empty text",
        ));
    }
    Ok(texts.into_iter().map(Cow::into_owned).collect())
}

/// How long to think, by the word for it.
pub(crate) fn effort(param: &'static str, word: Option<&str>) -> Result<Option<Effort>, ApiError> {
    let Some(word) = word else { return Ok(None) };
    Effort::from_word(word).map(Some).ok_or_else(|| {
        let words = Effort::ALL.map(|effort| format!("`{}`", effort.as_str()));
        ApiError::invalid_value(param, format!("how long to think is one of {}", words.join(", ")))
    })
}

/// How a model reasoned, as one opaque text that the client hands back.
#[derive(Serialize, Deserialize)]
struct Sealed<'a> {
    #[serde(rename = "d")]
    dialect: Cow<'a, str>,
    #[serde(rename = "t")]
    text: Cow<'a, str>,
    #[serde(rename = "o")]
    opaque: Cow<'a, str>,
}

const DIALECTS: [(Dialect, &str); 4] = [
    (Dialect::OpenAiResponses, "responses"),
    (Dialect::OpenAiChat, "chat"),
    (Dialect::Anthropic, "anthropic"),
    (Dialect::Gemini, "gemini"),
];

/// The opaque text of a model's reasoning.
pub(crate) fn seal(state: &ReasoningState) -> String {
    let dialect = DIALECTS.iter().find(|(dialect, _)| *dialect == state.dialect);
    let sealed = Sealed {
        dialect: dialect.map_or("", |(_, name)| name).into(),
        text: (&state.text).into(),
        opaque: (&state.opaque).into(),
    };
    BASE64_STANDARD.encode(serde_json::to_vec(&sealed).expect("texts always serialise"))
}

/// What was sealed; `None` for anything that was not sealed here, which says nothing to any model of ours.
pub(crate) fn unseal(text: &str) -> Option<ReasoningState> {
    let bytes = BASE64_STANDARD.decode(text).ok()?;
    let sealed: Sealed<'_> = serde_json::from_slice(&bytes).ok()?;
    let (dialect, _) = DIALECTS.iter().find(|(_, name)| *name == sealed.dialect)?;
    Some(ReasoningState {
        dialect: *dialect,
        text: sealed.text.into_owned(),
        opaque: sealed.opaque.into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images() {
        let ok = |url: &str| image("p".to_owned(), url, None);
        assert!(
            matches!(ok("data:image/png;base64,AAAA"), Ok(Part::Image { bytes, .. }) if bytes.len() == 3)
        );
        assert!(
            matches!(ok("data:image/jpg;base64,AAAA"), Ok(Part::Image { media_type, .. }) if media_type == "image/jpeg")
        );
        assert!(matches!(
            ok("https://example.com/a.png"),
            Ok(Part::ImageUrl { .. })
        ));
        for url in [
            "",
            "file:///etc/passwd",
            "http://169.254.169.254/latest",
            "data:text/html;base64,AAAA",
            "data:image/png,x",
            "data:image/png;base64,?",
        ] {
            assert!(ok(url).is_err(), "{url}");
        }
    }

    #[test]
    fn reasoning_is_handed_back_as_it_was() {
        for (dialect, _) in DIALECTS {
            let state = ReasoningState {
                dialect,
                text: "why".to_owned(),
                opaque: "é\n".to_owned(),
            };
            assert_eq!(unseal(&seal(&state)), Some(state));
        }
        for foreign in ["", "x", "AAAA", "gAAAAABo"] {
            assert_eq!(unseal(foreign), None);
        }
    }

    #[test]
    fn tools_are_checked() {
        let named = |name: &str| tool("tools[0]".to_owned(), name, None, None, false);
        assert!(named("get_weather-2").is_ok());
        for name in ["", "a b", &"a".repeat(65), "é"] {
            assert!(named(name).is_err(), "{name}");
        }
        let twice = ["a", "a"].map(|name| Arc::new(named(name).unwrap()));
        assert!(tools(&twice).is_err());
        assert!(tools(&twice[..1]).is_ok());
        assert!(chosen("a", &twice).is_ok() && chosen("b", &twice).is_err());
    }
}
