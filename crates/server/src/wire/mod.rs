//! Resources that several routes answer with, and how any resource becomes bytes.

pub(crate) mod budget;
pub(crate) mod link;
pub(crate) mod markdown;
pub(crate) mod message;
pub(crate) mod report;
pub(crate) mod turn;
pub(crate) mod usage;

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use http::{HeaderValue, StatusCode, header};
use serde::Serialize;
use utoipa::ToSchema;

/// A sentence that says what was done.
#[derive(Serialize, ToSchema)]
#[schema(as = Done)]
pub(crate) struct DoneBody {
    /// The sentence.
    pub(crate) detail: &'static str,
}

/// 200 with a JSON body.
pub(crate) fn json(value: &impl Serialize) -> Response {
    let bytes = serde_json::to_vec(value).expect("resources hold texts, finite numbers and lists only");
    json_bytes(bytes)
}

/// 200 with a body that is JSON already.
pub(crate) fn json_bytes(bytes: impl Into<Body>) -> Response {
    let mut response = bytes.into().into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// 204: done, and there is nothing to say.
pub(crate) fn nothing() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

/// 200 with a sentence.
pub(crate) fn done(detail: &'static str) -> Response {
    json(&DoneBody { detail })
}
