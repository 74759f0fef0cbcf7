//! Cursors: places in lists, as opaque text that clients hand back.
//!
//! A cursor holds its version, the kind of list, whose list it is, the place, and a checksum, so that one which was
//! mistyped, cut off, or given out by another list is told apart and refused. It is no secret and no permission:
//! whatever is read with it is read among the caller's own.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

/// The first byte of this form; another form takes another.
const VERSION: u8 = 1;
const BYTES: usize = 2 + 3 * 8 + 4;

/// Where a row stands in its list: the keys that the list is ordered by. A list with one key leaves the other 0.
pub(crate) type Position = (i64, i64);

/// A kind of list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// An account's conversations, by moment and id.
    Conversations = b'c' as isize,
    /// The instance's accounts, by id.
    Accounts = b'a' as isize,
    /// A conversation's messages, by id.
    Messages = b'm' as isize,
}

/// One list: its kind, and the id of what it belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct List {
    kind: Kind,
    of: i64,
}

impl List {
    /// The list of this kind that belongs to `of`: the account's conversations, the conversation's messages.
    pub(crate) const fn new(kind: Kind, of: i64) -> Self {
        Self { kind, of }
    }

    /// The cursor that stands for a place in this list: letters, digits, `-` and `_`.
    pub(crate) fn cursor(self, position: Position) -> String {
        let mut bytes = [0; BYTES];
        bytes[..2].copy_from_slice(&[VERSION, self.kind as u8]);
        bytes[2..10].copy_from_slice(&self.of.to_be_bytes());
        bytes[10..18].copy_from_slice(&position.0.to_be_bytes());
        bytes[18..26].copy_from_slice(&position.1.to_be_bytes());
        let sum = checksum(&bytes[..26]);
        bytes[26..].copy_from_slice(&sum.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// The place that a cursor of this list stands for; `None` for everything else.
    pub(crate) fn read(self, cursor: &str) -> Option<Position> {
        let mut bytes = [0; BYTES];
        // Longer text is no cursor, and not worth decoding.
        if cursor.len() != BYTES.div_ceil(3) * 4 {
            return None;
        }
        let read = URL_SAFE_NO_PAD.decode_slice(cursor, &mut bytes).ok()?;
        let number = |at: usize| Some(i64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?));
        let position = (number(10)?, number(18)?);
        // What is written for this place is the only spelling of it.
        (read == BYTES && self.cursor(position) == cursor).then_some(position)
    }
}

/// FNV-1a: finds what was mistyped, and means to find nothing else.
fn checksum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum: u32, byte| {
        (sum ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIST: List = List::new(Kind::Conversations, 7);

    #[test]
    fn nothing_else_is_a_cursor() {
        let good = LIST.cursor((5, 6));
        assert_eq!(LIST.read(&good), Some((5, 6)));
        assert_eq!(
            List::new(Kind::Conversations, 8).read(&good),
            None,
            "another list's"
        );
        let long = "A".repeat(100_000);
        for text in [
            "",
            "A",
            "0",
            "null",
            "..",
            "é",
            "\0",
            &good[1..],
            &format!("{good}="),
            &long,
        ] {
            assert_eq!(LIST.read(text), None, "{text:?}");
        }
        assert_eq!(LIST.read(&"A".repeat(good.len())), None);
        assert_eq!(LIST.read(&"é".repeat(good.len() / 2)), None);
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back(of: i64, first: i64, second: i64) {
            let list = List::new(Kind::Conversations, of);
            let cursor = list.cursor((first, second));
            prop_assert!(cursor.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')));
            prop_assert_eq!(list.read(&cursor), Some((first, second)));
        }

        #[test]
        fn a_changed_cursor_is_none(first: i64, second: i64, at in 0..40_usize, sign in "[A-Za-z0-9_-]") {
            let good = LIST.cursor((first, second));
            let mut changed = good.clone();
            changed.replace_range(at..=at, &sign);
            prop_assert_eq!(LIST.read(&changed).is_some(), changed == good);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            prop_assert_eq!(LIST.read(&text), None);
        }
    }
}
