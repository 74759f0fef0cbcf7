//! Embedding the collection: what has no vector yet, in the space that the model answers in.
//!
//! A space is a model and the dimension of its vectors. Which dimension that is only an answer tells: at start the
//! space that was used last is taken as it is stored, without a call. When an answer has another dimension, the whole
//! collection is embedded in the new space, beside the old one, which stays stored.

use crate::{EngineError, chat::Served, inner::Inner};
use chatai_rag::{ContentHash, EmbeddingSpace, Index, Vectors};
use chatai_store::ops::embeddings;
use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

/// Books embedded with one call.
const BATCH: usize = 64;
/// How often one round may meet another dimension before it fails, and waits like after any failure.
const MOST_CHANGES: usize = 2;
/// The first wait after a failed call; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_secs(5);
const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Embeds what of the collection has no vector yet, now and whenever the collection or the model's dimension changes,
/// until the end.
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
    let model = &embedder.model.name;
    let index = library.index();
    let answered = library.answered_dimension.load(Ordering::Acquire);
    let mut vectors = match library.vectors.load_full() {
        Some(vectors) => Some((*vectors).clone()),
        None if answered > 0 => Some(stored(inner, model, answered).await?),
        None => used_last(inner, model).await?,
    };
    let mut changes = 0;
    while let Some(answer) = embed_in(inner, embedder, &index, vectors.as_mut()).await? {
        changes += 1;
        if changes > MOST_CHANGES {
            return Err(EngineError::internal(
                "the embedding model keeps changing its dimension",
            ));
        }
        let mut other = stored(inner, model, answer.dimension).await?;
        keep(inner, &mut other, &answer.batch, &answer.vectors).await?;
        vectors = Some(other);
    }
    let Some(mut vectors) = vectors else {
        return Ok(());
    };
    let (model, name, now) = (model.clone(), space_name(vectors.space()), inner.clock.now());
    inner
        .store
        .write(move |tx| embeddings::set_used(tx, &model, &name, now))
        .await?;
    vectors.retain(&index);
    library.vectors.store(Some(Arc::new(vectors)));
    Ok(())
}

/// A book's content hash and the text that stands for it.
type Text = (ContentHash, String);

/// An answer in another space than was asked for.
struct Elsewhere {
    dimension: usize,
    batch: Vec<Text>,
    vectors: Vec<Vec<f32>>,
}

/// Embeds what a space lacks of the collection. Ends early with the first answer that is of another space, which any
/// is where there is none yet.
async fn embed_in(
    inner: &Inner,
    embedder: &Served,
    index: &Index,
    mut space: Option<&mut Vectors>,
) -> Result<Option<Elsewhere>, EngineError> {
    let model = &embedder.model.name;
    let missing: Vec<Text> = match &space {
        Some(vectors) => vectors
            .missing(index)
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
        let done = embedder.provider.embed(model, &texts).await;
        let vectors = done.map_err(EngineError::internal)?.vectors;
        let dimension = vectors.first().map_or(0, Vec::len);
        match &mut space {
            Some(space) if space.space().dimension == dimension => {
                keep(inner, space, batch, &vectors).await?;
            }
            _ => {
                return Ok(Some(Elsewhere {
                    dimension,
                    batch: batch.to_vec(),
                    vectors,
                }));
            }
        }
    }
    Ok(None)
}

/// Takes an answer into its space, here and in the store.
async fn keep(
    inner: &Inner,
    space: &mut Vectors,
    batch: &[Text],
    vectors: &[Vec<f32>],
) -> Result<(), EngineError> {
    let mut rows = Vec::with_capacity(batch.len());
    for ((hash, _), vector) in batch.iter().zip(vectors) {
        space.insert(*hash, vector).map_err(EngineError::internal)?;
        rows.push((hash.to_string(), bytes_of(vector)));
    }
    let name = space_name(space.space());
    Ok(inner
        .store
        .write(move |tx| embeddings::add(tx, &name, &rows))
        .await?)
}

/// The stored vectors of the space that a model answered in last.
async fn used_last(inner: &Inner, model: &str) -> Result<Option<Vectors>, EngineError> {
    let asked = model.to_owned();
    let used = inner.store.read(move |tx| embeddings::used(tx, &asked)).await?;
    let dimension = used.and_then(|name| dimension_of(&name, model));
    match dimension {
        Some(dimension) => stored(inner, model, dimension).await.map(Some),
        None => Ok(None),
    }
}

/// The stored vectors of a space; none where it is new.
async fn stored(inner: &Inner, model: &str, dimension: usize) -> Result<Vectors, EngineError> {
    let mut vectors = Vectors::new(EmbeddingSpace {
        model: model.to_owned(),
        dimension,
    });
    let name = space_name(vectors.space());
    let rows = inner
        .store
        .read(move |tx| embeddings::of_space(tx, &name))
        .await?;
    for (hash, bytes) in rows {
        let hash = blake3::Hash::from_hex(&hash).map_err(EngineError::internal)?;
        vectors
            .insert(ContentHash(*hash.as_bytes()), &vector_of(&bytes))
            .map_err(EngineError::internal)?;
    }
    Ok(vectors)
}

fn space_name(space: &EmbeddingSpace) -> String {
    format!("{}/{}", space.model, space.dimension)
}

fn dimension_of(space_name: &str, model: &str) -> Option<usize> {
    space_name.strip_prefix(model)?.strip_prefix('/')?.parse().ok()
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

    #[test]
    fn a_space_s_name_gives_its_dimension_back() {
        let space = EmbeddingSpace {
            model: "a/model".to_owned(),
            dimension: 16,
        };
        let name = space_name(&space);
        assert_eq!(dimension_of(&name, "a/model"), Some(16));
        assert_eq!(dimension_of(&name, "a"), None, "another model's");
        assert_eq!(dimension_of(&name, "b"), None);
    }
}
