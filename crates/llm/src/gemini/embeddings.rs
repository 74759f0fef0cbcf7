//! `batchEmbedContents`: vectors for texts. The API does not say how many tokens they had.
//!
//! <https://ai.google.dev/api/embeddings#method:-models.batchembedcontents>

use crate::{
    embedding::{self, document},
    failure::Failure,
    provider::{Embeddings, LlmError},
    vendor::Vendor,
};
use serde::{Deserialize, Serialize};
use url::Url;

/// Texts in one request: as many as the API takes.
const MAX_TEXTS: usize = 100;

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
    let body = |batch| body(model, batch);
    embedding::embed(vendor, url, texts, MAX_TEXTS, body, |body, _| read(body)).await
}

fn body<'t>(model: &str, texts: &'t [String]) -> Body<'t> {
    let one = |text: &'t String| One {
        model: format!("models/{model}"),
        content: Content {
            parts: [Text { text }],
        },
    };
    Body {
        requests: texts.iter().map(one).collect(),
    }
}

/// The vectors, in the order of the texts.
fn read(body: &[u8]) -> Result<Embeddings, Failure> {
    let answer: Answer = document(body)?;
    Ok(Embeddings {
        vectors: answer.embeddings.into_iter().map(|entry| entry.values).collect(),
        input_tokens: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_are_read_in_order_or_not_at_all() {
        let body = br#"{"embeddings":[{"values":[0.5,1]},{"values":[0,-1]}]}"#;
        assert_eq!(read(body).unwrap().vectors, [[0.5, 1.0], [0.0, -1.0]]);
        for body in ["{}", "<html>", r#"{"embeddings":[{}]}"#] {
            assert!(read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
