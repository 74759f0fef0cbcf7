//! Time comes from outside: whoever needs "now" holds a [`Clock`], so that tests set it by hand.

use jiff::{
    civil,
    tz::{Offset, TimeZone},
};
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
};

/// A moment: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded towards the past.
    pub const fn as_secs(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// Later by so many seconds; saturates at the ends of time.
    pub const fn plus_secs(self, secs: i64) -> Self {
        Self(self.0.saturating_add(secs.saturating_mul(1_000_000)))
    }

    /// `YYYY-MM-DD HH:MM:SS` in UTC, the form of every `created_at` on the wire.
    pub fn to_wire(self) -> String {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(moment) => {
                let at = Offset::UTC.to_datetime(moment);
                let mut wire = String::with_capacity(20);
                if at.year() < 0 {
                    wire.push('-');
                }
                // By hand: long lists have one in every row, and formatting takes ten times as long.
                push_digits(&mut wire, at.year().unsigned_abs(), 1_000);
                for (mark, part) in [
                    ('-', at.month()),
                    ('-', at.day()),
                    (' ', at.hour()),
                    (':', at.minute()),
                    (':', at.second()),
                ] {
                    wire.push(mark);
                    push_digits(&mut wire, part.unsigned_abs().into(), 10);
                }
                wire
            }
            // Outside the years -9999 to 9999, which no clock and no import hands out.
            Err(_) => self.0.to_string(),
        }
    }

    /// Reads `YYYY-MM-DD HH:MM:SS`, with or without a fraction, `T` for the blank or an offset; no offset
    /// means UTC. `None` for anything else.
    pub fn parse_wire(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(moment) = text.parse::<jiff::Timestamp>() {
            return Some(Self(moment.as_microsecond()));
        }
        let at: civil::DateTime = text.parse().ok()?;
        let zoned = at.to_zoned(TimeZone::UTC).ok()?;
        Some(Self(zoned.timestamp().as_microsecond()))
    }
}

/// Adds a number's digits, from the one that counts `place` on.
fn push_digits(text: &mut String, number: u16, mut place: u16) {
    while place > 0 {
        let digit = number / place % 10;
        text.push(char::from_digit(digit.into(), 10).unwrap_or('0'));
        place /= 10;
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_wire())
    }
}

/// Where "now" comes from.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The present moment.
    fn now(&self) -> Timestamp;
}

/// The machine's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// A clock that stands still until it is moved, for tests.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.as_micros()))
    }

    /// Moves the clock, forwards or (negative) backwards.
    pub fn advance_secs(&self, secs: i64) {
        self.0.fetch_add(secs * 1_000_000, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_form_round_trips() {
        for text in [
            "2025-01-31 23:59:59",
            "1970-01-01 00:00:00",
            "2400-02-29 12:00:00",
        ] {
            assert_eq!(Timestamp::parse_wire(text).unwrap().to_wire(), text);
        }
    }

    #[test]
    fn years_of_any_length_are_told() {
        for (micros, wire) in [
            (-62_167_219_200_000_000, "0000-01-01 00:00:00"),
            (-62_167_219_200_000_001, "-0001-12-31 23:59:59"),
            (253_402_207_200_000_000, "9999-12-30 22:00:00"),
            (i64::MAX, "9223372036854775807"),
        ] {
            assert_eq!(Timestamp::from_micros(micros).to_wire(), wire);
        }
    }

    #[test]
    fn other_spellings_are_read_as_utc() {
        let expected = Timestamp::parse_wire("2025-06-01 10:00:00");
        for text in [
            "2025-06-01T10:00:00",
            "2025-06-01T10:00:00Z",
            "2025-06-01 12:00:00+02:00",
        ] {
            assert_eq!(Timestamp::parse_wire(text), expected, "{text}");
        }
        assert_eq!(
            Timestamp::parse_wire("2025-06-01 10:00:00.25")
                .unwrap()
                .as_micros()
                % 1_000_000,
            250_000
        );
        assert_eq!(Timestamp::parse_wire("yesterday"), None);
    }
}
