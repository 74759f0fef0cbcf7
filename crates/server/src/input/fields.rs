//! Reading declared fields, wherever they stand, into checked values.

use super::{
    cursor::{List, Position},
    fault::{Fault, Step, echo},
    integer::{self, NotInteger},
};
use chatai_types::email_fault;
use serde_json::Value;
use std::borrow::Cow;

/// A field's value as it arrived.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw<'a> {
    /// Not sent.
    Absent,
    /// A valid JSON value, unread.
    Json(&'a str),
    /// Text from a form, the query or the path.
    Text(Cow<'a, str>),
    /// Bytes that are no UTF-8.
    NotUnicode,
    /// A file where text belongs.
    File,
}

/// Where fields come from.
pub(crate) trait Source: Sync {
    /// `body`, `query` or `path`.
    fn place(&self) -> &'static str;
    /// The value of a field; the last one where it came several times.
    fn field(&self, name: &str) -> Raw<'_>;
}

/// Bounds of a text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TextRule {
    /// The fewest characters.
    min_chars: usize,
    /// The most characters.
    max_chars: usize,
    /// Whether the value must never be sent back.
    secret: bool,
}

impl TextRule {
    /// Any text up to so many characters.
    pub(crate) const fn up_to(max_chars: usize) -> Self {
        Self {
            min_chars: 0,
            max_chars,
            secret: false,
        }
    }

    /// Any text of so many characters.
    pub(crate) const fn between(min_chars: usize, max_chars: usize) -> Self {
        Self {
            min_chars,
            max_chars,
            secret: false,
        }
    }

    /// Whether a text is one.
    pub(super) fn allows(&self, text: &str) -> bool {
        (self.min_chars..=self.max_chars).contains(&text.chars().count()) && !text.contains('\0')
    }

    /// A password of so many characters.
    pub(crate) const fn password(min_chars: usize, max_chars: usize) -> Self {
        Self {
            min_chars,
            max_chars,
            secret: true,
        }
    }
}

