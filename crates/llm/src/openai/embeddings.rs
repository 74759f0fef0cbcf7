//! `POST /embeddings`: vectors for texts.

use crate::{
    failure::Failure,
    provider::{Embeddings, LlmError},
    vendor::{Fetch, Vendor, json},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use url::Url;

/// Texts in one request. The API takes 2,048; smaller answers keep memory and the thread's time bounded.
const MAX_TEXTS: usize = 256;

/// Bytes of text in one request, unless one text alone is larger: the API takes 300,000 tokens, and no
/// tokenizer makes more than one token of a byte pair in ordinary text.
const MAX_TEXT_BYTES: usize = 512 * 1024;

/// The largest answer: `MAX_TEXTS` vectors of 4,096 numbers as base64, and as many again for the rest.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

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

/// Embeds `texts`, in as many requests as their number and size need, one after another.
pub(super) async fn embed(
    vendor: &Vendor,
    url: &Url,
    model: &str,
    texts: &[String],
) -> Result<Embeddings, LlmError> {
    let deadline = vendor.deadline();
    let mut embeddings = Embeddings {
        vectors: Vec::with_capacity(texts.len()),
        input_tokens: Some(0),
    };
    for batch in batches(texts) {
        let body = json(&Body {
            model,
            input: batch,
            encoding_format: "base64",
        })?;
        let fetch = Fetch {
            url,
            body: Some(body),
            max_answer_bytes: MAX_ANSWER_BYTES,
            deadline,
        };
        let part = vendor
            .fetch(&vendor.circuits.embeddings, fetch, |body| {
                decode(body, batch.len())
            })
            .await?;
        embeddings.add(part);
    }
    embeddings.checked()
}

/// Runs of texts that fit one request.
fn batches(texts: &[String]) -> impl Iterator<Item = &[String]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fitting = rest.iter().take(MAX_TEXTS).take_while(|text| {
            bytes = bytes.saturating_add(text.len());
            bytes <= MAX_TEXT_BYTES
        });
        let count = fitting.count().max(1).min(rest.len());
        let (batch, others) = rest.split_at(count);
        rest = others;
        (!batch.is_empty()).then_some(batch)
    })
}

fn decode(body: &[u8], count: usize) -> Result<Embeddings, Failure> {
    let answer: Answer<'_> = serde_json::from_slice(body).map_err(|error| {
        unusable(format!(
            "the embeddings cannot be read: column {}",
            error.column()
        ))
    })?;
    if answer.data.len() != count {
        return Err(unusable(format!(
            "asked for {count} embeddings, got: {}",
            answer.data.len()
        )));
    }
    let mut vectors = vec![Vec::new(); count];
    for entry in answer.data {
        let vector = entry.embedding.numbers()?;
        let Some(slot) = vectors.get_mut(entry.index).filter(|slot| slot.is_empty()) else {
            return Err(unusable(format!(
                "the embeddings are numbered wrongly: {}",
                entry.index
            )));
        };
        *slot = vector;
    }
    if vectors.iter().any(|vector| vector.len() != vectors[0].len()) {
        return Err(unusable("embeddings differ in dimension".to_owned()));
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
        let numbers = match self {
            Self::Numbers(numbers) => numbers,
            Self::Base64(text) => {
                let bytes = STANDARD
                    .decode(text)
                    .map_err(|_| unusable("an embedding is not valid base64".to_owned()))?;
                let (numbers, rest) = bytes.as_chunks::<4>();
                if !rest.is_empty() {
                    return Err(unusable("an embedding is cut off".to_owned()));
                }
                numbers.iter().map(|number| f32::from_le_bytes(*number)).collect()
            }
        };
        if numbers.is_empty() || numbers.iter().any(|number| !number.is_finite()) {
            return Err(unusable("an embedding is empty or not finite".to_owned()));
        }
        Ok(numbers)
    }
}

fn unusable(detail: String) -> Failure {
    Failure::unreadable(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sizes: &[usize]) -> Vec<String> {
        sizes.iter().map(|size| "x".repeat(*size)).collect()
    }

    fn sizes(texts: &[String]) -> Vec<usize> {
        batches(texts).map(<[String]>::len).collect()
    }

    #[test]
    fn batches_are_bounded_in_number_and_size() {
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&texts(&[1; 600])), [256, 256, 88]);
        assert_eq!(sizes(&texts(&[MAX_TEXT_BYTES, 1, 1])), [1, 2]);
        assert_eq!(sizes(&texts(&[1, MAX_TEXT_BYTES + 1, 1])), [1, 1, 1]);
    }

    #[test]
    fn both_encodings_in_any_order() {
        let body = br#"{"object":"list","data":[
            {"object":"embedding","index":1,"embedding":[0.5,-2]},
            {"object":"embedding","index":0,"embedding":"AACAPwAAAEA="}
        ],"model":"m","usage":{"prompt_tokens":8,"total_tokens":8}}"#;
        let embeddings = decode(body, 2).unwrap();
        assert_eq!(embeddings.vectors, [[1.0, 2.0], [0.5, -2.0]]);
        assert_eq!(embeddings.input_tokens, Some(8));
    }

    #[test]
    fn answers_that_cannot_be_used_are_refused() {
        for (body, count) in [
            (r#"{"data":[]}"#, 1),
            (
                r#"{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}"#,
                2,
            ),
            (r#"{"data":[{"index":7,"embedding":[1]}]}"#, 1),
            (r#"{"data":[{"index":-1,"embedding":[1]}]}"#, 1),
            (r#"{"data":[{"index":0,"embedding":[]}]}"#, 1),
            (
                r#"{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[1,2]}]}"#,
                2,
            ),
            (r#"{"data":[{"index":0,"embedding":"AAAA"}]}"#, 1),
            (r#"{"data":[{"index":0,"embedding":"!"}]}"#, 1),
            (r#"{"data":[{"index":0,"embedding":"AADAfw=="}]}"#, 1),
            (r#"{"data":[{"index":0,"embedding":[1e300]}]}"#, 1),
            ("<html>", 1),
        ] {
            assert!(
                matches!(
                    decode(body.as_bytes(), count).unwrap_err().error,
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
            assert_eq!(decode(body.as_bytes(), 1).unwrap().input_tokens, None, "{usage}");
        }
    }
}
