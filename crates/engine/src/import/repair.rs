//! From a value as the original's file holds it to one that can be stored, with a remark where that is not the
//! same: pure, no I/O.

use super::report::Change;
use chatai_store::legacy::Field;
use chatai_types::{Money, Timestamp, TokenCounts};
use encoding_rs::WINDOWS_1252;

/// Whole numbers are taken for a time when they are seconds since 1970 within 1973 to 5138, or milliseconds.
const SECONDS: std::ops::Range<i64> = 100_000_000..100_000_000_000;
const MILLISECONDS: std::ops::Range<i64> = 100_000_000_000..100_000_000_000_000;

/// Reads the values of one row and gathers what had to be changed, each kind of change once.
#[derive(Debug, Default)]
pub(super) struct Repair {
    pub(super) changes: Vec<Change>,
}

impl Repair {
    pub(super) fn note(&mut self, change: Change) {
        if !self.changes.contains(&change) {
            self.changes.push(change);
        }
    }

    /// A text, where there is one. Numbers become their digits; bytes and text that are not UTF-8 are read as
    /// Windows-1252, in which every byte means a character, so that none is lost; NUL characters, which PostgreSQL
    /// cannot hold, are replaced.
    pub(super) fn optional_text(&mut self, field: &Field) -> Option<String> {
        let bytes = match field {
            Field::Null => return None,
            Field::Integer(value) => return Some(value.to_string()),
            Field::Real(value) => return Some(format!("{value:?}")),
            Field::Text(bytes) | Field::Blob(bytes) => bytes,
        };
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                self.note(Change::TextOfWindows);
                let (text, _) = WINDOWS_1252.decode_without_bom_handling(bytes);
                text.into_owned()
            }
        };
        if !text.contains('\0') {
            return Some(text);
        }
        self.note(Change::CharactersReplaced);
        Some(text.replace('\0', "\u{FFFD}"))
    }

    /// A text that must be there; empty where it is not.
    pub(super) fn text(&mut self, field: &Field) -> String {
        self.optional_text(field).unwrap_or_else(|| {
            self.note(Change::TextMissing);
            String::new()
        })
    }

    /// A moment. `None`, without a remark, when there is none or it cannot be read: see [`Repair::moment_or`].
    pub(super) fn moment(field: &Field) -> Option<Timestamp> {
        match field {
            Field::Text(bytes) | Field::Blob(bytes) => {
                Timestamp::parse_wire(std::str::from_utf8(bytes).ok()?)
            }
            Field::Integer(seconds) if SECONDS.contains(seconds) => {
                Some(Timestamp::from_micros(seconds * 1_000_000))
            }
            Field::Integer(milliseconds) if MILLISECONDS.contains(milliseconds) => {
                Some(Timestamp::from_micros(milliseconds * 1_000))
            }
            Field::Real(seconds) if SECONDS.contains(&(*seconds as i64)) => {
                Some(Timestamp::from_micros((seconds * 1e6).round() as i64))
            }
            Field::Null | Field::Integer(_) | Field::Real(_) => None,
        }
    }

    /// The moment, or its neighbour's.
    pub(super) fn moment_or(&mut self, field: &Field, neighbour: Timestamp) -> Timestamp {
        Self::moment(field).unwrap_or_else(|| {
            self.note(Change::MomentGuessed);
            neighbour
        })
    }

    /// Token counts as the original showed them: input includes cached input. `None` when it had none at all.
    pub(super) fn tokens(&mut self, input: &Field, output: &Field, cached: &Field) -> Option<TokenCounts> {
        if [input, output, cached].iter().all(|field| **field == Field::Null) {
            return None;
        }
        let (input, output, cached) = (self.count(input), self.count(output), self.count(cached));
        let (fresh_input, cache_read) = match input.checked_sub(cached) {
            Some(fresh) => (fresh, cached),
            None => {
                self.note(Change::CountUnreadable);
                (input, 0)
            }
        };
        Some(TokenCounts {
            fresh_input,
            cache_read,
            output,
            ..TokenCounts::default()
        })
    }

    fn count(&mut self, field: &Field) -> i64 {
        let read = match field {
            Field::Integer(count) => Some(*count),
            // Beyond this, floating numbers skip whole ones.
            Field::Real(count) if count.fract() == 0.0 && count.abs() < 9e15 => Some(*count as i64),
            Field::Text(bytes) | Field::Blob(bytes) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.trim().parse().ok()),
            Field::Null | Field::Real(_) => None,
        };
        read.unwrap_or_else(|| {
            self.note(Change::CountUnreadable);
            0
        })
    }

    /// An amount of dollars, where there is one.
    pub(super) fn price(&mut self, field: &Field) -> Option<Money> {
        let dollars = match field {
            Field::Null => return None,
            Field::Real(dollars) => Some(*dollars),
            Field::Integer(dollars) => Some(*dollars as f64),
            Field::Text(bytes) | Field::Blob(bytes) => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.trim().parse().ok()),
        };
        let Some((dollars, money)) = dollars.and_then(|dollars| Some((dollars, amount(dollars)?))) else {
            self.note(Change::PriceUnreadable);
            return None;
        };
        if money.to_f64() != dollars {
            self.note(Change::PriceRounded);
        }
        Some(money)
    }
}

