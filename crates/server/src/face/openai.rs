//! Errors as OpenAI's API tells them, so that its SDKs raise their own classes.

use super::Said;
use chatai_types::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiError)]
pub(crate) struct Body<'a> {
    error: Inner<'a>,
}

/// What OpenAI's SDKs read.
#[derive(Serialize, ToSchema)]
#[schema(as = OpenAiErrorInner)]
pub(crate) struct Inner<'a> {
    message: &'a str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'a str>,
    code: &'static str,
}

/// The status that OpenAI gives such an error.
pub(super) fn status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::BudgetExceeded => 429,
        ErrorCode::ModelUnknown | ErrorCode::ModelUnavailable => 404,
        other => match other.status() {
            422 => 400,
            status => status,
        },
    }
}

/// The body of an error, also as an event of a stream.
pub(super) fn body(said: &Said<'_>) -> Vec<u8> {
    let (kind, code) = names(said.code);
    let error = Inner {
        message: said.message,
        kind,
        param: said.param,
        code,
    };
    serde_json::to_vec(&Body { error }).expect("texts always serialise")
}

/// OpenAI's `type` and `code`; our own code where it has none.
fn names(code: ErrorCode) -> (&'static str, &'static str) {
    match code {
        ErrorCode::BudgetExceeded => ("insufficient_quota", "insufficient_quota"),
        ErrorCode::RateLimited => ("requests", "rate_limit_exceeded"),
        ErrorCode::ModelUnknown => ("invalid_request_error", "model_not_found"),
        ErrorCode::ContextTooLong => ("invalid_request_error", "context_length_exceeded"),
        ErrorCode::InvalidToken => ("invalid_request_error", "invalid_api_key"),
        other => match other.status() {
            403 => ("permission_error", other.as_str()),
            500.. => ("server_error", other.as_str()),
            _ => ("invalid_request_error", other.as_str()),
        },
    }
}
