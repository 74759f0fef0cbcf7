//! Which database, from every form of `DATABASE_URL` that is about: SQLAlchemy's, libpq's, a bare path.

use std::fmt;
use std::path::PathBuf;

use super::{Fault, Kind, Raw, for_message, quoted};

/// Where the data lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// An SQLite file; a relative path starts at the folder the program was started in.
    Sqlite(PathBuf),
    /// A PostgreSQL server and database.
    Postgres(PostgresUrl),
}

/// For people: the password is left out.
impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "{}", path.display()),
            Self::Postgres(url) => write!(f, "{url}"),
        }
    }
}

/// A `postgresql://` URL in the form that libpq takes. Printing it leaves its password out.
#[derive(Clone, PartialEq, Eq)]
pub struct PostgresUrl(String);

impl PostgresUrl {
    /// The URL, password included.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&without_password(&self.0))
    }
}

impl fmt::Debug for PostgresUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A URL or path that names a [`Database`].
pub(crate) struct DatabaseUrl;

impl Kind for DatabaseUrl {
    type Value = Database;

    fn describe(&self) -> String {
        "a `postgresql://` URL, an `sqlite:///` URL or the path of a file".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<Database, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        if text.chars().any(char::is_control) {
            return Err(self.expected());
        }
        let Some((scheme, rest)) = split_scheme(text) else {
            return sqlite(text, self);
        };
        let (dialect, driver) = scheme.split_once('+').unwrap_or((&scheme, ""));
        match dialect {
            "sqlite" => sqlite(sqlite_path(rest, self)?, self),
            "postgres" | "postgresql" => postgres(rest, driver, self),
            _ => Err(self.expected()),
        }
    }

    fn to_toml(&self, value: &Database) -> String {
        match value {
            Database::Sqlite(path) => quoted(&path.to_string_lossy()),
            Database::Postgres(url) => quoted(&url.to_string()),
        }
    }

    fn printable(&self, raw: &Raw) -> String {
        for_message(&without_password(&raw.joined()))
    }
}

/// Scheme in lower case, and what follows the colon. A single letter is a drive, not a scheme.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    // `notes.db:old` is a file, `mysql://…` is not.
    (is_scheme && (rest.starts_with('/') || scheme.to_ascii_lowercase().starts_with("sqlite")))
        .then(|| (scheme.to_ascii_lowercase(), rest))
}

/// The path of SQLAlchemy's forms: three slashes and a relative path, four and an absolute one. Options
/// behind a question mark concern its driver and are dropped.
fn sqlite_path<'a>(rest: &'a str, kind: &DatabaseUrl) -> Result<&'a str, Fault> {
    let rest = rest.split('?').next().unwrap_or(rest);
    match rest.strip_prefix("//") {
        None => Ok(rest),
        Some(after) => after.strip_prefix('/').ok_or_else(|| {
            kind.expected()
                .hint("a relative file has three slashes (`sqlite:///chat.db`), an absolute one four")
        }),
    }
}

fn sqlite(path: &str, kind: &DatabaseUrl) -> Result<Database, Fault> {
    if path == ":memory:" {
        return Err(Fault::new(
            "must name a file, a database in memory would be lost at the end",
        ));
    }
    if path.is_empty() || path.ends_with('/') {
        return Err(kind.expected());
    }
    Ok(Database::Sqlite(PathBuf::from(path)))
}

fn postgres(rest: &str, driver: &str, kind: &DatabaseUrl) -> Result<Database, Fault> {
    let Some(rest) = rest.strip_prefix("//").filter(|rest| !rest.is_empty()) else {
        return Err(kind.expected());
    };
    // asyncpg calls libpq's `sslmode` `ssl`.
    let rest = match rest.split_once('?') {
        Some((base, query)) if driver == "asyncpg" => {
            let pairs: Vec<String> = query
                .split('&')
                .map(|pair| {
                    pair.strip_prefix("ssl=")
                        .map_or_else(|| pair.to_owned(), |mode| format!("sslmode={mode}"))
                })
                .collect();
            format!("{base}?{}", pairs.join("&"))
        }
        _ => rest.to_owned(),
    };
    Ok(Database::Postgres(PostgresUrl(format!("postgresql://{rest}"))))
}

