//! The web page: files inside the program, compressed beforehand.
//!
//! The page itself is at `/` and asks each time whether it is still the same. All it loads lies under an address that
//! changes with the content, so that browsers may keep it for ever. The page uses the public interface and nothing
//! else; where it is inside the page stands behind `#`, so that no path of the interface is taken.

use super::service::AskedPath;
use crate::{compress::accepts, error::ApiError, path::PREFIX};
use axum::{
    Extension,
    body::Body,
    extract::{Path, rejection::PathRejection},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};

include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// What the page may do: run and show its own files, show pictures it was given, talk to this service. No text becomes
/// HTML or code, not even by its own doing; the one trusted type is the address of its worker.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; \
     connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types chatai",
);

/// What keeps the page for times without a network. It lies with the other files and looks after the page above them.
const WORKER: &str = "worker.js";

/// One file of the page.
struct File {
    name: &'static str,
    content_type: &'static str,
    plain: &'static [u8],
    gzip: Option<&'static [u8]>,
    brotli: Option<&'static [u8]>,
}

/// The page.
#[utoipa::path(get, path = "/", tag = "service",
    responses((status = 200, description = "The page", content_type = "text/html"),
              (status = 304, description = "It is as `If-None-Match` says"),
              (status = 307, description = "Under `/api`: to the documentation")))]
pub(crate) async fn index(
    Extension(AskedPath(asked)): Extension<AskedPath>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    if asked.starts_with(PREFIX) {
        let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
        let docs = HeaderValue::from_static("/api/docs");
        response.headers_mut().insert(header::LOCATION, docs);
        return Ok(response);
    }
    let tag = format!("\"{VERSION}\"");
    let known = request.get_all(header::IF_NONE_MATCH).into_iter();
    let mut known = known.filter_map(|value| value.to_str().ok());
    let is_known = known.any(|tags| {
        tags.split(',')
            .any(|one| one.trim().trim_start_matches("W/") == tag)
    });
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        serve("index.html", &request)?
    };
    let headers = response.headers_mut();
    let tag = HeaderValue::try_from(tag).expect("a hexadecimal number in quotes");
    headers.insert(header::ETAG, tag);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    Ok(response)
}

/// A file of the page.
#[utoipa::path(get, path = "/app/{version}/{file}", tag = "service",
    params(("version" = String, Path, description = "The page's version, as the page names it"),
           ("file" = String, Path, description = "Its name")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream")))]
pub(crate) async fn file(
    path: Result<Path<(String, String)>, PathRejection>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let Ok(Path((version, name))) = path else {
        return Err(ApiError::not_found());
    };
    lasting(&version, &name, &request)
}

/// A file in a folder of the page.
#[utoipa::path(get, path = "/app/{version}/{folder}/{file}", tag = "service",
    params(("version" = String, Path, description = "The page's version, as the page names it"),
           ("folder" = String, Path, description = "Its folder"),
           ("file" = String, Path, description = "Its name")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream")))]
pub(crate) async fn file_in_folder(
    path: Result<Path<(String, String, String)>, PathRejection>,
    request: HeaderMap,
) -> Result<Response, ApiError> {
    let Ok(Path((version, folder, name))) = path else {
        return Err(ApiError::not_found());
    };
    lasting(&version, &format!("{folder}/{name}"), &request)
}

/// A file of this version of the page, to be kept for ever. Files of another version are not there: parts of two
/// pages would not fit together.
fn lasting(version: &str, name: &str, request: &HeaderMap) -> Result<Response, ApiError> {
    if version != VERSION || name == "index.html" {
        return Err(ApiError::not_found());
    }
    let mut response = serve(name, request)?;
    let kept = HeaderValue::from_static("public, max-age=31536000, immutable");
    response.headers_mut().insert(header::CACHE_CONTROL, kept);
    if name == WORKER {
        let everywhere = HeaderValue::from_static("/");
        response
            .headers_mut()
            .insert("service-worker-allowed", everywhere);
    }
    Ok(response)
}

fn serve(name: &str, request: &HeaderMap) -> Result<Response, ApiError> {
    let place = FILES.binary_search_by(|file| file.name.cmp(name));
    let file = &FILES[place.map_err(|_| ApiError::not_found())?];
    let (bytes, encoding) = match (file.brotli, file.gzip) {
        (Some(brotli), _) if accepts(request, "br") => (brotli, Some("br")),
        (_, Some(gzip)) if accepts(request, "gzip") => (gzip, Some("gzip")),
        _ => (file.plain, None),
    };
    let mut response = Body::from(bytes).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(file.content_type));
    // What is only a part of the page obeys the page's own; saying it with each would be a tenth of the first load.
    if name == WORKER
        || ["text/html", "image/svg"]
            .iter()
            .any(|kind| file.content_type.starts_with(kind))
    {
        headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    }
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asking(encodings: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(header::ACCEPT_ENCODING, HeaderValue::from_static(encodings))])
    }

    #[test]
    fn the_page_names_only_files_that_are_there() {
        let page = FILES.iter().find(|file| file.name == "index.html").unwrap();
        let text = std::str::from_utf8(page.plain).unwrap();
        let own = format!("app/{VERSION}/");
        let mut named = 0;
        for part in text.split(&own).skip(1) {
            let name = part.split('"').next().unwrap();
            assert_eq!(
                lasting(VERSION, name, &asking("br")).unwrap().status(),
                200,
                "{name}"
            );
            named += 1;
        }
        assert!(named > 3, "{text}");
        assert!(!text.contains("app/dev/") && !text.contains("http"), "{text}");
        // All that a page may run or be styled by lies in files: there is no script and no style of its own.
        assert_eq!(
            text.matches("<script").count(),
            text.matches("<script type=\"module\" src=").count()
        );
        assert!(!text.contains("<style") && !text.contains("style="), "{text}");
    }

    #[test]
    fn the_worker_alone_looks_after_the_page() {
        let allowed = |name: &str| {
            let response = lasting(VERSION, name, &asking("")).unwrap();
            response.headers().get("service-worker-allowed").cloned()
        };
        assert_eq!(allowed(WORKER), Some(HeaderValue::from_static("/")));
        assert_eq!(allowed("main.js"), None);
    }

    #[test]
    fn there_is_nothing_else() {
        for name in [
            "index.html",
            "none.js",
            "../index.html",
            "tests/package.json",
            "lib/none.js",
        ] {
            assert!(lasting(VERSION, name, &asking("")).is_err(), "{name}");
        }
        assert!(lasting("0000000000000000", "main.js", &asking("")).is_err());
    }
}
