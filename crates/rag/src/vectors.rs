//! Embeddings of books, by content hash, and exact search by cosine.
//!
//! Where they come from (a model over the network) and where they are kept is the caller's business.

use crate::book::{Book, ContentHash};
use crate::index::Index;
use chatai_types::BookId;
use std::collections::HashMap;
use std::sync::Arc;

/// What makes embeddings comparable: vectors of different spaces never meet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EmbeddingSpace {
    /// The model's name.
    pub model: String,
    /// The number of components.
    pub dimension: usize,
}

/// The embeddings of one space. Bound: callers drop what is no longer needed with [`Vectors::retain`].
#[derive(Clone, Debug)]
pub struct Vectors {
    space: EmbeddingSpace,
    rows: HashMap<ContentHash, u32>,
    hashes: Vec<ContentHash>,
    /// Row after row, each of length one: the dot product is the cosine.
    components: Vec<f32>,
}

/// A query's embedding together with the vectors it is compared to.
#[derive(Clone, Copy, Debug)]
pub struct QueryVector<'a> {
    /// The books' vectors.
    pub vectors: &'a Vectors,
    /// The query's embedding, of the same space. One of another dimension, or without a direction, finds nothing.
    pub embedding: &'a [f32],
}

/// Why a vector is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VectorError {
    /// Another number of components than the space has.
    #[error("the embedding has {found} components, the space `{model}` has {expected}")]
    Dimension {
        /// The space's model.
        model: String,
        /// The space's dimension.
        expected: usize,
        /// The vector's.
        found: usize,
    },
    /// A component that is no finite number, or all of them zero.
    #[error("the embedding has no direction: a component is not finite, or all are zero")]
    NoDirection,
}

impl Vectors {
    /// An empty set of vectors.
    pub fn new(space: EmbeddingSpace) -> Vectors {
        Vectors {
            space,
            rows: HashMap::new(),
            hashes: Vec::new(),
            components: Vec::new(),
        }
    }

    /// The space of these vectors.
    pub fn space(&self) -> &EmbeddingSpace {
        &self.space
    }

    /// How many vectors there are.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there is no vector.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Sets the embedding of a book's content. Its length does not matter, only its direction.
    ///
    /// # Errors
    /// A vector of another dimension or without a direction; nothing is changed then.
    pub fn insert(&mut self, hash: ContentHash, embedding: &[f32]) -> Result<(), VectorError> {
        if embedding.len() != self.space.dimension {
            return Err(VectorError::Dimension {
                model: self.space.model.clone(),
                expected: self.space.dimension,
                found: embedding.len(),
            });
        }
        let unit = unit(embedding).ok_or(VectorError::NoDirection)?;
        match self.rows.get(&hash) {
            Some(row) => {
                let start = *row as usize * self.space.dimension;
                self.components[start..start + self.space.dimension].copy_from_slice(&unit);
            }
            None => {
                self.rows.insert(hash, self.hashes.len() as u32);
                self.hashes.push(hash);
                self.components.extend(unit);
            }
        }
        Ok(())
    }

    /// The books of the index that have no vector here: what is to be embedded, by [`Book::embedding_text`].
    pub fn missing<'a>(
        &'a self,
        index: &'a Index,
    ) -> impl Iterator<Item = (BookId, ContentHash, &'a Arc<Book>)> + 'a {
        index
            .books()
            .zip(index.hashes())
            .filter(|(_, hash)| !self.rows.contains_key(hash))
            .map(|((id, book), hash)| (id, hash, book))
    }

    /// Drops the vectors of all content that is not in the index.
    pub fn retain(&mut self, index: &Index) {
        let mut kept = Vectors::new(self.space.clone());
        for (row, hash) in self.hashes.iter().enumerate() {
            if index.slot_of(hash).is_some() {
                kept.rows.insert(*hash, kept.hashes.len() as u32);
                kept.hashes.push(*hash);
                kept.components.extend_from_slice(self.row(row));
            }
        }
        *self = kept;
    }

    fn row(&self, row: usize) -> &[f32] {
        &self.components[row * self.space.dimension..(row + 1) * self.space.dimension]
    }
}

