//! Who is at the other end of the connection, as far as proxies can be trusted.

use crate::{error::ApiError, settings::TrustedProxies};
use axum::extract::FromRequestParts;
use chatai_engine::Origin;
use http::{HeaderMap, header, request::Parts};
use std::net::IpAddr;

/// How much of what a client calls itself is kept.
const USER_AGENT_CHARS: usize = 300;

/// The client of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// Its address.
    pub(crate) address: IpAddr,
    /// Whether it speaks HTTPS, to a proxy that says so.
    pub(crate) https: bool,
}

impl Client {
    /// Reads what trusted proxies say of their client: the last address in `X-Forwarded-For` that is not itself a
    /// trusted proxy's. Anything a client could have written stands before it and is not read.
    pub(crate) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Self {
        let peer = peer.to_canonical();
        if !trusted(peer) {
            return Self {
                address: peer,
                https: false,
            };
        }
        let mut address = peer;
        let hops = headers
            .get_all("x-forwarded-for")
            .into_iter()
            .filter_map(|value| value.to_str().ok());
        let hops: Vec<&str> = hops.flat_map(|value| value.split(',')).collect();
        for hop in hops.into_iter().rev() {
            let Some(hop) = parse_address(hop.trim()) else {
                break;
            };
            address = hop;
            if !trusted(hop) {
                break;
            }
        }
        let protocol = headers.get_all("x-forwarded-proto").into_iter().next_back();
        let protocol = protocol.and_then(|value| value.to_str().ok()?.rsplit(',').next());
        let https = protocol.is_some_and(|protocol| protocol.trim().eq_ignore_ascii_case("https"));
        Self { address, https }
    }

    /// For the engine's limits.
    pub(crate) fn origin(&self) -> Origin {
        Origin {
            address: self.address,
            user_agent: None,
        }
    }

    /// The same for a sign-in, with what the client calls itself.
    pub(crate) fn signing_in(&self, headers: &HeaderMap) -> Origin {
        let said = headers.get(header::USER_AGENT);
        let said = said.and_then(|value| value.to_str().ok()).map(str::trim);
        let user_agent = said.filter(|said| !said.is_empty());
        Origin {
            user_agent: user_agent.map(|said| said.chars().take(USER_AGENT_CHARS).collect()),
            ..self.origin()
        }
    }
}

/// An address, with or without a port or brackets.
fn parse_address(text: &str) -> Option<IpAddr> {
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(socket) = text.parse::<std::net::SocketAddr>() {
        return Some(socket.ip().to_canonical());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

impl<S: Send + Sync> FromRequestParts<S> for Client {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let client = parts.extensions.get::<Self>().copied();
        client.ok_or_else(|| ApiError::internal("a request reached its handler without its client"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn client(peer: &str, forwarded: &[&str], protocol: Option<&str>) -> (String, bool) {
        let trusted: TrustedProxies = Arc::new(|address| address.to_string().starts_with("10."));
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        if let Some(protocol) = protocol {
            headers.insert("x-forwarded-proto", protocol.parse().unwrap());
        }
        let client = Client::of(peer.parse().unwrap(), &headers, &trusted);
        (client.address.to_string(), client.https)
    }

    #[test]
    fn only_trusted_proxies_are_believed() {
        for (peer, forwarded, protocol, expected) in [
            (
                "192.0.2.1",
                &["198.51.100.7"][..],
                Some("https"),
                ("192.0.2.1", false),
            ),
            (
                "10.0.0.1",
                &["198.51.100.7"],
                Some("https"),
                ("198.51.100.7", true),
            ),
            (
                "10.0.0.1",
                &["203.0.113.9, 198.51.100.7, 10.0.0.2"],
                None,
                ("198.51.100.7", false),
            ),
            (
                "10.0.0.1",
                &["203.0.113.9", "198.51.100.7"],
                Some("http"),
                ("198.51.100.7", false),
            ),
            (
                "10.0.0.1",
                &["203.0.113.9, rubbish"],
                Some("http, HTTPS"),
                ("10.0.0.1", true),
            ),
            (
                "::ffff:10.0.0.1",
                &["[2001:db8::1]:443"],
                None,
                ("2001:db8::1", false),
            ),
            ("10.0.0.1", &[], None, ("10.0.0.1", false)),
        ] {
            let (address, https) = expected;
            assert_eq!(
                client(peer, forwarded, protocol),
                (address.to_owned(), https),
                "{forwarded:?}"
            );
        }
    }
}
