//! URLs of providers and origins of pages.

use url::{Host, Url};

use super::database::without_password;
use super::{Fault, Kind, Raw, for_message, quoted};

/// A base URL: http or https, to which paths are appended. Kept without a slash at its end.
pub(crate) struct Endpoint;

impl Kind for Endpoint {
    type Value = String;

    fn describe(&self) -> String {
        "an `http://` or `https://` URL without query".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let url = Url::parse(text).map_err(|_| self.expected())?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.fragment().is_some() {
            return Err(self.expected());
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                Fault::new("must not carry a user name or password").hint("the key has a key of its own")
            );
        }
        Ok(url.as_str().trim_end_matches('/').to_owned())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }

    fn printable(&self, raw: &Raw) -> String {
        for_message(&without_password(&raw.joined()))
    }
}

/// The base URL of a provider. Azure wants the version of its interface in each address, so that may stand there.
pub(crate) struct BaseUrl;

impl Kind for BaseUrl {
    type Value = String;

    fn describe(&self) -> String {
        "an `http://` or `https://` URL without query other than `api-version`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let mut url = Url::parse(text).map_err(|_| self.expected())?;
        if url.query_pairs().any(|(name, _)| name != "api-version") {
            return Err(self.expected());
        }
        let query = url.query().filter(|query| !query.is_empty()).map(str::to_owned);
        url.set_query(None);
        let base = Endpoint
            .read(&Raw::Text(url.into()))
            .map_err(|fault| match fault.hint {
                Some(_) => fault,
                None => self.expected(),
            })?;
        Ok(match query {
            Some(query) => format!("{base}?{query}"),
            None => base,
        })
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }

    fn printable(&self, raw: &Raw) -> String {
        Endpoint.printable(raw)
    }
}

/// Where Ollama listens, in the forms that its own variable has: a host, a host and port, a port alone, or a URL.
/// Becomes the base URL of its compatible interface. As Ollama itself reads it: its own port is meant only where no scheme
/// stands before the host.
///
/// <https://github.com/ollama/ollama/blob/main/envconfig/config.go>
pub(crate) struct OllamaHost;

const OLLAMA_PORT: u16 = 11_434;

impl Kind for OllamaHost {
    type Value = String;

    fn describe(&self) -> String {
        "a host, `host:port` or an `http://` or `https://` URL without query".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let with_scheme = match text {
            _ if text.contains("://") => text.to_owned(),
            port if port.starts_with(':') => format!("http://127.0.0.1{port}"),
            host => format!("http://{host}"),
        };
        let mut url = Url::parse(
            &Endpoint
                .read(&Raw::Text(with_scheme))
                .map_err(|_| self.expected())?,
        )
        .map_err(|_| self.expected())?;
        // A URL does not keep the port that its scheme has by itself.
        let host = text.split('/').next().unwrap_or_default();
        if !text.contains("://") && url.port().is_none() && !host.ends_with(":80") {
            url.set_port(Some(OLLAMA_PORT)).map_err(|()| self.expected())?;
        }
        let base = url.as_str().trim_end_matches('/');
        Ok(match base.ends_with("/v1") {
            true => base.to_owned(),
            false => format!("{base}/v1"),
        })
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }

    fn printable(&self, raw: &Raw) -> String {
        for_message(&without_password(&raw.joined()))
    }
}

/// A proxy that a provider is reached through. It may carry a password, so it is never printed.
pub(crate) struct ProxyUrl;

impl Kind for ProxyUrl {
    type Value = super::Secret;

    const SECRET: bool = true;

    fn describe(&self) -> String {
        "an `http://` or `https://` URL of a proxy".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<super::Secret, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let url = Url::parse(text).map_err(|_| self.expected())?;
        if !matches!(url.scheme(), "http" | "https") || url.query().is_some() || url.path() != "/" {
            return Err(self.expected());
        }
        Ok(super::Secret::new(url.as_str()))
    }

    fn to_toml(&self, _: &super::Secret) -> String {
        "(set)".to_owned()
    }
}

/// The origin of a page: scheme, host and port.
pub(crate) struct Origin;

impl Kind for Origin {
    type Value = String;

