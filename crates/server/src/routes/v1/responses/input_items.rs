//! `GET /v1/responses/{response_id}/input_items`

use super::kept::{name_in, stored};
use crate::{
    auth::Program,
    error::ApiError,
    input::{
        fields::{Fields, Raw, Source},
        params::PathParams,
        urlencoded::Urlencoded,
    },
    routes::v1::input::parse_member,
    state::App,
    wire::json,
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;

/// How many items there are without a `limit`.
const DEFAULT_LIMIT: i64 = 20;

/// A page of a response's input.
#[derive(Serialize, ToSchema)]
#[schema(as = InputItems)]
pub(crate) struct InputItemsBody<'a> {
    /// `list`.
    object: &'static str,
    /// The items.
    data: &'a [Value],
    /// The first one's id.
    first_id: Option<&'a str>,
    /// The last one's id: what `after` takes for the next page.
    last_id: Option<&'a str>,
    /// Whether there are further ones.
    has_more: bool,
}

/// What a stored response was given to answer.
#[utoipa::path(get, path = "/v1/responses/{response_id}/input_items", tag = "openai",
    params(("response_id" = String, Path, description = "The response"),
           ("limit" = Option<i64>, Query, description = "The most items; 20 without it", minimum = 1, maximum = 100),
           ("order" = Option<String>, Query, description = "`asc` or `desc`, the last first, as without it"),
           ("after" = Option<String>, Query, description = "The item before the page's first")),
    responses((status = 200, description = "A page of its items", body = InputItemsBody)))]
pub(crate) async fn input_items(
    State(state): State<App>,
    Program(caller): Program,
    path: PathParams,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let limit = Fields::new(&query, &mut faults).optional_integer("limit", 1..=100);
    let Some(limit) = limit else {
        return Err(ApiError::validation(faults));
    };
    let limit = usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).expect("limits are small and positive");
    let text_of = |name| match query.field(name) {
        Raw::Text(text) => Some(text.into_owned()),
        _ => None,
    };
    let (view, _) = stored(&state, &caller, &name_in(&path)).await?;
    let mut items = items(&view.about.public_id, &view.about.input)?;
    match text_of("order").as_deref() {
        None | Some("desc") => items.reverse(),
        Some("asc") => {}
        Some(_) => return Err(ApiError::invalid_value("order", "`order` is `asc` or `desc`")),
    }
    if let Some(after) = text_of("after") {
        let Some(place) = items.iter().position(|item| item["id"] == *after) else {
            return Err(ApiError::invalid_value("after", "there is no such item"));
        };
        items.drain(..=place);
    }
    let has_more = items.len() > limit;
    items.truncate(limit);
    let id = |item: Option<&Value>| item.and_then(|item| item["id"].as_str()).map(str::to_owned);
    let (first_id, last_id) = (id(items.first()), id(items.last()));
    Ok(json(&InputItemsBody {
        object: "list",
        data: &items,
        first_id: first_id.as_deref(),
        last_id: last_id.as_deref(),
        has_more,
    }))
}

/// The items of an input, each with a type and an id.
fn items(public_id: &str, input: &str) -> Result<Vec<Value>, ApiError> {
    let message = |text: &Value| json!({"type": "message", "role": "user", "content": text});
    let mut items = match parse_member::<Value>("input", input)? {
        Value::Array(items) => items,
        text => vec![message(&text)],
    };
    for (index, item) in items.iter_mut().enumerate() {
        let Some(members) = item.as_object_mut() else {
            continue;
        };
        let kind = members.entry("type").or_insert("message".into()).clone();
        let prefix = match kind.as_str() {
            Some("message") => "msg",
            Some("function_call") => "fc",
            Some("function_call_output") => "fco",
            _ => "rs",
        };
        let id = format!("{prefix}_{public_id}_in{index}");
        members.entry("id").or_insert(id.into());
        let is_message = kind == "message";
        let role = members.get("role").cloned().unwrap_or_default();
        if let Some(content) = members
            .get_mut("content")
            .filter(|content| is_message && content.is_string())
        {
            let part = if role == "assistant" {
                "output_text"
            } else {
                "input_text"
            };
            *content = json!([{"type": part, "text": content.take()}]);
        }
        if kind != "reasoning" {
            members.entry("status").or_insert("completed".into());
        }
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_have_types_and_ids_of_their_own() {
        let of = |input: &str| serde_json::to_string(&items("x", input).unwrap()).unwrap();
        assert_eq!(
            of(r#""hi""#),
            r#"[{"type":"message","role":"user","content":[{"type":"input_text","text":"hi"}],"id":"msg_x_in0","status":"completed"}]"#
        );
        let list = r#"[{"role":"assistant","content":"a"},{"type":"function_call_output","call_id":"c","output":"o","id":"mine"}]"#;
        assert_eq!(
            of(list),
            r#"[{"role":"assistant","content":[{"type":"output_text","text":"a"}],"type":"message","id":"msg_x_in0","status":"completed"},{"type":"function_call_output","call_id":"c","output":"o","id":"mine","status":"completed"}]"#
        );
    }
}
