//! `GET /attachments/{attachment_id}`: a file's bytes, to be saved and never to be shown as part of this site.

use crate::{auth::CookieOrSigned, error::ApiError, input::params::PathParams, range, state::App};
use axum::{
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use chatai_engine::content_disposition;
use chatai_types::AttachmentId;
use http::{HeaderMap, HeaderValue, StatusCode, header};

/// Whatever the file holds, opened in a browser it runs nothing and reaches nothing.
const POLICY: HeaderValue = HeaderValue::from_static("sandbox; default-src 'none'");

/// A file's bytes. Signed in by the bearer token or, for links that a browser opens, by the cookie.
#[utoipa::path(get, path = "/attachments/{attachment_id}", tag = "chat",
    params(("attachment_id" = i64, Path, description = "The attachment")),
    responses((status = 200, description = "The bytes, with the media type as stored",
               body = String, content_type = "application/octet-stream"),
              (status = 206, description = "The part that `Range` asked for",
               body = String, content_type = "application/octet-stream")))]
pub(crate) async fn attachment(
    State(state): State<App>,
    CookieOrSigned(caller): CookieOrSigned,
    path: PathParams,
    request_headers: HeaderMap,
) -> Result<Response, ApiError> {
    let id = AttachmentId(path.id("attachment_id")?);
    let file = state.engine.attachment(&caller, id).await?;
    let mut response = match range::asked(&request_headers, file.bytes.len()) {
        None => Body::from(file.bytes).into_response(),
        Some(part) => {
            let content_range = format!("bytes {}-{}/{}", part.start, part.end - 1, file.bytes.len());
            let mut response = Body::from(file.bytes.slice(part)).into_response();
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            insert(&mut response, header::CONTENT_RANGE, &content_range);
            response
        }
    };
    insert(
        &mut response,
        header::CONTENT_DISPOSITION,
        &content_disposition(&file.filename),
    );
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type(file.content_type.as_deref()));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private"));
    Ok(response)
}

fn insert(response: &mut Response, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

/// The type as stored; text without a character set is UTF-8.
fn content_type(stored: Option<&str>) -> HeaderValue {
    let unknown = HeaderValue::from_static("application/octet-stream");
    let Some(stored) = stored.map(str::trim).filter(|stored| stored.contains('/')) else {
        return unknown;
    };
    let lower = stored.to_ascii_lowercase();
    let value = if lower.starts_with("text/") && !lower.contains("charset=") {
        HeaderValue::try_from(format!("{stored}; charset=utf-8"))
    } else {
        HeaderValue::try_from(stored)
    };
    value.unwrap_or(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types() {
        for (stored, expected) in [
            (Some("text/plain"), "text/plain; charset=utf-8"),
            (Some("text/html; charset=latin-1"), "text/html; charset=latin-1"),
            (Some("Text/CSV"), "Text/CSV; charset=utf-8"),
            (Some("application/pdf"), "application/pdf"),
            (Some("a/b\r\nX: y"), "application/octet-stream"),
            (Some("nonsense"), "application/octet-stream"),
            (Some(""), "application/octet-stream"),
            (None, "application/octet-stream"),
        ] {
            assert_eq!(content_type(stored), expected, "{stored:?}");
        }
    }
}
