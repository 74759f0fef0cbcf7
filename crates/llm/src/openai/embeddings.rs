//! `POST /embeddings`: vectors for texts.

use crate::{
    embedding::{self, document},
    failure::Failure,
    provider::{Embeddings, LlmError},
    vendor::Vendor,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use url::Url;

/// Texts in one request. The API takes 2,048; smaller answers keep memory and the thread's time bounded.
const MAX_TEXTS: usize = 256;

#[derive(Serialize)]
struct Body<'a> {
    model: &'a str,
    input: &'a [String],
    /// A quarter of the size of numbers in JSON, and hardly any work to read.
    encoding_format: &'static str,
}

#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<Entry<'a>>,
    #[serde(default)]
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    index: usize,
    #[serde(borrow)]
    embedding: Vector<'a>,
}

/// Compatible servers that ignore `encoding_format` send numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vector<'a> {
    Base64(&'a str),
    Numbers(Vec<f32>),
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: Option<i64>,
}

/// Embeds `texts`; see [`crate::Provider::embed`].
pub(super) async fn embed(
    vendor: &Vendor,
    url: &Url,
    model: &str,
    texts: &[String],
) -> Result<Embeddings, LlmError> {
    let body = |input| Body {
        model,
        input,
        encoding_format: "base64",
    };
    embedding::embed(vendor, url, texts, MAX_TEXTS, body, read).await
}

/// The vectors, put into the order of the texts by their numbers.
fn read(body: &[u8], count: usize) -> Result<Embeddings, Failure> {
    let answer: Answer<'_> = document(body)?;
    let mut vectors = vec![Vec::new(); count];
    for entry in answer.data {
        let Some(slot) = vectors.get_mut(entry.index).filter(|slot| slot.is_empty()) else {
            return Err(Failure::unreadable(format!(
                "the embeddings are numbered wrongly: {}",
                entry.index
            )));
        };
        *slot = entry.embedding.numbers()?;
    }
    let input_tokens = answer
        .usage
        .and_then(|usage| usage.prompt_tokens)
        .filter(|tokens| *tokens >= 0);
    Ok(Embeddings {
        vectors,
        input_tokens,
    })
}

impl Vector<'_> {
    fn numbers(self) -> Result<Vec<f32>, Failure> {
        let text = match self {
            Self::Numbers(numbers) => return Ok(numbers),
            Self::Base64(text) => text,
        };
        let bytes = STANDARD
            .decode(text)
            .map_err(|_| Failure::unreadable("an embedding is not valid base64"))?;
        let (numbers, rest) = bytes.as_chunks::<4>();
        if !rest.is_empty() {
            return Err(Failure::unreadable("an embedding is cut off"));
        }
        Ok(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_encodings_in_any_order() {
        let body = br#"{"object":"list","data":[
            {"object":"embedding","index":1,"embedding":[0.5,-2]},
            {"object":"embedding","index":0,"embedding":"AACAPwAAAEA="}
        ],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let embeddings = read(body, 2).unwrap();
        assert_eq!(embeddings.vectors, [[1.0, 2.0], [0.5, -2.0]]);
        assert_eq!(embeddings.input_tokens, Some(8));
    }

    #[test]
    fn answers_that_cannot_be_used_are_refused() {
        for (body, count) in [
            (
                r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
                2,
            ),
            (r#"{"data":[{"index":7,"embedding":[1]}]}"#, 1),
            (r#"{"data":[{"index":-1,"embedding":[1]}]}"#, 1),
            (r#"{"data":[{"index":0,"embedding":"AAAA"}]}"#, 1),
            (r#"{"data":[{"index":0,"embedding":"!"}]}"#, 1),
            ("<html>", 1),
        ] {
            assert!(
                matches!(
                    read(body.as_bytes(), count).unwrap_err().error,
                    LlmError::Failed(_)
                ),
                "{body}"
            );
        }
    }

    #[test]
    fn missing_or_impossible_usage_is_none() {
        for usage in [
            "",
            r#","usage":null"#,
            r#","usage":{}"#,
            r#","usage":{"prompt_tokens":-5}"#,
        ] {
            let body = format!(r#"{{"data":[{{"index":0,"embedding":[1]}}]{usage}}}"#);
            assert_eq!(read(body.as_bytes(), 1).unwrap().input_tokens, None, "{usage}");
        }
    }
}
