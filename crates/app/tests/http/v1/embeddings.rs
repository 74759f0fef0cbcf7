//! `POST /v1/embeddings`

use super::{asking, made, set, with};
use crate::support::{list, on_both, send};
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

const PATH: &str = "/v1/embeddings";

on_both! {
    async fn texts_become_vectors(options) {
        let (_app, provider, user) = set(options).await;
        let floats = made(&user, PATH, &json!({"model": "e", "input": ["the sea", "a mountain"]})).await;
        assert_eq!((&floats["object"], &floats["model"]), (&json!("list"), &json!("e")));
        let rows = list(&floats["data"]);
        assert_eq!(rows.iter().map(|row| row["index"].as_i64().unwrap()).collect::<Vec<_>>(), [0, 1]);
        assert_ne!(rows[0]["embedding"], rows[1]["embedding"]);
        assert!(floats["usage"]["prompt_tokens"].as_i64().unwrap() > 0, "{}", floats["usage"]);

        let encoded = made(&user, PATH, &json!({"model": "e", "input": "the sea", "encoding_format": "base64"})).await;
        let bytes = BASE64_STANDARD.decode(encoded["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let numbers: Vec<f32> = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
        let expected: Vec<f32> = serde_json::from_value(rows[0]["embedding"].clone()).unwrap();
        assert_eq!(numbers, expected);
        assert_eq!(provider.counts().calls, 2);
        assert_eq!(user.get("/usage").await.1["total"]["calls"], 2);
    }

    async fn the_same_key_is_one_call(options) {
        let (_app, provider, user) = set(options).await;
        let keyed = |text: &str| asking(&user, PATH, &json!({"model": "e", "input": text})).header("idempotency-key", "k");
        let first = send(keyed("the sea")).await;
        assert_eq!(first.status, 200, "{first:?}");
        let again = send(keyed("the sea")).await;
        assert_eq!((again.json(), again.header("idempotent-replayed")), (first.json(), "true"));
        send(keyed("a mountain")).await.expect_openai(400, "invalid_request_error", "idempotency_mismatch", Value::Null);
        assert_eq!(provider.counts().calls, 1);
    }

    async fn what_cannot_be_embedded(options) {
        let (_app, provider, user) = set(options).await;
        for (members, code, param) in [
            (json!({"input": "x", "dimensions": 8}), "unsupported_parameter", "dimensions"),
            (json!({"input": [1, 2, 3]}), "invalid_value", "input[0]"),
            (json!({"input": [[1, 2]]}), "invalid_value", "input[0]"),
            (json!({"input": []}), "invalid_value", "input"),
            (json!({"input": ""}), "invalid_value", "input"),
            (json!({}), "invalid_value", "input"),
            (json!({"input": "x", "encoding_format": "int8"}), "invalid_value", "encoding_format"),
        ] {
            let body = with(json!({"model": "e"}), &members);
            send(asking(&user, PATH, &body)).await.expect_openai(400, "invalid_request_error", code, json!(param));
        }
        assert_eq!(provider.counts().calls, 0);
    }
}
