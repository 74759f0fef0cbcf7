//! The HTTP client under every adapter: one connection pool a provider, and one way to send a request.
//!
//! HTTP/1.1 on purpose: a stream holds its own connection, so that thousands of answers at once are not queued
//! behind a vendor's limit of HTTP/2 streams, and leaving a stream closes its socket. Redirects are never
//! followed and no proxy is taken from the environment: the administrator's key goes to the configured host,
//! through the configured proxy if there is one, and to no other.

use crate::{failure::Failure, provider::LlmError, secret::Secrets, settings::VendorSettings};
use bytes::Bytes;
use reqwest::{
    Method, StatusCode,
    header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
};
use rustls::crypto::{CryptoProvider, ring};
use std::{error::Error as _, sync::Arc, time::Duration};
use tokio::time::timeout;
use url::Url;

/// As much of an error's body as is read: enough for every vendor's JSON, too little to harm.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// An idle connection is closed before usual servers and balancers do it, so that requests rarely meet a
/// connection that is being closed.
const POOL_IDLE: Duration = Duration::from_secs(30);

/// Why a provider cannot be set up from its configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The base URL cannot be used.
    #[error("the base url {reason}: {url}")]
    BaseUrl {
        /// The URL, without a user name or password.
        url: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The key cannot stand in a header.
    #[error("the api key contains characters that no key has")]
    Key,
    /// A configured header cannot be sent.
    #[error("a header of this name or value cannot be sent: `{0}`")]
    Header(String),
    /// The proxy cannot be used.
    #[error("the proxy cannot be used: {0}")]
    Proxy(String),
    /// No TLS, usually because the system has no root certificates.
    #[error("the connection cannot be secured: {0}")]
    Tls(String),
}

/// How a vendor wants the key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyHeader {
    /// `Authorization: Bearer …`.
    Bearer,
    /// A header of its own.
    Named(&'static str),
}

/// A client for one host.
#[derive(Debug)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
    headers: HeaderMap,
    header_timeout: Duration,
    secrets: Secrets,
}

/// A refusal: a status other than 2xx, with what came with it.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) retry_after: Option<Duration>,
    /// The beginning of the body.
    pub(crate) body: Vec<u8>,
}

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum SendError {
    /// Nothing usable came back.
    Transport(Failure),
    /// The server refused.
    Refused(Refusal),
}

impl HttpClient {
    /// Builds the client; for `https` this loads the system's root certificates. `fixed` are headers that the
    /// vendor's API demands; those of the settings replace headers of the same name.
    pub(crate) fn new(
        settings: &VendorSettings,
        key_header: KeyHeader,
        fixed: &[(&'static str, &'static str)],
    ) -> Result<Self, SetupError> {
        check_base_url(&settings.base_url)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in fixed {
            headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        if !settings.api_key.is_empty() {
            let key = settings.api_key.expose();
            let (name, value) = match key_header {
                KeyHeader::Bearer => (AUTHORIZATION, format!("Bearer {key}")),
                KeyHeader::Named(name) => (HeaderName::from_static(name), key.to_owned()),
            };
            headers.insert(name, secret_value(&value).ok_or(SetupError::Key)?);
        }
        for (name, value) in &settings.headers {
            let unfit = || SetupError::Header(name.clone());
            let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
            headers.insert(header, secret_value(value.expose()).ok_or_else(unfit)?);
        }
        let secured = settings.proxy.iter().chain([&settings.base_url]);
        let builder = direct_client(secured)?
            .connect_timeout(settings.connect_timeout.min(settings.timeout))
            .pool_max_idle_per_host(settings.max_idle_connections);
        let builder = match &settings.proxy {
            Some(proxy) => builder.proxy(
                reqwest::Proxy::all(proxy.clone())
                    .map_err(|error| SetupError::Proxy(innermost(&error.without_url())))?,
            ),
            None => builder,
        };
        let client = builder
            .build()
            .map_err(|error| SetupError::Tls(innermost(&error.without_url())))?;
        Ok(Self {
            client,
            headers,
            header_timeout: settings.timeout,
            secrets: settings.secrets(),
        })
    }

    /// What must not appear in anything that is shown.
    pub(crate) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// Sends a request, a POST where there is a body, and waits for the headers of a 2xx answer.
    pub(crate) async fn send(
        &self,
        url: &Url,
        accept: &'static str,
        body: Option<Bytes>,
    ) -> Result<reqwest::Response, SendError> {
        let mut headers = self.headers.clone();
        headers.insert(ACCEPT, HeaderValue::from_static(accept));
        let request = match body {
            Some(body) => self.client.post(url.clone()).headers(headers).body(body),
            None => {
                headers.remove(CONTENT_TYPE);
                self.client.request(Method::GET, url.clone()).headers(headers)
            }
        };
        let sending = request.send();
        let response = match timeout(self.header_timeout, sending).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(SendError::Transport(self.transport_failure(error))),
            Err(_) => {
                let silence = LlmError::Timeout(self.header_timeout);
                return Err(SendError::Transport(Failure::fatal(silence)));
            }
        };
        if response.status().is_success() {
            return Ok(response);
        }
        let (status, retry_after) = (response.status(), retry_after(response.headers()));
        let body = timeout(self.header_timeout, read_beginning(response, MAX_ERROR_BODY)).await;
        // The status alone says what to do; a body that does not come changes nothing about it.
        Err(SendError::Refused(Refusal {
            status,
            retry_after,
            body: body.unwrap_or_default(),
        }))
    }

