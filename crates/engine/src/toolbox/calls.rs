//! Calls of tools from outside. Whatever goes wrong is told to the model, which goes on: no turn fails by it.

use super::OfferedTool;
use crate::{
    chat::{cut_to_tokens, estimate_tokens, tool_arguments},
    inner::Inner,
};
use chatai_llm::ToolCall;
use chatai_store::{
    StoreError, Tx,
    ops::{accounts, tool_grants},
};
use chatai_types::UserId;
use serde_json::json;

/// Less room than this is none: a result of a few words only misleads.
const LEAST_TOKENS: i64 = 64;
/// What of the room is kept for the JSON around a result.
const FRAME_TOKENS: i64 = 40;

/// Runs a call and gives JSON text, estimated at no more than `room` tokens: `result` holds the tool's words, as a text
/// that ends where JSON says and that nothing in it can end, or `error` says why there is none.
pub(crate) async fn call(
    inner: &Inner,
    owner: UserId,
    offered: &OfferedTool,
    call: &ToolCall,
    room: i64,
) -> String {
    let server = &offered.source.server;
    let arguments = match tool_arguments(&call.arguments) {
        Ok(arguments) => arguments,
        Err(problem) => return json!({"error": problem}).to_string(),
    };
    if room < LEAST_TOKENS {
        return json!({"error": "there is no room left for what the tool says; answer with what is known"})
            .to_string();
    }
    match may_call(inner, owner, offered).await {
        Ok(true) => {}
        Ok(false) => return json!({"error": "the user does not allow this tool any more"}).to_string(),
        Err(error) => {
            tracing::warn!(%error, "it could not be read whether a tool may be called; it was not");
            return json!({"error": "the tool could not be called"}).to_string();
        }
    }
    match server.call(&offered.tool, arguments).await {
        Ok(output) => fitted(if output.failed { "error" } else { "result" }, &output.text, room),
        Err(error) => {
            tracing::debug!(server = server.name(), tool = offered.tool, %error, "a tool's call failed");
            fitted("error", &error.to_string(), room)
        }
    }
}

/// Whether the account is still one that may call it, and has not said otherwise meanwhile.
async fn may_call(inner: &Inner, owner: UserId, offered: &OfferedTool) -> Result<bool, StoreError> {
    let (grant, name) = (offered.source.grant, offered.spec.name.clone());
    let read = move |tx: &mut Tx<'_>| {
        let account = accounts::get(tx, owner)?;
        Ok((account, tool_grants::get(tx, owner, &name)?))
    };
    let (account, said) = inner.store.read(read).await?;
    Ok(account.is_some_and(|account| !account.disabled && grant.allows(account.role, said)))
}

/// The text under its name, cut to what there is room for.
fn fitted(name: &str, text: &str, room: i64) -> String {
    let framed = |text: &str, note: Option<&str>| {
        let mut output = json!({ name: text });
        if let Some(note) = note {
            output["note"] = note.into();
        }
        output.to_string()
    };
    let whole = framed(text, None);
    if estimate_tokens(&whole) <= room {
        return whole;
    }
    // Escapes make it longer, by at most six times: a few steps are enough.
    let mut tokens = room - FRAME_TOKENS;
    loop {
        let cut = framed(
            cut_to_tokens(text, tokens),
            Some("cut: there was more, ask for less at once"),
        );
        if estimate_tokens(&cut) <= room || tokens <= 0 {
            return cut;
        }
        tokens = tokens * 3 / 4 - 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn what_has_room_is_whole() {
        assert_eq!(fitted("result", "a \"b\"", 100), r#"{"result":"a \"b\""}"#);
        assert_eq!(fitted("error", "x", 100), r#"{"error":"x"}"#);
    }

    #[test]
    fn what_has_not_is_cut_and_says_so() {
        for text in ["word ".repeat(5_000), "\u{1}".repeat(5_000), "日本".repeat(5_000)] {
            for room in [LEAST_TOKENS, 100, 1_000] {
                let fitted = fitted("result", &text, room);
                assert!(
                    estimate_tokens(&fitted) <= room,
                    "{room}: {}",
                    estimate_tokens(&fitted)
                );
                let read: Value = serde_json::from_str(&fitted).unwrap();
                assert!(text.starts_with(read["result"].as_str().unwrap()));
                assert!(read["note"].as_str().unwrap().starts_with("cut"));
            }
        }
    }
}
