//! How a model reasoned before it called tools, on its way to the client and back.
//!
//! OpenAI's chat completions have no member for it. The words go in `reasoning_content`, as DeepSeek has them; what a vendor
//! wants back goes in `reasoning_details`, as OpenRouter has them, sealed, so that a client that hands back what it was given
//! hands back the reasoning of whatever vendor answered.

use super::super::{
    normal::{seal, unseal},
    writer::{index, number, raw, string},
};
use chatai_engine::llm::{ChatReasoning, ReasoningState};
use serde_json::Value;

/// What a sealed part says of its form.
const FORMAT: &str = "chatai-v1";

/// Appends a sealed part; `calls` tools were called before it.
pub(super) fn detail(out: &mut Vec<u8>, place: usize, calls: usize, state: &ReasoningState) {
    raw(out, r#"{"type":"reasoning.encrypted","id":"#);
    string(out, &format!("rs_{calls}"));
    raw(out, r#","format":"#);
    string(out, FORMAT);
    raw(out, r#","index":"#);
    number(out, index(place));
    raw(out, r#","data":"#);
    string(out, &seal(state));
    raw(out, "}");
}

/// What a message hands back, each with the number of calls that stood before it: what was sealed here, else what is said in
/// the words of other servers.
pub(super) fn read(handed_back: ChatReasoning) -> Vec<(usize, ReasoningState)> {
    let sealed: Vec<_> = handed_back.details.iter().filter_map(sealed).collect();
    if !sealed.is_empty() {
        return sealed;
    }
    handed_back
        .into_state()
        .map(|state| (0, state))
        .into_iter()
        .collect()
}

fn sealed(detail: &Value) -> Option<(usize, ReasoningState)> {
    if detail["format"] != FORMAT {
        return None;
    }
    let calls = detail["id"]
        .as_str()
        .and_then(|id| id.strip_prefix("rs_")?.parse().ok());
    Some((calls.unwrap_or(0), unseal(detail["data"].as_str()?)?))
}
