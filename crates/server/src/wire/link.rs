//! `Link` headers (RFC 8288): from one page of a list to the next and the one before.

use crate::input::urlencoded::Urlencoded;
use axum::response::Response;
use http::{HeaderValue, header};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

/// What would end a link's target, or is no sign of an address.
const UNSAFE: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`');

/// Says under which cursors a list goes on: `next` behind this page, `prev` ahead of it. The targets are the
/// address as it was asked for, its prefix and other parameters included.
pub(crate) fn set_links(
    response: &mut Response,
    asked_path: &str,
    query: Option<&str>,
    next: Option<&str>,
    prev: Option<&str>,
) {
    let mut links = Vec::new();
    for (rel, parameter, cursor) in [("next", "after", next), ("prev", "before", prev)] {
        if let Some(cursor) = cursor {
            let target = target(asked_path, query.unwrap_or_default(), parameter, cursor);
            links.push(format!("<{target}>; rel=\"{rel}\""));
        }
    }
    if !links.is_empty() {
        let value = HeaderValue::try_from(links.join(", ")).expect("what no header may hold is encoded");
        response.headers_mut().insert(header::LINK, value);
    }
}

fn target(path: &str, query: &str, parameter: &str, cursor: &str) -> String {
    let mut pairs: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !is_cursor(pair))
        .collect();
    let own = format!("{parameter}={cursor}");
    pairs.push(&own);
    let address = format!("{path}?{}", pairs.join("&"));
    utf8_percent_encode(&address, UNSAFE).to_string()
}

/// Whether a pair is one of the cursors that led to this page, however it is spelled.
fn is_cursor(pair: &str) -> bool {
    let pair = Urlencoded::query(pair);
    ["after", "before"]
        .into_iter()
        .any(|name| pair.all(name).next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::StatusCode;

    fn links(path: &str, query: Option<&str>, next: Option<&str>, prev: Option<&str>) -> Option<String> {
        let mut response = Response::new(axum::body::Body::empty());
        *response.status_mut() = StatusCode::OK;
        set_links(&mut response, path, query, next, prev);
        let value = response.headers().get(header::LINK)?;
        Some(value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_target_is_the_address_as_asked_with_another_cursor() {
        assert_eq!(links("/conversations/", Some("limit=2"), None, None), None);
        assert_eq!(
            links("/api/conversations/", Some("limit=2&x=%20y"), Some("A-_"), None).unwrap(),
            "</api/conversations/?limit=2&x=%20y&after=A-_>; rel=\"next\""
        );
        assert_eq!(
            links(
                "/c",
                Some("after=1&limit=2&&%62efore=3&before"),
                Some("N"),
                Some("P")
            )
            .unwrap(),
            "</c?limit=2&after=N>; rel=\"next\", </c?limit=2&before=P>; rel=\"prev\""
        );
        assert_eq!(
            links("/c", None, Some("N"), None).unwrap(),
            "</c?after=N>; rel=\"next\""
        );
    }

    #[test]
    fn a_target_cannot_end_early() {
        let link = links("/a>b", Some("q=<x>,\"é\"; rel=\"next\""), Some("N"), None).unwrap();
        assert_eq!(
            link,
            "</a%3Eb?q=%3Cx%3E,%22%C3%A9%22;%20rel=%22next%22&after=N>; rel=\"next\""
        );
    }
}
