//! Readers of rarer kinds of fields: choices, booleans, decimal numbers, moments. They keep the rule of
//! [`Fields`]: `None` exactly if a fault was recorded.

use super::{
    fault::{Fault, echo},
    fields::{Fields, Raw, TextRule},
};
use chatai_types::Timestamp;
use std::borrow::Cow;

/// No decimal number that can be meant is longer.
const LONGEST_DECIMAL: usize = 64;

/// A member that may be absent, null or a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Given<T> {
    /// It was not sent.
    Absent,
    /// It is null.
    Null,
    /// It has a value.
    Value(T),
}

impl<T> Given<T> {
    /// The value, or nothing for null and absent alike.
    pub(crate) fn value(self) -> Option<T> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Null => None,
        }
    }

    /// What to change: nothing where it is absent, to nothing where it is null.
    pub(crate) fn change(self) -> Option<Option<T>> {
        match self {
            Self::Absent => None,
            Self::Null => Some(None),
            Self::Value(value) => Some(Some(value)),
        }
    }
}

impl Fields<'_> {
    /// One of a few names, as `known` reads them; `expected` lists them for people.
    pub(crate) fn optional_choice<T>(
        &mut self,
        name: &'static str,
        expected: &'static str,
        known: impl Fn(&str) -> Option<T>,
    ) -> Option<Given<T>> {
        self.optional(name, |raw| {
            let text = text_of(raw).and_then(|text| known(&text));
            text.ok_or(Wrong::Choice(expected))
        })
    }

    /// A boolean.
    pub(crate) fn optional_bool(&mut self, name: &'static str) -> Option<Given<bool>> {
        self.optional(name, |raw| match raw {
            Raw::Json("true") => Ok(true),
            Raw::Json("false") => Ok(false),
            _ => Err(Wrong::Bool),
        })
    }

    /// A decimal number, as a JSON number or as text, read exactly by `read`, whose error is a sentence.
    pub(crate) fn optional_decimal<T, E: std::fmt::Display>(
        &mut self,
        name: &'static str,
        read: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Given<T>> {
        self.optional(name, |raw| {
            let text = match raw {
                Raw::Json(json) if json.starts_with(|c: char| c == '-' || c.is_ascii_digit()) => {
                    Some(Cow::Borrowed(*json))
                }
                other => text_of(other),
            };
            let text = text.filter(|text| text.len() <= LONGEST_DECIMAL);
            let text = text.ok_or(Wrong::Decimal)?;
            read(&text).map_err(|error| Wrong::Value(error.to_string()))
        })
    }

    /// A list of texts, one at least and `most` at most.
    pub(crate) fn optional_names(
        &mut self,
        name: &'static str,
        most: usize,
        rule: TextRule,
    ) -> Option<Given<Vec<String>>> {
        self.optional(name, |raw| {
            let Raw::Json(json) = raw else {
                return Err(Wrong::Names(most));
            };
            let names: Vec<String> = serde_json::from_str(json).map_err(|_| Wrong::Names(most))?;
            let is_fit = (1..=most).contains(&names.len()) && names.iter().all(|name| rule.allows(name));
            if is_fit {
                Ok(names)
            } else {
                Err(Wrong::Names(most))
            }
        })
    }

    /// A list of at most `most` values of a shape of their own, which `expected` tells people.
    pub(crate) fn optional_list<T: serde::de::DeserializeOwned>(
        &mut self,
        name: &'static str,
        most: usize,
        expected: &'static str,
    ) -> Option<Given<Vec<T>>> {
        self.optional(name, |raw| {
            let list: Option<Vec<T>> = match raw {
                Raw::Json(json) => serde_json::from_str(json).ok(),
                _ => None,
            };
            let list = list.filter(|list| list.len() <= most);
            list.ok_or_else(|| Wrong::Value(format!("give a list of at most {most} {expected}")))
        })
    }

    /// A whole number.
    pub(crate) fn given_integer(&mut self, name: &'static str) -> Option<Given<i64>> {
        match self.raw(name) {
            Raw::Absent => Some(Given::Absent),
            Raw::Json("null") => Some(Given::Null),
            _ => self.id(name).map(Given::Value),
        }
    }

    /// The fault of a field that is not there.
    pub(crate) fn missing<T>(&mut self, name: &'static str) -> Option<T> {
        let fault = Fault::missing(self.loc(name));
        self.fail(fault)
    }

    /// A date or a moment, in UTC where it does not say.
    pub(crate) fn optional_moment(&mut self, name: &'static str) -> Option<Given<Timestamp>> {
        self.optional(name, |raw| {
            let text = text_of(raw).unwrap_or_default();
            // In a query the plus sign of an offset is a blank unless it was encoded.
            let moment = Timestamp::parse_wire(&text).or_else(|| {
                let (moment, offset) = text.rsplit_once(' ')?;
                Timestamp::parse_wire(&format!("{moment}+{offset}"))
            });
            moment.ok_or_else(|| {
                let hint = "give a date such as 2025-01-31 or a moment such as 2025-01-31T12:00:00Z";
                Wrong::Value(hint.to_owned())
            })
        })
    }

    fn optional<T>(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&Raw<'_>) -> Result<T, Wrong>,
    ) -> Option<Given<T>> {
        let raw = self.raw(name);
        match raw {
            Raw::Absent => return Some(Given::Absent),
            Raw::Json("null") => return Some(Given::Null),
            _ => {}
        }
        match read(&raw) {
            Ok(value) => Some(Given::Value(value)),
            Err(wrong) => {
                let (loc, input) = (self.loc(name), echo(&raw));
                self.fail(match wrong {
                    Wrong::Choice(expected) => Fault::literal(loc, input, expected),
                    Wrong::Bool => Fault::bool_type(loc, input),
                    Wrong::Decimal => Fault::decimal(loc, input),
                    Wrong::Value(reason) => Fault::value_error(loc, input, reason),
                    Wrong::Names(most) => {
                        Fault::value_error(loc, input, format!("give a list of 1 to {most} names"))
                    }
                })
            }
        }
    }
}

