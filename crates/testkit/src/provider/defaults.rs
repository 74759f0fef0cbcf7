//! What is answered when nothing is scripted: something plausible that a test can predict.

use super::{Dialect, RecordedRequest, Reply};
use serde_json::{Map, Value, json};

/// Words of a made-up title.
const TITLE_WORDS: usize = 6;

/// Words of a made-up summary.
const SUMMARY_WORDS: usize = 12;

/// Schemas are the test's own, but may refer to themselves.
const MAX_DEPTH: usize = 8;

/// The reply to a request that nothing is scripted for.
pub(super) fn reply(request: &RecordedRequest) -> Reply {
    if request.method != "POST" || !(request.is_model_call() || request.is_embeddings()) {
        return Reply::error(404, "invalid_request_error", "", "Unknown request URL");
    }
    if request.json().is_null() {
        return Reply::bad_request("We could not parse the JSON body of your request.");
    }
    if request.is_embeddings() && request.embedding_texts().iter().any(String::is_empty) {
        return Reply::bad_request("'$.input' is invalid.");
    }
    echo(request)
}

/// The list of these models, as the vendor that is asked gives it, on one page.
pub(super) fn offered(models: &[String], request: &RecordedRequest) -> Reply {
    let list = |entry: fn(&String) -> Value| models.iter().map(entry).collect::<Vec<_>>();
    let body = match request.vendor() {
        Dialect::Responses | Dialect::Chat => json!({
            "object": "list",
            "data": list(|id| json!({"id": id, "object": "model", "created": 0, "owned_by": "test"}))
        }),
        Dialect::Anthropic => json!({
            "data": list(|id| json!({"type": "model", "id": id, "display_name": id, "created_at": "2025-02-19T00:00:00Z"})),
            "has_more": false, "first_id": models.first(), "last_id": models.last()
        }),
        Dialect::Gemini => json!({
            "models": list(|id| json!({"name": format!("models/{id}"), "displayName": id,
                "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536,
                "supportedGenerationMethods": ["generateContent", "countTokens"]}))
        }),
    };
    Reply::status(200, &body)
}

/// See [`Reply::echo`].
pub(super) fn echo(request: &RecordedRequest) -> Reply {
    let text = request.last_user_text();
    if let Some(schema) = request.schema() {
        return Reply::json(&instance(schema, &first_words(&text, TITLE_WORDS), 0));
    }
    let asks_for_summary = request.instructions().to_lowercase().contains("summar");
    if asks_for_summary && request.tool_names().is_empty() {
        return Reply::text(format!("Summary: {}", first_words(&text, SUMMARY_WORDS)));
    }
    Reply::text(format!("Echo: {text}"))
}

fn first_words(text: &str, count: usize) -> String {
    let words: Vec<&str> = text.split_whitespace().take(count).collect();
    if words.is_empty() {
        "Untitled".to_owned()
    } else {
        words.join(" ")
    }
}

/// The smallest value that fits a schema; texts are `words`.
fn instance(schema: &Value, words: &str, depth: usize) -> Value {
    if depth > MAX_DEPTH {
        return Value::Null;
    }
    if let Some(first) = schema["enum"].as_array().and_then(|values| values.first()) {
        return first.clone();
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    if let Some(first) = schema["anyOf"].as_array().and_then(|schemas| schemas.first()) {
        return instance(first, words, depth + 1);
    }
    let kind = schema["type"].as_str().or_else(|| schema["type"][0].as_str());
    match kind {
        Some("string") => words.into(),
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| 0.into()),
        Some("boolean") => false.into(),
        Some("array") => {
            let count = schema["minItems"].as_u64().unwrap_or(0).min(16);
            (0..count)
                .map(|_| instance(&schema["items"], words, depth + 1))
                .collect()
        }
        Some("object") => {
            let properties = schema["properties"].as_object();
            let members = properties.into_iter().flatten();
            Value::Object(
                members
                    .map(|(name, schema)| (name.clone(), instance(schema, words, depth + 1)))
                    .collect::<Map<_, _>>(),
            )
        }
        _ => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_fits_its_schema() {
        let schema = json!({"type": "object", "properties": {
            "title": {"type": "string"},
            "context": {"type": "string", "enum": ["none", "full"]},
            "count": {"type": "integer", "minimum": 3},
            "sure": {"type": "boolean"},
            "tags": {"type": "array", "items": {"type": "string"}, "minItems": 2},
            "maybe": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "nullable": {"type": ["string", "null"]}
        }});
        assert_eq!(
            instance(&schema, "w", 0),
            json!({"title": "w", "context": "none", "count": 3, "sure": false, "tags": ["w", "w"],
                   "maybe": "w", "nullable": "w"})
        );
    }
}