/// Reads the fields of one source and collects what is wrong with them, in the order of reading.
///
/// Each reader gives `None` exactly if it recorded a fault, so that `let (Some(a), Some(b)) = … else` leaves only
/// the faults to report.
pub(crate) struct Fields<'a> {
    source: &'a dyn Source,
    faults: &'a mut Vec<Fault>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(source: &'a dyn Source, faults: &'a mut Vec<Fault>) -> Self {
        Self { source, faults }
    }

    /// A text that must be there.
    pub(crate) fn text(&mut self, name: &'static str, rule: TextRule) -> Option<String> {
        let raw = self.source.field(name);
        if raw == Raw::Absent {
            return self.fail(Fault::missing(self.loc(name)));
        }
        self.checked_text(name, &raw, rule)
    }

    /// A text that may be absent or null.
    pub(crate) fn optional_text(&mut self, name: &'static str, rule: TextRule) -> Option<Option<String>> {
        let raw = self.source.field(name);
        if matches!(raw, Raw::Absent | Raw::Json("null")) {
            return Some(None);
        }
        self.checked_text(name, &raw, rule).map(Some)
    }

    /// The texts of a field that may be given several times.
    pub(crate) fn texts<'r>(
        &mut self,
        name: &'static str,
        given: impl Iterator<Item = Raw<'r>>,
        rule: TextRule,
        most: usize,
    ) -> Option<Vec<String>> {
        let mut texts = Vec::new();
        for raw in given {
            if texts.len() == most {
                return self.fail(Fault::value_error(
                    self.loc(name),
                    Value::Null,
                    "it is given too often",
                ));
            }
            texts.push(self.checked_text(name, &raw, rule)?);
        }
        Some(texts)
    }

    /// A text that must be there and may hold anything.
    pub(crate) fn any_text(&mut self, name: &'static str) -> Option<String> {
        match self.source.field(name) {
            Raw::Absent => self.fail(Fault::missing(self.loc(name))),
            Raw::Text(text) => Some(text.into_owned()),
            _ => self.fail(Fault::string_unicode(self.loc(name))),
        }
    }

    /// A password that is more than blanks.
    pub(crate) fn new_password(&mut self, name: &'static str, rule: TextRule) -> Option<String> {
        let password = self.text(name, rule)?;
        if password.trim().is_empty() {
            let reason = "a password must be more than blanks";
            return self.fail(Fault::value_error(self.loc(name), Value::Null, reason));
        }
        Some(password)
    }

    /// An e-mail address.
    pub(crate) fn email(&mut self, name: &'static str, rule: TextRule) -> Option<String> {
        let address = self.text(name, rule)?;
        match email_fault(&address) {
            None => Some(address),
            Some(reason) => {
                let input = echo(&Raw::Text(address.into()));
                self.fail(Fault::email(self.loc(name), input, &reason))
            }
        }
    }

    /// The one text that is taken, or nothing.
    pub(crate) fn optional_constant(
        &mut self,
        name: &'static str,
        constant: &str,
        pattern: &'static str,
    ) -> Option<()> {
        match self.optional_text(name, TextRule::up_to(usize::MAX))? {
            Some(text) if !text.is_empty() && text != constant => {
                let input = echo(&Raw::Text(text.into()));
                self.fail(Fault::string_pattern(self.loc(name), input, pattern))
            }
            _ => Some(()),
        }
    }

    /// An id that must be there.
    pub(crate) fn id(&mut self, name: &'static str) -> Option<i64> {
        let raw = self.source.field(name);
        if raw == Raw::Absent {
            return self.fail(Fault::missing(self.loc(name)));
        }
        self.checked_id(name, &raw)
    }

    /// An id that may be absent or null.
    pub(crate) fn optional_id(&mut self, name: &'static str) -> Option<Option<i64>> {
        let raw = self.source.field(name);
        if matches!(raw, Raw::Absent | Raw::Json("null")) {
            return Some(None);
        }
        self.checked_id(name, &raw).map(Some)
    }

    /// Yes or no, as forms and JSON spell it; no where it is absent.
    pub(crate) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let raw = self.source.field(name);
        let text = match &raw {
            Raw::Absent | Raw::Json("null") => return Some(false),
            Raw::Json(json @ ("true" | "false")) => json,
            Raw::Text(text) => text.as_ref(),
            Raw::Json(_) | Raw::NotUnicode | Raw::File => "",
        };
        match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" | "y" | "t" => Some(true),
            "false" | "0" | "off" | "no" | "n" | "f" => Some(false),
            _ => self.fail(Fault::bool_parsing(self.loc(name), echo(&raw))),
        }
    }

    /// An integer between two bounds, both included, that may be absent.
    pub(crate) fn optional_integer(
        &mut self,
        name: &'static str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Option<Option<i64>> {
        let number = self.optional_id(name)?;
        let (loc, input) = (self.loc(name), Value::from(number));
        match number {
            Some(number) if number < *bounds.start() => {
                self.fail(Fault::greater_than_equal(loc, input, *bounds.start()))
            }
            Some(number) if number > *bounds.end() => {
                self.fail(Fault::less_than_equal(loc, input, *bounds.end()))
            }
            number => Some(number),
        }
    }

    /// A place in a list that one of its pages named; it may be absent.
    pub(crate) fn optional_cursor(&mut self, name: &'static str, list: List) -> Option<Option<Position>> {
        let raw = self.source.field(name);
        let text = match &raw {
            Raw::Absent => return Some(None),
            Raw::Text(text) => text,
            _ => "",
        };
        match list.read(text) {
            Some(position) => Some(Some(position)),
            None => {
                let reason = "no page of this list gave out this cursor";
                self.fail(Fault::value_error(self.loc(name), echo(&raw), reason))
            }
        }
    }

    /// Refuses a field for a reason of the reader's own.
    pub(crate) fn refuse<T>(&mut self, name: &'static str, reason: &'static str) -> Option<T> {
        let input = echo(&self.source.field(name));
        self.fail(Fault::value_error(self.loc(name), input, reason))
    }

    fn checked_text(&mut self, name: &'static str, raw: &Raw<'_>, rule: TextRule) -> Option<String> {
        let loc = self.loc(name);
        let input = || if rule.secret { Value::Null } else { echo(raw) };
        let text = match raw {
            Raw::Text(text) => text.clone().into_owned(),
            Raw::Json(json) if json.starts_with('"') => match serde_json::from_str(json) {
                Ok(text) => text,
                // The JSON is valid, so it can only be half a surrogate pair.
                Err(_) => return self.fail(Fault::string_unicode(loc)),
            },
            Raw::NotUnicode => return self.fail(Fault::string_unicode(loc)),
            Raw::Json(_) | Raw::File | Raw::Absent => return self.fail(Fault::string_type(loc, input())),
        };
        let chars = text.chars().count();
        if chars < rule.min_chars {
            return self.fail(Fault::string_too_short(loc, input(), rule.min_chars));
        }
        if chars > rule.max_chars {
            return self.fail(Fault::string_too_long(loc, input(), rule.max_chars));
        }
        if text.contains('\0') {
            return self.fail(Fault::value_error(
                loc,
                input(),
                "text must not contain the character U+0000",
            ));
        }
        Some(text)
    }

    fn checked_id(&mut self, name: &'static str, raw: &Raw<'_>) -> Option<i64> {
        let read = match raw {
            Raw::Text(text) => integer::from_text(text),
            Raw::Json(json) => integer::from_json(json),
            Raw::NotUnicode => Err(NotInteger::Text),
            Raw::File | Raw::Absent => Err(NotInteger::Type),
        };
        let (loc, input) = (self.loc(name), echo(raw));
        match read {
            Ok(id) => Some(id),
            Err(NotInteger::Text) => self.fail(Fault::int_parsing(loc, input)),
            Err(NotInteger::Type) => self.fail(Fault::int_type(loc, input)),
            Err(NotInteger::Fraction) => self.fail(Fault::int_from_float(loc, input)),
            Err(NotInteger::Size) => self.fail(Fault::int_parsing_size(loc, input)),
        }
    }

    /// The value as it arrived.
    pub(super) fn raw(&self, name: &str) -> Raw<'a> {
        self.source.field(name)
    }

    pub(super) fn loc(&self, name: &'static str) -> Vec<Step> {
        vec![self.source.place().into(), name.into()]
    }

    pub(super) fn fail<T>(&mut self, fault: Fault) -> Option<T> {
        self.faults.push(fault);
        None
    }
}
