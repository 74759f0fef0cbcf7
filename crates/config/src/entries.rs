//! Entries of `[[providers]]` in the configuration file.

use std::collections::HashMap;

use toml::de::{DeTable, DeValue};

use crate::file::{Places, in_order_of_lines, raw};
use crate::kinds::{
    ApiKey, BaseUrl, Kind, Name, OneOf, Path, ProxyUrl, Raw, Secret, Whole, YesNo, for_message, quoted,
};
use crate::problem::{Problem, Source};
use crate::providers::{Entry, NAMED, PROVIDER_KINDS, ProviderKind, ProviderModel};
use crate::suggest;

/// The most entries, and the most models of one.
const MOST_PROVIDERS: usize = 64;
const MOST_MODELS: usize = 1_000;
const MOST_HEADERS: usize = 32;

/// What an entry may say, for the documentation and for "did you mean".
pub(crate) const MEMBERS: &[(&str, &str)] = &[
    (
        "name",
        "What it is called, and what stands before the slash in `PROVIDER/MODEL`: at most 64 lower-case letters, digits, `-`, `_` and `.`. An entry named `openai`, `anthropic`, `gemini` or `ollama` says more of that provider. Required.",
    ),
    (
        "kind",
        "Its protocol: `openai` (OpenAI's Responses API), `openai-chat` (compatible servers), `anthropic` or `gemini`. Required, unless the name says it.",
    ),
    (
        "base_url",
        "Where it lies. Required for `openai-chat`, unless the name says it; absent, it is the vendor's own address. A query may be `api-version` alone, as Azure wants it.",
    ),
    ("api_key", "Its key. Never printed."),
    (
        "api_key_env",
        "The variable its key stands in, of the environment or of `.env`.",
    ),
    (
        "api_key_file",
        "The file its key stands in, such as a mounted secret.",
    ),
    (
        "models",
        "A list of the models it has: names, or tables with `name` and any of `input`, `cached_input`, `cache_write`, `output` (US dollars per million tokens), `context_window`, `max_output_tokens` and `capabilities`, as in the pricing data. Absent, it has the catalog's models of its vendor.",
    ),
    (
        "discover",
        "Whether it is asked for its models, now and then; each is offered as `PROVIDER/MODEL`. Default: `true` for `openai-chat` without `models`, else `false`.",
    ),
    (
        "headers",
        "A table of headers that each call carries. Never printed.",
    ),
    ("timeout_s", "As `providers.timeout_s`, for this provider alone."),
    (
        "total_timeout_s",
        "As `providers.total_timeout_s`, for this provider alone.",
    ),
    (
        "concurrency",
        "As `providers.concurrency`, for this provider alone.",
    ),
    (
        "proxy",
        "The HTTP proxy it is reached through. Absent, it is called directly. Never printed.",
    ),
];

const MODEL_MEMBERS: &[&str] = &[
    "name",
    "input",
    "cached_input",
    "cache_write",
    "output",
    "context_window",
    "max_output_tokens",
    "capabilities",
    "version",
    "deprecated",
];

/// An entry with where it stands, and what of it can be shown.
#[derive(Debug)]
pub(crate) struct Given {
    pub(crate) entry: Entry,
    /// The variable that its key stands in, with where that was said.
    pub(crate) api_key_env: Option<(String, Source)>,
    /// Each member with its value and source; secrets as `(set)`.
    pub(crate) shown: Vec<(String, String, Source)>,
}

