//! Entries of `[[mcp]]` in the configuration file: servers of tools, by the Model Context Protocol.
//!
//! They stand in the file alone: who can write it may start programs here anyway, which nobody else may.

use std::collections::HashMap;
use std::path::PathBuf;

use toml::de::{DeTable, DeValue};

use crate::entries::Members;
use crate::file::{Places, in_order_of_lines};
use crate::kinds::{
    ApiKey, Endpoint, Fault, Kind, List, Maybe, Name, OneOf, Path, Raw, Secret, Whole, YesNo, for_message,
    quoted,
};
use crate::problem::{Problem, Source};

/// A server of tools.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct McpServer {
    /// Its name, as it stands before the two underscores in `SERVER__TOOL`.
    pub name: String,
    /// Where it is.
    pub place: McpPlace,
    /// The tools that are taken; empty for all.
    pub tools: Vec<String>,
    /// Seconds after which a call fails, and connecting.
    pub timeout_s: u64,
    /// Kilobytes of a result that are taken.
    pub max_result_kb: u64,
    /// Whether it is used.
    pub enabled: bool,
    /// Who may use its tools.
    pub grant: McpGrant,
}

/// Where a server of tools is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum McpPlace {
    /// A program that is started.
    Program {
        /// Its name or path.
        command: String,
        /// Its arguments.
        args: Vec<Secret>,
        /// All variables of its environment.
        environment: Vec<(String, Secret)>,
    },
    /// A service.
    Service {
        /// Its endpoint.
        url: String,
        /// Its key.
        api_key: Option<Secret>,
        /// The file its key stands in, where no key is given otherwise.
        api_key_file: Option<PathBuf>,
        /// Headers that each request carries.
        headers: Vec<(String, Secret)>,
    },
}

/// Who may use the tools of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum McpGrant {
    /// Everyone, unless they do not want to.
    Everyone,
    /// Administrators, unless they do not want to; for others they do not exist.
    Administrators,
    /// Whoever has asked for a tool, for themselves.
    OnRequest,
}

const GRANTS: &[(&str, McpGrant)] = &[
    ("everyone", McpGrant::Everyone),
    ("administrators", McpGrant::Administrators),
    ("on_request", McpGrant::OnRequest),
];

/// What an entry may say, for the documentation and for "did you mean".
pub(crate) const MEMBERS: &[(&str, &str)] = &[
    (
        "name",
        "What it is called, and what stands before the tool in the name that models are given, `SERVER__TOOL`: at most 32 lower-case letters, digits, `-` and `_`, without two `_` in a row or one at the end. Required.",
    ),
    (
        "command",
        "The program to start, as a name or a path; it is spoken to over its standard input and output. This or `url` is required.",
    ),
    ("args", "A list of its arguments. Never printed."),
    (
        "env",
        "A table of variables for it. It is given these, those of `env_from`, and of ours `PATH`, `HOME`, `USER`, `LOGNAME`, `SHELL`, `LANG`, `TZ`, `TMPDIR`, and no others. Never printed.",
    ),
    (
        "env_from",
        "A list of variables, of the environment or of `.env`, that it is given as they are, such as a key that shall not stand in the file.",
    ),
    (
        "url",
        "The endpoint of a service, spoken to over streamable HTTP. Redirects are not followed.",
    ),
    (
        "api_key",
        "With `url`: a key, sent as a bearer token. Never printed.",
    ),
    (
        "api_key_env",
        "With `url`: the variable the key stands in, of the environment or of `.env`.",
    ),
    (
        "api_key_file",
        "With `url`: the file the key stands in, such as a mounted secret.",
    ),
    (
        "headers",
        "With `url`: a table of headers that each request carries. Never printed.",
    ),
    (
        "tools",
        "A list of the tools that are taken, by the server's own names. Absent, all are, up to 128.",
    ),
    (
        "timeout_s",
        "Seconds after which a call is given up, and connecting, from 1 to 600. Default: `30`.",
    ),
    (
        "max_result_kb",
        "Kilobytes of a result's text that a model is given at most, from 1 to 4096. Default: `64`.",
    ),
    ("enabled", "Whether it is used. Default: `true`."),
    (
        "grant",
        "Who may use its tools: `everyone` and `administrators` may unless they switch a tool off for themselves, `on_request` means that each account asks for each tool first. Default: `on_request`.",
    ),
];

/// The most entries.
const MOST_SERVERS: usize = 32;
const MOST_ARGUMENTS: usize = 100;
const MOST_VARIABLES: usize = 100;
const MOST_TOOLS: usize = 500;
const LONGEST_VALUE: usize = 16 * 1024;

/// What a program is given of our environment.
const PASSED_ON: [&str; 8] = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR"];

