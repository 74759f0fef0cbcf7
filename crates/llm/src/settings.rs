//! How to reach a vendor, and the bounds of every call: the same for all kinds of API.

use crate::secret::{Secret, Secrets};
use chatai_types::{Random, SystemRandom};
use std::{sync::Arc, time::Duration};
use url::Url;

/// What an adapter needs to know. [`VendorSettings::new`] gives fit values for all but the first two
/// arguments it takes.
#[derive(Clone, Debug)]
pub struct VendorSettings {
    /// The name it is configured by; empty for the adapter's own.
    pub name: String,
    /// Where the API lies, e.g. `https://api.openai.com/v1`, with or without a slash at its end.
    pub base_url: Url,
    /// The key; empty for servers that need none.
    pub api_key: Secret,
    /// Further headers of every request, such as Azure's `api-key`.
    pub headers: Vec<(String, Secret)>,
    /// The proxy all requests go through.
    pub proxy: Option<Url>,
    /// The longest silence, before the headers of an answer and between its events.
    pub timeout: Duration,
    /// The longest time to connect.
    pub connect_timeout: Duration,
    /// The longest time for a whole call: attempts, waits between them, and the answer.
    pub total_timeout: Duration,
    /// Attempts after the first, all before anything of an answer arrived.
    pub max_retries: u32,
    /// The wait before the first retry; doubled each time, shortened at random by up to half.
    pub retry_backoff: Duration,
    /// The most bytes of text, reasoning and tool arguments of one answer.
    pub max_answer_bytes: usize,
    /// The most bytes of one event of a stream. The last event of some APIs repeats the whole answer and the
    /// request's instructions and tools.
    pub max_event_bytes: usize,
    /// Connections kept open between calls.
    pub max_idle_connections: usize,
    /// Calls made at once; further ones wait for one of them to end. `None` sets no bound.
    pub max_concurrent: Option<usize>,
    /// What spreads the waits between attempts.
    pub random: Arc<dyn Random>,
}

impl VendorSettings {
    /// Settings with the usual bounds.
    pub fn new(base_url: Url, api_key: impl Into<Secret>) -> Self {
        Self {
            name: String::new(),
            base_url,
            api_key: api_key.into(),
            headers: Vec::new(),
            proxy: None,
            timeout: Duration::from_secs(60),
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(15 * 60),
            max_retries: 2,
            retry_backoff: Duration::from_millis(500),
            max_answer_bytes: 4 * 1024 * 1024,
            max_event_bytes: 16 * 1024 * 1024,
            max_idle_connections: 512,
            max_concurrent: None,
            random: Arc::new(SystemRandom),
        }
    }

    /// Everything that must not be shown.
    pub(crate) fn secrets(&self) -> Secrets {
        let password = self.proxy.as_ref().and_then(Url::password).map(Secret::new);
        let headers = self.headers.iter().map(|(_, value)| value.clone());
        Secrets::new(headers.chain([self.api_key.clone()]).chain(password))
    }
}