    /// A failure of the connection, before or within an answer.
    pub(crate) fn transport_failure(&self, error: reqwest::Error) -> Failure {
        let (connecting, timed_out) = (error.is_connect(), error.is_timeout());
        let cause = match (connecting, timed_out) {
            (true, true) => "cannot connect: no answer".to_owned(),
            (true, false) => format!("cannot connect: {}", innermost(&error.without_url())),
            (false, _) => format!("the connection broke: {}", innermost(&error.without_url())),
        };
        Failure::transient(LlmError::Failed(self.secrets.scrub(&cause)))
    }
}

/// What every client of ours begins with: requests go where they are addressed and nowhere else, so that a key does not
/// either. No redirect is followed, no proxy is taken from the environment, nothing is sent again unasked. `urls` are
/// those that will be called.
///
/// # Errors
/// No TLS, where one of them needs it.
pub fn direct_client<'u>(
    urls: impl IntoIterator<Item = &'u Url>,
) -> Result<reqwest::ClientBuilder, SetupError> {
    let builder = reqwest::Client::builder()
        .user_agent(concat!("chatai/", env!("CARGO_PKG_VERSION")))
        .http1_only()
        .tcp_nodelay(true)
        .tcp_keepalive(Duration::from_secs(30))
        .pool_idle_timeout(POOL_IDLE)
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy();
    with_tls(builder, urls.into_iter())
}

/// Reads a whole body of at most `max_bytes`; `None` where it is larger.
pub(crate) async fn read_bounded(
    mut response: reqwest::Response,
    max_bytes: usize,
) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > max_bytes {
            return Ok(None);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Some(body))
}

/// Reads up to `max_bytes` of a body that explains an error; what breaks on the way is left out.
async fn read_beginning(mut response: reqwest::Response, max_bytes: usize) -> Vec<u8> {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        let room = max_bytes - body.len();
        body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if body.len() == max_bytes {
            break;
        }
    }
    body
}

/// A header's value that is never shown; `None` for what cannot stand in a header.
pub fn secret_value(value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Azure names the version of its API in a query, which every endpoint keeps; no key has a place there.
fn check_base_url(url: &Url) -> Result<(), SetupError> {
    let reason = if !matches!(url.scheme(), "http" | "https") {
        "is neither http nor https"
    } else if url.host().is_none() {
        "has no host"
    } else if !url.username().is_empty() || url.password().is_some() {
        "carries a user name or password"
    } else if url.query_pairs().any(|(name, _)| name != "api-version") || url.fragment().is_some() {
        "has a fragment, or a query other than `api-version`"
    } else {
        return Ok(());
    };
    let mut shown = url.clone();
    // Both fail only for URLs that cannot carry what is being removed.
    let _ = (shown.set_username(""), shown.set_password(None));
    shown.set_query(None);
    shown.set_fragment(None);
    Err(SetupError::BaseUrl {
        url: shown.into(),
        reason,
    })
}

/// TLS by rustls with ring. For plain `http` (a server on the same machine) no root certificates are loaded:
/// that takes time at start, and minimal systems have none.
fn with_tls<'u>(
    builder: reqwest::ClientBuilder,
    mut urls: impl Iterator<Item = &'u Url>,
) -> Result<reqwest::ClientBuilder, SetupError> {
    if urls.any(|url| url.scheme() == "https") {
        // The client asks for the process's provider; whoever installed one before has decided.
        if CryptoProvider::get_default().is_none() {
            let _ = ring::default_provider().install_default();
        }
        return Ok(builder);
    }
    let config = rustls::ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| SetupError::Tls(error.to_string()))?
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Ok(builder.tls_backend_preconfigured(config))
}

