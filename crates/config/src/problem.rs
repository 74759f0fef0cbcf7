//! Where a value came from, and what is wrong with it.

use std::fmt;
use std::path::PathBuf;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Nobody gave one.
    Default,
    /// The configuration file.
    File {
        /// The file, as it was named.
        path: PathBuf,
        /// The line, from 1; 0 where the file as a whole is meant.
        line: usize,
    },
    /// A variable of the `.env` file.
    DotEnv {
        /// The file.
        path: PathBuf,
        /// The line, from 1; 0 where the file as a whole is meant.
        line: usize,
        /// The variable; empty where a line names none.
        name: String,
    },
    /// A variable of the environment.
    Environment {
        /// The variable.
        name: String,
    },
    /// The command line.
    Flag {
        /// The flag, such as `--listen`.
        name: String,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line: 0 } => write!(f, "{}", path.display()),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::DotEnv { path, line: 0, .. } => write!(f, "{}", path.display()),
            Self::DotEnv { path, line, name } if name.is_empty() => write!(f, "{}:{line}", path.display()),
            Self::DotEnv { path, line, name } => write!(f, "{}:{line} {name}", path.display()),
            Self::Environment { name } => write!(f, "environment {name}"),
            Self::Flag { name } => write!(f, "flag {name}"),
        }
    }
}

/// One thing that is wrong, or (as a warning) doubtful.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it was found.
    pub source: Source,
    /// What it is: the key in back-ticks, and the value after a colon unless it is secret.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Problem {
    pub(crate) fn new(source: Source, message: impl Into<String>) -> Self {
        Self {
            source,
            message: message.into(),
            hint: None,
        }
    }

    pub(crate) fn with_hint(self, hint: Option<impl Into<String>>) -> Self {
        Self {
            hint: hint.map(Into::into),
            ..self
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.source, self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

/// Everything that keeps a configuration from being used; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problems(pub(crate) Vec<Problem>);

impl Problems {
    /// The problems: files first, then environment and flags, then what contradicts itself.
    pub fn all(&self) -> &[Problem] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