/// Reads all entries; those that are broken are noted and left out.
pub(crate) fn read(entries: &[&DeTable<'_>], places: &Places<'_>, problems: &mut Vec<Problem>) -> Vec<Given> {
    let mut given: Vec<Given> = Vec::new();
    for table in entries.iter().take(MOST_PROVIDERS) {
        let mut reader = Members::new("providers", MEMBERS, places, table, &mut *problems);
        let Some(read) = reader.entry() else { continue };
        if let Some(earlier) = given.iter().find(|earlier| earlier.entry.name == read.entry.name) {
            let message = format!(
                "`providers.name` is taken by an earlier entry: {}",
                earlier.entry.name
            );
            problems.push(Problem::new(place_of(&read), message));
            continue;
        }
        given.push(read);
    }
    if entries.len() > MOST_PROVIDERS {
        let message = format!("more than {MOST_PROVIDERS} entries of `[[providers]]`");
        problems.push(Problem::new(places.source(0), message));
    }
    given
}

fn place_of(given: &Given) -> Source {
    given
        .shown
        .first()
        .map_or(Source::Default, |(_, _, source)| source.clone())
}

/// The members of one entry of a list of tables, taken one by one.
pub(crate) struct Members<'a, 'v, 'i> {
    /// The list, as in `[[providers]]`.
    list: &'static str,
    known: &'static [(&'static str, &'static str)],
    places: &'a Places<'a>,
    values: HashMap<String, (Source, &'v DeValue<'i>)>,
    /// Where the entry begins.
    pub(crate) at: Source,
    pub(crate) problems: &'a mut Vec<Problem>,
    /// What was taken, as it can be shown.
    pub(crate) shown: Vec<(String, String, Source)>,
}

impl<'a, 'v, 'i> Members<'a, 'v, 'i> {
    pub(crate) fn new(
        list: &'static str,
        known: &'static [(&'static str, &'static str)],
        places: &'a Places<'a>,
        table: &'v DeTable<'i>,
        problems: &'a mut Vec<Problem>,
    ) -> Self {
        let in_order = in_order_of_lines(table);
        let members = in_order.iter().map(|(part, value)| {
            let source = places.source(part.span().start);
            (part.get_ref().to_string(), (source, value.get_ref()))
        });
        let begins = in_order.first().map(|(part, _)| places.source(part.span().start));
        Self {
            list,
            known,
            places,
            values: members.collect(),
            at: begins.unwrap_or(Source::Default),
            problems,
            shown: Vec::new(),
        }
    }

    fn entry(&mut self) -> Option<Given> {
        let before = self.problems.len();
        let name = self.member("name", &ProviderName);
        if name.is_none() && self.problems.len() == before {
            self.complain(
                self.at.clone(),
                "an entry of `[[providers]]` needs a `name`",
                None,
            );
        }
        let named = name
            .as_deref()
            .and_then(|name| NAMED.iter().find(|(known, _)| *known == name));
        let kind = self.member("kind", &OneOf(PROVIDER_KINDS));
        let is_told = named.is_some() || self.problems.len() > before;
        if kind.is_none() && !is_told {
            let hint = "`openai-chat` is what compatible servers speak";
            self.complain(
                self.at.clone(),
                "an entry of `[[providers]]` needs a `kind`",
                Some(hint),
            );
        }
        let base_url = self.member("base_url", &BaseUrl);
        let needs_url = kind == Some(ProviderKind::OpenAiChat)
            && !named.is_some_and(|(name, _)| matches!(*name, "openai" | "ollama"));
        if base_url.is_none() && needs_url && self.problems.len() == before {
            self.complain(
                self.at.clone(),
                "an entry of the kind `openai-chat` needs a `base_url`",
                None,
            );
        }
        let api_key = self.member("api_key", &ApiKey);
        let api_key_env = self.with_source("api_key_env", &Name);
        let entry = Entry {
            name: name.unwrap_or_default(),
            kind,
            base_url,
            api_key,
            api_key_file: self.member("api_key_file", &Path),
            models: self.models(),
            discover: self.member("discover", &YesNo),
            headers: self.headers(),
            timeout_s: self.member("timeout_s", &Whole::new(1, 3_600)),
            total_timeout_s: self.member("total_timeout_s", &Whole::new(1, 86_400)),
            concurrency: self.member("concurrency", &Whole::new(1, 100_000)),
            proxy: self.member("proxy", &ProxyUrl),
        };
        self.refuse_the_rest();
        (self.problems.len() == before).then(|| Given {
            entry,
            api_key_env,
            shown: std::mem::take(&mut self.shown),
        })
    }

