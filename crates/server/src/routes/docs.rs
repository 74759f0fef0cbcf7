//! `/docs`: the API document for people, from files inside the program.

use super::service::AskedPath;
use crate::error::ApiError;
use axum::{
    Extension,
    body::Body,
    extract::Path,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use std::sync::{Arc, LazyLock};
use utoipa_swagger_ui::Config;

/// What the page may do: run its own files, style itself, talk to this service.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
     font-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
);

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| Arc::new(Config::from("../openapi.json")));

/// The API document, to read and to try.
#[utoipa::path(get, path = "/docs", tag = "service",
    responses((status = 200, description = "A page", content_type = "text/html"),
              (status = 307, description = "To the same with a trailing slash")))]
pub(crate) async fn page(Extension(AskedPath(asked)): Extension<AskedPath>) -> Result<Response, ApiError> {
    if asked.ends_with('/') {
        return file("index.html");
    }
    // The page names its files relative to itself, so that it works behind any prefix; so does this.
    let mut response = StatusCode::TEMPORARY_REDIRECT.into_response();
    response
        .headers_mut()
        .insert(header::LOCATION, HeaderValue::from_static("docs/"));
    Ok(response)
}

/// A file of the page.
#[utoipa::path(get, path = "/docs/{file}", tag = "service",
    params(("file" = String, Path, description = "Its name")),
    responses((status = 200, description = "The file", content_type = "application/octet-stream")))]
pub(crate) async fn page_file(
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Response, ApiError> {
    let Ok(Path(name)) = path else {
        return Err(ApiError::not_found());
    };
    file(&name)
}

fn file(name: &str) -> Result<Response, ApiError> {
    let found = utoipa_swagger_ui::serve(name, Arc::clone(&CONFIG));
    let found = found.map_err(|error| ApiError::internal(error.to_string()))?;
    let found = found.ok_or_else(ApiError::not_found)?;
    let content_type = HeaderValue::try_from(&found.content_type)
        .unwrap_or_else(|_| HeaderValue::from_static("application/octet-stream"));
    let mut response = Body::from(found.bytes.into_owned()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, content_type);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_is_inside_the_program_and_reads_our_document() {
        for name in ["index.html", "swagger-ui.css", "swagger-ui-bundle.js"] {
            assert_eq!(file(name).unwrap().status(), 200, "{name}");
        }
        let found = utoipa_swagger_ui::serve("swagger-initializer.js", Arc::clone(&CONFIG))
            .unwrap()
            .unwrap();
        assert!(String::from_utf8_lossy(&found.bytes).contains("../openapi.json"));
        for name in ["../index.html", "secret", "/etc/passwd"] {
            assert!(file(name).is_err(), "{name}");
        }
    }

    #[test]
    fn the_page_needs_nothing_that_its_policy_forbids() {
        let found = utoipa_swagger_ui::serve("index.html", Arc::clone(&CONFIG))
            .unwrap()
            .unwrap();
        let page = String::from_utf8_lossy(&found.bytes).into_owned();
        assert!(!page.contains("http://") && !page.contains("https://"), "{page}");
        assert!(
            page.matches("<script").count() == page.matches("<script src=").count(),
            "{page}"
        );
    }
}
