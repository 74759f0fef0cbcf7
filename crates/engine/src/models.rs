//! Which model can answer now, and who serves it.

mod allowed;
mod details;
mod names;
mod resolve;
#[cfg(test)]
mod tests;

pub use details::ModelDetails;
pub use names::misconfigured;

use crate::{
    EngineError, ModelSettings,
    administration::ModelEntry,
    catalog::{BUILT_IN, Catalog, Model, assemble},
    chat::Served,
    direct::ModelOffer,
    inner::Inner,
    vendors::{Route, Vendor, Watched},
    views::Caller,
};
use arc_swap::ArcSwap;
use chatai_llm::{OfferedModel, Provider};
use chatai_store::{
    Backend, StoreError, Tx,
    ops::{
        models::{self as rows, ModelOverride},
        prices,
    },
};
use chatai_types::{Clock, ErrorCode};
use names::{find, found, unknown, unserved};
use resolve::taken_away;
use std::{
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Duration,
};
use tokio::sync::Mutex;

/// How often other instances' changes are looked for.
const REFRESH: Duration = Duration::from_secs(2);

/// The catalog over all providers, with the models that each said it has. For looks that start nothing.
pub fn overview(data: &Catalog, vendors: &[Vendor], discovered: &[Vec<OfferedModel>]) -> Catalog {
    assemble(data, vendors, discovered)
}

/// The catalog and those who serve it.
pub(crate) struct Models {
    /// What the pricing data says, without what administrators set.
    data: Catalog,
    now: ArcSwap<Now>,
    /// One refresh after the other, so that an older state never replaces a newer one.
    refreshing: Mutex<()>,
    /// The providers, the default one first.
    vendors: Vec<Vendor>,
    /// How each of them is.
    watched: Vec<Arc<Watched>>,
    /// The models that each says it has.
    discovered: SyncMutex<Vec<Vec<OfferedModel>>>,
    built_in: Arc<dyn Provider>,
    settings: ModelSettings,
    clock: Arc<dyn Clock>,
}

/// The catalog as it stands.
struct Now {
    catalog: Catalog,
    overrides: Vec<ModelOverride>,
    /// The names that can answer, in the catalog's order.
    answering: Arc<[String]>,
    /// The day of that: models are taken away by the day.
    day: String,
}

impl Models {
    /// From the pricing data, before what administrators set is known: see [`refresh`].
    pub(crate) fn new(
        data: Catalog,
        vendors: Vec<Vendor>,
        built_in: Arc<dyn Provider>,
        settings: ModelSettings,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let catalog = assemble(&data, &vendors, &[]);
        let day = day_of(&**clock);
        let now = Now {
            answering: answering(&catalog, &vendors, &day),
            catalog,
            overrides: Vec::new(),
            day,
        };
        let watch = |vendor: &Vendor| Arc::new(Watched::new(Arc::clone(&vendor.provider), Arc::clone(clock)));
        Self {
            data,
            now: ArcSwap::from_pointee(now),
            refreshing: Mutex::default(),
            watched: vendors.iter().map(watch).collect(),
            discovered: SyncMutex::new(vec![Vec::new(); vendors.len()]),
            vendors,
            built_in,
            settings,
            clock: Arc::clone(clock),
        }
    }

    /// The names that can answer now, in the catalog's order.
    pub(crate) fn answering(&self) -> Arc<[String]> {
        let (now, today) = (self.now.load(), day_of(&*self.clock));
        match today == now.day {
            true => Arc::clone(&now.answering),
            false => answering(&now.catalog, &self.vendors, &today),
        }
    }

    /// The model of that name, whether it can answer or not.
    pub(crate) fn get(&self, name: &str) -> Option<Model> {
        found(&self.now.load().catalog, &self.vendors, name).cloned()
    }

    /// All models, in the catalog's order.
    pub(crate) fn entries(&self) -> Vec<ModelEntry> {
        let (now, answering) = (self.now.load(), self.answering());
        let entry = |model: &Model| ModelEntry {
            name: model.name.clone(),
            provider: model.vendor.map(|place| self.vendors[place].name.clone()),
            rates: model.rates,
            price_version: model.price_version,
            context_window: model.context_window,
            max_output_tokens: model.max_output_tokens,
            deprecated: model.deprecated.clone(),
            enabled: model.enabled,
            available: answering.contains(&model.name),
        };
        now.catalog.models().iter().map(entry).collect()
    }

