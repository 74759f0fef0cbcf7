//! What a value has to be: reading one, saying what was expected, and writing it down again.

mod database;
mod lists;
mod network;
mod plain;
mod secret;
mod web;

pub use database::{Database, PostgresUrl};
pub use network::Network;
pub use secret::Secret;

pub(crate) use database::DatabaseUrl;
pub(crate) use lists::NameLists;
pub(crate) use network::{Address, Networks};
pub(crate) use plain::{List, LogFilter, Maybe, Name, OneOf, Path, Whole, YesNo};
pub(crate) use secret::{ApiKey, JwtSecret};
pub(crate) use web::{BaseUrl, Endpoint, OllamaHost, Origin, ProxyUrl};

/// A value as it was given.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Raw {
    /// A string of the file, or any variable or flag.
    Text(String),
    /// An integer of the file, in decimal.
    Integer(String),
    /// A list of strings.
    List(Vec<String>),
    /// A table of strings and lists of strings, each string as a list of one.
    Table(Vec<(String, Vec<String>)>),
    /// A boolean, a date, another table and so on: nothing that most keys take. As it would be printed.
    Other(String),
}

impl Raw {
    /// The value on one line, of whatever length.
    fn joined(&self) -> String {
        match self {
            Self::Text(text) | Self::Integer(text) | Self::Other(text) => text.clone(),
            Self::List(items) => items.join(", "),
            Self::Table(entries) => {
                let entry = |(name, items): &(String, Vec<String>)| format!("{name}={}", items.join(","));
                entries.iter().map(entry).collect::<Vec<_>>().join(";")
            }
        }
    }

    /// The text, where the value is one.
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}

/// Why a value was refused: a predicate that follows the key's name, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) hint: Option<&'static str>,
}

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: None,
        }
    }

    fn hint(self, hint: &'static str) -> Self {
        Self {
            hint: Some(hint),
            ..self
        }
    }
}

/// A kind of value.
pub(crate) trait Kind {
    /// What a good value becomes.
    type Value;

    /// Whether the value must never be printed.
    const SECRET: bool = false;

    /// Whether an empty text is a value of its own. Where it is not, an empty variable counts as not set.
    const TAKES_EMPTY: bool = false;

    /// What a value has to be, such as `a whole number from 1 to 60`; follows "must be".
    fn describe(&self) -> String;

    /// Reads a value.
    fn read(&self, raw: &Raw) -> Result<Self::Value, Fault>;

    /// The value as TOML.
    fn to_toml(&self, value: &Self::Value) -> String;

    /// A refused value for a message; never called for secrets.
    fn printable(&self, raw: &Raw) -> String {
        for_message(&raw.joined())
    }

    /// The refusal that says what was expected.
    fn expected(&self) -> Fault {
        Fault::new(format!("must be {}", self.describe()))
    }
}

/// [`Kind::describe`], with the value's type given from outside so that a literal of the table finds its own.
pub(crate) fn describe<T, K: Kind<Value = T>>(kind: &K) -> String {
    kind.describe()
}

/// A default of the table.
pub(crate) fn read_default<T, K: Kind<Value = T>>(kind: &K, default: &str) -> T {
    match kind.read(&Raw::Text(default.to_owned())) {
        Ok(value) => value,
        Err(fault) => panic!(
            "a default of the table, which tests read: {default}: {}",
            fault.message
        ),
    }
}

/// A default of the table as TOML.
pub(crate) fn toml_of_default<T, K: Kind<Value = T>>(kind: &K, default: &str) -> String {
    kind.to_toml(&read_default(kind, default))
}

/// Whether values of this kind must never be printed.
pub(crate) fn is_secret<T, K: Kind<Value = T>>(_: &K) -> bool {
    K::SECRET
}

/// A value in a message: of bounded length, and unable to forge another line.
pub(crate) fn for_message(text: &str) -> String {
    const SHOWN: usize = 80;
    let mut shown: String = text
        .chars()
        .take(SHOWN)
        .map(|c| {
            if c.is_control() {
                char::REPLACEMENT_CHARACTER
            } else {
                c
            }
        })
        .collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// A TOML basic string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for character in text.chars() {
        match character {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            control if control.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
