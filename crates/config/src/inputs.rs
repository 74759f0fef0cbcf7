//! What a configuration is made from, read once, before anything is interpreted: the two files, the
//! environment, the flags.

use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::problem::{Problem, Problems, Source};

/// The configuration file that is read where none is named.
const DEFAULT_FILE: &str = "chatai.toml";
/// The file of variables in the folder the program was started in.
const DOTENV_FILE: &str = ".env";
/// Larger files are not configurations; reading stops there.
const LARGEST_FILE: u64 = 1 << 20;

/// What the command line says about the configuration.
#[derive(Clone, Default)]
pub struct Flags {
    /// `--config PATH`: this file in place of `chatai.toml`; it has to exist.
    pub config_file: Option<PathBuf>,
    /// Keys with their values, such as `("server.listen", "127.0.0.1:9000")`; a later one wins.
    pub overrides: Vec<(String, String)>,
}

/// The outside world as the program finds it; tests make one of their own.
#[derive(Clone)]
pub struct Surroundings {
    /// The folder in which `chatai.toml` and `.env` are looked for.
    pub folder: PathBuf,
    /// The environment's variables.
    pub environment: Vec<(OsString, OsString)>,
}

impl Surroundings {
    /// Those of this process: the current folder and the real environment.
    pub fn of_process() -> Self {
        Self {
            folder: PathBuf::new(),
            environment: std::env::vars_os().collect(),
        }
    }
}

/// A file with its content.
#[derive(Clone)]
pub struct TextFile {
    /// As it is to be named in messages.
    pub path: PathBuf,
    /// The whole text.
    pub text: String,
}

/// Everything a configuration is made from.
#[derive(Clone, Default)]
pub struct Inputs {
    /// The configuration file.
    pub file: Option<TextFile>,
    /// The `.env` file.
    pub dotenv: Option<TextFile>,
    /// The environment's variables.
    pub environment: Vec<(OsString, OsString)>,
    /// Keys with values from the command line.
    pub overrides: Vec<(String, String)>,
}

impl Inputs {
    /// Reads the files.
    ///
    /// # Errors
    /// A named file that is missing, and any file that cannot be read; a default file may be missing.
    pub fn read(flags: &Flags, surroundings: &Surroundings) -> Result<Self, Problems> {
        let named = flags.config_file.as_deref();
        let file = text_file(
            &surroundings.folder,
            named.unwrap_or(Path::new(DEFAULT_FILE)),
            named.is_some(),
        );
        let dotenv = text_file(&surroundings.folder, Path::new(DOTENV_FILE), false);
        match (file, dotenv) {
            (Ok(file), Ok(dotenv)) => Ok(Self {
                file,
                dotenv,
                environment: surroundings.environment.clone(),
                overrides: flags.overrides.clone(),
            }),
            (file, dotenv) => Err(Problems(
                [file.err(), dotenv.err()].into_iter().flatten().collect(),
            )),
        }
    }
}

// Any value, and any line of a file, may be a secret: printed are only names and places.

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys: Vec<&str> = self.overrides.iter().map(|(key, _)| key.as_str()).collect();
        f.debug_struct("Flags")
            .field("config_file", &self.config_file)
            .field("overrides", &keys)
            .finish()
    }
}

impl fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surroundings")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for TextFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TextFile")
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Inputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (file, dotenv) = (&self.file, &self.dotenv);
        f.debug_struct("Inputs")
            .field("file", file)
            .field("dotenv", dotenv)
            .finish_non_exhaustive()
    }
}

fn text_file(folder: &Path, path: &Path, must_exist: bool) -> Result<Option<TextFile>, Problem> {
    let problem = |message: String| {
        Problem::new(
            Source::File {
                path: path.to_owned(),
                line: 0,
            },
            message,
        )
    };
    match read_bounded(&folder.join(path)) {
        Ok(bytes) if bytes.len() as u64 > LARGEST_FILE => Err(problem(format!(
            "the file is larger than a configuration may be: {LARGEST_FILE} bytes"
        ))),
        Ok(bytes) => match String::from_utf8(bytes) {
            Ok(text) => Ok(Some(TextFile {
                path: path.to_owned(),
                text,
            })),
            Err(error) => {
                let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                    .iter()
                    .filter(|&&b| b == b'\n')
                    .count();
                Err(Problem::new(
                    Source::File {
                        path: path.to_owned(),
                        line,
                    },
                    "the file is not UTF-8",
                ))
            }
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound && !must_exist => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Err(problem("the file does not exist".to_owned())
                .with_hint(Some("`chatai config example` prints one to start from")))
        }
        Err(error) => Err(problem(format!("the file cannot be read: {error}"))),
    }
}

fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LARGEST_FILE + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
