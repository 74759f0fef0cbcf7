//! Variables of the environment and of `.env`: the names of the table, those of the original service, and
//! a refusal of `CHATAI__…` names that mean nothing.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;

use crate::dotenv;
use crate::inputs::TextFile;
use crate::kinds::Raw;
use crate::load::Given;
use crate::problem::{Problem, Source};
use crate::suggest;
use crate::table::{Key, Table};

/// What every name of our own starts with.
const PREFIX: &str = "CHATAI__";

/// What was found: values, strongest last, with problems and warnings.
#[derive(Default)]
pub(crate) struct Found {
    pub(crate) given: Vec<Given>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<Problem>,
    /// Every variable with its value, for entries that name one.
    pub(crate) variables: HashMap<String, String>,
}

/// Reads `.env`, then the environment over it.
pub(crate) fn read(file: Option<&TextFile>, environment: &[(OsString, OsString)]) -> Found {
    let mut found = Found::default();
    // What is not Unicode can only be wrong for us where the name is one of ours; see `variable`.
    let real: BTreeMap<String, Result<String, OsString>> = environment
        .iter()
        .filter_map(|(name, value)| Some((name.to_str()?.to_owned(), value.clone().into_string())))
        .collect();
    if let Some(file) = file {
        let lookup = |name: &str| real.get(name).and_then(|value| value.as_ref().ok()).cloned();
        let (variables, broken) = dotenv::parse(&file.text, lookup);
        let source = |line, name: &str| Source::DotEnv {
            path: file.path.clone(),
            line,
            name: name.to_owned(),
        };
        found.problems.extend(
            broken
                .into_iter()
                .map(|broken| Problem::new(source(broken.line, ""), broken.message)),
        );
        // The last of several lines with one name counts.
        let layer: BTreeMap<String, (Source, Result<String, OsString>)> = variables
            .into_iter()
            .map(|variable| {
                (
                    variable.name.clone(),
                    (source(variable.line, &variable.name), Ok(variable.value)),
                )
            })
            .collect();
        add_layer(&layer, &mut found);
    }
    let layer = real
        .into_iter()
        .map(|(name, value)| (name.clone(), (Source::Environment { name }, value)))
        .collect();
    add_layer(&layer, &mut found);
    found
}

fn add_layer(layer: &BTreeMap<String, (Source, Result<String, OsString>)>, found: &mut Found) {
    for (name, (_, value)) in layer {
        if let Ok(value) = value {
            found.variables.insert(name.clone(), value.clone());
        }
    }
    let table = Table::get();
    for key in &table.keys {
        let legacy = key.legacy.and_then(|name| layer.get(name));
        let own = layer.get(&key.environment);
        if let (Some((source, old)), Some((_, new))) = (legacy, own)
            && old != new
        {
            let message = format!("ignored, because `{}` is set too", key.environment);
            found.warnings.push(Problem::new(source.clone(), message));
        }
        for (source, value) in [legacy, own].into_iter().flatten() {
            variable(key, source, value, found);
        }
    }
    for (name, (source, _)) in layer {
        if name.starts_with(PREFIX) && !table.keys.iter().any(|key| key.environment == *name) {
            found.problems.push(unknown_variable(source.clone(), name));
        }
    }
}

fn variable(key: &'static Key, source: &Source, value: &Result<String, OsString>, found: &mut Found) {
    match value {
        Ok(value) => {
            found.given.push(Given {
                key,
                source: source.clone(),
                raw: Raw::Text(value.clone()),
            });
        }
        Err(_) => {
            found.problems.push(Problem::new(
                source.clone(),
                format!("`{}` is not UTF-8", key.name),
            ));
        }
    }
}

fn unknown_variable(source: Source, name: &str) -> Problem {
    let dotted = name[PREFIX.len()..].replace("__", ".").to_lowercase();
    let table = Table::get();
    let near =
        suggest::nearest(&dotted, table.keys.iter().map(|key| key.name)).and_then(|name| table.key(name));
    let hint = near.map(|key| format!("did you mean `{}`?", key.environment));
    Problem::new(source, "unknown variable, `chatai config example` lists the keys").with_hint(hint)
}
