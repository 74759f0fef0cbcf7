//! `chatai doctor`: looks at everything the service needs and says what is wrong, a line each.

use crate::{
    commands::block_on,
    failure::Failure,
    output, tool_servers,
    vendors::{self, Asked},
    wiring,
};
use chatai_config::{Config, Database, Flags};
use chatai_engine::{ToolSource, Vendor};
use chatai_mcp::Listing;
use chatai_store::{OpenError, Upgrade};
use std::{fmt, path::Path, time::Duration};

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
    providers(config, &mut report);
    tool_sources(config, &mut report);
    report.line("models", models(config), ToString::to_string);
    report.line("database", database(config), ToString::to_string);
    report.end()
}

/// Whether each provider is there and takes the key: it is asked for its models, for some seconds at most.
fn providers(config: &Config, report: &mut Report) {
    if config.provider_list.is_empty() {
        let none = "none; the built-in responder answers (set OPENAI_API_KEY for real models, or see docs/providers.md)";
        report.line("provider", Ok(none), |none| (*none).to_owned());
        return;
    }
    let made: Vec<_> = config.provider_list.iter().map(vendors::vendor).collect();
    let good: Vec<Vendor> = made
        .iter()
        .filter_map(|made| made.as_ref().ok().cloned())
        .collect();
    let asked = match block_on(async { Ok(vendors::ask_all(&good).await) }) {
        Ok(asked) => asked,
        Err(failure) => {
            report.line("provider", Err::<(), _>(failure), |()| String::new());
            return;
        }
    };
    let mut asked = asked.into_iter();
    for (provider, made) in config.provider_list.iter().zip(made) {
        let what = format!("provider {}", provider.name);
        match made.map(|vendor| reached(&vendor, asked.next())) {
            Ok(Ok(said)) => _ = report.line(&what, Ok(said), String::clone),
            Ok(Err(failure)) => report.warn(&what, &failure),
            Err(failure) => _ = report.line(&what, Err(failure), String::clone),
        }
    }
}

/// Whether each server of tools is there, and which tools it has. It is started or asked, and ended again.
fn tool_sources(config: &Config, report: &mut Report) {
    let mut good: Vec<(Duration, ToolSource)> = Vec::new();
    for configured in &config.mcp_servers {
        match tool_servers::tool_source(configured) {
            // Connecting and listing have that long each.
            Ok(source) => good.push((Duration::from_secs(2 * configured.timeout_s), source)),
            Err(failure) => _ = report.line("tools", Err::<(), _>(failure), |()| String::new()),
        }
    }
    match block_on(async { Ok(tool_servers::ask_all(&good).await) }) {
        Ok(listings) => {
            for ((_, source), listing) in good.iter().zip(listings) {
                let what = format!("tools {}", source.server.name());
                match listed(&listing) {
                    Ok(said) => _ = report.line(&what, Ok(said), String::clone),
                    Err(failure) => report.warn(&what, &failure),
                }
            }
        }
        Err(failure) => _ = report.line("tools", Err::<(), _>(failure), |()| String::new()),
    }
}

/// What came of asking a server of tools. One that is not there is no fault of the installation, as with providers.
fn listed(listing: &Listing) -> Result<String, Failure> {
    if let Some(fault) = &listing.fault {
        return Err(Failure::new(fault).hint("until it is there, its tools are not; docs/mcp.md has recipes"));
    }
    let names: Vec<&str> = listing.tools.iter().map(|tool| tool.name.as_str()).collect();
    Ok(match names.len() {
        0 => "it has no tools".to_owned(),
        number => format!("{number}: {}", names.join(", ")),
    })
}

/// What came of asking a provider. One that does not answer is no fault of the installation: the service starts without
/// it, and it may be back in a moment.
fn reached(vendor: &Vendor, asked: Option<Asked>) -> Result<String, Failure> {
    let Vendor { kind, host, .. } = vendor;
    match asked {
        Some(Asked::Offered(models)) => Ok(format!("{kind} at {host} answers, {} models", models.len())),
        Some(Asked::Failed(reason)) => Err(Failure::new(format_args!("{kind} at {host}: {reason}"))
            .hint("look at its address and key; until it answers, its models do not")),
        None => Err(Failure::new("it was not asked")),
    }
}

/// Whether the models that the configuration names can do what it names them for.
fn models(config: &Config) -> Result<String, Failure> {
    let (unknown, waiting) = wiring::misconfigured_models(config)?;
    if !unknown.is_empty() {
        return Err(
            Failure::new(unknown.join("; ")).hint("name a model of the catalog, or leave the key out")
        );
    }
    if waiting.is_empty() {
        return Ok("those that are configured can answer".to_owned());
    }
    Ok(format!("others answer in their place: {}", waiting.join("; ")))
}

/// What the database says of itself. Looking makes and changes nothing: where there is none yet, that is said.
fn database(config: &Config) -> Result<String, Failure> {
    if let Database::Sqlite(path) = config.database_to_open()
        && !path.exists()
    {
        return to_be_made(&path);
    }
    block_on(examined(config))
}

/// Whether a file that is not there can come to be at the first start.
fn to_be_made(path: &Path) -> Result<String, Failure> {
    let folders = path.ancestors().skip(1);
    let mut existing = folders.map(|folder| match folder.as_os_str().is_empty() {
        true => Path::new("."),
        false => folder,
    });
    let Some(folder) = existing.find(|folder| folder.exists()) else {
        return Err(Failure::new(format_args!("`{}` lies nowhere", path.display())));
    };
    let usable =
        std::fs::metadata(folder).is_ok_and(|found| found.is_dir() && !found.permissions().readonly());
    if usable {
        return Ok(format!(
            "none yet; `{}` will be made at the first start",
            path.display()
        ));
    }
    let failure = format_args!(
        "`{}` cannot be made: `{}` is no folder that can be written to",
        path.display(),
        folder.display()
    );
    Err(Failure::new(failure).hint("choose another folder with --data-dir"))
}

async fn examined(config: &Config) -> Result<String, Failure> {
    let store = match wiring::try_open_store(config, Upgrade::Refuse).await {
        Ok(store) => store,
        Err(OpenError::InUse { .. }) => {
            return Ok("in use by a running service; stop it to have its content examined".to_owned());
        }
        Err(OpenError::Older { found: 0, .. }) => {
            return Ok("empty; its tables will be made at the first start".to_owned());
        }
        Err(OpenError::Older { found, known }) => {
            return Ok(format!(
                "schema {found}, the next start brings it to {known}; its content was not examined"
            ));
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
    /// Why the report itself could not be written.
    unwritten: Option<Failure>,
}

impl Report {
    fn line<T>(&mut self, what: &str, found: Result<T, Failure>, say: impl Fn(&T) -> String) -> Option<T> {
        match found {
            Ok(value) => {
                self.write(format_args!("ok    {what}: {}\n", say(&value)));
                Some(value)
            }
            Err(failure) => {
                self.faults += 1;
                self.write(format_args!("FAIL  {what}: {}\n", Indented(&failure)));
                None
            }
        }
    }

    /// What is not well and keeps nothing from starting.
    fn warn(&mut self, what: &str, failure: &Failure) {
        self.write(format_args!("warn  {what}: {}\n", Indented(failure)));
    }

    fn write(&mut self, line: fmt::Arguments<'_>) {
        if let Err(failure) = output::say(line) {
            self.unwritten = Some(failure);
        }
    }

    fn end(self) -> Result<(), Failure> {
        if let Some(failure) = self.unwritten {
            return Err(failure);
        }
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
