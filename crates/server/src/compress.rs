//! Larger JSON replies go out compressed to whoever takes that, so that a list of chats costs a slow connection little.
//!
//! Deliberately only what is whole before it is sent: a stream is never held back. Files of accounts stay as they are,
//! and the page's own files are compressed when the program is built.

use axum::{
    body::{Body, Bytes, to_bytes},
    response::Response,
};
use flate2::{Compression, write::GzEncoder};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use hyper::body::Body as _;
use std::io::Write as _;

/// Less does not become less on the wire.
const LEAST_BYTES: u64 = 1_024;
/// More is not held a second time.
const MOST_BYTES: usize = 4 << 20;
/// More than this takes longer than the threads that serve sockets may be kept.
const AT_ONCE_BYTES: usize = 64 << 10;
/// Half the time of the usual level for a few per cent more.
const LEVEL: Compression = Compression::new(4);

/// Whether whoever asks for this would take the reply compressed.
pub(crate) fn wanted(method: &Method, request: &HeaderMap) -> bool {
    method == Method::GET && accepts(request, "gzip")
}

/// Whether `Accept-Encoding` names a coding and does not refuse it.
pub(crate) fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let lines = request.get_all(header::ACCEPT_ENCODING).into_iter();
    let mut offers = lines
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(','));
    offers.any(|offer| {
        let (name, weight) = offer.split_once(';').unwrap_or((offer, ""));
        let weight = weight.trim().strip_prefix("q=").unwrap_or("1");
        name.trim().eq_ignore_ascii_case(coding)
            && weight.trim().parse::<f32>().is_ok_and(|weight| weight > 0.0)
    })
}

/// The reply, compressed where that is worth it.
pub(crate) async fn compressed(response: Response) -> Response {
    if !is_worthwhile(&response) {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let plain = match to_bytes(body, MOST_BYTES).await {
        Ok(plain) => plain,
        // What is whole in memory does not break off; should it, so does the reply.
        Err(error) => return Response::from_parts(head, broken(error)),
    };
    let packed = if plain.len() <= AT_ONCE_BYTES {
        gzip(&plain)
    } else {
        let plain = plain.clone();
        let packing = tokio::task::spawn_blocking(move || gzip(&plain));
        packing.await.ok().flatten()
    };
    let body = match packed {
        Some(packed) => {
            head.headers
                .insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            head.headers
                .append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
            head.headers.remove(header::CONTENT_LENGTH);
            packed
        }
        None => plain,
    };
    Response::from_parts(head, Body::from(body))
}

/// A body that breaks off, so that nobody takes it for a whole one.
fn broken(error: axum::Error) -> Body {
    Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(error)]))
}

fn is_worthwhile(response: &Response) -> bool {
    let headers = response.headers();
    let is_json = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let is_file =
        headers.contains_key(header::ACCEPT_RANGES) || headers.contains_key(header::CONTENT_ENCODING);
    let size = response.body().size_hint().exact();
    is_json
        && !is_file
        && response.status() == StatusCode::OK
        && size.is_some_and(|size| (LEAST_BYTES..=MOST_BYTES as u64).contains(&size))
}

/// `None` where nothing is won.
fn gzip(plain: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(plain.len() / 4), LEVEL);
    encoder.write_all(plain).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < plain.len()).then(|| packed.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::response::IntoResponse;
    use std::io::Read as _;

    fn json(bytes: usize) -> Response {
        let kind = (header::CONTENT_TYPE, "application/json");
        ([kind], "ab".repeat(bytes / 2)).into_response()
    }

    #[tokio::test]
    async fn larger_json_is_compressed() {
        for bytes in [1_024, 200_000] {
            let response = compressed(json(bytes)).await;
            assert_eq!(response.headers()[header::CONTENT_ENCODING], "gzip");
            assert_eq!(response.headers()[header::VARY], "Accept-Encoding");
            let packed = to_bytes(response.into_body(), MOST_BYTES).await.unwrap();
            let mut plain = String::new();
            flate2::read::GzDecoder::new(&packed[..])
                .read_to_string(&mut plain)
                .unwrap();
            assert_eq!(plain, "ab".repeat(bytes / 2));
        }
    }

    #[tokio::test]
    async fn everything_else_stays_as_it_is() {
        let mut file = json(2_000);
        file.headers_mut()
            .insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
        let mut refused = json(2_000);
        *refused.status_mut() = StatusCode::NOT_FOUND;
        let text = "ab".repeat(1_000).into_response();
        let pieces = futures_util::stream::iter([Ok::<_, std::io::Error>("ab".repeat(1_000))]);
        let mut stream = Body::from_stream(pieces).into_response();
        stream
            .headers_mut()
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for response in [json(1_022), file, refused, text, stream] {
            let response = compressed(response).await;
            assert_eq!(
                response.headers().get(header::CONTENT_ENCODING),
                None,
                "{response:?}"
            );
        }
    }

    #[test]
    fn codings_are_taken_as_offered() {
        for (offered, brotli, gzip) in [
            ("", false, false),
            ("gzip, deflate, br, zstd", true, true),
            ("gzip;q=1.0, br;q=0", false, true),
            ("GZIP ; q=0.5", false, true),
            ("identity", false, false),
            ("brotli, xgzip", false, false),
        ] {
            let request =
                HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(offered))]);
            assert_eq!(
                (accepts(&request, "br"), accepts(&request, "gzip")),
                (brotli, gzip),
                "{offered}"
            );
            assert_eq!(wanted(&Method::GET, &request), gzip);
            assert!(!wanted(&Method::POST, &request) && !wanted(&Method::HEAD, &request));
        }
    }
}