    fn describe(&self) -> String {
        "an origin such as `https://chat.example.org`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        if text == "*" {
            return Err(self
                .expected()
                .hint("name the origins: `*` would let any page use a visitor's account"));
        }
        let url = Url::parse(text).map_err(|_| self.expected())?;
        let is_bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        let has_host = matches!(url.host(), Some(Host::Domain(name)) if !name.contains('*'))
            || matches!(url.host(), Some(Host::Ipv4(_) | Host::Ipv6(_)));
        if !matches!(url.scheme(), "http" | "https") || !is_bare || !has_host {
            return Err(self.expected());
        }
        Ok(url.origin().ascii_serialization())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let read = |text: &str| Endpoint.read(&Raw::Text(text.to_owned()));
        for (text, expected) in [
            ("http://127.0.0.1:11434/v1/", Some("http://127.0.0.1:11434/v1")),
            ("https://api.openai.com/v1", Some("https://api.openai.com/v1")),
            ("https://example.org", Some("https://example.org")),
            ("api.openai.com", None),
            ("ftp://example.org", None),
            ("https://example.org/?key=1", None),
            ("https://", None),
            ("https://me:hunter2@example.org", None),
        ] {
            assert_eq!(read(text).ok().as_deref(), expected, "{text}");
        }
        let shown = Endpoint.printable(&Raw::Text("https://me:hunter2@example.org".to_owned()));
        assert_eq!(shown, "https://me:***@example.org");
    }

    #[test]
    fn base_urls_may_name_the_version_of_an_interface() {
        let read = |text: &str| BaseUrl.read(&Raw::Text(text.to_owned()));
        for (text, expected) in [
            ("http://127.0.0.1:11434/v1/", Some("http://127.0.0.1:11434/v1")),
            (
                "https://r.openai.azure.com/openai/deployments/d/?api-version=2025-04-01",
                Some("https://r.openai.azure.com/openai/deployments/d?api-version=2025-04-01"),
            ),
            ("https://example.org/v1?", Some("https://example.org/v1")),
            ("https://example.org/?key=1", None),
            ("https://example.org/?api-version=1&key=1", None),
            ("https://example.org/?api-version=1#x", None),
            ("https://me:hunter2@example.org?api-version=1", None),
            ("api.openai.com?api-version=1", None),
        ] {
            assert_eq!(read(text).ok().as_deref(), expected, "{text}");
        }
        let told = read("https://me:hunter2@example.org").unwrap_err();
        assert!(told.hint.is_some(), "{}", told.message);
    }

    #[test]
    fn where_ollama_listens() {
        let read = |text: &str| OllamaHost.read(&Raw::Text(text.to_owned()));
        for (text, expected) in [
            ("127.0.0.1", Some("http://127.0.0.1:11434/v1")),
            ("127.0.0.1:9999", Some("http://127.0.0.1:9999/v1")),
            (":9999", Some("http://127.0.0.1:9999/v1")),
            ("ollama", Some("http://ollama:11434/v1")),
            ("http://ollama:11434/", Some("http://ollama:11434/v1")),
            ("http://ollama", Some("http://ollama/v1")),
            ("http://ollama:80", Some("http://ollama/v1")),
            ("http://ollama:80/v1", Some("http://ollama/v1")),
            ("ollama:80", Some("http://ollama/v1")),
            ("ollama:80/v1", Some("http://ollama/v1")),
            ("ollama/v1", Some("http://ollama:11434/v1")),
            (
                "https://ollama.example.org",
                Some("https://ollama.example.org/v1"),
            ),
            (
                "https://example.org/ollama/v1",
                Some("https://example.org/ollama/v1"),
            ),
            ("ftp://ollama", None),
            ("http://me:hunter2@ollama", None),
            ("a b", None),
            ("http://ollama/?key=1", None),
        ] {
            assert_eq!(read(text).ok().as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn origins() {
        let read = |text: &str| Origin.read(&Raw::Text(text.to_owned()));
        for (text, expected) in [
            ("https://Chat.Example.org", Some("https://chat.example.org")),
            ("https://example.org:443/", Some("https://example.org")),
            ("http://localhost:3000", Some("http://localhost:3000")),
            ("http://[::1]:3000", Some("http://[::1]:3000")),
            ("https://example.org/app", None),
            ("https://*.example.org", None),
            ("example.org", None),
            ("null", None),
            ("file:///x", None),
        ] {
            assert_eq!(read(text).ok().as_deref(), expected, "{text}");
        }
        assert!(read("*").unwrap_err().hint.is_some());
    }
}
