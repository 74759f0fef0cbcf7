//! Vectors as OpenAI's `POST /embeddings` and Gemini's `batchEmbedContents` give them, made by [`super::concepts`].

use super::{Dialect, RecordedRequest, concepts};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

/// The body of the answer; vectors in the form the request asks for, folded to a dimension.
pub(super) fn answer(request: &RecordedRequest, dimension: usize) -> Vec<u8> {
    let texts = request.embedding_texts();
    let vectors = texts.iter().map(|text| {
        let mut vector = vec![0.0_f32; dimension];
        for (place, number) in concepts::embed(text).into_iter().enumerate() {
            vector[place % dimension] += number;
        }
        vector
    });
    let answer = match request.vendor() {
        // It says nothing of tokens.
        Dialect::Gemini => {
            json!({"embeddings": vectors.map(|vector| json!({"values": vector})).collect::<Vec<_>>()})
        }
        _ => {
            let tokens: usize = texts.iter().map(|text| text.len() / 4 + 1).sum();
            let as_base64 = request.json()["encoding_format"] == "base64";
            let data = vectors.enumerate().map(|(index, vector)| {
                let embedding: Value = if as_base64 {
                    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                    STANDARD.encode(bytes).into()
                } else {
                    vector.into()
                };
                json!({"object": "embedding", "index": index, "embedding": embedding})
            });
            json!({
                "object": "list",
                "data": data.collect::<Vec<_>>(),
                "model": request.model(),
                "usage": {"prompt_tokens": tokens, "total_tokens": tokens}
            })
        }
    };
    answer.to_string().into_bytes()
}
