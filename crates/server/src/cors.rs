//! Which pages of other origins may call, from a browser: those the configuration names, and no others.

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, PUT, PATCH, DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static(
    "Authorization, Content-Type, Accept, Idempotency-Key, Last-Event-ID, X-Request-Id, Mcp-Protocol-Version, Mcp-Method, \
     Mcp-Name, X-Api-Key, Anthropic-Version, Anthropic-Beta",
);
const EXPOSED: HeaderValue =
    HeaderValue::from_static("X-Request-Id, Retry-After, Content-Disposition, Idempotent-Replayed, Link");
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");

/// The request's origin, where it is one of the configured.
pub(crate) fn allowed<'a>(headers: &'a HeaderMap, origins: &[String]) -> Option<&'a HeaderValue> {
    if origins.is_empty() {
        return None;
    }
    let origin = headers.get(header::ORIGIN)?;
    origins
        .iter()
        .any(|known| known.as_bytes() == origin.as_bytes())
        .then_some(origin)
}

/// Whether a request only asks whether another one may be sent.
pub(crate) fn is_preflight(method: &Method, headers: &HeaderMap) -> bool {
    method == Method::OPTIONS && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The headers for a page that may call.
pub(crate) fn allow(origin: HeaderValue, preflight: bool, response: &mut HeaderMap) {
    response.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    response.insert(
        header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
        HeaderValue::from_static("true"),
    );
    let details: &[(HeaderName, HeaderValue)] = if preflight {
        &[
            (header::ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS),
            (header::ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ]
    } else {
        &[(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)]
    };
    for (name, value) in details {
        response.insert(name.clone(), value.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_configured_origins() {
        let origins = ["https://chat.example.org".to_owned()];
        for (origin, expected) in [
            (Some("https://chat.example.org"), true),
            (Some("https://chat.example.org.evil.example"), false),
            (Some("http://chat.example.org"), false),
            (Some("null"), false),
            (Some("*"), false),
            (None, false),
        ] {
            let headers = origin.map(|origin| (header::ORIGIN, origin.parse().unwrap()));
            let headers = HeaderMap::from_iter(headers);
            assert_eq!(allowed(&headers, &origins).is_some(), expected, "{origin:?}");
            assert_eq!(allowed(&headers, &[]), None);
        }
    }
}
