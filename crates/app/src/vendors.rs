//! The configured providers, from their configuration to what calls them. Nothing is sent here.

use crate::failure::Failure;
use chatai_config::{Config, Provider as Configured, ProviderKind, Secret};
use chatai_engine::{Model, Vendor, offered};
use chatai_llm::{Anthropic, Gemini, OfferedModel, OpenAiChat, OpenAiResponses, Provider, VendorSettings};
use std::{fs, path::Path, sync::Arc, time::Duration};

/// The longest key that a file may hold.
const LONGEST_KEY: usize = 4_096;

/// Every configured provider, the default one first.
pub(crate) fn vendors(config: &Config) -> Result<Vec<Vendor>, Failure> {
    config.provider_list.iter().map(vendor).collect()
}

/// One provider. Only a certificate store that cannot be read, a key file or a model's data make it fail.
pub(crate) fn vendor(provider: &Configured) -> Result<Vendor, Failure> {
    let failed =
        |error: &dyn std::fmt::Display| Failure::new(format_args!("provider `{}`: {error}", provider.name));
    let own = own_address(provider).map(str::parse::<url::Url>).transpose();
    let own = own.map_err(|error| failed(&error))?;
    let base_url: url::Url = match (&provider.base_url, &own) {
        (Some(url), _) => url.parse().map_err(|error| failed(&error))?,
        (None, Some(own)) => own.clone(),
        (None, None) => return Err(failed(&"it needs a `base_url`")),
    };
    let is_vendors_own = own.is_some_and(|own| own.host() == base_url.host());
    let host = host(&base_url);
    let key = key(provider)?;
    let key = key.as_ref().map_or("", |key| key.reveal());
    let mut settings = VendorSettings::new(base_url, key);
    settings.name.clone_from(&provider.name);
    let headers = provider.headers.iter();
    settings.headers = headers
        .map(|(name, value)| (name.clone(), value.reveal().into()))
        .collect();
    if let Some(proxy) = &provider.proxy {
        settings.proxy = Some(proxy.reveal().parse().map_err(|error| failed(&error))?);
    }
    settings.timeout = Duration::from_secs(provider.timeout_s);
    if let Some(seconds) = provider.total_timeout_s {
        settings.total_timeout = Duration::from_secs(seconds);
    }
    settings.total_timeout = settings.total_timeout.max(settings.timeout * 2);
    settings.max_concurrent = provider.concurrency;
    let listed = provider.models.iter();
    let models = listed.map(|model| Model::listed(&model.name, &model.data_json));
    let models = models.collect::<Result<Vec<Model>, String>>();
    Ok(Vendor {
        name: provider.name.clone(),
        kind: provider.kind.as_str(),
        family: family(provider.kind),
        host,
        is_vendors_own,
        provider: adapter(provider.kind, settings)?,
        models: models
            .map_err(|error| failed(&format_args!("a model of `models` cannot be read: {error}")))?,
        discover: provider.discover,
    })
}

/// What came of asking a provider for its models.
pub(crate) enum Asked {
    /// It is there, takes the key, and has these.
    Offered(Vec<OfferedModel>),
    /// It did not say, and why.
    Failed(String),
}

/// Asks all providers for their models at once, each for some seconds at most.
pub(crate) async fn ask_all(vendors: &[Vendor]) -> Vec<Asked> {
    let asking = vendors.iter().map(|vendor| async {
        match offered(vendor.provider.as_ref()).await {
            Ok(models) => Asked::Offered(models),
            Err(error) => Asked::Failed(error.to_string()),
        }
    });
    futures_util::future::join_all(asking).await
}

fn host(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The vendor whose models a protocol has by itself.
fn family(kind: ProviderKind) -> Option<&'static str> {
    match kind {
        ProviderKind::OpenAi => Some("openai"),
        ProviderKind::OpenAiChat => None,
        ProviderKind::Anthropic => Some("anthropic"),
        ProviderKind::Gemini => Some("gemini"),
    }
}

/// The key: as it was given, or the first line of its file.
fn key(provider: &Configured) -> Result<Option<Secret>, Failure> {
    match (&provider.api_key, &provider.api_key_file) {
        (Some(key), _) => Ok(Some(key.clone())),
        (None, Some(path)) => key_of_file("provider", &provider.name, path).map(Some),
        (None, None) => Ok(None),
    }
}

/// The key in a file that an entry of the configuration names.
pub(crate) fn key_of_file(kind: &str, name: &str, path: &Path) -> Result<Secret, Failure> {
    let failed = |what: &dyn std::fmt::Display| {
        Failure::new(format_args!("{kind} `{name}`: `{}` {what}", path.display()))
            .hint("`api_key_file` names this file; it holds the key alone")
    };
    let text = fs::read_to_string(path).map_err(|error| failed(&format_args!("cannot be read: {error}")))?;
    let key = text.trim();
    // The content is never printed, whatever it is.
    if key.is_empty() || key.len() > LONGEST_KEY || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(failed(&"does not hold a key of visible ASCII characters"));
    }
    Ok(Secret::new(key))
}

/// Where a vendor lies by itself. A compatible server lies nowhere by itself, but OpenAI's name says whose it is.
fn own_address(provider: &Configured) -> Option<&'static str> {
    match provider.kind {
        ProviderKind::OpenAi => Some(OpenAiResponses::DEFAULT_BASE_URL),
        ProviderKind::OpenAiChat => (provider.name == "openai").then_some(OpenAiChat::DEFAULT_BASE_URL),
        ProviderKind::Anthropic => Some(Anthropic::DEFAULT_BASE_URL),
        ProviderKind::Gemini => Some(Gemini::DEFAULT_BASE_URL),
    }
}

/// What speaks the protocol.
fn adapter(kind: ProviderKind, settings: VendorSettings) -> Result<Arc<dyn Provider>, Failure> {
    Ok(match kind {
        ProviderKind::OpenAi => Arc::new(OpenAiResponses::new(settings).map_err(Failure::new)?),
        ProviderKind::OpenAiChat => Arc::new(OpenAiChat::new(settings).map_err(Failure::new)?),
        ProviderKind::Anthropic => Arc::new(Anthropic::new(settings).map_err(Failure::new)?),
        ProviderKind::Gemini => Arc::new(Gemini::new(settings).map_err(Failure::new)?),
    })
}
