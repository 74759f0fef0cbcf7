//! The name of one request, in its answer and in the log.

use chatai_types::Random;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it, both ways.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LONGEST: usize = 128;

/// The caller's own name for the request if it is well formed, a new one else.
pub(crate) fn of(headers: &HeaderMap, random: &dyn Random) -> String {
    match headers
        .get(HEADER)
        .map(HeaderValue::as_bytes)
        .filter(|id| is_well_formed(id))
    {
        Some(given) => given.iter().copied().map(char::from).collect(),
        None => random.hex(12),
    }
}

fn is_well_formed(id: &[u8]) -> bool {
    (1..=LONGEST).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::SeededRandom;

    #[test]
    fn well_formed_ids_are_taken_over() {
        let random = SeededRandom::new(1);
        for (given, taken) in [
            ("abc-123_X.y", true),
            (&"a".repeat(128), true),
            (&"a".repeat(129), false),
            ("", false),
            ("a b", false),
            ("a\"b", false),
            ("id=1;x", false),
        ] {
            let headers = HeaderMap::from_iter([(HEADER, given.parse().unwrap())]);
            assert_eq!(of(&headers, &random) == given, taken, "{given}");
        }
        let (one, other) = (of(&HeaderMap::new(), &random), of(&HeaderMap::new(), &random));
        assert!(one != other && is_well_formed(one.as_bytes()));
    }
}