/// How long a server asks to wait: `Retry-After` in seconds or as a date, or the millisecond header that
/// OpenAI and Azure send beside it. A date is measured against the server's own clock (`Date`), so that a
/// wrong clock here does no harm; without `Date` it says nothing.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &HeaderName| {
        headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::trim)
    };
    if let Some(milliseconds) = text(&HeaderName::from_static("retry-after-ms"))
        && let Ok(milliseconds) = milliseconds.parse::<f64>()
        && milliseconds >= 0.0
    {
        return Duration::try_from_secs_f64(milliseconds / 1_000.0).ok();
    }
    let value = text(&RETRY_AFTER)?;
    if let Ok(seconds) = value.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp());
    let wait = date(value)?.duration_since(date(text(&DATE)?)?);
    // A moment that has passed means: at once.
    Some(wait.try_into().unwrap_or_default())
}

/// The innermost cause, the one that says something (`connection refused`).
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    let mut source = error.source();
    while let Some(inner) = source {
        cause = inner;
        source = inner.source();
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    #[test]
    fn retry_after_in_all_its_forms() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (headers, expected) in [
            (&[("retry-after", "7")][..], Some(7_000)),
            (&[("retry-after", " 0 ")], Some(0)),
            (&[("retry-after-ms", "1500"), ("retry-after", "9")], Some(1_500)),
            (&[("retry-after-ms", "soon"), ("retry-after", "9")], Some(9_000)),
            (
                &[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT"), ("date", date)],
                Some(30_000),
            ),
            (
                &[("retry-after", "Sun, 06 Nov 1994 08:40:07 GMT"), ("date", date)],
                Some(0),
            ),
            (&[("retry-after", "Sun, 06 Nov 1994 08:50:07 GMT")], None),
            (&[("retry-after", "-3")], None),
            (&[("retry-after-ms", "-3")], None),
            (&[("retry-after-ms", "nan")], None),
            (&[("retry-after", "99999999999999999999999")], None),
            (&[], None),
        ] {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, HeaderValue::from_static(value));
            }
            assert_eq!(
                retry_after(&map),
                expected.map(Duration::from_millis),
                "{headers:?}"
            );
        }
    }

    #[test]
    fn base_urls_that_cannot_work_are_refused_without_their_secrets() {
        for (url, reason) in [
            ("ftp://host/v1", "is neither http nor https"),
            ("https://user:hunter2@host/v1", "carries a user name or password"),
            ("https://host/v1?key=hunter2", "has a fragment, or a query"),
            ("https://host/v1#x", "has a fragment, or a query"),
        ] {
            let error = check_base_url(&Url::parse(url).unwrap()).unwrap_err().to_string();
            assert!(error.contains(reason) && !error.contains("hunter2"), "{error}");
        }
        for url in [
            "http://127.0.0.1:1/v1/",
            "https://r.openai.azure.com/openai/deployments/d?api-version=1",
        ] {
            assert_eq!(check_base_url(&Url::parse(url).unwrap()), Ok(()));
        }
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_refused() {
        let settings = |key: &str| VendorSettings::new(Url::parse("http://127.0.0.1:1/v1").unwrap(), key);
        let setup =
            |settings: &VendorSettings| HttpClient::new(settings, KeyHeader::Bearer, &[]).unwrap_err();
        assert_eq!(setup(&settings("sk-with\na line break")), SetupError::Key);
        for (name, value) in [("no name", "v"), ("name", "line\nbreak")] {
            let settings = VendorSettings {
                headers: vec![(name.to_owned(), Secret::new(value))],
                ..settings("key")
            };
            assert_eq!(setup(&settings), SetupError::Header(name.to_owned()));
        }
    }
}