/// The exact amount of a number's shortest digits, rounded to what can be billed.
fn amount(dollars: f64) -> Option<Money> {
    Money::from_f64_usd(dollars)
        .or_else(|error| {
            // Very small numbers have more digits than decimals are read with.
            if dollars.abs() < 1e-6 {
                Money::parse_usd(&format!("{dollars:.12}"))
            } else {
                Err(error)
            }
        })
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(value: &str) -> Field {
        Field::Text(value.as_bytes().to_vec())
    }

    #[test]
    fn texts_are_kept_or_marked() {
        let cases: &[(Field, Option<&str>, &[Change])] = &[
            (Field::Null, None, &[]),
            (text(""), Some(""), &[]),
            (text(" naïve 日本 \r\n"), Some(" naïve 日本 \r\n"), &[]),
            (Field::Integer(-7), Some("-7"), &[]),
            (Field::Real(1.5), Some("1.5"), &[]),
            (Field::Real(2.0), Some("2.0"), &[]),
            (Field::Blob(b"bytes".to_vec()), Some("bytes"), &[]),
            (
                Field::Text(b"caf\xe9 \x80 \x93x\x94".to_vec()),
                Some("café € “x”"),
                &[Change::TextOfWindows],
            ),
            (
                Field::Blob(b"\xff\xfe".to_vec()),
                Some("ÿþ"),
                &[Change::TextOfWindows],
            ),
            (
                Field::Text(b"\xef\xbb\xbf\xe9".to_vec()),
                Some("ï»¿é"),
                &[Change::TextOfWindows],
            ),
            (text("a\0b"), Some("a\u{FFFD}b"), &[Change::CharactersReplaced]),
            (
                Field::Text(b"\0\xe9".to_vec()),
                Some("\u{FFFD}é"),
                &[Change::TextOfWindows, Change::CharactersReplaced],
            ),
        ];
        for (field, expected, changes) in cases {
            let mut repair = Repair::default();
            assert_eq!(repair.optional_text(field).as_deref(), *expected, "{field:?}");
            assert_eq!(repair.changes, *changes, "{field:?}");
        }
        let mut repair = Repair::default();
        assert_eq!(repair.text(&Field::Null), "");
        assert_eq!(repair.changes, [Change::TextMissing]);
    }

    #[test]
    fn moments_in_all_spellings() {
        let expected = Timestamp::parse_wire("2025-06-01 10:00:00").unwrap();
        let seconds = expected.as_secs();
        for field in [
            text("2025-06-01 10:00:00"),
            text("2025-06-01T10:00:00"),
            text("2025-06-01 10:00:00.000000"),
            text("2025-06-01T10:00:00Z"),
            text("2025-06-01 12:00:00+02:00"),
            Field::Blob(b"2025-06-01 10:00:00".to_vec()),
            Field::Integer(seconds),
            Field::Integer(seconds * 1000),
            Field::Real(seconds as f64),
        ] {
            assert_eq!(Repair::moment(&field), Some(expected), "{field:?}");
        }
        let fraction = Repair::moment(&text("2025-06-01 10:00:00.25")).unwrap();
        assert_eq!(fraction.as_micros() - expected.as_micros(), 250_000);
        for field in [
            Field::Null,
            text(""),
            text("yesterday"),
            text("0000-00-00 00:00:00"),
            Field::Integer(0),
            Field::Integer(i64::MAX),
            Field::Real(f64::INFINITY),
            Field::Real(0.5),
            Field::Text(b"\xff".to_vec()),
        ] {
            assert_eq!(Repair::moment(&field), None, "{field:?}");
            let mut repair = Repair::default();
            assert_eq!(repair.moment_or(&field, expected), expected);
            assert_eq!(repair.changes, [Change::MomentGuessed]);
        }
    }

    #[test]
    fn token_counts_show_as_before() {
        let mut repair = Repair::default();
        let counts = repair
            .tokens(&Field::Integer(100), &Field::Integer(7), &Field::Integer(40))
            .unwrap();
        assert_eq!(
            (counts.input_total(), counts.cache_read, counts.output),
            (Some(100), 40, 7)
        );
        // Impossible, and kept.
        let counts = repair
            .tokens(&Field::Integer(1), &Field::Integer(0), &Field::Integer(5))
            .unwrap();
        assert_eq!((counts.input_total(), counts.cache_read), (Some(1), 5));
        assert!(repair.changes.is_empty());
        assert_eq!(repair.tokens(&Field::Null, &Field::Null, &Field::Null), None);
        assert!(repair.changes.is_empty());
        let counts = repair
            .tokens(&text(" 12 "), &Field::Real(3.0), &Field::Null)
            .unwrap();
        assert_eq!((counts.fresh_input, counts.output), (12, 3));
        assert_eq!(repair.changes, [Change::CountUnreadable]);
        let counts = repair
            .tokens(&Field::Integer(i64::MAX), &Field::Integer(0), &Field::Integer(-1))
            .unwrap();
        assert_eq!((counts.input_total(), counts.cache_read), (Some(i64::MAX), 0));
    }

    #[test]
    fn prices_keep_their_digits() {
        let cases: &[(Field, Option<&str>, &[Change])] = &[
            (Field::Null, None, &[]),
            (Field::Real(0.0000123), Some("0.0000123"), &[]),
            (Field::Real(-1.5), Some("-1.5"), &[]),
            (Field::Integer(2), Some("2"), &[]),
            (text("0.5"), Some("0.5"), &[]),
            (Field::Real(0.1 + 0.2), Some("0.3"), &[Change::PriceRounded]),
            (Field::Real(1e-13), Some("0"), &[Change::PriceRounded]),
            (Field::Real(1e-300), Some("0"), &[Change::PriceRounded]),
            (
                Field::Real(1.234567890123456e-9),
                Some("0.000000001235"),
                &[Change::PriceRounded],
            ),
            (Field::Real(f64::INFINITY), None, &[Change::PriceUnreadable]),
            (Field::Real(1e300), None, &[Change::PriceUnreadable]),
            (text("free"), None, &[Change::PriceUnreadable]),
        ];
        for (field, expected, changes) in cases {
            let mut repair = Repair::default();
            let money = repair.price(field);
            assert_eq!(
                money.map(|money| money.to_string()).as_deref(),
                *expected,
                "{field:?}"
            );
            assert_eq!(repair.changes, *changes, "{field:?}");
        }
    }

    proptest! {
        /// What the original stored, seven decimals, comes out as the same number.
        #[test]
        fn seven_decimals_come_back(units in -10_000_000_000_i64..10_000_000_000) {
            let stored: f64 = format!("{}e-7", units).parse().unwrap();
            let mut repair = Repair::default();
            let money = repair.price(&Field::Real(stored)).unwrap();
            prop_assert_eq!(money.to_f64(), stored);
            prop_assert!(repair.changes.is_empty());
        }

        #[test]
        fn any_text_can_be_stored(bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            let mut repair = Repair::default();
            let stored = repair.text(&Field::Text(bytes.clone()));
            prop_assert!(!stored.contains('\0'));
            prop_assert_eq!(stored.as_bytes() == bytes, repair.changes.is_empty());
        }
    }
}