/// The URL with `***` for its password. Where a stray `@` or `/` leaves the password's end open, rather more
/// is hidden than less.
pub(crate) fn without_password(url: &str) -> String {
    let (base, query) = match url.split_once('?') {
        Some((base, query)) if !query.contains('@') => (base, Some(query)),
        _ => (url, None),
    };
    let mut shown = match (base.split_once("://"), base.rfind('@')) {
        (Some((scheme, _)), Some(at)) if at >= scheme.len() + 3 => {
            let user = base[scheme.len() + 3..at].split_once(':').map(|(user, _)| user);
            match user {
                Some(user) => format!("{scheme}://{user}:***{}", &base[at..]),
                None => base.to_owned(),
            }
        }
        // Not a URL, but perhaps one with a typing error in it.
        (None, Some(at)) => match base[..at].find(':') {
            Some(colon) => format!("{}:***{}", &base[..colon], &base[at..]),
            None => base.to_owned(),
        },
        _ => base.to_owned(),
    };
    if let Some(query) = query {
        let pairs: Vec<String> = query
            .split('&')
            .map(|pair| match pair.split_once('=') {
                Some((name, _)) if name.to_lowercase().contains("password") => format!("{name}=***"),
                _ => pair.to_owned(),
            })
            .collect();
        shown.push('?');
        shown.push_str(&pairs.join("&"));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Result<Database, Fault> {
        DatabaseUrl.read(&Raw::Text(text.to_owned()))
    }

    #[test]
    fn sqlite_forms() {
        for (text, path) in [
            ("sqlite:///app.db", "app.db"),
            ("sqlite:///./data/app.db", "./data/app.db"),
            ("sqlite:////var/lib/app.db", "/var/lib/app.db"),
            ("sqlite+aiosqlite:///app.db", "app.db"),
            ("SQLite+pysqlite:////app.db?check_same_thread=false", "/app.db"),
            ("sqlite:app.db", "app.db"),
            ("app.db", "app.db"),
            ("./data/app.db", "./data/app.db"),
            ("/var/lib/my data/app.db", "/var/lib/my data/app.db"),
            ("notes.db:old", "notes.db:old"),
        ] {
            assert_eq!(read(text), Ok(Database::Sqlite(PathBuf::from(path))), "{text}");
        }
    }

    #[test]
    fn postgres_forms() {
        for (text, expected) in [
            ("postgres://me:pw@db/chat", "postgresql://me:pw@db/chat"),
            (
                "postgresql://db:5433/chat?sslmode=require",
                "postgresql://db:5433/chat?sslmode=require",
            ),
            ("postgresql+psycopg2://me@db/chat", "postgresql://me@db/chat"),
            (
                "postgresql+asyncpg://me:pw@db/chat?ssl=require&a=b",
                "postgresql://me:pw@db/chat?sslmode=require&a=b",
            ),
            ("POSTGRES://db/chat", "postgresql://db/chat"),
        ] {
            match read(text) {
                Ok(Database::Postgres(url)) => assert_eq!(url.reveal(), expected, "{text}"),
                other => panic!("{text}: {other:?}"),
            }
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "mysql://me@db/chat",
            "sqlite://",
            "sqlite:///",
            "sqlite:///:memory:",
            ":memory:",
            "postgres://",
            "postgres:/x",
            "data/",
            "a\0b",
        ] {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(
            read("sqlite://app.db")
                .unwrap_err()
                .hint
                .is_some_and(|hint| hint.contains("three slashes"))
        );
    }

    #[test]
    fn passwords_are_left_out() {
        for (url, expected) in [
            ("postgres://me:pw@db/chat", "postgres://me:***@db/chat"),
            ("postgres://me:p@w/x@db/chat", "postgres://me:***@db/chat"),
            ("postgres://me:p?w@db/chat", "postgres://me:***@db/chat"),
            ("postgres://me@db/chat", "postgres://me@db/chat"),
            (
                "postgres://db/chat?user=me&password=pw&x=y",
                "postgres://db/chat?user=me&password=***&x=y",
            ),
            ("postgres:/me:pw@db/chat", "postgres:***@db/chat"),
            ("./app.db", "./app.db"),
        ] {
            assert_eq!(without_password(url), expected, "{url}");
        }
    }

    proptest! {
        #[test]
        fn no_password_shows(password in "[a-z0-9/?@:&=#]{0,8}QQ[a-z0-9/?@:&=#]{0,8}") {
            let url = format!("postgresql://me:{password}@db/chat");
            prop_assert!(!without_password(&url).contains("QQ"), "{}", without_password(&url));
            if let Ok(database) = read(&url) {
                let printed = format!("{database} {database:?}");
                prop_assert!(!printed.contains("QQ"), "{}", printed);
            }
        }
    }
}