enum Wrong {
    Choice(&'static str),
    Bool,
    Decimal,
    Value(String),
    Names(usize),
}

fn text_of<'r>(raw: &'r Raw<'_>) -> Option<Cow<'r, str>> {
    match raw {
        Raw::Text(text) => Some(Cow::Borrowed(text)),
        Raw::Json(json) if json.starts_with('"') => serde_json::from_str(json).ok().map(Cow::Owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::{json, urlencoded::Urlencoded};
    use chatai_types::{Money, Rate};

    fn member<T>(
        value: &str,
        read: impl FnOnce(&mut Fields<'_>) -> Option<Given<T>>,
    ) -> Result<Given<T>, String> {
        let body = format!("{{\"a\": {value}}}");
        let members = json::members(body.as_bytes(), &["a"]).unwrap();
        let mut faults = Vec::new();
        let read = read(&mut Fields::new(&members, &mut faults));
        match (read, faults.as_slice()) {
            (Some(value), []) => Ok(value),
            (None, [fault]) => Err(serde_json::to_string(fault).unwrap()),
            (_, faults) => panic!("a value or one fault: {faults:?}"),
        }
    }

    #[test]
    fn decimals_are_exact_or_refused() {
        let dollars = |value| member(value, |fields| fields.optional_decimal("a", Money::parse_usd));
        for (value, expected) in [
            ("1.5", "1.5"),
            ("\"1.5\"", "1.5"),
            ("1e-7", "0.0000001"),
            ("0.1", "0.1"),
            ("-1", "-1"),
        ] {
            let Ok(Given::Value(money)) = dollars(value) else {
                panic!("{value}")
            };
            assert_eq!(money.to_string(), expected);
        }
        assert_eq!(dollars("null"), Ok(Given::Null));
        let digits = "9".repeat(1_000_000);
        for value in [
            "true",
            "[1]",
            "{}",
            "\"NaN\"",
            "\"Infinity\"",
            "\"\"",
            "\"ten\"",
            "1e400",
            "1e-400",
            "\"1e99999999999999999999\"",
            "\"1e-99999999999999999999\"",
            "1e18446744073709551616",
            "99999999999999999999999999999",
            &digits,
        ] {
            assert!(dollars(value).is_err(), "{value}");
            assert!(
                member(value, |fields| fields
                    .optional_decimal("a", Rate::parse_per_million))
                .is_err()
            );
        }
    }

    #[test]
    fn choices_and_booleans() {
        let choice = |value| {
            member(value, |fields| {
                fields.optional_choice("a", "'x' or 'y'", |name| {
                    ["x", "y"].into_iter().find(|known| *known == name)
                })
            })
        };
        assert_eq!(choice("\"x\""), Ok(Given::Value("x")));
        for value in ["\"z\"", "1", "\"\\ud800\"", "\"X\""] {
            assert!(choice(value).unwrap_err().contains("literal_error"), "{value}");
        }
        let boolean = |value| member(value, |fields| fields.optional_bool("a"));
        assert_eq!(boolean("true"), Ok(Given::Value(true)));
        for value in ["1", "\"true\"", "[]"] {
            assert!(boolean(value).unwrap_err().contains("bool_type"), "{value}");
        }
    }

    #[test]
    fn moments_of_a_query() {
        for (query, expected) in [
            ("a=2025-01-31", Some("2025-01-31 00:00:00")),
            ("a=2025-01-31T12:00:00Z", Some("2025-01-31 12:00:00")),
            ("a=2025-01-31T12:00:00%2B02:00", Some("2025-01-31 10:00:00")),
            ("a=2025-01-31T12:00:00+02:00", Some("2025-01-31 10:00:00")),
            ("a=2025-01-31+12:00:00", Some("2025-01-31 12:00:00")),
            ("a=yesterday", None),
            ("a=", None),
            ("a=2025-02-30", None),
            ("a=%ff", None),
        ] {
            let query_fields = Urlencoded::query(query);
            let mut faults = Vec::new();
            let read = Fields::new(&query_fields, &mut faults).optional_moment("a");
            let read = read.and_then(Given::value).map(Timestamp::to_wire);
            assert_eq!(read.as_deref(), expected, "{query}");
            assert_eq!(faults.len(), usize::from(expected.is_none()), "{query}");
        }
    }
}