    pub(crate) fn complain(
        &mut self,
        source: Source,
        message: impl Into<String>,
        hint: Option<&'static str>,
    ) {
        self.problems.push(Problem::new(source, message).with_hint(hint));
    }

    /// A member with where it stands.
    pub(crate) fn with_source<T, K: Kind<Value = T>>(&mut self, name: &str, kind: &K) -> Option<(T, Source)> {
        let source = self.values.get(name).map(|(source, _)| source.clone());
        self.member(name, kind).zip(source)
    }

    /// A member as it is written.
    pub(crate) fn take(&mut self, name: &str) -> Option<(Source, &'v DeValue<'i>)> {
        self.values.remove(name)
    }

    pub(crate) fn member<T, K: Kind<Value = T>>(&mut self, name: &str, kind: &K) -> Option<T> {
        let (source, value) = self.values.remove(name)?;
        let raw = raw(value);
        match kind.read(&raw) {
            Ok(value) => {
                self.show(name, kind.to_toml(&value), source);
                Some(value)
            }
            Err(fault) => {
                let shown = match K::SECRET {
                    true => String::new(),
                    false => format!(": {}", kind.printable(&raw)),
                };
                let message = format!("`{}.{name}` {}{shown}", self.list, fault.message);
                self.complain(source, message, fault.hint);
                None
            }
        }
    }

    pub(crate) fn show(&mut self, name: &str, value: String, source: Source) {
        self.shown.push((name.to_owned(), value, source));
    }

    pub(crate) fn headers(&mut self) -> Vec<(String, Secret)> {
        let Some((source, value)) = self.values.remove("headers") else {
            return Vec::new();
        };
        let DeValue::Table(table) = value else {
            let message = format!("`{}.headers` must be a table of headers", self.list);
            self.complain(source, message, None);
            return Vec::new();
        };
        let mut headers = Vec::new();
        for (part, value) in in_order_of_lines(table) {
            let (name, source) = (part.get_ref().to_string(), self.places.source(part.span().start));
            let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
            let text = value.get_ref().as_str().map(str::trim);
            let text = text.filter(|text| text.chars().all(|c| c == ' ' || c.is_ascii_graphic()));
            match text.filter(|_| !name.is_empty() && name.len() <= 100 && name.chars().all(is_token)) {
                Some(text) if text.len() <= 4_096 && headers.len() < MOST_HEADERS => {
                    headers.push((name.to_ascii_lowercase(), Secret::new(text)));
                }
                _ => self.complain(
                    source,
                    format!(
                        "`{}.headers` has a header that cannot be sent: {}",
                        self.list,
                        for_message(&name)
                    ),
                    None,
                ),
            }
        }
        let names: Vec<String> = headers
            .iter()
            .map(|(name, _)| format!("{} = (set)", quoted(name)))
            .collect();
        self.show("headers", format!("{{ {} }}", names.join(", ")), source);
        headers
    }

    fn models(&mut self) -> Vec<ProviderModel> {
        let Some((source, value)) = self.values.remove("models") else {
            return Vec::new();
        };
        let DeValue::Array(list) = value else {
            self.complain(
                source,
                "`providers.models` must be a list of names and tables",
                None,
            );
            return Vec::new();
        };
        let mut models: Vec<ProviderModel> = Vec::new();
        for item in list.iter().take(MOST_MODELS) {
            let at = self.places.source(item.span().start);
            match self.model(item.get_ref()) {
                Ok(model) if models.iter().any(|other| other.name == model.name) => {
                    let message = format!("`providers.models` has it twice: {}", for_message(&model.name));
                    self.complain(at, message, None);
                }
                Ok(model) => models.push(model),
                Err(message) => self.complain(at, message, None),
            }
        }
        if list.len() > MOST_MODELS {
            let message = format!("`providers.models` has more than {MOST_MODELS} entries");
            self.complain(source.clone(), message, None);
        }
        let names: Vec<String> = models.iter().map(|model| quoted(&model.name)).collect();
        self.show("models", format!("[{}]", names.join(", ")), source);
        models
    }