impl QueryVector<'_> {
    /// The cosines of all given hashes that have a vector, or `None` where the query has no direction in this space.
    pub(crate) fn unit(&self) -> Option<Vec<f32>> {
        unit(self.embedding).filter(|unit| unit.len() == self.vectors.space.dimension)
    }

    /// The cosine of one content.
    pub(crate) fn cosine(&self, unit: &[f32], hash: &ContentHash) -> Option<f32> {
        let row = self.vectors.rows.get(hash)?;
        Some(dot(unit, self.vectors.row(*row as usize)))
    }

    /// The cosines of all rows, in the order of the rows.
    pub(crate) fn cosines<'a>(
        &'a self,
        unit: &'a [f32],
    ) -> impl Iterator<Item = (&'a ContentHash, f32)> + 'a {
        let rows = self
            .vectors
            .components
            .chunks_exact(self.vectors.space.dimension.max(1));
        self.vectors
            .hashes
            .iter()
            .zip(rows)
            .map(move |(hash, row)| (hash, dot(unit, row)))
    }
}

fn unit(vector: &[f32]) -> Option<Vec<f32>> {
    // In f64, because the squares of large but finite components overflow f32.
    let length = vector
        .iter()
        .map(|c| f64::from(*c) * f64::from(*c))
        .sum::<f64>()
        .sqrt();
    if !length.is_finite() || length == 0.0 {
        return None;
    }
    Some(vector.iter().map(|c| (f64::from(*c) / length) as f32).collect())
}

/// The dot product in eight independent sums, which the compiler turns into vector instructions.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (left_chunks, right_chunks) = (left.chunks_exact(8), right.chunks_exact(8));
    let rest: f32 = left_chunks
        .remainder()
        .iter()
        .zip(right_chunks.remainder())
        .map(|(l, r)| l * r)
        .sum();
    for (l, r) in left_chunks.zip(right_chunks) {
        for at in 0..8 {
            sums[at] += l[at] * r[at];
        }
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::Collection;
    use proptest::prelude::*;

    fn space(dimension: usize) -> EmbeddingSpace {
        EmbeddingSpace {
            model: "m".to_owned(),
            dimension,
        }
    }

    #[test]
    fn vectors_without_a_direction_or_of_another_size_are_refused() {
        let mut vectors = Vectors::new(space(2));
        let hash = ContentHash([1; 32]);
        assert_eq!(vectors.insert(hash, &[0.0, 0.0]), Err(VectorError::NoDirection));
        assert_eq!(
            vectors.insert(hash, &[f32::NAN, 1.0]),
            Err(VectorError::NoDirection)
        );
        assert_eq!(
            vectors.insert(hash, &[1.0]).unwrap_err().to_string(),
            "the embedding has 1 components, the space `m` has 2"
        );
        assert!(vectors.is_empty());
        vectors.insert(hash, &[f32::MAX, f32::MAX]).unwrap();
        vectors.insert(hash, &[0.0, 5.0]).unwrap();
        assert_eq!(vectors.len(), 1);
        let query = QueryVector {
            vectors: &vectors,
            embedding: &[0.0, 2.0],
        };
        assert_eq!(query.cosine(&query.unit().unwrap(), &hash), Some(1.0));
        assert_eq!(
            QueryVector {
                vectors: &vectors,
                embedding: &[1.0]
            }
            .unit(),
            None
        );
    }

    #[test]
    fn missing_and_retain_follow_the_index() {
        let parse = |json| Index::build(&Collection::parse(json, "b").unwrap());
        let index = parse(r#"[{"title": "A"}, {"title": "B"}]"#);
        let mut vectors = Vectors::new(space(1));
        let hashes: Vec<ContentHash> = vectors.missing(&index).map(|(_, hash, _)| hash).collect();
        assert_eq!(hashes.len(), 2);
        vectors.insert(hashes[0], &[1.0]).unwrap();
        vectors.insert(hashes[1], &[-1.0]).unwrap();
        assert_eq!(vectors.missing(&index).count(), 0);
        let next = parse(r#"[{"title": "B"}, {"title": "C"}]"#);
        assert_eq!(
            vectors.missing(&next).map(|(id, _, _)| id).collect::<Vec<_>>(),
            [BookId(1)]
        );
        vectors.retain(&next);
        assert_eq!(vectors.len(), 1);
        let query = QueryVector {
            vectors: &vectors,
            embedding: &[1.0],
        };
        assert_eq!(query.cosine(&[1.0], &hashes[1]), Some(-1.0));
        assert_eq!(query.cosine(&[1.0], &hashes[0]), None);
    }

    proptest! {
        #[test]
        fn the_chunked_product_is_the_product(pairs in proptest::collection::vec((-9.0_f32..9.0, -9.0_f32..9.0), 0..40)) {
            let (left, right): (Vec<f32>, Vec<f32>) = pairs.iter().copied().unzip();
            let plain: f32 = pairs.iter().map(|(l, r)| l * r).sum();
            prop_assert!((dot(&left, &right) - plain).abs() < 1e-2);
        }
    }
}
