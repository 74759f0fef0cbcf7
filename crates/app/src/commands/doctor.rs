//! `chatai doctor`: looks at everything the service needs and says what is wrong, a line each.

use crate::{commands::block_on, failure::Failure, wiring};
use chatai_config::{Config, Flags};
use chatai_store::{OpenError, Upgrade};
use std::fmt;

pub(crate) fn run(flags: &Flags) -> Result<(), Failure> {
    let mut report = Report::default();
    let Some(loaded) = report.line(
        "configuration",
        wiring::load(flags).map(|loaded| (loaded.warnings.len(), loaded)),
        |(warnings, _)| match warnings {
            0 => "good".to_owned(),
            _ => format!("good, with {warnings} warnings (`chatai config check`)"),
        },
    ) else {
        return report.end();
    };
    let config = &loaded.1.config;
    report.line("catalog", wiring::catalog(config), |catalog| {
        format!("{} models", catalog.models().len())
    });
    report.line("collection", wiring::collection(config), |books| {
        format!("{} books", books.len())
    });
    report.line("provider", wiring::vendor(config), |vendor| match vendor {
        Some(vendor) => format!("{} is configured", vendor.name()),
        None => "none; the built-in responder answers (set OPENAI_API_KEY for real models)".to_owned(),
    });
    report.line("database", block_on(database(config)), ToString::to_string);
    report.end()
}

/// What the database says of itself.
async fn database(config: &Config) -> Result<String, Failure> {
    let store = match wiring::try_open_store(config, Upgrade::Apply).await {
        Ok(store) => store,
        Err(OpenError::InUse { .. }) => {
            return Ok("in use by a running service; stop it to have its content examined".to_owned());
        }
        Err(error) => return Err(wiring::unopened(&error)),
    };
    let findings = store.read(chatai_store::ops::doctor::examine).await;
    let version = store.schema_version();
    store.close().await;
    let findings = findings.map_err(|error| Failure::new(error.to_string()))?;
    if findings.is_empty() {
        return Ok(format!("schema {version}, nothing amiss"));
    }
    Err(Failure::new(findings.join("; ")))
}

#[derive(Default)]
struct Report {
    faults: usize,
}

impl Report {
    fn line<T>(&mut self, what: &str, found: Result<T, Failure>, say: impl Fn(&T) -> String) -> Option<T> {
        match found {
            Ok(value) => {
                println!("ok    {what}: {}", say(&value));
                Some(value)
            }
            Err(failure) => {
                self.faults += 1;
                println!("FAIL  {what}: {}", Indented(&failure));
                None
            }
        }
    }

    fn end(&self) -> Result<(), Failure> {
        match self.faults {
            0 => Ok(()),
            1 => Err(Failure::new("one check failed")),
            faults => Err(Failure::new(format_args!("{faults} checks failed"))),
        }
    }
}

/// A failure's lines, set in below the first.
struct Indented<'a>(&'a Failure);

impl fmt::Display for Indented<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        f.write_str(
            &text
                .strip_prefix("error: ")
                .unwrap_or(&text)
                .replace('\n', "\n      "),
        )
    }
}
