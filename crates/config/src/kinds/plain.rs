//! Numbers, names, paths, choices, lists and what may be absent.

use std::fmt::Display;
use std::marker::PhantomData;
use std::path::PathBuf;

use super::{Fault, Kind, Raw, quoted};
use crate::suggest;

/// A whole number within bounds, both included.
pub(crate) struct Whole<T> {
    min: u64,
    max: u64,
    number: PhantomData<T>,
}

impl<T> Whole<T> {
    pub(crate) fn new(min: u64, max: u64) -> Self {
        Self {
            min,
            max,
            number: PhantomData,
        }
    }
}

impl<T: TryFrom<u64> + Display> Kind for Whole<T> {
    type Value = T;

    fn describe(&self) -> String {
        format!("a whole number from {} to {}", self.min, self.max)
    }

    fn read(&self, raw: &Raw) -> Result<T, Fault> {
        let text = match raw {
            Raw::Text(text) | Raw::Integer(text) => text.trim().replace('_', ""),
            Raw::List(_) | Raw::Table(_) | Raw::Other(_) => return Err(self.expected()),
        };
        let number = text.parse::<u64>().map_err(|_| self.expected())?;
        if number < self.min || number > self.max {
            return Err(self.expected());
        }
        T::try_from(number).map_err(|_| self.expected())
    }

    fn to_toml(&self, value: &T) -> String {
        value.to_string()
    }
}

/// A name, such as that of a model: text without control characters, blanks at its ends dropped.
pub(crate) struct Name;

impl Kind for Name {
    type Value = String;

    fn describe(&self) -> String {
        "a name of at most 200 characters".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
            return Err(self.expected());
        }
        Ok(text.to_owned())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }
}

/// A path of the file system. A relative one starts at the folder the program was started in.
pub(crate) struct Path;

impl Kind for Path {
    type Value = PathBuf;

    fn describe(&self) -> String {
        "a path".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<PathBuf, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?;
        if text.trim().is_empty() || text.contains('\0') {
            return Err(self.expected());
        }
        Ok(PathBuf::from(text))
    }

    fn to_toml(&self, value: &PathBuf) -> String {
        quoted(&value.to_string_lossy())
    }
}

/// One of a few words, in any case of letters.
pub(crate) struct OneOf<T: 'static>(pub(crate) &'static [(&'static str, T)]);

impl<T: Copy + PartialEq> Kind for OneOf<T> {
    type Value = T;

    fn describe(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| format!("`{word}`")).collect();
        match words.as_slice() {
            [init @ .., last] if !init.is_empty() => format!("{} or {last}", init.join(", ")),
            words => words.concat(),
        }
    }

    fn read(&self, raw: &Raw) -> Result<T, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        self.0
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text))
            .map(|(_, value)| *value)
            .ok_or_else(|| self.expected())
    }

    fn to_toml(&self, value: &T) -> String {
        quoted(
            self.0
                .iter()
                .find(|(_, other)| other == value)
                .map_or("", |(word, _)| word),
        )
    }
}

/// Yes or no: `true` or `false`.
pub(crate) struct YesNo;

impl Kind for YesNo {
    type Value = bool;

    fn describe(&self) -> String {
        "`true` or `false`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<bool, Fault> {
        match raw {
            Raw::Text(text) | Raw::Other(text) => text.trim().parse().map_err(|_| self.expected()),
            Raw::Integer(_) | Raw::List(_) | Raw::Table(_) => Err(self.expected()),
        }
    }

    fn to_toml(&self, value: &bool) -> String {
        value.to_string()
    }
}

/// A filter of log lines in the form that `RUST_LOG` has in Rust programs.
pub(crate) struct LogFilter;

const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

impl Kind for LogFilter {
    type Value = String;

    fn describe(&self) -> String {
        "a level (`off`, `error`, `warn`, `info`, `debug`, `trace`) or a list of `target=level`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        if text.is_empty() || text.chars().any(char::is_control) {
            return Err(self.expected());
        }
        // Span filters (`target[span{field}]=level`) have a grammar of their own; who uses them knows it.
        let mut directives = text
            .split(',')
            .map(str::trim)
            .filter(|directive| !directive.is_empty());
        if !text.contains('[') && !directives.all(is_directive) {
            return Err(self.expected());
        }
        Ok(text.to_owned())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }
}

fn is_directive(directive: &str) -> bool {
    let is_level = |word: &str| {
        // Numbers stand for the levels, from `off` on.
        matches!(word, "0" | "1" | "2" | "3" | "4" | "5")
            || LEVELS.iter().any(|level| level.eq_ignore_ascii_case(word))
    };
    let is_target = |word: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.'))
    };
    match directive.rsplit_once('=') {
        Some((target, level)) => is_target(target) && is_level(level),
        // A lone word that is nearly a level is a typing error: taken as a target it would log everything.
        None => {
            is_level(directive)
                || is_target(directive) && suggest::nearest(directive, LEVELS.iter().copied()).is_none()
        }
    }
}