/// An entry, before the environment was looked at.
#[derive(Debug)]
pub(crate) struct Given {
    server: McpServer,
    api_key_env: Option<(String, Source)>,
    env_from: Option<(Vec<String>, Source)>,
    /// Each member with its value and source; secrets as `(set)`.
    pub(crate) shown: Vec<(String, String, Source)>,
}

impl Given {
    /// What it is called.
    pub(crate) fn name(&self) -> &str {
        &self.server.name
    }
}

/// Reads all entries; those that are broken are noted and left out.
pub(crate) fn read(entries: &[&DeTable<'_>], places: &Places<'_>, problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for table in entries.iter().take(MOST_SERVERS) {
        let mut members = Members::new("mcp", MEMBERS, places, table, &mut *problems);
        let at = members.at.clone();
        let Some(read) = entry(&mut members) else { continue };
        if given
            .iter()
            .any(|earlier| earlier.server.name == read.server.name)
        {
            let message = format!("`mcp.name` is taken by an earlier entry: {}", read.server.name);
            problems.push(Problem::new(at, message));
            continue;
        }
        given.push(read);
    }
    if entries.len() > MOST_SERVERS {
        let message = format!("more than {MOST_SERVERS} entries of `[[mcp]]`");
        problems.push(Problem::new(places.source(0), message));
    }
    given
}

fn entry(members: &mut Members<'_, '_, '_>) -> Option<Given> {
    let before = members.problems.len();
    let name = members.member("name", &ServerName);
    if name.is_none() && members.problems.len() == before {
        members.complain(members.at.clone(), "an entry of `[[mcp]]` needs a `name`", None);
    }
    let command = members.with_source("command", &Command);
    let url = members.with_source("url", &Endpoint);
    let is_told = members.problems.len() > before;
    let mut given = match (command, url) {
        (Some((command, _)), None) => program(members, command),
        (None, Some((url, _))) => service(members, url),
        (Some(_), Some((_, source))) => {
            members.complain(
                source,
                "an entry of `[[mcp]]` has a `command` or a `url`, not both",
                None,
            );
            return None;
        }
        (None, None) => {
            if !is_told {
                members.complain(
                    members.at.clone(),
                    "an entry of `[[mcp]]` needs a `command` or a `url`",
                    None,
                );
            }
            return None;
        }
    };
    let server = &mut given.server;
    server.name = name.unwrap_or_default();
    server.tools = members.member("tools", &List(Name)).unwrap_or_default();
    if server.tools.len() > MOST_TOOLS {
        let message = format!("`mcp.tools` has more than {MOST_TOOLS} entries");
        members.complain(members.at.clone(), message, None);
    }
    if let Some(timeout_s) = members.member("timeout_s", &Whole::new(1, 600)) {
        server.timeout_s = timeout_s;
    }
    if let Some(max_result_kb) = members.member("max_result_kb", &Whole::new(1, 4_096)) {
        server.max_result_kb = max_result_kb;
    }
    if let Some(enabled) = members.member("enabled", &YesNo) {
        server.enabled = enabled;
    }
    if let Some(grant) = members.member("grant", &OneOf(GRANTS)) {
        server.grant = grant;
    }
    members.refuse_the_rest();
    given.shown = std::mem::take(&mut members.shown);
    (members.problems.len() == before).then_some(given)
}

/// An entry of which only its place is known.
fn at(place: McpPlace) -> Given {
    Given {
        server: McpServer {
            name: String::new(),
            place,
            tools: Vec::new(),
            timeout_s: 30,
            max_result_kb: 64,
            enabled: true,
            grant: McpGrant::OnRequest,
        },
        api_key_env: None,
        env_from: None,
        shown: Vec::new(),
    }
}

fn program(members: &mut Members<'_, '_, '_>, command: String) -> Given {
    let args = members.member("args", &Arguments).unwrap_or_default();
    let environment = variables(members);
    Given {
        env_from: members.with_source("env_from", &List(Name)),
        ..at(McpPlace::Program {
            command,
            args,
            environment,
        })
    }
}

fn service(members: &mut Members<'_, '_, '_>, url: String) -> Given {
    let api_key = members.member("api_key", &ApiKey);
    let api_key_env = members.with_source("api_key_env", &Name);
    let (api_key_file, headers) = (members.member("api_key_file", &Path), members.headers());
    Given {
        api_key_env,
        ..at(McpPlace::Service {
            url,
            api_key,
            api_key_file,
            headers,
        })
    }
}

/// The table `env`.
fn variables(members: &mut Members<'_, '_, '_>) -> Vec<(String, Secret)> {
    let Some((source, value)) = members.take("env") else {
        return Vec::new();
    };
    let DeValue::Table(table) = value else {
        members.complain(source, "`mcp.env` must be a table of variables", None);
        return Vec::new();
    };
    let mut variables = Vec::new();
    for (part, value) in in_order_of_lines(table) {
        let name = part.get_ref().to_string();
        let value = value.get_ref().as_str().filter(|value| is_good_value(value));
        match value.filter(|_| is_good_variable(&name)) {
            Some(value) if variables.len() < MOST_VARIABLES => variables.push((name, Secret::new(value))),
            _ => {
                let message = format!(
                    "`mcp.env` has a variable that cannot be given: {}",
                    for_message(&name)
                );
                members.complain(source.clone(), message, None);
            }
        }
    }
    let names: Vec<String> = variables
        .iter()
        .map(|(name, _)| format!("{} = (set)", quoted(name)))
        .collect();
    members.show("env", format!("{{ {} }}", names.join(", ")), source);
    variables
}

fn is_good_variable(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 200
        && !name.contains(['=', '\0'])
        && !name.chars().any(char::is_control)
}

fn is_good_value(value: &str) -> bool {
    value.len() <= LONGEST_VALUE && !value.contains('\0')
}

/// The servers that are used, with what the environment says of them.
pub(crate) fn list(
    given: Vec<Given>,
    variables: &HashMap<String, String>,
    problems: &mut Vec<Problem>,
) -> Vec<McpServer> {
    let servers = given
        .into_iter()
        .map(|given| completed(given, variables, problems))
        .collect::<Vec<_>>();
    servers.into_iter().filter(|server| server.enabled).collect()
}

fn completed(given: Given, variables: &HashMap<String, String>, problems: &mut Vec<Problem>) -> McpServer {
    let mut server = given.server;
    // What is switched off needs nothing.
    let mut missing = |source: &Source, message: String| {
        if server.enabled {
            problems.push(Problem::new(source.clone(), message));
        }
    };
    match &mut server.place {
        McpPlace::Program { environment, .. } => {
            for name in PASSED_ON {
                add(environment, name, variables.get(name));
            }
            if let Some((names, source)) = &given.env_from {
                for name in names {
                    if variables.get(name).is_none_or(String::is_empty) {
                        missing(
                            source,
                            format!("`mcp.env_from` names a variable that is not set: {name}"),
                        );
                    }
                    add(environment, name, variables.get(name));
                }
            }
        }
        McpPlace::Service { api_key, .. } => {
            if let Some((name, source)) = &given.api_key_env {
                let value = variables.get(name).cloned().unwrap_or_default();
                match Maybe(ApiKey).read(&Raw::Text(value)) {
                    Ok(Some(key)) => *api_key = api_key.take().or(Some(key)),
                    Ok(None) => missing(
                        source,
                        format!("`mcp.api_key_env` names a variable that is not set: {name}"),
                    ),
                    Err(fault) => missing(
                        source,
                        format!(
                            "the variable that `mcp.api_key_env` names {}: {name}",
                            fault.message
                        ),
                    ),
                }
            }
        }
    }
    server
}

/// Adds a variable that the entry does not set itself.
fn add(environment: &mut Vec<(String, Secret)>, name: &str, value: Option<&String>) {
    if let Some(value) = value
        && !environment.iter().any(|(known, _)| known == name)
    {
        environment.push((name.to_owned(), Secret::new(value)));
    }
}

/// A server's name: it stands before two underscores in the names that models are given.
struct ServerName;

impl Kind for ServerName {
    type Value = String;

    fn describe(&self) -> String {
        "at most 32 lower-case letters, digits, `-` and `_`, without two `_` in a row or one at the end"
            .to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
        let is_name = !text.is_empty() && text.len() <= 32 && text.chars().all(is_good);
        if !is_name || text.contains("__") || text.ends_with('_') {
            return Err(self.expected());
        }
        Ok(text.to_owned())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }
}

/// A program's name or path.
struct Command;

impl Kind for Command {
    type Value = String;

    fn describe(&self) -> String {
        "the name or path of a program".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?;
        if text.trim().is_empty() || text.len() > 4_096 || text.chars().any(char::is_control) {
            return Err(self.expected());
        }
        Ok(text.to_owned())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }
}

/// Arguments of a program. One of them may be a key, so they are never printed.
struct Arguments;

impl Kind for Arguments {
    type Value = Vec<Secret>;

    const SECRET: bool = true;

    fn describe(&self) -> String {
        format!("a list of at most {MOST_ARGUMENTS} texts")
    }

    fn read(&self, raw: &Raw) -> Result<Vec<Secret>, Fault> {
        match raw {
            Raw::List(list)
                if list.len() <= MOST_ARGUMENTS && list.iter().all(|text| is_good_value(text)) =>
            {
                Ok(list.iter().map(Secret::new).collect())
            }
            _ => Err(self.expected()),
        }
    }

    fn to_toml(&self, value: &Vec<Secret>) -> String {
        match value.as_slice() {
            [] => "[]".to_owned(),
            _ => "(set)".to_owned(),
        }
    }
}
