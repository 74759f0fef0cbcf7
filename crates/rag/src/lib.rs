//! The book collection and the retrieval over it, and the extractive helpers for longer texts.
//!
//! Everything here is in memory, synchronous and deterministic: the same collection and the same query give the same
//! hits. It is deliberately not a client of anything: embeddings come from outside as plain `f32` vectors
//! ([`Vectors`]), files come as text ([`Collection::parse`]), and nothing is written anywhere.
//!
//! The way through: [`Collection`] → [`Index`] → [`Index::search`] with a [`Query`] → [`Hit`]s that say why they
//! matched. What is not in the collection can not come out: every hit is built from an index slot.

mod authors;
mod book;
mod collection;
mod edit_distance;
mod field;
mod index;
mod mentions;
mod passages;
mod query;
mod search;
mod text;
mod titles;
mod vectors;

pub use authors::AuthorHit;
pub use book::{Book, ContentHash, Year};
pub use collection::{Collection, CollectionError, CollectionErrorKind, EntryProblem, Replaced};
pub use field::Field;
pub use index::{Changes, Index};
pub use mentions::{AuthorMention, Mentions, TitleMention};
pub use passages::{RankedSentence, rank_sentences, split_sentences, summarise};
pub use query::{Hit, Match, Query, Via};
pub use titles::{TitleHit, TitleMatch, TitleOutcome};
pub use vectors::{EmbeddingSpace, QueryVector, VectorError, Vectors};