    /// The providers, each with how it is.
    pub(crate) fn vendors(&self) -> impl Iterator<Item = (&Vendor, &Arc<Watched>)> {
        self.vendors.iter().zip(&self.watched)
    }

    /// How many models each provider serves.
    pub(crate) fn served_by_each(&self) -> Vec<usize> {
        let mut served = vec![0; self.vendors.len()];
        for place in self
            .now
            .load()
            .catalog
            .models()
            .iter()
            .filter_map(|model| model.vendor)
        {
            served[place] += 1;
        }
        served
    }

    /// A provider said which models it has; false when it said so before. They count from the next [`refresh`] on.
    pub(crate) fn discovered(&self, place: usize, models: Vec<OfferedModel>) -> bool {
        let mut discovered = self.discovered.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = discovered[place] != models;
        discovered[place] = models;
        is_new
    }

    /// What was said did not come to count: it is taken over the next time.
    pub(crate) fn forget_discovered(&self, place: usize) {
        self.discovered.lock().unwrap_or_else(PoisonError::into_inner)[place].clear();
    }

    /// Who embeds the collection and what is asked of it, where that is configured. A model the catalog does
    /// not know works too, without a price: `PROVIDER/MODEL`, or a model of the default provider.
    pub(crate) fn embedder(&self) -> Option<Served> {
        let name = self.settings.embedding.as_deref()?;
        let now = self.now.load();
        if let Some(model) = found(&now.catalog, &self.vendors, name).filter(|model| model.vendor.is_some()) {
            return Some(self.served(model));
        }
        let named = name.split_once('/').and_then(|(vendor, id)| {
            let place = self.vendors.iter().position(|known| known.name == vendor)?;
            Some((place, id))
        });
        let (place, id) = named.or_else(|| (!self.vendors.is_empty()).then_some((0, name)))?;
        let mut model = Model::unpriced(name);
        (model.id, model.vendor) = (id.to_owned(), Some(place));
        Some(self.served(&model))
    }

    /// Who embeds for a caller: the model of that name, or the one that embeds the collection.
    pub(crate) fn embedder_for(&self, caller: &Caller, asked: Option<&str>) -> Result<Served, EngineError> {
        let configured = self.embedder();
        let is_configured = |name: &str| self.settings.embedding.as_deref() == Some(name);
        let found = match (asked, configured) {
            (None, None) => {
                return Err(EngineError::new(
                    ErrorCode::ModelUnavailable,
                    "No model embeds here by default; name one, or set `OPENAI_EMBEDDING_MODEL`",
                ));
            }
            (None, Some(embedder)) => embedder,
            (Some(name), Some(embedder)) if is_configured(name) => embedder,
            (Some(name), _) => {
                let now = self.now.load();
                let model = found(&now.catalog, &self.vendors, name).ok_or_else(|| unknown(name))?;
                if !model.may_embed() {
                    return Err(EngineError::new(
                        ErrorCode::ModelUnavailable,
                        format!("`{name}` answers and does not embed; choose another model"),
                    ));
                }
                self.usable(model, name)?
            }
        };
        self.allowed(caller).check(&found.model.name)?;
        Ok(found)
    }

    /// What a caller can name now: models in the catalog's order, then the aliases.
    pub(crate) fn offers(&self, caller: &Caller) -> Vec<ModelOffer> {
        let (now, allowed) = (self.now.load(), self.allowed(caller));
        let provider = |model: &Model| match model.vendor {
            Some(place) => self.vendors[place].name.clone(),
            None => BUILT_IN.to_owned(),
        };
        let models = now.catalog.models().iter().filter(|model| {
            let is_served = model.vendor.is_some() || model.name == BUILT_IN;
            let may_be_named = model.enabled && is_served && self.taken_away(model).is_none();
            may_be_named && allowed.check(&model.name).is_ok()
        });
        let models = models.map(|model| ModelOffer {
            name: model.name.clone(),
            provider: provider(model),
        });
        let aliases = self.settings.aliases.iter().filter_map(|(alias, _)| {
            let is_free = found(&now.catalog, &self.vendors, alias).is_none();
            let served = self.named_to(alias, &allowed).ok().filter(|_| is_free)?;
            Some(ModelOffer {
                name: alias.clone(),
                provider: provider(&served.model),
            })
        });
        models.chain(aliases).collect()
    }

