//! What the HTTP side has to be told: plain values, already validated by whoever read the configuration.

use chatai_types::Random;
use std::{fmt, net::IpAddr, sync::Arc, time::Duration};

/// Says whether an address is a proxy whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
pub type TrustedProxies = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// Everything the HTTP side depends on.
#[derive(Clone)]
pub struct ServerSettings {
    /// The most bytes of a request's body.
    pub body_bytes: u64,
    /// How long a request's head may take, and how long an idle connection is kept.
    pub header_timeout: Duration,
    /// How long a request's body may take.
    pub body_timeout: Duration,
    /// How often an event stream that has nothing else to say sends a comment line.
    pub keep_alive: Duration,
    /// The most connections open at once; further ones are told to come back.
    pub connections: usize,
    /// Origins whose pages may call from a browser, as browsers spell them: `https://chat.example.org`.
    pub cors_origins: Vec<String>,
    /// Proxies that speak for their clients.
    pub trusted_proxies: TrustedProxies,
    /// Where request ids come from.
    pub random: Arc<dyn Random>,
    /// The program's version, for the API document.
    pub version: String,
}

impl fmt::Debug for ServerSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSettings")
            .field("body_bytes", &self.body_bytes)
            .field("header_timeout", &self.header_timeout)
            .field("body_timeout", &self.body_timeout)
            .field("keep_alive", &self.keep_alive)
            .field("connections", &self.connections)
            .field("cors_origins", &self.cors_origins)
            .field("version", &self.version)
            .finish_non_exhaustive()
    }
}
