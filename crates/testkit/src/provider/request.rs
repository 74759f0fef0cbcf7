//! What a client sent, as a test looks at it.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use std::{borrow::Cow, sync::OnceLock, time::Instant};

/// One request, as received. JSON is parsed when it is first asked for.
#[derive(Debug)]
pub struct RecordedRequest {
    /// The place among all requests of this provider, from 0.
    pub index: u64,
    /// The connection it came on, from 0: equal numbers mean that a connection was used again.
    pub connection: u64,
    /// When it was complete.
    pub at: Instant,
    /// `POST` and so on.
    pub method: String,
    /// The path with its query, e.g. `/v1/responses`.
    pub path: String,
    /// The header lines, as sent.
    pub(super) head: Bytes,
    /// The body, as sent.
    pub body: Bytes,
    pub(super) json: OnceLock<Value>,
}

/// What a client asked to have embedded.
#[derive(Deserialize)]
#[serde(untagged)]
enum Input {
    One(String),
    Many(Vec<String>),
}

impl RecordedRequest {
    /// The first header of this name (any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        header(&self.head, name)
    }

    /// All headers, in order.
    pub fn headers(&self) -> Vec<(String, String)> {
        header_lines(&self.head)
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    /// The body as JSON; `Null` where it is none.
    pub fn json(&self) -> &Value {
        self.json
            .get_or_init(|| serde_json::from_slice(&self.body).unwrap_or_default())
    }

    /// Whether this is a model call.
    pub fn is_responses(&self) -> bool {
        self.path_ends_in("/responses")
    }

    /// Whether this is a model call in the words of chat completions, which nothing here answers by itself.
    pub fn is_chat_completions(&self) -> bool {
        self.path_ends_in("/chat/completions")
    }

    /// Whether this asks for embeddings.
    pub fn is_embeddings(&self) -> bool {
        self.path_ends_in("/embeddings")
    }

    /// Whether this asks which models there are.
    pub fn asks_for_models(&self) -> bool {
        self.method == "GET" && self.path_ends_in("/models")
    }

    fn path_ends_in(&self, name: &str) -> bool {
        self.path
            .split('?')
            .next()
            .is_some_and(|path| path.trim_end_matches('/').ends_with(name))
    }

    /// The id that the reply to this request carries: what the client should have recorded.
    pub fn response_id(&self) -> String {
        format!("resp_{:016x}", self.index)
    }

    /// The model asked for; empty where there is none.
    pub fn model(&self) -> Cow<'_, str> {
        // Clients that write it first are not made to wait for the whole body to be scanned.
        let first = self.body.strip_prefix(br#"{"model":""#).and_then(|rest| {
            let end = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            if rest[end] == b'"' {
                std::str::from_utf8(&rest[..end]).ok()
            } else {
                None
            }
        });
        match first {
            Some(model) => Cow::Borrowed(model),
            None => Cow::Borrowed(self.json()["model"].as_str().unwrap_or_default()),
        }
    }

    /// The instructions; empty where there are none.
    pub fn instructions(&self) -> &str {
        self.json()["instructions"].as_str().unwrap_or_default()
    }

    /// The items of the conversation.
    pub fn input(&self) -> &[Value] {
        self.json()["input"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The text of the last message with the role `user`, its text parts joined by line breaks.
    pub fn last_user_text(&self) -> String {
        if let Some(text) = self.json()["input"].as_str() {
            return text.to_owned();
        }
        self.input()
            .iter()
            .rev()
            .find(|item| item["role"] == "user")
            .map(text_of)
            .unwrap_or_default()
    }

    /// The name of the JSON schema that the answer must fit, e.g. `title`.
    pub fn schema_name(&self) -> Option<&str> {
        self.json()["text"]["format"]["name"].as_str()
    }

    /// The schema itself.
    pub fn schema(&self) -> Option<&Value> {
        self.json()["text"]["format"].get("schema")
    }

    /// The names of the tools offered.
    pub fn tool_names(&self) -> Vec<&str> {
        let tools = self.json()["tools"].as_array().map_or(&[][..], Vec::as_slice);
        tools.iter().filter_map(|tool| tool["name"].as_str()).collect()
    }

    /// The outputs of tools in the conversation: call id and text.
    pub fn tool_outputs(&self) -> Vec<(&str, &str)> {
        let outputs = self
            .input()
            .iter()
            .filter(|item| item["type"] == "function_call_output");
        outputs
            .filter_map(|item| Some((item["call_id"].as_str()?, item["output"].as_str()?)))
            .collect()
    }

    /// The texts to embed.
    pub fn embedding_texts(&self) -> Vec<String> {
        match Input::deserialize(&self.json()["input"]) {
            Ok(Input::One(text)) => vec![text],
            Ok(Input::Many(texts)) => texts,
            Err(_) => Vec::new(),
        }
    }
}

/// The text of a message: a string, or the text parts of a list.
fn text_of(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            texts.join("\n")
        }
        _ => String::new(),
    }
}

/// The value of the first header of this name.
pub(super) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    header_lines(head)
        .find(|(found, _)| found.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
}

fn header_lines(head: &[u8]) -> impl Iterator<Item = (&str, &str)> {
    let text = std::str::from_utf8(head).unwrap_or_default();
    text.split("\r\n")
        .skip(1)
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name, value.trim()))
}
