//! `POST /v1/embeddings`

use super::{
    call::{answer, call_key},
    input::{Text, TextOrList, Unread, parse, refuse},
    writer::{index, input_tokens, number, raw, string, value},
};
use crate::{auth::ProgramBody, client::Client, error::ApiError, idempotency::IdempotencyKey, state::App};
use axum::{extract::State, response::Response};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chatai_engine::{EmbedCall, Embedded};
use serde::Deserialize;

/// The body.
#[derive(Debug, Deserialize)]
struct EmbeddingRequest<'a> {
    #[serde(borrow)]
    model: Option<Text<'a>>,
    #[serde(borrow)]
    input: Option<TextOrList<'a, Text<'a>>>,
    #[serde(borrow)]
    encoding_format: Option<Text<'a>>,
    #[serde(borrow)]
    dimensions: Unread<'a>,
}

/// How numbers are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encoding {
    /// As numbers.
    Float,
    /// As little-endian 32-bit floats in base64.
    Base64,
}

/// Embed texts, as OpenAI's API does.
///
/// Texts are embedded as they are: lists of tokens and a `dimensions` of one's own are refused.
#[utoipa::path(post, path = "/v1/embeddings", tag = "openai",
    params(IdempotencyKey),
    request_body(content = Value, description = "A `CreateEmbeddingRequest` of OpenAI's API"),
    responses((status = 200, description = "A list of `embedding`", body = Value)))]
pub(crate) async fn create(
    State(state): State<App>,
    client: Client,
    ProgramBody { caller, key, body }: ProgramBody,
) -> Result<Response, ApiError> {
    let asked: EmbeddingRequest<'_> = parse(&body)?;
    refuse(&[("dimensions", asked.dimensions)])?;
    let encoding = match asked.encoding_format.as_deref() {
        None | Some("float") => Encoding::Float,
        Some("base64") => Encoding::Base64,
        Some(_) => {
            let detail = "`encoding_format` is `float` or `base64`";
            return Err(ApiError::invalid_value("encoding_format", detail));
        }
    };
    let texts = match asked.input {
        Some(TextOrList::Text(text)) => vec![text.into_owned()],
        Some(TextOrList::List(texts)) => texts.into_iter().map(|text| text.0.into_owned()).collect(),
        None => Vec::new(),
    };
    if texts.is_empty() || texts.iter().any(String::is_empty) {
        return Err(ApiError::invalid_value(
            "input",
            "`input` is a text or a list of texts, none of them empty",
        ));
    }
    let call = EmbedCall {
        model: asked.model.map(|model| model.0.into_owned()),
        texts,
        key: call_key(key, &body)?,
    };
    let embedded = state.engine.embed(&caller, &client.origin(), call).await?;
    Ok(answer(render(&embedded, encoding), embedded.replayed))
}

fn render(embedded: &Embedded, encoding: Encoding) -> Vec<u8> {
    let mut out = br#"{"object":"list","data":["#.to_vec();
    for (place, vector) in embedded.vectors.iter().enumerate() {
        if place > 0 {
            raw(&mut out, ",");
        }
        raw(&mut out, r#"{"object":"embedding","index":"#);
        number(&mut out, index(place));
        raw(&mut out, r#","embedding":"#);
        match encoding {
            Encoding::Float => value(&mut out, vector),
            Encoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
                string(&mut out, &BASE64_STANDARD.encode(bytes));
            }
        }
        raw(&mut out, "}");
    }
    let tokens = input_tokens(&embedded.tokens);
    raw(&mut out, r#"],"model":"#);
    string(&mut out, &embedded.model);
    raw(&mut out, r#","usage":{"prompt_tokens":"#);
    number(&mut out, tokens);
    raw(&mut out, r#","total_tokens":"#);
    number(&mut out, tokens);
    raw(&mut out, "}}");
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::TokenCounts;
    use serde_json::Value;

    #[test]
    fn vectors_are_numbers_or_their_bytes() {
        let embedded = Embedded {
            model: "e".to_owned(),
            vectors: vec![vec![1.0, -0.5], vec![0.25, 0.0]],
            tokens: TokenCounts::from_inclusive(7, 0, 0, 0).unwrap(),
            replayed: false,
        };
        let text = |encoding| String::from_utf8(render(&embedded, encoding)).unwrap();
        assert_eq!(
            text(Encoding::Float),
            r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[1.0,-0.5]},{"object":"embedding","index":1,"embedding":[0.25,0.0]}],"model":"e","usage":{"prompt_tokens":7,"total_tokens":7}}"#
        );
        let json: Value = serde_json::from_str(&text(Encoding::Base64)).unwrap();
        assert_eq!(json["data"][0]["embedding"], "AACAPwAAAL8=");
    }
}
