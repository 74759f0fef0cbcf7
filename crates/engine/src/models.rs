//! Which model can answer now, and who serves it.

use crate::{
    EngineError, ModelSettings,
    administration::ModelEntry,
    catalog::{BUILT_IN, Catalog, Model},
    chat::Served,
    inner::Inner,
    views::Caller,
};
use arc_swap::ArcSwap;
use chatai_llm::Provider;
use chatai_store::{
    Backend, StoreError, Tx,
    ops::{
        models::{self as rows, ModelOverride},
        prices,
    },
};
use chatai_types::ErrorCode;
use std::{sync::Arc, time::Duration};
use tokio::sync::Mutex;

/// The first choice when neither the client nor the configuration names a model.
const FIRST_CHOICE: &str = "gpt-4.1-nano";

/// How often other instances' changes are looked for.
const REFRESH: Duration = Duration::from_secs(2);

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
    /// What the pricing data says, without what administrators set.
    data: Catalog,
    now: ArcSwap<Now>,
    /// One refresh after the other, so that an older state never replaces a newer one.
    refreshing: Mutex<()>,
    /// Serves every model of the catalog but the built-in one, where a key is configured.
    vendor: Option<Arc<dyn Provider>>,
    built_in: Arc<dyn Provider>,
    settings: ModelSettings,
}

/// The catalog as it stands.
struct Now {
    catalog: Catalog,
    overrides: Vec<ModelOverride>,
    /// The names that can answer, in the catalog's order.
    answering: Arc<[String]>,
}

impl Models {
    /// From the pricing data, before what administrators set is known: see [`refresh`].
    pub(crate) fn new(
        data: Catalog,
        vendor: Option<Arc<dyn Provider>>,
        built_in: Arc<dyn Provider>,
        settings: ModelSettings,
    ) -> Self {
        let now = Now {
            answering: answering(&data, vendor.is_some()),
            catalog: data.clone(),
            overrides: Vec::new(),
        };
        Self {
            data,
            now: ArcSwap::from_pointee(now),
            refreshing: Mutex::default(),
            vendor,
            built_in,
            settings,
        }
    }

    /// The names that can answer now, in the catalog's order.
    pub(crate) fn answering(&self) -> Arc<[String]> {
        Arc::clone(&self.now.load().answering)
    }

    /// The model of that name, whether it can answer or not.
    pub(crate) fn get(&self, name: &str) -> Option<Model> {
        self.now.load().catalog.get(name).cloned()
    }

    /// All models, in the catalog's order.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        let now = self.now.load();
        let entry = |model: &Model| ModelEntry {
            name: model.name.clone(),
            rates: model.rates,
            price_version: model.price_version,
            context_window: model.context_window,
            max_output_tokens: model.max_output_tokens,
            enabled: model.enabled,
            available: now.answering.contains(&model.name),
        };
        now.catalog.models().iter().map(entry).collect()
    }

    /// Who embeds the collection and what is asked of it, where that is configured. A model the catalog does
    /// not know works too, without a price.
    pub(crate) fn embedder(&self) -> Option<Served> {
        let name = self.settings.embedding.as_deref()?;
        let vendor = self.vendor.as_ref()?;
        let model = self.get(name).unwrap_or_else(|| Model::unpriced(name));
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

    /// The same for a caller, whose key may be for some models only. Without a name such a key gets the default one if
    /// it may, else the first of its own that can answer.
    pub(crate) fn resolve_for(&self, caller: &Caller, asked: Option<&str>) -> Result<Served, EngineError> {
        let usual = self.resolve(asked)?;
        let Err(refused) = caller.may_use(&usual.model.name) else {
            return Ok(usual);
        };
        match &caller.key_models {
            Some(own) if asked.is_none() => {
                let mut own = own.iter().filter_map(|name| self.named(name).ok());
                own.next().ok_or(refused)
            }
            _ => Err(refused),
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
        misconfigured(&self.now.load().catalog, self.vendor.is_some(), &self.settings)
    }

    fn named(&self, name: &str) -> Result<Served, EngineError> {
        let now = self.now.load();
        let model = listed(&now.catalog, name)?;
        if !model.enabled {
            return Err(EngineError::new(
                ErrorCode::ModelUnavailable,
                format!("`{name}` cannot answer: an administrator has disabled it; choose another model"),
            ));
        }
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

fn answering(catalog: &Catalog, has_vendor: bool) -> Arc<[String]> {
    let models = catalog.models().iter();
    models
        .filter(|model| model.enabled && !model.embeds && (model.name == BUILT_IN || has_vendor))
        .map(|model| model.name.clone())
        .collect()
}

/// Takes over what administrators have set, and records the prices that are new.
pub(crate) async fn refresh(inner: &Inner) -> Result<(), StoreError> {
    let models = &inner.models;
    let _one_at_a_time = models.refreshing.lock().await;
    let (data, now) = (models.data.clone(), inner.clock.now());
    let take_over = move |tx: &mut Tx<'_>| {
        let overrides = rows::overrides(tx)?;
        let catalog = data.overridden(&overrides);
        let versions = prices::sync(tx, &catalog.prices(), now)?;
        Ok::<_, StoreError>((catalog.versioned(versions), overrides))
    };
    let (catalog, overrides) = inner.store.write(take_over).await?;
    models.now.store(Arc::new(Now {
        answering: answering(&catalog, models.vendor.is_some()),
        catalog,
        overrides,
    }));
    Ok(())
}

/// Takes over what administrators set on other instances, until the end. One SQLite file has one instance.
pub(crate) async fn keep_current(inner: Arc<Inner>) {
    if inner.store.backend() == Backend::Sqlite {
        return;
    }
    let mut ticks = tokio::time::interval(REFRESH);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = inner.turns.stopped.cancelled() => return,
        }
        let refreshed = match inner.store.read(rows::overrides).await {
            Ok(overrides) if overrides == inner.models.now.load().overrides => continue,
            Ok(_) => refresh(&inner).await,
            Err(error) => Err(error),
        };
        if let Err(error) = refreshed {
            tracing::warn!(%error, "what is set of models could not be read");
        }
    }
}
