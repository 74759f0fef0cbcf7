//! From inputs to a [`Config`]: the strongest layer wins, every value is read by its kind, and all problems
//! are collected before any is reported.

use std::collections::HashMap;

use crate::check;
use crate::entries;
use crate::environment;
use crate::file;
use crate::inputs::{Flags, Inputs, Surroundings};
use crate::keys::Config;
use crate::kinds::{ApiKey, Kind, Maybe, Raw, read_default};
use crate::mcp;
use crate::problem::{Problem, Problems, Source};
use crate::providers;
use crate::table::{Key, Table};

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// What is doubtful, but keeps nothing from working.
    pub warnings: Vec<Problem>,
    /// Every key with its value and source, in the order of the documentation.
    pub settings: Vec<Setting>,
    /// What the entries of `[[providers]]` and `[[mcp]]` say, such as `providers[groq].kind`, in order; secrets as
    /// `(set)`.
    pub provider_settings: Vec<ProviderSetting>,
}

/// One member of an entry of `[[providers]]` or `[[mcp]]`.
#[derive(Clone, Debug)]
pub struct ProviderSetting {
    /// Such as `providers[groq].kind`.
    pub name: String,
    /// The value as TOML; `(set)` for a secret.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// One key's value and where it came from.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The key.
    pub key: &'static Key,
    /// The value as TOML; `(set)` for a secret, `""` for an absent value.
    pub value: String,
    /// Where it came from.
    pub source: Source,
}

/// A value that a layer gives.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    pub(crate) key: &'static Key,
    pub(crate) source: Source,
    pub(crate) raw: Raw,
}

impl Config {
    /// Reads files, environment and flags.
    ///
    /// # Errors
    /// Every problem found, not only the first.
    pub fn load(flags: &Flags, surroundings: &Surroundings) -> Result<Loaded, Problems> {
        Self::from_inputs(&Inputs::read(flags, surroundings)?)
    }

    /// Interprets inputs that are at hand; does no I/O.
    ///
    /// # Errors
    /// Every problem found, not only the first.
    pub fn from_inputs(inputs: &Inputs) -> Result<Loaded, Problems> {
        let mut given = Vec::new();
        let mut problems = Vec::new();
        let mut lists = file::Lists::default();
        if let Some(text) = &inputs.file {
            lists = file::read(text, &mut given, &mut problems);
        }
        let mut found = environment::read(inputs.dotenv.as_ref(), &inputs.environment);
        given.append(&mut found.given);
        problems.append(&mut found.problems);
        for (name, value) in &inputs.overrides {
            override_key(name, value, &mut given, &mut problems);
        }

        let mut reader = Reader {
            given: HashMap::new(),
            problems,
            settings: Vec::new(),
        };
        for value in given {
            reader.given.entry(value.key.name).or_default().push(value);
        }
        let mut config = Config::read(&mut reader);
        let Reader {
            mut problems,
            settings,
            ..
        } = reader;
        let mut warnings = found.warnings;
        let mut provider_settings = Vec::new();
        for entry in &mut lists.providers {
            take_key(entry, &found.variables, &mut problems);
            show(
                &format!("providers[{}]", entry.entry.name),
                &mut entry.shown,
                &mut provider_settings,
            );
        }
        for entry in &mut lists.mcp {
            show(
                &format!("mcp[{}]", entry.name()),
                &mut entry.shown,
                &mut provider_settings,
            );
        }
        let entries = lists.providers.into_iter().map(|given| given.entry).collect();
        config.provider_list = providers::list(&config, entries);
        config.mcp_servers = mcp::list(lists.mcp, &found.variables, &mut problems);
        check::relations(&config, &settings, &mut problems, &mut warnings);
        if problems.is_empty() {
            Ok(Loaded {
                config,
                warnings,
                settings,
                provider_settings,
            })
        } else {
            Err(Problems(problems))
        }
    }
}

/// Notes what an entry says.
fn show(entry: &str, shown: &mut Vec<(String, String, Source)>, settings: &mut Vec<ProviderSetting>) {
    settings.extend(shown.drain(..).map(|(member, value, source)| ProviderSetting {
        name: format!("{entry}.{member}"),
        value,
        source,
    }));
}

/// Reads the key of an entry that names a variable for it.
fn take_key(given: &mut entries::Given, variables: &HashMap<String, String>, problems: &mut Vec<Problem>) {
    let Some((variable, source)) = &given.api_key_env else {
        return;
    };
    let value = variables.get(variable).cloned().unwrap_or_default();
    match Maybe(ApiKey).read(&Raw::Text(value)) {
        Ok(Some(key)) => given.entry.api_key = given.entry.api_key.take().or(Some(key)),
        // A provider whose key is not there cannot answer, which its owner wants to know now.
        Ok(None) => {
            let message = format!("`providers.api_key_env` names a variable that is not set: {variable}");
            problems.push(Problem::new(source.clone(), message));
        }
        Err(fault) => {
            let message = format!(
                "the variable that `providers.api_key_env` names {}: {variable}",
                fault.message
            );
            problems.push(Problem::new(source.clone(), message));
        }
    }
}

fn override_key(name: &str, value: &str, given: &mut Vec<Given>, problems: &mut Vec<Problem>) {
    match Table::get().key(name) {
        Some(key) => {
            let flag = key.flag.map_or_else(|| format!("--set {name}"), str::to_owned);
            given.push(Given {
                key,
                source: Source::Flag { name: flag },
                raw: Raw::Text(value.to_owned()),
            });
        }
        None => problems.push(file::unknown_key(
            Source::Flag {
                name: "--set".to_owned(),
            },
            name,
        )),
    }
}

/// Hands the sections their values.
pub(crate) struct Reader<'a> {
    given: HashMap<&'a str, Vec<Given>>,
    problems: Vec<Problem>,
    settings: Vec<Setting>,
}

impl Reader<'_> {
    /// The value of a key. A broken one is noted, and the default stands in so that reading goes on.
    pub(crate) fn read<T, K: Kind<Value = T>>(&mut self, name: &'static str, kind: &K, default: &str) -> T {
        let key = Table::get()
            .key(name)
            .expect("sections read only keys that they describe");
        let given = self.given.remove(name).unwrap_or_default();
        let strongest = given
            .into_iter()
            .rfind(|given| K::TAKES_EMPTY || !is_empty_variable(given));
        let (value, source) = match strongest {
            None => (read_default(kind, default), Source::Default),
            Some(Given { source, raw, .. }) => match kind.read(&raw) {
                Ok(value) => (value, source),
                Err(fault) => {
                    let shown = if K::SECRET {
                        String::new()
                    } else {
                        format!(": {}", kind.printable(&raw))
                    };
                    let message = format!("`{name}` {}{shown}", fault.message);
                    self.problems
                        .push(Problem::new(source.clone(), message).with_hint(fault.hint));
                    (read_default(kind, default), source)
                }
            },
        };
        self.settings.push(Setting {
            key,
            value: kind.to_toml(&value),
            source,
        });
        value
    }
}

/// `NAME=` with nothing behind it, as templates of deployments leave it.
fn is_empty_variable(given: &Given) -> bool {
    matches!(given.source, Source::Environment { .. } | Source::DotEnv { .. })
        && matches!(&given.raw, Raw::Text(text) if text.trim().is_empty())
}
