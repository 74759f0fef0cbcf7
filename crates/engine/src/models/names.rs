//! Names of models: whose they are, and why one cannot answer.

use crate::{
    EngineError, ModelSettings,
    catalog::{BUILT_IN, Catalog, Model, assemble},
    vendors::Vendor,
};
use chatai_types::ErrorCode;

/// Configured names that cannot answer, by key, each with the reason: `model_unknown` where the catalog has no such
/// model, `model_unavailable` where only a provider is missing. For checks that start nothing.
pub fn misconfigured(
    data: &Catalog,
    vendors: &[Vendor],
    settings: &ModelSettings,
) -> Vec<(&'static str, EngineError)> {
    let catalog = assemble(data, vendors, &[]);
    // Which models a provider says it has is not known here.
    let may_be_discovered = |name: &str| {
        let vendor = name.split_once('/').map(|(vendor, _)| vendor);
        vendors
            .iter()
            .any(|known| known.discover && Some(known.name.as_str()) == vendor)
    };
    let fault = |name: &str| match find(&catalog, vendors, name) {
        _ if may_be_discovered(name) || settings.aliases.iter().any(|(alias, _)| alias == name) => None,
        Ok(model) if model.vendor.is_some() || model.name == BUILT_IN => None,
        Ok(model) => Some(unserved(model)),
        Err(error) => Some(error),
    };
    let single = single(settings)
        .into_iter()
        .filter_map(|(key, name)| Some((key, fault(name?)?)));
    let lists = [
        ("models.aliases", &settings.aliases),
        ("models.fallbacks", &settings.fallbacks),
    ];
    // A list is there for what cannot answer: only what nobody knows is a fault.
    let listed = lists.into_iter().flat_map(|(key, lists)| {
        let names = lists.iter().flat_map(|(_, names)| names);
        names
            .filter_map(|name| fault(name))
            .map(move |error| (key, error))
    });
    let listed = listed.filter(|(_, error)| error.code == ErrorCode::ModelUnknown);
    single.chain(listed).collect()
}

/// The names that stand alone, by key.
pub(super) fn single(settings: &ModelSettings) -> [(&'static str, Option<&str>); 4] {
    [
        ("models.default", settings.default.as_deref()),
        ("models.title", settings.title.as_deref()),
        ("models.intent", settings.intent.as_deref()),
        ("models.summary", settings.summary.as_deref()),
    ]
}

/// A model by its name, or by its provider's and its name there.
pub(super) fn found<'c>(catalog: &'c Catalog, vendors: &[Vendor], name: &str) -> Option<&'c Model> {
    catalog.get(name).or_else(|| {
        let (vendor, id) = name.split_once('/')?;
        let place = vendors.iter().position(|known| known.name == vendor)?;
        let mut models = catalog.models().iter();
        models.find(|model| model.vendor == Some(place) && model.id == id)
    })
}

/// A model of the catalog that writes.
pub(super) fn find<'c>(
    catalog: &'c Catalog,
    vendors: &[Vendor],
    name: &str,
) -> Result<&'c Model, EngineError> {
    let model = found(catalog, vendors, name).filter(|model| !model.embeds);
    model.ok_or_else(|| unknown(name))
}

pub(super) fn unknown(name: &str) -> EngineError {
    let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
    EngineError::new(
        ErrorCode::ModelUnknown,
        format!("There is no model `{shown}` in the catalog; GET /models lists those that can answer"),
    )
}

/// Nobody serves it: says what is missing.
pub(super) fn unserved(model: &Model) -> EngineError {
    let missing = match model.provider.as_deref() {
        None | Some("openai") => "no key for its provider is configured; set OPENAI_API_KEY".to_owned(),
        Some("anthropic") => "no key for its provider is configured; set ANTHROPIC_API_KEY".to_owned(),
        Some("gemini") => "no key for its provider is configured; set GEMINI_API_KEY".to_owned(),
        Some(provider) => format!(
            "its provider is not configured; add an entry of `[[providers]]` named `{provider}`, see docs/providers.md"
        ),
    };
    EngineError::new(
        ErrorCode::ModelUnavailable,
        format!("`{}` cannot answer: {missing}", model.name),
    )
}
