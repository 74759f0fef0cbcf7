//! A server that is a service elsewhere, over HTTP. Its address is the configuration's; redirects are not followed, so
//! that neither a request nor the key in it goes anywhere else.

use crate::settings::Service;
use chatai_llm::{direct_client, secret_value};
use http::HeaderName;
use rmcp::transport::streamable_http_client::{
    StreamableHttpClientTransport, StreamableHttpClientTransportConfig,
};
use std::{collections::HashMap, time::Duration};

/// How long a connection may take to come about; the server's own bound holds beside it.
const CONNECT_TIME: Duration = Duration::from_secs(10);
/// As much of a refusal's body is looked at.
const ERROR_BYTES: usize = 4 * 1024;
/// Calls of one server that may be on their way at once.
pub(crate) const MOST_CALLS: usize = 16;

/// What asks one service.
pub(crate) struct Client {
    client: reqwest::Client,
    config: StreamableHttpClientTransportConfig,
}

impl Client {
    /// A client whose answers may have so many bytes each.
    ///
    /// # Errors
    /// In words: what cannot be sent, or secured.
    pub(crate) fn new(service: &Service, most_bytes: usize) -> Result<Self, String> {
        let builder = direct_client([&service.url]).map_err(|error| error.to_string())?;
        let client = builder
            .connect_timeout(CONNECT_TIME)
            .build()
            .map_err(|error| error.without_url().to_string())?;
        let mut headers = HashMap::new();
        for (name, value) in &service.headers {
            let unfit = || format!("a header of this name or value cannot be sent: `{name}`");
            let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| unfit())?;
            headers.insert(name, secret_value(value.expose()).ok_or_else(unfit)?);
        }
        if !service.key.is_empty() {
            let value = format!("Bearer {}", service.key.expose());
            let value = secret_value(&value).ok_or("the key contains characters that no key has")?;
            headers.insert(http::header::AUTHORIZATION, value);
        }
        let config = StreamableHttpClientTransportConfig::with_uri(service.url.as_str())
            .custom_headers(headers)
            .max_concurrent_requests(MOST_CALLS)
            .max_sse_event_size(most_bytes)
            .max_json_response_size(most_bytes)
            .max_error_response_size(ERROR_BYTES);
        Ok(Self { client, config })
    }

    /// A new connection to the service.
    pub(crate) fn transport(&self) -> StreamableHttpClientTransport<reqwest::Client> {
        StreamableHttpClientTransport::with_client(self.client.clone(), self.config.clone())
    }
}
