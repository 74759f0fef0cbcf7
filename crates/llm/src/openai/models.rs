//! `GET /models`: what is offered.
//!
//! OpenAI gives names alone. Compatible servers add how much a model takes, each under a name of its own:
//! `context_length` (OpenRouter), `context_window` (Groq), `max_model_len` (vLLM), `max_context_length` (Mistral),
//! `meta.n_ctx_train` (llama.cpp).
//!
//! <https://platform.openai.com/docs/api-reference/models/list>

use crate::{
    decoding::{MAX_LISTED, bounded_id, listed},
    failure::Failure,
    provider::{LlmError, OfferedModel},
    vendor::{Fetch, Vendor},
};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

/// The largest list: OpenRouter's has a megabyte.
const MAX_ANSWER_BYTES: usize = 16 * 1024 * 1024;

#[derive(Deserialize)]
struct Answer {
    data: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    #[serde(flatten)]
    members: serde_json::Map<String, Value>,
}

pub(super) async fn models(vendor: &Vendor, url: &Url) -> Result<Vec<OfferedModel>, LlmError> {
    let fetch = Fetch {
        url,
        body: None,
        max_answer_bytes: MAX_ANSWER_BYTES,
        deadline: vendor.deadline(),
    };
    vendor.fetch(&vendor.circuits.listing, fetch, decode).await
}

fn decode(body: &[u8]) -> Result<Vec<OfferedModel>, Failure> {
    let answer: Answer = listed(body)?;
    let models = answer.data.into_iter().take(MAX_LISTED).map(|entry| {
        let count = |names: &[&str]| {
            let found = names.iter().find_map(|name| entry.members.get(*name)?.as_i64());
            found.filter(|count| *count > 0)
        };
        let nested = |outer: &str, inner: &str| {
            entry
                .members
                .get(outer)?
                .get(inner)?
                .as_i64()
                .filter(|count| *count > 0)
        };
        OfferedModel {
            id: bounded_id(&entry.id),
            context_window: count(&[
                "context_length",
                "context_window",
                "max_model_len",
                "max_context_length",
            ])
            .or_else(|| nested("meta", "n_ctx_train")),
            max_output_tokens: count(&["max_completion_tokens", "max_output_tokens"])
                .or_else(|| nested("top_provider", "max_completion_tokens")),
        }
    });
    Ok(models.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_say_how_much_a_model_takes_in_their_own_ways() {
        let body = br#"{"object":"list","data":[
            {"id":"gpt-4.1","object":"model","created":1,"owned_by":"openai"},
            {"id":"router","context_length":200000,"top_provider":{"max_completion_tokens":64000}},
            {"id":"groq","context_window":131072,"max_completion_tokens":8192},
            {"id":"vllm","max_model_len":4096},
            {"id":"llama","meta":{"n_ctx_train":8192}},
            {"id":"odd","context_length":-1,"max_model_len":null,"meta":null,"top_provider":{"max_completion_tokens":null}}
        ]}"#;
        let models = decode(body).unwrap();
        let shown: Vec<_> = models
            .iter()
            .map(|model| (&*model.id, model.context_window, model.max_output_tokens))
            .collect();
        assert_eq!(
            shown,
            [
                ("gpt-4.1", None, None),
                ("router", Some(200_000), Some(64_000)),
                ("groq", Some(131_072), Some(8_192)),
                ("vllm", Some(4_096), None),
                ("llama", Some(8_192), None),
                ("odd", None, None),
            ]
        );
        for body in ["<html>", "{}", r#"{"data":[{"name":"x"}]}"#] {
            assert!(decode(body.as_bytes()).is_err(), "{body}");
        }
    }
}
