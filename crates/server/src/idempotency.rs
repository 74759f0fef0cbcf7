//! `Idempotency-Key`, read the same wherever a request can be made safe to repeat.

use crate::{error::ApiError, input::fault::Fault};
use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde_json::Value;
use utoipa::IntoParams;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const KEY_CHARS: usize = 255;
/// On the answer of a request that was made before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// Makes a request safe to repeat.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "stands for the header in the API document")]
pub(crate) struct IdempotencyKey {
    /// The same key within a day gives the same turn: one message, one answer, one charge.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255)]
    key: Option<String>,
}

/// The key that a client gave its request.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let mut keys = headers.get_all(KEY).into_iter();
    let Some(key) = keys.next() else {
        return Ok(None);
    };
    let key = key.to_str().ok().filter(|key| {
        let printable = key.bytes().all(|byte| (0x20..0x7f).contains(&byte));
        printable && (1..=KEY_CHARS).contains(&key.len())
    });
    match key {
        Some(key) if keys.next().is_none() => Ok(Some(key.to_owned())),
        _ => {
            let loc = vec!["header".into(), "idempotency-key".into()];
            let reason = "one key of 1 to 255 printable ASCII characters";
            let fault = Fault::value_error(loc, Value::Null, reason);
            Err(ApiError::validation(vec![fault]))
        }
    }
}

/// Says of an answer that its request was made before.
pub(crate) fn mark_replayed(response: &mut Response) {
    let headers = response.headers_mut();
    headers.insert(REPLAYED, HeaderValue::from_static("true"));
}
