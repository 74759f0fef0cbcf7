//! What a client sent, as a test looks at it.

use super::{
    Dialect,
    asked::{Asked, conversation},
    dialect::without_query,
};
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
    pub(super) asked: OnceLock<Asked>,
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

    /// The dialect of a model call; `None` for any other request.
    pub fn dialect(&self) -> Option<Dialect> {
        Dialect::of_call(&self.path)
    }

    /// Whether this is a model call.
    pub fn is_model_call(&self) -> bool {
        self.dialect().is_some()
    }

    /// The vendor it is meant for.
    pub(super) fn vendor(&self) -> Dialect {
        Dialect::of_vendor(&self.path, self.header("anthropic-version").is_some())
    }

    /// Whether this asks for embeddings.
    pub fn is_embeddings(&self) -> bool {
        self.path_ends_in("/embeddings") || self.path_ends_in(":batchEmbedContents")
    }

    /// Whether this asks which models there are.
    pub fn asks_for_models(&self) -> bool {
        self.method == "GET" && self.path_ends_in("/models")
    }

    fn path_ends_in(&self, name: &str) -> bool {
        without_query(&self.path).ends_with(name)
    }

    /// The id that the reply to this request carries: what the client should have recorded.
    pub fn response_id(&self) -> String {
        let number = format!("{:016x}", self.index);
        match self.vendor() {
            Dialect::Responses => format!("resp_{number}"),
            Dialect::Chat => format!("chatcmpl-{number}"),
            Dialect::Anthropic => format!("msg_{number}"),
            Dialect::Gemini => number,
        }
    }

    /// The model asked for; empty where there is none.
    pub fn model(&self) -> Cow<'_, str> {
        if let Some((before, _)) = without_query(&self.path).split_once(':') {
            return Cow::Borrowed(before.rsplit('/').next().unwrap_or_default());
        }
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

    fn asked(&self) -> &Asked {
        self.asked.get_or_init(|| {
            let dialect = self.dialect();
            dialect.map_or_else(Asked::default, |dialect| Asked::read(dialect, self.json()))
        })
    }

    /// The instructions; empty where there are none.
    pub fn instructions(&self) -> &str {
        &self.asked().instructions
    }

    /// The entries of the conversation, in the dialect's own form.
    pub fn input(&self) -> &[Value] {
        let member = self.dialect().map_or("input", conversation);
        self.json()[member].as_array().map_or(&[], Vec::as_slice)
    }

    /// The text of the last message of the user, its text parts joined by line breaks.
    pub fn last_user_text(&self) -> String {
        self.asked().last_user_text.clone()
    }

    /// The name of the JSON schema that the answer must fit, e.g. `title`; to a vendor without such names, the
    /// name of the schema's first member.
    pub fn schema_name(&self) -> Option<&str> {
        self.asked().schema.as_ref().map(|(name, _)| name.as_str())
    }

    /// The schema itself.
    pub fn schema(&self) -> Option<&Value> {
        self.asked().schema.as_ref().map(|(_, schema)| schema)
    }

    /// The names of the tools offered.
    pub fn tool_names(&self) -> Vec<&str> {
        self.asked().tools.iter().map(String::as_str).collect()
    }

    /// The tool whose arguments are to be the answer, where the vendor's client asks in this way.
    pub(super) fn answer_tool(&self) -> Option<&str> {
        self.asked().answer_tool.as_deref()
    }

    /// The outputs of tools in the conversation: call id (where there is none, the tool's name) and text.
    pub fn tool_outputs(&self) -> Vec<(&str, &str)> {
        let outputs = self.asked().outputs.iter();
        outputs
            .map(|(id, output)| (id.as_str(), output.as_str()))
            .collect()
    }

    /// The texts to embed.
    pub fn embedding_texts(&self) -> Vec<String> {
        if let Some(requests) = self.json()["requests"].as_array() {
            let text = |request: &Value| request["content"]["parts"][0]["text"].as_str().map(str::to_owned);
            return requests.iter().filter_map(text).collect();
        }
        match Input::deserialize(&self.json()["input"]) {
            Ok(Input::One(text)) => vec![text],
            Ok(Input::Many(texts)) => texts,
            Err(_) => Vec::new(),
        }
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
