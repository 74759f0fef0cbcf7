//! Retrieval: words and vectors rank what the conditions admit; nothing else is ever returned.
//!
//! Words are ranked by BM25F over the fields ([`Field`]), vectors by cosine, and the two rankings are joined by
//! reciprocal rank. What a query is taken to mean is decided once, in `request`.

mod conditions;
mod fuse;
mod kinds;
mod nations;
mod period;
mod related;
mod request;
mod score;
mod top;
mod unwanted;

use crate::field::Field;
use crate::index::Index;
use crate::query::{Hit, Match, Query, Via};
use crate::vectors::QueryVector;
use conditions::Conditions;
use fuse::fuse;
use request::{Concept, Request};
use std::collections::HashSet;
use top::Top;

/// How deep each ranking goes before they are joined, at least: deeper places hardly count in reciprocal rank.
const RANKING_DEPTH: usize = 60;

impl Index {
    /// Finds books, best first. `vector` is the embedding of the query's content where there is one.
    ///
    /// All conditions of the query hold for every hit, and there are at most `limit`. Books that the content itself
    /// names as examples (`something like Dune`) are understood as such and left out. Ties keep the collection's order.
    pub fn search(&self, query: &Query, vector: Option<QueryVector<'_>>) -> Vec<Hit> {
        if query.limit == 0 || self.is_empty() {
            return Vec::new();
        }
        let content = query.content.as_deref().unwrap_or_default();
        let request = Request::understand(self, content);
        let conditions = Conditions::of(self, query, &request.examples, kinds::named(self, content));
        if request.says_nothing {
            return self.without_content(query, &conditions);
        }
        let depth = query.limit.saturating_mul(2).max(RANKING_DEPTH);
        let by_words = self.rank(&request, &conditions, depth);
        let by_vector = vector
            .map(|vector| self.rank_by_vector(vector, &conditions, depth))
            .unwrap_or_default();
        let mut hits: Vec<Hit> = fuse(&by_words, &by_vector)
            .into_iter()
            .take(query.limit)
            .map(|fused| Hit {
                id: self.id(fused.slot),
                book: self.book_at(fused.slot).clone(),
                score: fused.score,
                via: fused.via,
                matched: self.explain(&request.concepts, fused.slot),
            })
            .collect();
        if conditions.names_authors {
            let found: HashSet<_> = hits.iter().map(|hit| hit.id).collect();
            let others = conditions
                .admitted_by_year(self)
                .filter(|slot| !found.contains(&self.id(*slot)));
            let missing = query.limit.saturating_sub(hits.len());
            hits.extend(others.take(missing).map(|slot| self.plain_hit(slot)));
        }
        hits
    }

    /// The authors' books by year; without authors a choice of many kinds.
    fn without_content(&self, query: &Query, conditions: &Conditions) -> Vec<Hit> {
        let slots: Vec<u32> = if conditions.names_authors {
            conditions.admitted_by_year(self).take(query.limit).collect()
        } else {
            self.varied(conditions, query.limit)
        };
        slots.into_iter().map(|slot| self.plain_hit(slot)).collect()
    }

    fn plain_hit(&self, slot: u32) -> Hit {
        let book = self.book_at(slot).clone();
        Hit {
            id: self.id(slot),
            book,
            score: 0.0,
            via: Via::Conditions,
            matched: Vec::new(),
        }
    }

    /// Admitted books in an order that only looks random (by content hash), such that kinds and authors repeat as late
    /// as possible.
    fn varied(&self, conditions: &Conditions, limit: usize) -> Vec<u32> {
        let mut slots: Vec<u32> = self.slots().filter(|slot| conditions.admit(*slot)).collect();
        slots.sort_by_key(|slot| self.hash_at(*slot));
        let mut seen: HashSet<&str> = HashSet::new();
        let (mut chosen, mut later) = (Vec::new(), Vec::new());
        for slot in slots {
            let book = self.book_at(slot);
            let kinds = [book.genres.first(), book.author.as_ref(), book.language.as_ref()];
            let kinds: Vec<&str> = kinds.into_iter().flatten().map(String::as_str).collect();
            if kinds.iter().take(2).any(|kind| seen.contains(kind)) {
                later.push(slot);
            } else {
                seen.extend(kinds);
                chosen.push(slot);
            }
        }
        chosen.extend(later);
        chosen.truncate(limit);
        chosen
    }

    fn rank_by_vector(
        &self,
        vector: QueryVector<'_>,
        conditions: &Conditions,
        depth: usize,
    ) -> Vec<(u32, f32)> {
        let Some(unit) = vector.unit() else {
            return Vec::new();
        };
        let mut top = Top::new(depth);
        if let Some(slots) = conditions.few_admitted() {
            for slot in slots.iter().copied().filter(|slot| conditions.admit(*slot)) {
                if let Some(cosine) = vector.cosine(&unit, self.hash_at(slot)) {
                    top.offer(slot, cosine);
                }
            }
        } else {
            for (hash, cosine) in vector.cosines(&unit) {
                // The look at the bar comes first: it spares nearly all of the look-ups.
                if top.may_enter(cosine)
                    && let Some(slot) = self.slot_of(hash).filter(|slot| conditions.admit(*slot))
                {
                    top.offer(slot, cosine);
                }
            }
        }
        top.into_sorted()
    }

    /// Why a book matched: the words by field, in the fields' order. Where a field has the word that was asked for, what
    /// is merely related to it is not told.
    fn explain(&self, concepts: &[Concept<'_>], slot: u32) -> Vec<Match> {
        let mut matched = Field::ALL.map(|field| Match {
            field,
            terms: Vec::new(),
        });
        for concept in concepts {
            let found: Vec<(u8, Option<&str>)> = concept
                .members
                .iter()
                .map(|member| member.found_in(self, slot))
                .collect();
            let asked = found
                .iter()
                .filter(|(_, word)| word.is_none())
                .fold(0, |bits, (fields, _)| bits | fields);
            for (fields, word) in found {
                let fields = if word.is_some() { fields & !asked } else { fields };
                let word = word.unwrap_or(&concept.label);
                for entry in matched.iter_mut().filter(|entry| fields & entry.field.bit() != 0) {
                    if !entry.terms.iter().any(|known| known == word) {
                        entry.terms.push(word.to_owned());
                    }
                }
            }
        }
        matched
            .into_iter()
            .filter(|entry| !entry.terms.is_empty())
            .collect()
    }
}
