//! The book collection as the tools see it: words at once, vectors as they come.

use crate::{EngineError, chat::Served, inner::Inner};
use arc_swap::{ArcSwap, ArcSwapOption};
use chatai_llm::LlmError;
use chatai_rag::{Changes, Collection, ContentHash, EmbeddingSpace, Hit, Index, Query, QueryVector, Vectors};
use chatai_store::ops::embeddings;
use moka::sync::Cache;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// Books embedded with one call.
const BATCH: usize = 64;
/// The first wait after a failed call; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);
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
    pub(crate) fn new(collection: &Collection, cache_ttl: Duration) -> Self {
        Self {
            index: ArcSwap::from_pointee(Index::build(collection)),
            vectors: ArcSwapOption::empty(),
            queries: Cache::builder()
                .max_capacity(QUERIES)
                .time_to_live(cache_ttl)
                .build(),
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
        let (vector, embedded) = match self.query_vector(embedder, content).await {
            Ok(done) => done,
            Err(error) => {
                tracing::warn!(%error, "a query could not be embedded; searching by words alone");
                return Found {
                    hits: index.search(query, None),
                    embedded: None,
                };
            }
        };
        let by_meaning = QueryVector {
            vectors: &vectors,
            embedding: &vector,
        };
        Found {
            hits: index.search(query, Some(by_meaning)),
            embedded,
        }
    }

    async fn query_vector(
        &self,
        embedder: &Served,
        content: &str,
    ) -> Result<(Arc<Vec<f32>>, Option<Embedded>), LlmError> {
        if let Some(known) = self.queries.get(content) {
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

/// Embeds what of the collection has no vector yet, now and whenever the collection changes, until the end.
pub(crate) async fn keep_vectors(inner: Arc<Inner>) {
    let Some(embedder) = inner.models.embedder() else {
        return;
    };
    let mut wait = FIRST_WAIT;
    loop {
        let work = async {
            match embed_missing(&inner, &embedder).await {
                Ok(()) => {
                    wait = FIRST_WAIT;
                    inner.library.changed.notified().await;
                }
                Err(error) => {
                    tracing::warn!(%error, retry_in = ?wait, "the collection could not be embedded; searching by words alone");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
            }
        };
        tokio::select! {
            () = work => {}
            () = inner.turns.stopped.cancelled() => return,
        }
    }
}

async fn embed_missing(inner: &Inner, embedder: &Served) -> Result<(), EngineError> {
    let library = &inner.library;
    let model = embedder.model.name.clone();
    let mut vectors = match library.vectors.load_full() {
        Some(vectors) => Some((*vectors).clone()),
        None => stored(inner, &model).await?,
    };
    let index = library.index();
    let missing: Vec<(ContentHash, String)> = match &vectors {
        Some(vectors) => vectors
            .missing(&index)
            .map(|(_, hash, book)| (hash, book.embedding_text()))
            .collect(),
        None => index
            .books()
            .filter_map(|(id, book)| Some((index.hash(id)?, book.embedding_text())))
            .collect(),
    };
    if !missing.is_empty() {
        tracing::info!(books = missing.len(), %model, "embedding what is new in the collection");
    }
    for batch in missing.chunks(BATCH) {
        let texts: Vec<String> = batch.iter().map(|(_, text)| text.clone()).collect();
        let done = embedder
            .provider
            .embed(&model, &texts)
            .await
            .map_err(EngineError::internal)?;
        let dimension = done.vectors.first().map_or(0, Vec::len);
        // Another dimension under the same name is another space: what was stored stays beside it, unused.
        if vectors
            .as_ref()
            .is_none_or(|vectors| vectors.space().dimension != dimension)
        {
            let restarted = vectors.is_some();
            vectors = Some(Vectors::new(EmbeddingSpace {
                model: model.clone(),
                dimension,
            }));
            if restarted {
                library.vectors.store(None);
                return Err(EngineError::internal("the embedding model changed its dimension"));
            }
        }
        let Some(space) = &mut vectors else { continue };
        let mut rows = Vec::with_capacity(batch.len());
        for ((hash, _), vector) in batch.iter().zip(&done.vectors) {
            space.insert(*hash, vector).map_err(EngineError::internal)?;
            rows.push((hash.to_string(), bytes_of(vector)));
        }
        let name = space_name(&model, dimension);
        inner
            .store
            .write(move |tx| embeddings::add(tx, &name, &rows))
            .await?;
    }
    if let Some(mut vectors) = vectors {
        vectors.retain(&index);
        library.vectors.store(Some(Arc::new(vectors)));
    }
    Ok(())
}

/// The stored vectors of a model's latest space.
async fn stored(inner: &Inner, model: &str) -> Result<Option<Vectors>, EngineError> {
    let prefix = format!("{model}/");
    let spaces = inner.store.read(embeddings::spaces).await?;
    let found = spaces.iter().find_map(|name| {
        let dimension: usize = name.strip_prefix(&prefix)?.parse().ok()?;
        Some((name.clone(), dimension))
    });
    let Some((name, dimension)) = found else {
        return Ok(None);
    };
    let rows = inner
        .store
        .read(move |tx| embeddings::of_space(tx, &name))
        .await?;
    let mut vectors = Vectors::new(EmbeddingSpace {
        model: model.to_owned(),
        dimension,
    });
    for (hash, bytes) in rows {
        let hash = blake3::Hash::from_hex(&hash).map_err(EngineError::internal)?;
        vectors
            .insert(ContentHash(*hash.as_bytes()), &vector_of(&bytes))
            .map_err(EngineError::internal)?;
    }
    Ok(Some(vectors))
}

fn space_name(model: &str, dimension: usize) -> String {
    format!("{model}/{dimension}")
}

fn bytes_of(vector: &[f32]) -> Vec<u8> {
    vector
        .iter()
        .flat_map(|component| component.to_le_bytes())
        .collect()
}

fn vector_of(bytes: &[u8]) -> Vec<f32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|component| f32::from_le_bytes(*component))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vectors_survive_storage() {
        let vector = [0.0, -1.5, f32::MIN_POSITIVE, 3.25e7];
        assert_eq!(vector_of(&bytes_of(&vector)), vector);
    }
}
