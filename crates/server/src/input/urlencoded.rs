//! `name=value&…`, as queries and forms spell it.

use super::fields::{Raw, Source};
use percent_encoding::percent_decode;
use std::borrow::Cow;

/// Encoded pairs, decoded when a field is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Urlencoded<'a> {
    place: &'static str,
    text: &'a [u8],
}

impl<'a> Urlencoded<'a> {
    /// A request's query.
    pub(crate) fn query(text: &'a str) -> Self {
        Self {
            place: "query",
            text: text.as_bytes(),
        }
    }

    /// A form in a body.
    pub(crate) fn body(text: &'a [u8]) -> Self {
        Self { place: "body", text }
    }

    /// All values of a field, in order.
    pub(crate) fn all<'n>(&self, name: &'n str) -> impl DoubleEndedIterator<Item = Raw<'a>> + use<'a, 'n> {
        let text = self.text;
        text.split(|byte| *byte == b'&').filter_map(move |pair| {
            let (key, value) = match pair.iter().position(|byte| *byte == b'=') {
                Some(at) => (&pair[..at], &pair[at + 1..]),
                None => (pair, &pair[..0]),
            };
            (decode(key)? == name).then(|| decode(value).map_or(Raw::NotUnicode, Raw::Text))
        })
    }
}

impl Source for Urlencoded<'_> {
    fn place(&self) -> &'static str {
        self.place
    }

    fn field(&self, name: &str) -> Raw<'_> {
        self.all(name).next_back().unwrap_or(Raw::Absent)
    }
}

/// The text behind plus signs and percent codes; `None` where it is no UTF-8.
fn decode(bytes: &[u8]) -> Option<Cow<'_, str>> {
    if !bytes.iter().any(|byte| matches!(byte, b'+' | b'%')) {
        return std::str::from_utf8(bytes).ok().map(Cow::Borrowed);
    }
    let spaced: Vec<u8> = bytes
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    let decoded: Vec<u8> = percent_decode(&spaced).collect();
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let query = Urlencoded::query("a=1&b=x+y%20%C3%A9&a=2&c&d=%ff&%65=5&f=a=b&g=%zz&=");
        for (name, expected) in [
            ("a", Raw::Text("2".into())),
            ("b", Raw::Text("x y é".into())),
            ("c", Raw::Text("".into())),
            ("d", Raw::NotUnicode),
            ("e", Raw::Text("5".into())),
            ("f", Raw::Text("a=b".into())),
            ("g", Raw::Text("%zz".into())),
            ("h", Raw::Absent),
        ] {
            assert_eq!(query.field(name), expected, "{name}");
        }
        assert_eq!(query.all("a").count(), 2);
        assert_eq!(Urlencoded::query("").field("a"), Raw::Absent);
    }
}