    /// Who makes titles and summaries for turns of `answering`: the configured model, else a small one with the
    /// answering model in its place, else that itself. A turn of the built-in responder stays free of charge.
    pub(crate) fn helper(&self, answering: &Served, configured: Option<&str>) -> Served {
        if answering.is_built_in() {
            return answering.clone();
        }
        if let Some(served) = configured.and_then(|name| self.named(name).ok()) {
            return served;
        }
        let Some(small) = self.small().filter(|small| !small.is_built_in()) else {
            return answering.clone();
        };
        let is_there = |other: &Served| other.model.name == answering.model.name;
        let alone = || Served {
            alternatives: Arc::new([]),
            ..answering.clone()
        };
        let last = (!is_there(&small) && !small.alternatives.iter().any(is_there)).then(alone);
        let alternatives = small.alternatives.iter().cloned().chain(last).collect();
        Served {
            alternatives,
            ..small
        }
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
        let mut faults = misconfigured(&self.data, &self.vendors, &self.settings);
        for (key, name) in names::single(&self.settings) {
            let served = name.and_then(|name| self.named(name).ok());
            if let Some(error) = served.and_then(|served| self.refusal_of_taken_away(&served.model)) {
                faults.push((key, error));
            }
        }
        faults
    }

    /// A model that can answer now, without those in its place.
    fn able(&self, catalog: &Catalog, name: &str) -> Result<Served, EngineError> {
        self.usable(find(catalog, &self.vendors, name)?, name)
    }

    fn usable(&self, model: &Model, name: &str) -> Result<Served, EngineError> {
        if !model.enabled {
            return Err(EngineError::new(
                ErrorCode::ModelUnavailable,
                format!("`{name}` cannot answer: an administrator has disabled it; choose another model"),
            ));
        }
        if model.vendor.is_none() && model.name != BUILT_IN {
            return Err(unserved(model));
        }
        Ok(self.served(model))
    }

    fn served(&self, model: &Model) -> Served {
        let provider: Arc<dyn Provider> = match model.vendor {
            Some(place) => Arc::new(Route::new(&self.watched[place], &model.id)),
            None => Arc::clone(&self.built_in),
        };
        Served {
            model: model.clone(),
            provider,
            alternatives: Arc::new([]),
        }
    }
}

fn day_of(clock: &dyn Clock) -> String {
    let mut day = clock.now().to_wire();
    day.truncate("YYYY-MM-DD".len());
    day
}

fn answering(catalog: &Catalog, vendors: &[Vendor], today: &str) -> Arc<[String]> {
    let models = catalog.models().iter();
    models
        .filter(|model| model.enabled && !model.embeds && (model.name == BUILT_IN || model.vendor.is_some()))
        .filter(|model| taken_away(model, vendors, today).is_none())
        .map(|model| model.name.clone())
        .collect()
}

/// Takes over what administrators have set, and records the prices that are new.
pub(crate) async fn refresh(inner: &Inner) -> Result<(), StoreError> {
    let models = &inner.models;
    let _one_at_a_time = models.refreshing.lock().await;
    let discovered = models
        .discovered
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let data = assemble(&models.data, &models.vendors, &discovered);
    let now = inner.clock.now();
    let take_over = move |tx: &mut Tx<'_>| {
        let overrides = rows::overrides(tx)?;
        let catalog = data.overridden(&overrides);
        let versions = prices::sync(tx, &catalog.prices(), now)?;
        Ok::<_, StoreError>((catalog.versioned(versions), overrides))
    };
    let (catalog, overrides) = inner.store.write(take_over).await?;
    let day = day_of(&*models.clock);
    models.now.store(Arc::new(Now {
        answering: answering(&catalog, &models.vendors, &day),
        catalog,
        overrides,
        day,
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
