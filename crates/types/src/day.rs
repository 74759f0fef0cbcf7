//! Days and the windows of budgets, in UTC.

use crate::{Timestamp, message::names};
use jiff::{Span, ToSpan, civil};
use std::fmt;

const MICROS: i64 = 86_400_000_000;

/// A day in UTC, counted from 1970-01-01.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Day(i64);

impl Day {
    /// Before and after every day that a [`Timestamp`] can stand for.
    pub const FIRST: Self = Self(-200_000_000);
    /// See [`Day::FIRST`].
    pub const LAST: Self = Self(200_000_000);

    /// From the number of days since 1970-01-01.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Days since 1970-01-01.
    pub const fn number(self) -> i64 {
        self.0
    }

    /// The day of a moment.
    pub const fn of(moment: Timestamp) -> Self {
        Self(moment.as_micros().div_euclid(MICROS))
    }

    /// Its first moment.
    pub const fn start(self) -> Timestamp {
        Timestamp::from_micros(self.0.saturating_mul(MICROS))
    }

    /// The day after it.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }

    /// The day before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0 - 1)
    }

    /// The first day of its month.
    #[must_use]
    pub const fn month_start(self) -> Self {
        // Eras of 400 years that begin on 1 March, where every month but the last has its length for ever
        // (Howard Hinnant, "chrono-compatible low-level date algorithms"). The store counts in the same way.
        let day_of_era = (self.0 + 719_468).rem_euclid(146_097);
        let year_of_era =
            (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * day_of_year + 2) / 153;
        Self(self.0 - (day_of_year - (153 * month + 2) / 5))
    }

    /// The first day of the month after its own.
    #[must_use]
    pub const fn next_month(self) -> Self {
        Self(self.month_start().0 + 31).month_start()
    }

    /// `YYYY-MM`; the number of the day outside the years -9999 to 9999.
    pub fn month(self) -> String {
        match self.date() {
            Some(date) => format!("{:04}-{:02}", date.year(), date.month()),
            None => self.0.to_string(),
        }
    }

    fn date(self) -> Option<civil::Date> {
        let days = Span::new().try_days(self.0).ok()?;
        civil::date(1970, 1, 1).checked_add(days).ok()
    }

    fn from_date(date: civil::Date) -> Option<Self> {
        let since = date.since(civil::date(1970, 1, 1)).ok()?;
        Some(Self(since.get_days().into()))
    }

    /// The first day of its month and of the next one.
    fn month_bounds(self) -> Option<(Self, Self)> {
        let first = self.date()?.first_of_month();
        let next = first.checked_add(1.month()).ok()?;
        Some((Self::from_date(first)?, Self::from_date(next)?))
    }
}

/// `YYYY-MM-DD`; the number of the day outside the years -9999 to 9999.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.date() {
            Some(date) => write!(f, "{:04}-{:02}-{:02}", date.year(), date.month(), date.day()),
            None => self.0.fmt(f),
        }
    }
}

names! {
    /// How long a budget's limit lasts until it begins anew.
    BudgetPeriod, "budget period" {
        /// A day in UTC.
        Day = "day",
        /// A calendar month in UTC.
        Month = "month",
        /// For ever.
        Total = "total",
    }
}

/// The days that one limit of a budget is for, the second one excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetWindow {
    /// The first day.
    pub from: Day,
    /// The day after the last one.
    pub to: Day,
}

impl BudgetPeriod {
    /// The window of that moment.
    pub fn window(self, now: Timestamp) -> BudgetWindow {
        let day = Day::of(now);
        let all = (Day::FIRST, Day::LAST);
        let (from, to) = match self {
            Self::Day => (day, day.next()),
            // Outside the calendar there are no months; no clock shows such a year.
            Self::Month => day.month_bounds().unwrap_or(all),
            Self::Total => all,
        };
        BudgetWindow { from, to }
    }

    /// When the limit begins anew; `None` for one that never does.
    pub fn resets_at(self, now: Timestamp) -> Option<Timestamp> {
        match self {
            Self::Total => None,
            Self::Day | Self::Month => Some(self.window(now).to.start()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_wire(text).unwrap()
    }

    #[test]
    fn days_and_months_are_of_the_calendar() {
        for (moment, day, month) in [
            ("1970-01-01 00:00:00", "1970-01-01", "1970-01"),
            ("1969-12-31 23:59:59", "1969-12-31", "1969-12"),
            ("2024-02-29 23:59:59", "2024-02-29", "2024-02"),
            ("2025-12-31 12:00:00", "2025-12-31", "2025-12"),
        ] {
            let found = Day::of(at(moment));
            assert_eq!((found.to_string().as_str(), found.month().as_str()), (day, month));
            assert!(found.start() <= at(moment) && at(moment) < found.next().start());
        }
        assert_eq!(Day::LAST.to_string(), "200000000");
    }

    #[test]
    fn months_begin_on_their_first_day() {
        let from = Day::of(at("1583-01-01 00:00:00"));
        let to = Day::of(at("2801-01-01 00:00:00"));
        for number in from.number()..to.number() {
            let day = Day::from_number(number);
            let (first, next) = day.month_bounds().unwrap();
            assert_eq!((day.month_start(), day.next_month()), (first, next), "{day}");
        }
        // Beyond every calendar too.
        for day in [Day::FIRST, Day::LAST] {
            let length = day.number() - day.month_start().number();
            assert!((0..31).contains(&length), "{length}");
        }
    }

    #[test]
    fn windows_follow_each_other_without_a_gap() {
        let month = BudgetPeriod::Month.window(at("2024-02-29 12:00:00"));
        assert_eq!(
            (month.from.to_string(), month.to.to_string()),
            ("2024-02-01".to_owned(), "2024-03-01".to_owned())
        );
        let resets = |period: BudgetPeriod, now| period.resets_at(at(now)).map(Timestamp::to_wire);
        assert_eq!(
            resets(BudgetPeriod::Month, "2024-12-31 23:59:59").as_deref(),
            Some("2025-01-01 00:00:00")
        );
        assert_eq!(
            resets(BudgetPeriod::Day, "2024-02-28 00:00:00").as_deref(),
            Some("2024-02-29 00:00:00")
        );
        assert_eq!(resets(BudgetPeriod::Total, "2024-02-28 00:00:00"), None);
        let total = BudgetPeriod::Total.window(at("2024-02-28 00:00:00"));
        assert!(total.from < Day::of(Timestamp::from_micros(i64::MIN)));
        assert!(total.to > Day::of(Timestamp::from_micros(i64::MAX)));
    }
}
