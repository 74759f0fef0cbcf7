//! What a request's body says it is.

use super::parameters::parameters;
use http::{HeaderMap, header};

/// The kinds of body that routes tell apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ContentType {
    /// No header.
    None,
    /// `application/json` or `application/*+json`.
    Json,
    /// `application/x-www-form-urlencoded`.
    Urlencoded,
    /// `multipart/form-data`, with its boundary where there is a usable one.
    Multipart(Option<String>),
    /// Anything else.
    Other,
}

impl ContentType {
    /// Reads the header.
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_TYPE) else {
            return Self::None;
        };
        let Ok(text) = value.to_str() else {
            return Self::Other;
        };
        let essence = text
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match essence.as_str() {
            "" => Self::None,
            "application/json" => Self::Json,
            "application/x-www-form-urlencoded" => Self::Urlencoded,
            "multipart/form-data" => Self::Multipart(boundary(text)),
            other if other.starts_with("application/") && other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// The boundary, if it is within RFC 2046's bounds: longer ones only cost time.
fn boundary(header: &str) -> Option<String> {
    let (_, boundary) = parameters(header)
        .into_iter()
        .find(|(key, _)| key == "boundary")?;
    (1..=70).contains(&boundary.len()).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (value, expected) in [
            ("application/json", ContentType::Json),
            ("Application/JSON; charset=utf-8", ContentType::Json),
            ("application/problem+json", ContentType::Json),
            ("text/plain", ContentType::Other),
            ("text/json", ContentType::Other),
            ("application/jsonx", ContentType::Other),
            (
                "application/x-www-form-urlencoded;charset=UTF-8",
                ContentType::Urlencoded,
            ),
            (
                "multipart/form-data; boundary=x",
                ContentType::Multipart(Some("x".into())),
            ),
            (
                "multipart/form-data; boundary=\"a b\"",
                ContentType::Multipart(Some("a b".into())),
            ),
            ("multipart/form-data", ContentType::Multipart(None)),
            ("multipart/mixed; boundary=x", ContentType::Other),
        ] {
            let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, value.parse().unwrap())]);
            assert_eq!(ContentType::of(&headers), expected, "{value}");
        }
        assert_eq!(ContentType::of(&HeaderMap::new()), ContentType::None);
        let long = format!("multipart/form-data; boundary={}", "x".repeat(71));
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, long.parse().unwrap())]);
        assert_eq!(ContentType::of(&headers), ContentType::Multipart(None));
    }
}
