//! The engine itself: its parts, its start and its end.

use crate::{
    EngineError, Settings,
    accounts::Accounts,
    catalog::Catalog,
    chat::{self, Turns},
    direct::DirectCalls,
    leases,
    library::Library,
    models::{self, Models},
    responder::BuiltIn,
    toolbox::{ToolSource, Toolbox},
    vendors::{self, Vendor},
};
use chatai_files::Extractor;
use chatai_llm::Provider;
use chatai_rag::{Collection, Index};
use chatai_store::{Backend, Store, StoreError, Tx};
use chatai_types::{Clock, Random, Timestamp};
use std::{sync::Arc, time::Duration};
use tokio_util::task::TaskTracker;

/// What an engine is made of.
pub struct Parts {
    /// The opened store.
    pub store: Store,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Where session names and salts come from.
    pub random: Arc<dyn Random>,
    /// Limits, models, keys.
    pub settings: Settings,
    /// The models and their prices.
    pub catalog: Catalog,
    /// Those who serve models, the default one first; none without a key.
    pub vendors: Vec<Vendor>,
    /// The servers of tools from outside, in the order in which their tools are offered.
    pub tools: Vec<ToolSource>,
    /// The books, indexed.
    pub books: Index,
    /// Reads attachments.
    pub extractor: Extractor,
}

/// The rules, ready to be called. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

/// The state behind [`Engine`].
pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Settings,
    pub(crate) accounts: Accounts,
    pub(crate) models: Models,
    pub(crate) library: Arc<Library>,
    pub(crate) extractor: Extractor,
    pub(crate) turns: Turns,
    pub(crate) calls: DirectCalls,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) toolbox: Toolbox,
    background: TaskTracker,
}

impl Engine {
    /// Starts: records the prices, marks turns that an earlier process left running, begins background work.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn start(parts: Parts) -> Result<Self, EngineError> {
        let Parts {
            store,
            clock,
            random,
            settings,
            catalog,
            vendors: configured,
            tools,
            books,
            extractor,
        } = parts;
        let now = clock.now();
        // One SQLite file has one process: whatever runs there is an earlier one's. On PostgreSQL others may live.
        let gone_before = match store.backend() {
            Backend::Sqlite => Timestamp::from_micros(i64::MAX),
            Backend::Postgres => now,
        };
        let swept = leases::sweep(&store, now, gone_before).await?;
        if swept != leases::Swept::default() {
            tracing::warn!(
                answers = swept.turns,
                calls = swept.calls,
                "what an earlier process left unfinished was marked as interrupted"
            );
        }
        let library = Arc::new(Library::new(books, settings.cache_ttl));
        let built_in: Arc<dyn Provider> = Arc::new(BuiltIn::new(Arc::clone(&library)));
        let models = Models::new(catalog, configured, built_in, settings.models.clone(), &clock);
        let inner = Arc::new(Inner {
            accounts: Accounts::new(&settings, Arc::clone(&random)),
            calls: DirectCalls::default(),
            random,
            turns: Turns::new(&settings),
            toolbox: Toolbox::new(tools),
            models,
            library,
            extractor,
            store,
            clock,
            settings,
            background: TaskTracker::new(),
        });
        models::refresh(&inner).await?;
        for (key, error) in inner.models.misconfigured() {
            tracing::warn!(key, reason = %error.detail, "a configured model cannot answer");
        }
        inner.background.spawn(leases::keep_leases(Arc::clone(&inner)));
        inner.background.spawn(chat::write_events(Arc::clone(&inner)));
        inner.background.spawn(models::keep_current(Arc::clone(&inner)));
        inner
            .background
            .spawn(vendors::keep_discovered(Arc::clone(&inner)));
        inner
            .background
            .spawn(crate::library::keep_vectors(Arc::clone(&inner)));
        inner
            .background
            .spawn(crate::accounts::keep_uses(Arc::clone(&inner)));
        inner
            .background
            .spawn(crate::search::keep_purged(Arc::clone(&inner)));
        inner
            .background
            .spawn(crate::money::keep_days_closed(Arc::clone(&inner)));
        Ok(Self { inner })
    }

    /// Ends: running turns may finish for so long, then they are marked; servers of tools are ended, background work stops. The store stays
    /// open for its owner to close.
    pub async fn shutdown(&self, grace: Duration) {
        self.inner.turns.finish(grace).await;
        self.inner.toolbox.close().await;
        self.inner.background.close();
        self.inner.background.wait().await;
    }

    /// Whether requests can be served now.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn ready(&self) -> Result<(), EngineError> {
        Ok(self.inner.store.ping().await?)
    }

    /// The names of the models that can answer now, in the catalog's order, the built-in responder last.
    pub fn models(&self) -> Arc<[String]> {
        self.inner.models.answering()
    }

    /// Takes another state of the book collection; only what changed is indexed and embedded anew.
    pub fn update_collection(&self, collection: &Collection) -> chatai_rag::Changes {
        self.inner.library.update(collection)
    }

    /// How many books the collection has.
    pub fn collection_len(&self) -> usize {
        self.inner.library.index().len()
    }

    /// A read that a reply is made of: it waits until everything it may have seen is synced.
    pub(crate) async fn read<T, F>(&self, job: F) -> Result<T, EngineError>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    {
        let found = self.store().read(job).await?;
        self.store().written_so_far().wait().await?;
        Ok(found)
    }

    pub(crate) fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.inner.clock.now()
    }
}