    /// A name, or a table with one; what a table says of prices and abilities is read by whoever reads the catalog.
    fn model(&self, value: &DeValue<'_>) -> Result<ProviderModel, String> {
        let name_of = |text: &str| {
            Name.read(&Raw::Text(text.to_owned()))
                .map_err(|fault| format!("`providers.models` has an entry whose name {}", fault.message))
        };
        match value {
            DeValue::String(text) => Ok(ProviderModel {
                name: name_of(text)?,
                data_json: "{}".to_owned(),
            }),
            DeValue::Table(table) => {
                let name = table.get("name").and_then(|name| name.get_ref().as_str());
                let name = name_of(name.ok_or("`providers.models` has a table without a `name`")?)?;
                let mut members = Vec::new();
                for (part, value) in in_order_of_lines(table) {
                    let member = part.get_ref().as_ref();
                    if !MODEL_MEMBERS.contains(&member) {
                        let near = suggest::nearest(member, MODEL_MEMBERS.iter().copied());
                        let near = near.map_or_else(String::new, |near| format!("; did you mean `{near}`?"));
                        return Err(format!(
                            "unknown key of a model of `providers.models`: `{}`{near}",
                            for_message(member)
                        ));
                    }
                    if member != "name" {
                        let json = json(value.get_ref()).ok_or_else(|| {
                            format!("`providers.models`: `{member}` of `{name}` cannot be read")
                        })?;
                        members.push(format!("{}: {json}", quoted(member)));
                    }
                }
                Ok(ProviderModel {
                    name,
                    data_json: format!("{{{}}}", members.join(", ")),
                })
            }
            _ => Err("`providers.models` must be a list of names and tables".to_owned()),
        }
    }

    /// Complains of members that nobody has taken.
    pub(crate) fn refuse_the_rest(&mut self) {
        let mut rest: Vec<(String, Source)> = self
            .values
            .drain()
            .map(|(name, (source, _))| (name, source))
            .collect();
        rest.sort_by(|left, right| left.0.cmp(&right.0));
        for (name, source) in rest {
            let near = suggest::nearest(&name, self.known.iter().map(|(member, _)| *member));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            let message = format!("unknown key of `[[{}]]`: `{}`", self.list, for_message(&name));
            self.problems.push(Problem::new(source, message).with_hint(hint));
        }
    }
}

/// A value of a model's table as JSON: text, numbers and lists of text.
fn json(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(quoted(text)),
        DeValue::Integer(_) => match raw(value) {
            Raw::Integer(number) => Some(number),
            _ => None,
        },
        // As it was written, so that a price stays exact; what JSON cannot say (`inf`, `nan`) is no price.
        DeValue::Float(float) => {
            let text = float.as_str().replace('_', "");
            let is_plain = text
                .chars()
                .all(|c| c.is_ascii_digit() || matches!(c, '.' | '-' | '+' | 'e' | 'E'));
            is_plain.then(|| quoted(&text))
        }
        DeValue::Array(items) => {
            let items: Option<Vec<String>> = items
                .iter()
                .map(|item| item.get_ref().as_str().map(quoted))
                .collect();
            items.map(|items| format!("[{}]", items.join(", ")))
        }
        DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => None,
    }
}

/// A provider's name: it stands before a slash, and in addresses and logs.
struct ProviderName;

impl Kind for ProviderName {
    type Value = String;

    fn describe(&self) -> String {
        "at most 64 lower-case letters, digits, `-`, `_` and `.`, and not `built-in`".to_owned()
    }

    fn read(&self, raw: &Raw) -> Result<String, crate::kinds::Fault> {
        let text = raw.text().ok_or_else(|| self.expected())?.trim();
        let is_good = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > 64 || !text.chars().all(is_good) || text == "built-in" {
            return Err(self.expected());
        }
        Ok(text.to_owned())
    }

    fn to_toml(&self, value: &String) -> String {
        quoted(value)
    }
}
