//! The methods: what the server is, its tools, and their calls.

use super::message::{Fault, MODERN, Message, Version, WITH_HANDSHAKE};
use crate::state::AppState;
use chatai_engine::Caller;
use serde_json::{Map, Value, json};

const INSTRUCTIONS: &str = "A curated book collection. Search it with `get_book_recommendations` and recommend only what \
that returned; `get_book_summaries` tells what books are about.";

/// How long a client may keep what there is: it changes with the program alone.
const KEEP_MS: u64 = 3_600_000;

/// What a request gives.
pub(super) async fn answer(
    state: &AppState,
    caller: &Caller,
    version: Version,
    message: &Message,
) -> Result<Value, Fault> {
    let params = &message.params;
    match (message.method.as_str(), version) {
        ("initialize", Version::WithHandshake) => Ok(initialized(state, params)),
        ("ping", Version::WithHandshake) => Ok(json!({})),
        ("server/discover", Version::Modern) => {
            let mut result = json!({
                "supportedVersions": [MODERN],
                "capabilities": capabilities(),
                "instructions": INSTRUCTIONS,
                "_meta": {"io.modelcontextprotocol/serverInfo": about(state)},
            });
            keep(&mut result);
            Ok(complete(result, version))
        }
        ("tools/list", _) => {
            if params.get("cursor").is_some_and(|cursor| !cursor.is_null()) {
                return Err(Fault::wrong_params("`cursor` is none of ours: there is one page"));
            }
            let mut result = json!({"tools": tools(state)});
            if version == Version::Modern {
                keep(&mut result);
            }
            Ok(complete(result, version))
        }
        ("tools/call", _) => call(state, caller, params)
            .await
            .map(|result| complete(result, version)),
        (other, _) => Err(Fault::no_method(other)),
    }
}

fn initialized(state: &AppState, params: &Map<String, Value>) -> Value {
    let wanted = params.get("protocolVersion").and_then(Value::as_str);
    let known = WITH_HANDSHAKE.iter().find(|version| Some(**version) == wanted);
    json!({
        "protocolVersion": known.unwrap_or(&WITH_HANDSHAKE[0]),
        "capabilities": capabilities(),
        "serverInfo": about(state),
        "instructions": INSTRUCTIONS,
    })
}

fn capabilities() -> Value {
    json!({"tools": {}})
}

fn about(state: &AppState) -> Value {
    json!({"name": "chatai", "title": "ChatAI's book collection", "version": state.settings.version})
}

fn keep(result: &mut Value) {
    result["ttlMs"] = KEEP_MS.into();
    result["cacheScope"] = "private".into();
}

/// The newest version wants it said that nothing more follows; older clients need not know the member.
fn complete(mut result: Value, version: Version) -> Value {
    if version == Version::Modern {
        result["resultType"] = "complete".into();
    }
    result
}

fn tools(state: &AppState) -> Vec<Value> {
    let tools = state.engine.collection_tools().into_iter();
    tools
        .map(|tool| {
            json!({
                "name": tool.name,
                "title": tool.title,
                "description": tool.description,
                "inputSchema": tool.parameters,
                "annotations": {"readOnlyHint": true, "openWorldHint": false},
            })
        })
        .collect()
}

async fn call(state: &AppState, caller: &Caller, params: &Map<String, Value>) -> Result<Value, Fault> {
    let Some(name) = params.get("name").and_then(Value::as_str) else {
        return Err(Fault::wrong_params("`name` must be a text"));
    };
    let arguments = match params.get("arguments") {
        None | Some(Value::Null) => &Map::new(),
        Some(Value::Object(arguments)) => arguments,
        Some(_) => return Err(Fault::wrong_params("`arguments` must be an object")),
    };
    let Some(output) = state.engine.call_collection_tool(caller, name, arguments).await else {
        let name: String = name.chars().take(64).collect();
        return Err(Fault::wrong_params(format!("There is no tool `{name}`")));
    };
    Ok(json!({
        "content": [{"type": "text", "text": output.to_string()}],
        "isError": output.get("error").is_some(),
        "structuredContent": output,
    }))
}
