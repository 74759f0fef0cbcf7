//! Whether a vendor would take a request: its members, their types and the rules between them, as documented. A real
//! server refuses what it does not know, so an adapter that invents a member must not pass its tests.

mod anthropic;
mod chat;
mod gemini;
mod responses;
mod shape;

use super::{Dialect, RecordedRequest};
use serde_json::Value;

/// Says what is wrong with a model call; the place first.
pub(super) fn check(dialect: Dialect, request: &RecordedRequest) -> Result<(), String> {
    if request.header("content-type") != Some("application/json") {
        return Err("content-type: not `application/json`".to_owned());
    }
    let body = request.json();
    match dialect {
        Dialect::Responses => responses::check(body),
        Dialect::Chat => chat::check(body),
        Dialect::Anthropic => {
            if request.header("anthropic-version").is_none() {
                return Err("anthropic-version: header is required".to_owned());
            }
            anthropic::check(body)
        }
        Dialect::Gemini => {
            // Without it the answer is one list, not a stream of events.
            if request.path.split('?').nth(1) != Some("alt=sse") {
                return Err("alt: only `sse` is spoken".to_owned());
            }
            gemini::check(&request.model(), body)
        }
    }
}

/// A schema that a vendor holds its model to: every object closed, and (to OpenAI) every member required.
fn closed_schema(schema: &Value, all_required: bool, place: &str) -> Result<(), String> {
    if schema["type"] == "object" {
        if schema["additionalProperties"] != false {
            return Err(format!("{place}: `additionalProperties` must be false"));
        }
        let members = schema["properties"].as_object().into_iter().flatten();
        for (name, member) in members {
            let required = schema["required"].as_array().into_iter().flatten();
            if all_required && !required.clone().any(|required| required == name) {
                return Err(format!("{place}: `{name}` must be required"));
            }
            closed_schema(member, all_required, &format!("{place}.{name}"))?;
        }
    }
    match schema.get("items") {
        Some(items) => closed_schema(items, all_required, &format!("{place}[]")),
        None => Ok(()),
    }
}

/// A list out of a body that was checked.
fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Refuses members that say something of tools where none are offered.
fn only_with_tools(body: &Value, members: &[&str]) -> Result<(), String> {
    if !list(&body["tools"]).is_empty() {
        return Ok(());
    }
    match members.iter().find(|member| body.get(**member).is_some()) {
        Some(member) => Err(format!("{member}: only allowed when `tools` are specified")),
        None => Ok(()),
    }
}
