//! `batchEmbedContents`: vectors for texts. The API does not say how many tokens they had.
//!
//! <https://ai.google.dev/api/embeddings#method:-models.batchembedcontents>

use crate::{
    failure::Failure,
    provider::{Embeddings, LlmError},
    vendor::{Fetch, Vendor, json},
};
use serde::{Deserialize, Serialize};
use url::Url;

/// Texts in one request: as many as the API takes.
const MAX_TEXTS: usize = 100;

/// The largest answer: `MAX_TEXTS` vectors of 3,072 numbers in JSON, with much room.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

#[derive(Serialize)]
struct Body<'a> {
    requests: Vec<One<'a>>,
}

#[derive(Serialize)]
struct One<'a> {
    model: String,
    content: Content<'a>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
struct Answer {
    embeddings: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    values: Vec<f32>,
}

pub(super) async fn embed(
    vendor: &Vendor,
    url: &Url,
    model: &str,
    texts: &[String],
) -> Result<Embeddings, LlmError> {
    let deadline = vendor.deadline();
    let mut embeddings = Embeddings {
        vectors: Vec::with_capacity(texts.len()),
        input_tokens: texts.is_empty().then_some(0),
    };
    for batch in texts.chunks(MAX_TEXTS) {
        let requests = batch.iter().map(|text| One {
            model: format!("models/{model}"),
            content: Content {
                parts: [Text { text }],
            },
        });
        let body = json(&Body {
            requests: requests.collect(),
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

fn decode(body: &[u8], count: usize) -> Result<Embeddings, Failure> {
    let answer: Answer = serde_json::from_slice(body).map_err(|error| {
        Failure::unreadable(format!(
            "the embeddings cannot be read: column {}",
            error.column()
        ))
    })?;
    if answer.embeddings.len() != count {
        return Err(Failure::unreadable(format!(
            "asked for {count} embeddings, got: {}",
            answer.embeddings.len()
        )));
    }
    let vectors: Vec<Vec<f32>> = answer.embeddings.into_iter().map(|entry| entry.values).collect();
    if vectors
        .iter()
        .any(|vector| vector.is_empty() || vector.iter().any(|number| !number.is_finite()))
    {
        return Err(Failure::unreadable("an embedding is empty or not finite"));
    }
    Ok(Embeddings {
        vectors,
        input_tokens: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_in_order_or_an_error() {
        let body = br#"{"embeddings":[{"values":[0.5,1]},{"values":[0,-1]}]}"#;
        assert_eq!(decode(body, 2).unwrap().vectors, [[0.5, 1.0], [0.0, -1.0]]);
        assert!(decode(body, 3).is_err());
        for body in [
            "{}",
            "<html>",
            r#"{"embeddings":[{"values":[]}]}"#,
            r#"{"embeddings":[{"values":[1e999]}]}"#,
        ] {
            assert!(decode(body.as_bytes(), 1).is_err(), "{body}");
        }
    }
}