/// Several values: a list in the file, commas between them elsewhere.
pub(crate) struct List<K>(pub(crate) K);

impl<K: Kind> Kind for List<K> {
    type Value = Vec<K::Value>;

    const SECRET: bool = K::SECRET;
    const TAKES_EMPTY: bool = true;

    fn describe(&self) -> String {
        format!("a list, each entry {}", self.0.describe())
    }

    fn read(&self, raw: &Raw) -> Result<Self::Value, Fault> {
        let entries: Vec<&str> = match raw {
            Raw::Text(text) => text
                .split(',')
                .map(str::trim)
                .filter(|entry| !entry.is_empty())
                .collect(),
            Raw::List(entries) => entries.iter().map(String::as_str).collect(),
            Raw::Integer(_) | Raw::Table(_) | Raw::Other(_) => return Err(self.expected()),
        };
        entries
            .iter()
            .map(|entry| self.0.read(&Raw::Text((*entry).to_owned())))
            .collect()
    }

    fn to_toml(&self, value: &Self::Value) -> String {
        let entries: Vec<String> = value.iter().map(|entry| self.0.to_toml(entry)).collect();
        format!("[{}]", entries.join(", "))
    }
}

/// A value that may be absent; an empty text says so.
pub(crate) struct Maybe<K>(pub(crate) K);

impl<K: Kind> Kind for Maybe<K> {
    type Value = Option<K::Value>;

    const SECRET: bool = K::SECRET;
    const TAKES_EMPTY: bool = true;

    fn describe(&self) -> String {
        self.0.describe()
    }

    fn read(&self, raw: &Raw) -> Result<Self::Value, Fault> {
        match raw {
            Raw::Text(text) if text.trim().is_empty() => Ok(None),
            raw => self.0.read(raw).map(Some),
        }
    }

    fn to_toml(&self, value: &Self::Value) -> String {
        value
            .as_ref()
            .map_or_else(|| quoted(""), |value| self.0.to_toml(value))
    }

    fn printable(&self, raw: &Raw) -> String {
        self.0.printable(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Raw {
        Raw::Text(value.to_owned())
    }

    #[test]
    fn whole_numbers_at_their_bounds() {
        let kind = Whole::<u32>::new(1, 60);
        for (raw, expected) in [
            (text("1"), Some(1)),
            (text("60"), Some(60)),
            (text(" 7 "), Some(7)),
            (text("1_0"), Some(10)),
            (Raw::Integer("30".into()), Some(30)),
            (text("0"), None),
            (text("61"), None),
            (text("-1"), None),
            (text("1.5"), None),
            (text(""), None),
            (text("NaN"), None),
            (text("99999999999999999999999"), None),
            (Raw::Other("true".into()), None),
            (Raw::List(vec!["1".into()]), None),
        ] {
            assert_eq!(kind.read(&raw).ok(), expected, "{raw:?}");
        }
        assert_eq!(
            kind.read(&text("0")).unwrap_err().message,
            "must be a whole number from 1 to 60"
        );
    }

    #[test]
    fn log_filters() {
        for good in [
            "info",
            "WARN",
            "info,chatai_store=debug",
            "chatai=trace, hyper=off",
            "chatai_server",
            "info,",
            "hyper=3",
            "a[b{c=\"d\"}]=info",
        ] {
            assert!(LogFilter.read(&text(good)).is_ok(), "{good}");
        }
        for bad in [
            "",
            "inof",
            "chatai=loud",
            "hyper=6",
            "=debug",
            "debig",
            "in fo",
            "a\nb",
        ] {
            assert!(LogFilter.read(&text(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn choices_lists_and_absent_values() {
        let choice = OneOf(&[("open", 1), ("closed", 2)]);
        assert_eq!(choice.read(&text("Closed")), Ok(2));
        assert_eq!(
            choice.read(&text("ajar")).unwrap_err().message,
            "must be `open` or `closed`"
        );
        assert_eq!(choice.to_toml(&2), "\"closed\"");

        let list = List(Name);
        assert_eq!(
            list.read(&text("a, b ,,")),
            Ok(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(list.read(&text("")), Ok(vec![]));
        assert_eq!(list.to_toml(&vec!["a".into(), "b\"".into()]), r#"["a", "b\""]"#);
        assert!(list.read(&Raw::List(vec![String::new()])).is_err());

        assert_eq!(Maybe(Name).read(&text("  ")), Ok(None));
        assert_eq!(Maybe(Name).read(&text(" m ")), Ok(Some("m".to_owned())));
        assert!(Path.read(&text("a\0b")).is_err());
    }
}
