//! The media type that is kept with a file and later sent as `Content-Type`.
//!
//! It is what the sender declared, since clients expect it back. It says nothing about how the file is
//! understood: that goes by [`Kind`] alone.

use crate::Kind;

/// RFC 6838 allows each half of a media type this many characters.
const MAX_HALF: usize = 127;

/// `declared` without its parameters and in lower case where it is a media type, else the type of `kind`.
/// Always `token/token` (RFC 7231), so nothing can be smuggled into a header.
pub fn stored_content_type(declared: Option<&str>, kind: Kind) -> String {
    declared
        .and_then(essence)
        .unwrap_or_else(|| kind.media_type().to_owned())
}

/// `type/subtype` of a media type, in lower case; `None` where it is none.
pub(crate) fn essence(media_type: &str) -> Option<String> {
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim_matches([' ', '\t']);
    let (kind, subtype) = essence.split_once('/')?;
    let is_half = |half: &str| !half.is_empty() && half.len() <= MAX_HALF && half.bytes().all(is_token);
    (is_half(kind) && is_half(subtype)).then(|| essence.to_ascii_lowercase())
}

/// `tchar` of RFC 7230.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn keeps_what_was_declared_if_it_is_a_media_type() {
        for (declared, stored) in [
            (Some("text/html"), "text/html"),
            (Some("Text/Plain; charset=\"utf-8\""), "text/plain"),
            (Some(" application/vnd.api+json "), "application/vnd.api+json"),
            (Some("text/html\r\nSet-Cookie: a=b"), "application/pdf"),
            (Some("text"), "application/pdf"),
            (Some("text/"), "application/pdf"),
            (Some("text/html/x"), "application/pdf"),
            (Some("téxt/html"), "application/pdf"),
            (Some(""), "application/pdf"),
            (None, "application/pdf"),
        ] {
            assert_eq!(stored_content_type(declared, Kind::Pdf), stored, "{declared:?}");
        }
        assert_eq!(
            stored_content_type(Some(&format!("a/{}", "b".repeat(128))), Kind::Pdf),
            "application/pdf"
        );
    }

    proptest! {
        #[test]
        fn is_always_two_tokens(declared in "\\PC*|[a/;\r\n \"]{0,9}") {
            let stored = stored_content_type(Some(&declared), Kind::Other);
            let (kind, subtype) = stored.split_once('/').unwrap();
            prop_assert!(kind.bytes().chain(subtype.bytes()).all(is_token));
        }
    }
}
