//! Errors as Anthropic's API tells them, so that its SDKs raise their own classes.

use super::Said;
use chatai_types::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

/// The body of every error.
#[derive(Serialize, ToSchema)]
#[schema(as = AnthropicError)]
pub(crate) struct Body<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: Inner<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_id: Option<&'a str>,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
#[schema(as = AnthropicErrorInner)]
pub(crate) struct Inner<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'a str,
}

/// The status that Anthropic gives such an error.
pub(super) fn status(code: ErrorCode) -> u16 {
    match code {
        ErrorCode::ModelUnknown | ErrorCode::ModelUnavailable => 404,
        other => match other.status() {
            422 => 400,
            status => status,
        },
    }
}

/// The body of an error, also as an event of a stream.
pub(super) fn body(said: &Said<'_>) -> Vec<u8> {
    let body = Body {
        kind: "error",
        error: Inner {
            kind: kind(said.code),
            message: said.message,
        },
        request_id: said.request_id,
    };
    serde_json::to_vec(&body).expect("texts always serialise")
}

fn kind(code: ErrorCode) -> &'static str {
    match status(code) {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        503 => "overloaded_error",
        504 => "timeout_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    }
}
