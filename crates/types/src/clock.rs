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
                format!(
                    "{:04}-{:02}-{:02} {:02}:{:02}:{:02}",
                    at.year(),
                    at.month(),
                    at.day(),
                    at.hour(),
                    at.minute(),
                    at.second()
                )
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
