//! `POST /embeddings` as the vendor answers it, with vectors made by [`super::concepts`].

use super::{RecordedRequest, concepts};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The body of the answer; vectors in the form the request asks for, folded to a dimension.
pub(super) fn answer(request: &RecordedRequest, dimension: usize) -> Vec<u8> {
    let texts = request.embedding_texts();
    let as_base64 = request.json()["encoding_format"] == "base64";
    let tokens: usize = texts.iter().map(|text| text.len() / 4 + 1).sum();
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let mut vector = vec![0.0_f32; dimension];
            for (place, number) in concepts::embed(text).into_iter().enumerate() {
                vector[place % dimension] += number;
            }
            let embedding: Value = if as_base64 {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                STANDARD.encode(bytes).into()
            } else {
                vector.into()
            };
            json!({"object": "embedding", "index": index, "embedding": embedding})
        })
        .collect();
    let answer = json!({
        "object": "list",
        "data": data,
        "model": request.model(),
        "usage": {"prompt_tokens": tokens, "total_tokens": tokens}
    });
    answer.to_string().into_bytes()
}
