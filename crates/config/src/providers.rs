//! The providers: entries of `[[providers]]`, and those that have keys of their own, as one list.

use std::path::PathBuf;

use crate::keys::Config;
use crate::kinds::Secret;

/// The protocol of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenAI's Responses API.
    OpenAi,
    /// Chat completions in OpenAI's form, which every compatible server speaks.
    OpenAiChat,
    /// Anthropic's Messages API.
    Anthropic,
    /// Google's Gemini API.
    Gemini,
}

pub(crate) const OPENAI_KINDS: &[(&str, ProviderKind)] = &[
    ("openai", ProviderKind::OpenAi),
    ("openai-chat", ProviderKind::OpenAiChat),
];

pub(crate) const PROVIDER_KINDS: &[(&str, ProviderKind)] = &[
    ("openai", ProviderKind::OpenAi),
    ("openai-chat", ProviderKind::OpenAiChat),
    ("anthropic", ProviderKind::Anthropic),
    ("gemini", ProviderKind::Gemini),
];

impl ProviderKind {
    /// The word of the configuration.
    pub fn as_str(self) -> &'static str {
        let named = PROVIDER_KINDS.iter().find(|(_, kind)| *kind == self);
        named.map_or("", |(word, _)| word)
    }
}

/// One configured provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Its name, as it stands before the slash in `PROVIDER/MODEL`.
    pub name: String,
    /// Its protocol.
    pub kind: ProviderKind,
    /// Where it lies; `None` is the vendor's own address.
    pub base_url: Option<String>,
    /// Its key.
    pub api_key: Option<Secret>,
    /// The file its key stands in, where no key is given otherwise.
    pub api_key_file: Option<PathBuf>,
    /// Its models; empty where the catalog or the provider itself says what it has.
    pub models: Vec<ProviderModel>,
    /// Whether it is asked for its models.
    pub discover: bool,
    /// Headers that each call carries.
    pub headers: Vec<(String, Secret)>,
    /// Seconds of silence after which a call fails.
    pub timeout_s: u64,
    /// Seconds after which a call fails though its answer is still coming.
    pub total_timeout_s: Option<u64>,
    /// Calls under way at the same time.
    pub concurrency: Option<usize>,
    /// The proxy it is reached through.
    pub proxy: Option<Secret>,
}

/// A model that a provider was said to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProviderModel {
    /// Its name at its provider.
    pub name: String,
    /// What was said of it, as the members of an entry of the pricing data; `{}` where nothing was.
    pub data_json: String,
}

/// What an entry of `[[providers]]` says; the rest is as for every provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct Entry {
    pub(crate) name: String,
    pub(crate) kind: Option<ProviderKind>,
    pub(crate) base_url: Option<String>,
    pub(crate) api_key: Option<Secret>,
    pub(crate) api_key_file: Option<PathBuf>,
    pub(crate) models: Vec<ProviderModel>,
    pub(crate) discover: Option<bool>,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) timeout_s: Option<u64>,
    pub(crate) total_timeout_s: Option<u64>,
    pub(crate) concurrency: Option<usize>,
    pub(crate) proxy: Option<Secret>,
}

/// The names that have keys of their own, each with its protocol. An entry of such a name says more of that provider.
pub(crate) const NAMED: &[(&str, ProviderKind)] = &[
    ("openai", ProviderKind::OpenAi),
    ("anthropic", ProviderKind::Anthropic),
    ("gemini", ProviderKind::Gemini),
    ("ollama", ProviderKind::OpenAiChat),
];

/// Where Ollama listens when nobody says.
const OLLAMA_BASE_URL: &str = "http://127.0.0.1:11434/v1";

/// All providers: those with keys of their own in a fixed order, then the other entries in theirs.
pub(crate) fn list(config: &Config, entries: Vec<Entry>) -> Vec<Provider> {
    let mut entries = entries;
    let mut providers = Vec::new();
    for (name, kind) in NAMED {
        let place = entries.iter().position(|entry| entry.name == *name);
        let entry = place.map(|place| entries.remove(place));
        let (key, base_url) = own_keys(config, name);
        if key.is_none() && base_url.is_none() && entry.is_none() {
            continue;
        }
        let mut entry = entry.unwrap_or_default();
        entry.name = (*name).to_owned();
        // What stands in the environment wins over the file; both forms cannot stand in one file.
        entry.api_key = key.or(entry.api_key);
        entry.base_url = base_url.or(entry.base_url);
        entry.kind = match *name {
            "openai" => Some(entry.kind.unwrap_or(config.providers.openai.kind)),
            _ => Some(entry.kind.unwrap_or(*kind)),
        };
        if *name == "openai" && config.providers.openai.discover {
            entry.discover.get_or_insert(true);
        }
        if *name == "ollama" {
            entry.base_url.get_or_insert_with(|| OLLAMA_BASE_URL.to_owned());
        }
        providers.push(provider(config, entry));
    }
    providers.extend(entries.into_iter().map(|entry| provider(config, entry)));
    providers
}

/// What the keys of a provider's own section say: its key and its base URL.
fn own_keys(config: &Config, name: &str) -> (Option<Secret>, Option<String>) {
    let own = &config.providers;
    match name {
        "openai" => (own.openai.api_key.clone(), own.openai.base_url.clone()),
        "anthropic" => (own.anthropic.api_key.clone(), own.anthropic.base_url.clone()),
        "gemini" => (own.gemini.api_key.clone(), own.gemini.base_url.clone()),
        "ollama" => (None, own.ollama.host.clone()),
        _ => (None, None),
    }
}

fn provider(config: &Config, entry: Entry) -> Provider {
    let shared = &config.providers;
    let kind = entry.kind.unwrap_or(ProviderKind::OpenAiChat);
    // A compatible server has models of its own: who lists none wants those it has.
    let asks = kind == ProviderKind::OpenAiChat && entry.models.is_empty() && entry.name != "openai";
    Provider {
        name: entry.name,
        kind,
        base_url: entry.base_url,
        api_key: entry.api_key,
        api_key_file: entry.api_key_file,
        models: entry.models,
        discover: entry.discover.unwrap_or(asks),
        headers: entry.headers,
        timeout_s: entry.timeout_s.unwrap_or(shared.timeout_s),
        total_timeout_s: entry.total_timeout_s.or(shared.total_timeout_s),
        concurrency: entry.concurrency.or(shared.concurrency),
        proxy: entry.proxy,
    }
}
