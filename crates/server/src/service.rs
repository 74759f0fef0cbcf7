//! What every request goes through before and after its handler.
//!
//! Before: a name, its client, the framing that no honest client sends, the canonical path. After: the error's
//! body, headers that every answer carries, one line in the log. A panic ends here as a 500.

use crate::{
    body::GuardedBody,
    client::Client,
    compress,
    connection::AmbiguousLength,
    cors,
    error::{ApiError, Carried},
    face::Face,
    path, request_id,
    router::router,
    routes::service::AskedPath,
    settings::ServerSettings,
    state::{App, AppState},
    stream::Heartbeat,
    tasks::Tasks,
};
use axum::{
    Router,
    body::Body,
    response::{IntoResponse, Response},
};
use chatai_engine::Engine;
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Request, StatusCode, Version, header};
use hyper::body::Body as _;
use std::{net::IpAddr, panic::AssertUnwindSafe, sync::Arc, time::Instant};
use tower::Service as _;

/// On every answer that does not say otherwise.
const SAFE: [(HeaderName, HeaderValue); 4] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
];

/// The HTTP side, ready to answer. Cheap to clone.
#[derive(Clone)]
pub struct Service {
    router: Router,
    state: App,
}

/// Puts the rules behind HTTP.
pub fn service(engine: Engine, settings: ServerSettings) -> Service {
    let tasks = Tasks::default();
    let state = Arc::new(AppState {
        engine,
        heartbeat: Heartbeat::start(&tasks, settings.keep_alive),
        settings,
        tasks,
    });
    Service {
        router: router(Arc::clone(&state)),
        state,
    }
}

impl Service {
    /// Answers one request of a client at `peer`. Never fails: whatever goes wrong is an answer.
    pub async fn respond(&self, mut request: Request<Body>, peer: IpAddr) -> Response {
        let begun = Instant::now();
        let settings = &self.state.settings;
        let id = request_id::of(request.headers(), &*settings.random);
        let client = Client::of(peer, request.headers(), &settings.trusted_proxies);
        let origin = cors::allowed(request.headers(), &settings.cors_origins).cloned();
        let takes_gzip = compress::wanted(request.method(), request.headers());
        let preflight = origin.is_some() && cors::is_preflight(request.method(), request.headers());
        let asked = request.uri().path().to_owned();
        path::normalise(request.uri_mut());
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());

        let mut response = if preflight {
            StatusCode::NO_CONTENT.into_response()
        } else if let Some(fault) = framing_fault(&request) {
            ApiError::new(chatai_types::ErrorCode::BadRequest, fault)
                .closing()
                .into_response()
        } else {
            request.extensions_mut().insert(client);
            request.extensions_mut().insert(AskedPath(asked));
            self.route(self.guard(request)).await
        };

        if takes_gzip {
            response = compress::compressed(response).await;
        }
        if let Some(Carried(error)) = response.extensions_mut().remove() {
            error.log(method.as_str(), &path, &id);
            error.render(Face::of(&path), &mut response, &id);
        }
        let headers = response.headers_mut();
        for (name, value) in &SAFE {
            if !headers.contains_key(name) {
                headers.insert(name, value.clone());
            }
        }
        if !settings.cors_origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            cors::allow(origin, preflight, headers);
        }
        let name = HeaderValue::try_from(&id).expect("a request id holds visible ASCII only");
        headers.insert(request_id::HEADER, name);
        tracing::debug!(
            method = method.as_str(),
            path = path.as_str(),
            status = response.status().as_u16(),
            ms = begun.elapsed().as_secs_f64() * 1e3,
            request_id = id.as_str(),
            "answered"
        );
        response
    }

    /// Waits for what must not be cut off, and gives up the rest.
    pub(crate) async fn finish(&self) {
        self.state.tasks.finish().await;
    }

    pub(crate) fn settings(&self) -> &ServerSettings {
        &self.state.settings
    }

    async fn route(&self, request: Request<Body>) -> Response {
        let mut router = self.router.clone();
        caught(async move { router.call(request).await.unwrap_or_else(|never| match never {}) }).await
    }

    fn guard(&self, request: Request<Body>) -> Request<Body> {
        if request.body().is_end_stream() {
            return request;
        }
        let expects_continue = request.headers().contains_key(header::EXPECT);
        let (timeout, tasks) = (self.state.settings.body_timeout, self.state.tasks.clone());
        request.map(|body| Body::new(GuardedBody::new(body, timeout, expects_continue, tasks)))
    }
}

/// The answer, or a 500 where a handler panicked.
async fn caught(answer: impl Future<Output = Response>) -> Response {
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said
                .or_else(|| panic.downcast_ref::<&str>().copied())
                .unwrap_or("no message");
            ApiError::internal(format!("a handler panicked: {said}")).into_response()
        }
    }
}

/// What could be read as two different messages by two servers in a row; the HTTP library refuses the rest.
fn framing_fault(request: &Request<Body>) -> Option<&'static str> {
    let headers = request.headers();
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).into_iter();
    if let Some(encoding) = encodings.next()
        && (encodings.next().is_some() || !encoding.as_bytes().eq_ignore_ascii_case(b"chunked"))
    {
        return Some("The only `Transfer-Encoding` is `chunked`");
    }
    if request.extensions().get::<AmbiguousLength>().is_some() {
        return Some("A request has a `Content-Length` or a `Transfer-Encoding`, not both");
    }
    let hosts = headers.get_all(header::HOST).into_iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Some("A request has exactly one `Host`");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_is_a_500_that_says_nothing() {
        let mut response = caught(async { panic!("secret {}", 1) }).await;
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        let Carried(error) = response.extensions_mut().remove().unwrap();
        assert!(format!("{error:?}").contains("secret 1"));
        error.render(Face::Native, &mut response, "r");
        let body = axum::body::to_bytes(response.into_body(), 1_000).await.unwrap();
        assert!(!String::from_utf8_lossy(&body).contains("secret"));
    }

    fn request(version: Version, headers: &[(&'static str, &'static str)]) -> Request<Body> {
        let mut request = Request::new(Body::empty());
        *request.version_mut() = version;
        for (name, value) in headers {
            request
                .headers_mut()
                .append(*name, HeaderValue::from_static(value));
        }
        request
    }

    #[test]
    fn framing() {
        for (version, headers, refused) in [
            (Version::HTTP_11, &[("host", "a")][..], false),
            (Version::HTTP_10, &[], false),
            (Version::HTTP_11, &[], true),
            (Version::HTTP_11, &[("host", "a"), ("host", "a")], true),
            (
                Version::HTTP_11,
                &[("host", "a"), ("transfer-encoding", "Chunked")],
                false,
            ),
            (
                Version::HTTP_11,
                &[("host", "a"), ("transfer-encoding", "gzip, chunked")],
                true,
            ),
            (
                Version::HTTP_11,
                &[
                    ("host", "a"),
                    ("transfer-encoding", "chunked"),
                    ("transfer-encoding", "chunked"),
                ],
                true,
            ),
        ] {
            assert_eq!(
                framing_fault(&request(version, headers)).is_some(),
                refused,
                "{headers:?}"
            );
        }
        let mut ambiguous = request(
            Version::HTTP_11,
            &[("host", "a"), ("transfer-encoding", "chunked")],
        );
        ambiguous.extensions_mut().insert(AmbiguousLength);
        assert!(framing_fault(&ambiguous).is_some());
    }
}
