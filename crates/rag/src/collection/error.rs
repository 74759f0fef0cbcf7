//! Why a collection's file can not be read.

use std::fmt;

/// A file that is no collection. Its text names the file, then every problem on a line of its own.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CollectionError {
    /// The file, as the caller named it.
    pub source_name: String,
    /// What is wrong with it.
    pub kind: CollectionErrorKind,
}

/// What is wrong with a collection's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CollectionErrorKind {
    /// More bytes than are read.
    TooLarge {
        /// The file's size.
        bytes: usize,
        /// The largest size that is read.
        limit: usize,
    },
    /// No JSON.
    NotJson {
        /// The line of the fault, from 1.
        line: usize,
        /// The column of the fault, from 1.
        column: usize,
        /// The parser's words.
        message: String,
    },
    /// JSON, but no list.
    NotAList,
    /// More entries than are read.
    TooMany {
        /// The file's entries.
        entries: usize,
        /// The most that are read.
        limit: usize,
    },
    /// Entries that can not be read.
    Entries {
        /// The first of them, at most [`CollectionError::LISTED_PROBLEMS`].
        problems: Vec<EntryProblem>,
        /// How many are not listed.
        more: usize,
    },
}

/// One fault of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProblem {
    /// The entry's number, from 1.
    pub entry: usize,
    /// The member, unless the whole entry is at fault.
    pub member: Option<&'static str>,
    /// What is wrong, such as `is missing`.
    pub message: String,
}

impl CollectionError {
    /// How many faulty entries an error lists.
    pub const LISTED_PROBLEMS: usize = 100;
}

impl fmt::Display for CollectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CollectionError { source_name, kind } = self;
        write!(f, "{source_name}: ")?;
        match kind {
            CollectionErrorKind::TooLarge { bytes, limit } => {
                write!(f, "the collection is larger than {limit} bytes: {bytes}")
            }
            CollectionErrorKind::NotJson { message, .. } => write!(f, "not valid JSON: {message}"),
            CollectionErrorKind::NotAList => f.write_str("the collection must be a list of books"),
            CollectionErrorKind::TooMany { entries, limit } => {
                write!(f, "the collection has more than {limit} entries: {entries}")
            }
            CollectionErrorKind::Entries { problems, more } => {
                let count = problems.len() + more;
                write!(f, "{count} {}", if count == 1 { "problem" } else { "problems" })?;
                problems
                    .iter()
                    .try_for_each(|problem| write!(f, "\n  {problem}"))?;
                if *more > 0 {
                    write!(f, "\n  and {more} more")
                } else {
                    Ok(())
                }
            }
        }
    }
}

impl fmt::Display for EntryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.member {
            Some(member) => write!(f, "entry {}, `{member}`: {}", self.entry, self.message),
            None => write!(f, "entry {}: {}", self.entry, self.message),
        }
    }
}
