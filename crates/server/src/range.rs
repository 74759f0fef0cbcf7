//! `Range: bytes=…`, one range at a time (RFC 9110, section 14).

use http::{HeaderMap, header};
use std::ops::Range;

/// The part that a request wants of a resource of so many bytes; `None` for all of it: without a range, with
/// several, with one that cannot be read or lies outside. A server may always answer with the whole.
pub(crate) fn asked(headers: &HeaderMap, length: usize) -> Option<Range<usize>> {
    // We give no validator out, so none can match.
    if headers.contains_key(header::IF_RANGE) {
        return None;
    }
    let value = headers.get(header::RANGE)?.to_str().ok()?;
    let (first, last) = value.strip_prefix("bytes=")?.trim().split_once('-')?;
    let range = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(length),
        (Ok(first), Err(_)) if last.is_empty() => first..length,
        (Err(_), Ok(suffix)) if first.is_empty() => length.saturating_sub(suffix)..length,
        _ => return None,
    };
    (range.start < length).then_some(range)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_ten_bytes() {
        for (value, expected) in [
            ("bytes=0-3", Some(0..4)),
            ("bytes=9-", Some(9..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-30", Some(0..10)),
            ("bytes=5-500", Some(5..10)),
            ("bytes=0-18446744073709551615", Some(0..10)),
            ("bytes=10-", None),
            ("bytes=-0", None),
            ("bytes=3-2", None),
            ("bytes=0-1,3-4", None),
            ("bytes=a-b", None),
            ("bytes=-", None),
            ("lines=1-2", None),
        ] {
            let headers = HeaderMap::from_iter([(header::RANGE, value.parse().unwrap())]);
            assert_eq!(asked(&headers, 10), expected, "{value}");
        }
        assert_eq!(asked(&HeaderMap::new(), 10), None);
    }
}
