//! The book collection as the tools see it: words at once, vectors as they come.

mod catalogue;
mod embedding;

pub use catalogue::{Shelf, ShelvedBook};
pub(crate) use embedding::keep_vectors;

use crate::chat::Served;
use arc_swap::{ArcSwap, ArcSwapOption};
use chatai_llm::LlmError;
use chatai_rag::{Changes, Collection, Hit, Index, Query, QueryVector, Vectors};
use moka::sync::Cache;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Notify;

/// How long a search waits for the query's vector before it goes on with words alone.
const QUERY_PATIENCE: Duration = Duration::from_secs(3);
/// Query vectors kept.
const QUERIES: u64 = 1_000;

/// The collection, its index and its vectors.
pub(crate) struct Library {
    index: ArcSwap<Index>,
    vectors: ArcSwapOption<Vectors>,
    /// Vectors of recent queries; they depend on the text and the model alone.
    queries: Cache<String, Arc<Vec<f32>>>,
    /// The dimension that the model's answers have now, once a query showed that it is not that of the vectors; 0
    /// until then.
    answered_dimension: AtomicUsize,
    changed: Notify,
}

/// What an embedding call used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Embedded {
    /// So many input tokens, as the vendor says.
    Reported(i64),
    /// The vendor does not say.
    Unreported,
}

/// A search and what its query's vector used.
pub(crate) struct Found {
    pub(crate) hits: Vec<Hit>,
    /// The embedding call, where one was made.
    pub(crate) embedded: Option<Embedded>,
}

impl Library {
    pub(crate) fn new(index: Index, cache_ttl: Duration) -> Self {
        Self {
            index: ArcSwap::from_pointee(index),
            vectors: ArcSwapOption::empty(),
            queries: Cache::builder()
                .max_capacity(QUERIES)
                .time_to_live(cache_ttl)
                .build(),
            answered_dimension: AtomicUsize::new(0),
            changed: Notify::new(),
        }
    }

    /// The index as it stands now.
    pub(crate) fn index(&self) -> Arc<Index> {
        self.index.load_full()
    }

    /// Takes another state of the collection; only what changed is indexed anew.
    pub(crate) fn update(&self, collection: &Collection) -> Changes {
        let (index, changes) = self.index.load().update(collection);
        self.index.store(Arc::new(index));
        self.changed.notify_one();
        changes
    }

    /// Searches by words and, where there are vectors, by meaning too.
    pub(crate) async fn search(&self, query: &Query, embedder: Option<&Served>) -> Found {
        let index = self.index();
        let vectors = self.vectors.load_full();
        let (Some(embedder), Some(vectors), Some(content)) = (embedder, vectors, &query.content) else {
            return Found {
                hits: index.search(query, None),
                embedded: None,
            };
        };
        let dimension = vectors.space().dimension;
        let (vector, embedded) = match self.query_vector(embedder, content, dimension).await {
            Ok(done) => done,
            Err(error) => {
                tracing::warn!(%error, "a query could not be embedded; searching by words alone");
                return Found {
                    hits: index.search(query, None),
                    embedded: None,
                };
            }
        };
        if vector.len() != dimension {
            self.leave_space(&vectors, vector.len());
            return Found {
                hits: index.search(query, None),
                embedded,
            };
        }
        let by_meaning = QueryVector {
            vectors: &vectors,
            embedding: &vector,
        };
        Found {
            hits: index.search(query, Some(by_meaning)),
            embedded,
        }
    }

    /// The model answers with another dimension than it did: its old vectors compare to nothing any more. Words alone,
    /// and no call for a query, until the collection is there in the new space.
    fn leave_space(&self, left: &Arc<Vectors>, dimension: usize) {
        let before = self.vectors.compare_and_swap(left, None);
        // Of the queries that see it at the same time, one says so.
        if before.as_ref().is_some_and(|before| Arc::ptr_eq(before, left)) {
            let space = left.space();
            tracing::warn!(
                model = %space.model,
                was = space.dimension,
                dimension,
                "the embedding model changed its dimension; indexing the collection anew"
            );
            self.answered_dimension.store(dimension, Ordering::Release);
            self.changed.notify_one();
        }
    }

    /// The query's vector, and what it used where it was not known.
    async fn query_vector(
        &self,
        embedder: &Served,
        content: &str,
        dimension: usize,
    ) -> Result<(Arc<Vec<f32>>, Option<Embedded>), LlmError> {
        // One of another dimension is from before the model changed.
        if let Some(known) = self.queries.get(content).filter(|known| known.len() == dimension) {
            return Ok((known, None));
        }
        let texts = [content.to_owned()];
        let call = embedder.provider.embed(&embedder.model.name, &texts);
        let done = tokio::time::timeout(QUERY_PATIENCE, call)
            .await
            .map_err(|_| LlmError::Timeout(QUERY_PATIENCE))??;
        let vector = done.vectors.into_iter().next();
        let vector = Arc::new(vector.ok_or_else(|| LlmError::Failed("no vector came back".to_owned()))?);
        self.queries.insert(content.to_owned(), Arc::clone(&vector));
        Ok((
            vector,
            Some(done.input_tokens.map_or(Embedded::Unreported, Embedded::Reported)),
        ))
    }
}
