//! Vectors for texts, whoever makes them: in as many requests as their number and size need, one after another, and
//! refused where they cannot be compared with each other.

use crate::{
    failure::Failure,
    provider::{Embeddings, LlmError},
    vendor::{Fetch, Vendor, json},
};
use serde::{Deserialize, Serialize};
use url::Url;

/// Bytes of text in one request, unless one text alone is larger: the APIs take 300,000 tokens and more, and no
/// tokenizer makes more than one token of a byte pair in ordinary text.
const MAX_TEXT_BYTES: usize = 512 * 1024;

/// The largest answer to one request: far more than as many vectors as are asked for at once have.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// Embeds `texts`, at most `max_texts` in one request; `body` says what is sent for some of them, `read` what came
/// back.
pub(crate) async fn embed<'t, B: Serialize>(
    vendor: &Vendor,
    url: &Url,
    texts: &'t [String],
    max_texts: usize,
    body: impl Fn(&'t [String]) -> B,
    read: impl Fn(&[u8], usize) -> Result<Embeddings, Failure>,
) -> Result<Embeddings, LlmError> {
    let deadline = vendor.deadline();
    let mut embeddings = Embeddings {
        vectors: Vec::with_capacity(texts.len()),
        input_tokens: Some(0),
    };
    for batch in batches(texts, max_texts) {
        let fetch = Fetch {
            url,
            body: Some(json(&body(batch))?),
            max_answer_bytes: MAX_ANSWER_BYTES,
            deadline,
        };
        let read = |body: &[u8]| checked(read(body, batch.len())?, batch.len());
        let part = vendor.fetch(&vendor.circuits.embeddings, fetch, read).await?;
        embeddings.add(part);
    }
    embeddings.checked()
}

/// Reads the document that an answer is.
pub(crate) fn document<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::unreadable(format!(
            "the embeddings cannot be read: column {}",
            error.column()
        ))
    })
}

/// Runs of texts that fit one request.
fn batches(texts: &[String], max_texts: usize) -> impl Iterator<Item = &[String]> {
    let mut rest = texts;
    std::iter::from_fn(move || {
        let mut bytes = 0_usize;
        let fitting = rest.iter().take(max_texts).take_while(|text| {
            bytes = bytes.saturating_add(text.len());
            bytes <= MAX_TEXT_BYTES
        });
        let count = fitting.count().max(1).min(rest.len());
        let (batch, others) = rest.split_at(count);
        rest = others;
        (!batch.is_empty()).then_some(batch)
    })
}

/// Refuses another number of vectors than was asked for, and vectors that are none.
fn checked(embeddings: Embeddings, count: usize) -> Result<Embeddings, Failure> {
    let vectors = &embeddings.vectors;
    if vectors.len() != count {
        return Err(Failure::unreadable(format!(
            "asked for {count} embeddings, got: {}",
            vectors.len()
        )));
    }
    let is_finite = |vector: &Vec<f32>| vector.iter().all(|number| number.is_finite());
    if !vectors
        .iter()
        .all(|vector| !vector.is_empty() && is_finite(vector))
    {
        return Err(Failure::unreadable("an embedding is empty or not finite"));
    }
    if vectors.iter().any(|vector| vector.len() != vectors[0].len()) {
        return Err(Failure::unreadable("embeddings differ in dimension"));
    }
    Ok(embeddings)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sizes: &[usize]) -> Vec<String> {
        sizes.iter().map(|size| "x".repeat(*size)).collect()
    }

    fn sizes(texts: &[String]) -> Vec<usize> {
        batches(texts, 256).map(<[String]>::len).collect()
    }

    #[test]
    fn batches_are_bounded_in_number_and_size() {
        assert_eq!(sizes(&[]), Vec::<usize>::new());
        assert_eq!(sizes(&texts(&[1; 600])), [256, 256, 88]);
        assert_eq!(sizes(&texts(&[MAX_TEXT_BYTES, 1, 1])), [1, 2]);
        assert_eq!(sizes(&texts(&[1, MAX_TEXT_BYTES + 1, 1])), [1, 1, 1]);
    }

    #[test]
    fn vectors_that_cannot_be_compared_are_refused() {
        let made = |vectors: &[&[f32]]| Embeddings {
            vectors: vectors.iter().map(|vector| vector.to_vec()).collect(),
            input_tokens: None,
        };
        assert!(checked(made(&[&[0.5], &[-1.0]]), 2).is_ok());
        for (vectors, count) in [
            (&[&[1.0][..]][..], 2),
            (&[], 1),
            (&[&[]], 1),
            (&[&[f32::INFINITY]], 1),
            (&[&[f32::NAN]], 1),
            (&[&[1.0], &[1.0, 2.0]], 2),
        ] {
            let refused = checked(made(vectors), count).unwrap_err();
            assert!(matches!(refused.error, LlmError::Failed(_)), "{vectors:?}");
        }
    }
}
