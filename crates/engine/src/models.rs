//! Which model can answer now, and who serves it.

use crate::{
    EngineError, ModelSettings,
    catalog::{BUILT_IN, Catalog, Model},
    chat::Served,
};
use chatai_llm::Provider;
use chatai_types::ErrorCode;
use std::sync::Arc;

/// The first choice when neither the client nor the configuration names a model.
const FIRST_CHOICE: &str = "gpt-4.1-nano";

/// Configured names that cannot answer, by key, each with the reason: `model_unknown` where the catalog has no such
/// model, `model_unavailable` where only a provider is missing. For checks that start nothing.
pub fn misconfigured(
    catalog: &Catalog,
    has_vendor: bool,
    settings: &ModelSettings,
) -> Vec<(&'static str, EngineError)> {
    let fault = |name: &str| match listed(catalog, name) {
        Ok(model) if has_vendor || model.name == BUILT_IN => None,
        Ok(_) => Some(keyless(name)),
        Err(error) => Some(error),
    };
    [
        ("models.default", &settings.default),
        ("models.title", &settings.title),
        ("models.intent", &settings.intent),
        ("models.summary", &settings.summary),
    ]
    .into_iter()
    .filter_map(|(key, name)| Some((key, fault(name.as_deref()?)?)))
    .collect()
}

/// The catalog and those who serve it.
pub(crate) struct Models {
    catalog: Catalog,
    /// Serves every model of the catalog but the built-in one, where a key is configured.
    vendor: Option<Arc<dyn Provider>>,
    built_in: Arc<dyn Provider>,
    settings: ModelSettings,
    answering: Arc<[String]>,
}

impl Models {
    pub(crate) fn new(
        catalog: Catalog,
        vendor: Option<Arc<dyn Provider>>,
        built_in: Arc<dyn Provider>,
        settings: ModelSettings,
    ) -> Self {
        let answering = catalog
            .models()
            .iter()
            .filter(|model| !model.embeds && (model.name == BUILT_IN || vendor.is_some()))
            .map(|model| model.name.clone())
            .collect();
        Self {
            catalog,
            vendor,
            built_in,
            settings,
            answering,
        }
    }

    /// The names that can answer now, in the catalog's order.
    pub(crate) fn answering(&self) -> Arc<[String]> {
        Arc::clone(&self.answering)
    }

    /// Who embeds the collection and what is asked of it, where that is configured. A model the catalog does
    /// not know works too, without a price.
    pub(crate) fn embedder(&self) -> Option<Served> {
        let name = self.settings.embedding.as_deref()?;
        let vendor = self.vendor.as_ref()?;
        let model = self
            .catalog
            .get(name)
            .cloned()
            .unwrap_or_else(|| Model::unpriced(name));
        Some(Served {
            model,
            provider: Arc::clone(vendor),
        })
    }

    /// The model a message asks for, or the default one.
    pub(crate) fn resolve(&self, asked: Option<&str>) -> Result<Served, EngineError> {
        match asked {
            Some(name) => self.named(name),
            None => match &self.settings.default {
                // A configured name that the catalog does not know is named, not passed over in silence.
                Some(name) if self.vendor.is_some() => self.named(name),
                _ => self.named(FIRST_CHOICE).or_else(|_| self.named(BUILT_IN)),
            },
        }
    }

    /// Who makes titles and summaries for turns of `answering`: the configured model, else a small one, else
    /// the answering model itself. A turn of the built-in responder stays free of charge.
    pub(crate) fn helper(&self, answering: &Served, configured: Option<&str>) -> Served {
        if answering.is_built_in() {
            return answering.clone();
        }
        configured
            .and_then(|name| self.named(name).ok())
            .or_else(|| self.named(FIRST_CHOICE).ok())
            .unwrap_or_else(|| answering.clone())
    }

    /// Who decides how much context a turn of `answering` needs, where that is configured.
    pub(crate) fn intent(&self, answering: &Served) -> Option<Served> {
        if answering.is_built_in() {
            return None;
        }
        self.settings
            .intent
            .as_deref()
            .and_then(|name| self.named(name).ok())
    }

    /// Configured names that cannot answer, each with the reason, for a warning at start.
    pub(crate) fn misconfigured(&self) -> Vec<(&'static str, EngineError)> {
        misconfigured(&self.catalog, self.vendor.is_some(), &self.settings)
    }

    fn named(&self, name: &str) -> Result<Served, EngineError> {
        let model = listed(&self.catalog, name)?;
        if model.name == BUILT_IN {
            return Ok(self.served(model, &self.built_in));
        }
        match &self.vendor {
            Some(vendor) => Ok(self.served(model, vendor)),
            None => Err(keyless(name)),
        }
    }

    fn served(&self, model: &Model, provider: &Arc<dyn Provider>) -> Served {
        Served {
            model: model.clone(),
            provider: Arc::clone(provider),
        }
    }
}

/// A model of the catalog that writes.
fn listed<'c>(catalog: &'c Catalog, name: &str) -> Result<&'c Model, EngineError> {
    catalog.get(name).filter(|model| !model.embeds).ok_or_else(|| {
        let shown: String = name.chars().filter(|c| !c.is_control()).take(80).collect();
        EngineError::new(
            ErrorCode::ModelUnknown,
            format!("There is no model `{shown}` in the catalog; GET /models lists those that can answer"),
        )
    })
}

fn keyless(name: &str) -> EngineError {
    EngineError::new(
        ErrorCode::ModelUnavailable,
        format!("`{name}` cannot answer: no key for its provider is configured; set OPENAI_API_KEY"),
    )
}
