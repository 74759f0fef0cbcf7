//! The providers as the engine knows them: what each is for, how its last calls went, and which models it says it has.

mod health;

pub use health::{Health, VendorState};
pub(crate) use health::{Route, Watched};

use crate::{
    catalog::Model,
    inner::Inner,
    models::{self, Models},
};
use chatai_llm::{LlmError, OfferedModel, Provider};
use std::{sync::Arc, time::Duration};

/// How often providers are asked for their models, and how soon again after a failure.
const ASK_AGAIN: Duration = Duration::from_secs(300);
const ASK_AFTER_FAILURE: Duration = Duration::from_secs(15);
/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(10);
/// The most models that are taken from one, and their longest name.
const MOST_MODELS: usize = 1_000;
const LONGEST_NAME: usize = 190;

/// A configured provider.
#[derive(Clone)]
pub struct Vendor {
    /// Its name, as it stands before the slash in `PROVIDER/MODEL`.
    pub name: String,
    /// Its protocol, in the configuration's word.
    pub kind: &'static str,
    /// Whose models that protocol has by itself, in the catalog's word; `None` for what any server speaks.
    pub family: Option<&'static str>,
    /// The host it is reached at.
    pub host: String,
    /// Whether that is its vendor's own, so that what the vendor announced of its models holds there. A gateway or a cloud
    /// may have them longer.
    pub is_vendors_own: bool,
    /// It itself.
    pub provider: Arc<dyn Provider>,
    /// The models it was said to have; empty where it has the catalog's.
    pub models: Vec<Model>,
    /// Whether it is asked for its models.
    pub discover: bool,
}

/// A provider as administrators see it.
#[derive(Clone, Debug)]
pub struct VendorEntry {
    /// Its name.
    pub name: String,
    /// Its protocol.
    pub kind: &'static str,
    /// The host it is reached at.
    pub host: String,
    /// How it is.
    pub health: Health,
    /// Calls that have not ended yet.
    pub in_flight: usize,
    /// The models it serves.
    pub models: usize,
}

impl Models {
    /// The providers, in their order.
    pub(crate) fn vendor_entries(&self) -> Vec<VendorEntry> {
        let served = self.served_by_each();
        let entry = |((vendor, watched), models): ((&Vendor, &Arc<Watched>), usize)| VendorEntry {
            name: vendor.name.clone(),
            kind: vendor.kind,
            host: vendor.host.clone(),
            health: watched.health(),
            in_flight: watched.in_flight(),
            models,
        };
        self.vendors().zip(served).map(entry).collect()
    }
}

/// What a provider says it has, within bounds of number and time.
///
/// # Errors
/// The provider's, or its silence.
pub async fn offered(provider: &dyn Provider) -> Result<Vec<OfferedModel>, LlmError> {
    let asked = tokio::time::timeout(PATIENCE, provider.models()).await;
    let mut models = asked.unwrap_or(Err(LlmError::Timeout(PATIENCE)))?;
    models.truncate(MOST_MODELS);
    models.retain(|model| {
        !model.id.trim().is_empty()
            && model.id.len() <= LONGEST_NAME
            && !model.id.chars().any(char::is_control)
    });
    Ok(models)
}

/// Asks providers for their models, one after the other, until the end. What one said is kept while it does not answer.
pub(crate) async fn keep_discovered(inner: Arc<Inner>) {
    let asked: Vec<(usize, String, Arc<Watched>)> = inner
        .models
        .vendors()
        .enumerate()
        .filter(|(_, (vendor, _))| vendor.discover)
        .map(|(place, (vendor, watched))| (place, vendor.name.clone(), Arc::clone(watched)))
        .collect();
    let asking = asked
        .into_iter()
        .map(|(place, name, watched)| keep_one(Arc::clone(&inner), place, name, watched));
    futures_util::future::join_all(asking).await;
}

async fn keep_one(inner: Arc<Inner>, place: usize, name: String, watched: Arc<Watched>) {
    let route = Route::new(&watched, "");
    let mut is_failing = false;
    loop {
        let said = tokio::select! {
            said = offered(&route) => said,
            () = inner.turns.stopped.cancelled() => return,
        };
        let wait = match said {
            Ok(models) => {
                is_failing = false;
                take_over(&inner, place, &name, models).await
            }
            Err(error) => {
                // Once, not every quarter of a minute.
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(provider = %name, %error, "a provider does not say which models it has");
                }
                ASK_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = inner.turns.stopped.cancelled() => return,
        }
    }
}

async fn take_over(inner: &Inner, place: usize, name: &str, models: Vec<OfferedModel>) -> Duration {
    let count = models.len();
    if !inner.models.discovered(place, models) {
        return ASK_AGAIN;
    }
    match models::refresh(inner).await {
        Ok(()) => {
            tracing::info!(provider = %name, models = count, "a provider said which models it has");
            ASK_AGAIN
        }
        Err(error) => {
            tracing::warn!(%error, provider = %name, "a provider's models could not be taken over");
            inner.models.forget_discovered(place);
            ASK_AFTER_FAILURE
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use async_trait::async_trait;
    use chatai_llm::{Embeddings, EventStream, Request};

    pub(crate) struct Mute;

    #[async_trait]
    impl Provider for Mute {
        fn name(&self) -> &str {
            "mute"
        }

        async fn stream(&self, _: Request) -> Result<EventStream, LlmError> {
            Err(LlmError::Failed("mute".to_owned()))
        }

        async fn embed(&self, _: &str, _: &[String]) -> Result<Embeddings, LlmError> {
            Err(LlmError::Failed("mute".to_owned()))
        }

        async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
            Err(LlmError::Failed("mute".to_owned()))
        }
    }

    /// A provider that says nothing.
    pub(crate) fn vendor(name: &str, family: Option<&'static str>, models: &[&str]) -> Vendor {
        Vendor {
            name: name.to_owned(),
            kind: family.unwrap_or("openai-chat"),
            family,
            host: "127.0.0.1".to_owned(),
            is_vendors_own: false,
            provider: Arc::new(Mute),
            models: models
                .iter()
                .map(|name| Model::listed(name, "{}").unwrap())
                .collect(),
            discover: false,
        }
    }
}
