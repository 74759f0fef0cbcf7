//! Scoring by words: BM25F over postings, one concept of the query after the other.

use super::conditions::Conditions;
use super::request::{Member, Request};
use super::top::Top;
use crate::field::Field;
use crate::index::{Index, TermId};
use crate::text::Analyser;

/// How soon repeated occurrences stop to count (BM25's `k1`).
const SATURATION: f32 = 1.2;
/// What the weaker evidence for one concept adds to the strongest: several words for one thing are not several things.
const FURTHER_EVIDENCE: f32 = 0.25;
/// How much of a score depends on the share of the concepts that a book has: many things half fitting are better than one
/// fitting well.
const COVERAGE: f32 = 0.3;
/// What is left of the score of a book that was written outside the times that were named. A time may be meant as the
/// story's, so this is no condition.
const OUTSIDE_PERIOD: f32 = 0.7;
/// In how many books a word counts as occurring, at least, where it stands for another word.
const RAREST_RELATED_WORD: usize = 3;

/// Scores by slot, and which slots have any: most books of a large collection have none.
struct Scores {
    values: Vec<f32>,
    touched: Vec<u32>,
}

impl Scores {
    fn new(books: usize) -> Scores {
        Scores {
            values: vec![0.0; books],
            touched: Vec::new(),
        }
    }

    fn update(&mut self, slot: u32, change: impl FnOnce(f32) -> f32) {
        let value = &mut self.values[slot as usize];
        if *value == 0.0 {
            self.touched.push(slot);
        }
        *value = change(*value);
    }

    fn drain(&mut self, mut visit: impl FnMut(u32, f32)) {
        for slot in self.touched.drain(..) {
            visit(slot, std::mem::take(&mut self.values[slot as usize]));
        }
    }
}

impl Index {
    /// The best admitted books for a request, best first.
    pub(super) fn rank(
        &self,
        request: &Request<'_>,
        conditions: &Conditions,
        depth: usize,
    ) -> Vec<(u32, f32)> {
        let mut totals = Scores::new(self.len());
        let mut covered = Scores::new(self.len());
        let (mut best, mut sum) = (Scores::new(self.len()), Scores::new(self.len()));
        for concept in &request.concepts {
            for member in &concept.members {
                self.each_contribution(member, |slot, contribution| {
                    best.update(slot, |known| known.max(contribution));
                    sum.update(slot, |known| known + contribution);
                });
            }
            best.drain(|slot, best| {
                let further = sum.values[slot as usize] - best;
                totals.update(slot, |known| {
                    known + concept.weight * (best + FURTHER_EVIDENCE * further)
                });
                covered.update(slot, |known| known + concept.weight);
            });
            sum.drain(|_, _| {});
        }
        let whole: f32 = request.concepts.iter().map(|concept| concept.weight).sum();
        let mut top = Top::new(depth);
        totals.drain(|slot, score| {
            let mut score = score * (1.0 - COVERAGE + COVERAGE * covered.values[slot as usize] / whole);
            if self.is_of_another_time(slot, request) {
                score *= OUTSIDE_PERIOD;
            }
            if top.may_enter(score) && conditions.admit(slot) {
                top.offer(slot, score);
            }
        });
        top.into_sorted()
    }

    fn is_of_another_time(&self, slot: u32, request: &Request<'_>) -> bool {
        let year = self.book_at(slot).year.as_ref().and_then(|year| year.number());
        let is_within = |year| {
            request
                .periods
                .iter()
                .any(|period| (period.from..=period.to).contains(&year))
        };
        !request.periods.is_empty() && year.is_some_and(|year| !is_within(year))
    }

    /// The books in which words of the text occur in one field, best first, with rare and mistyped words understood.
    pub(crate) fn rank_by_field(&self, text: &str, field: Field, depth: usize) -> Vec<(u32, f32)> {
        let mut totals = Scores::new(self.len());
        for term in Analyser::new().terms(text) {
            let mut members: Vec<(TermId, f32)> = self
                .terms()
                .find(&term.stem)
                .map(|id| (id, 1.0))
                .into_iter()
                .collect();
            if members
                .iter()
                .all(|(id, _)| self.terms().fields_of(*id) & field.bit() == 0)
            {
                members = self
                    .terms()
                    .similar(&term.stem, 5)
                    .into_iter()
                    .map(|(id, _)| (id, 0.7))
                    .collect();
            }
            for (term, weight) in members {
                let member = Member::Stem {
                    term,
                    weight,
                    fields: field.bit(),
                    related: None,
                };
                self.each_contribution(&member, |slot, contribution| {
                    totals.update(slot, |known| known + contribution)
                });
            }
        }
        let mut top = Top::new(depth);
        totals.drain(|slot, score| top.offer(slot, score));
        top.into_sorted()
    }

    fn each_contribution(&self, member: &Member<'_>, mut visit: impl FnMut(u32, f32)) {
        match member {
            Member::Stem {
                term, weight, fields, ..
            } => {
                let books = self.terms().book_count(*term) as usize;
                // A word that nobody asked for is not the more telling for being rare.
                let books = if *weight < 1.0 {
                    books.max(RAREST_RELATED_WORD)
                } else {
                    books
                };
                let idf = self.inverse_book_frequency(books);
                for postings in self
                    .terms()
                    .postings(*term)
                    .chunk_by(|left, right| left.slot == right.slot)
                {
                    let slot = postings[0].slot;
                    let factors = self.factors_at(slot);
                    let frequency: f32 = postings
                        .iter()
                        .filter(|posting| fields & (1 << posting.field) != 0)
                        .map(|posting| factors[usize::from(posting.field)] * f32::from(posting.count))
                        .sum();
                    if frequency > 0.0 {
                        visit(
                            slot,
                            weight * idf * frequency * (SATURATION + 1.0) / (SATURATION + frequency),
                        );
                    }
                }
            }
            Member::Label { slots, weight, .. } => self.each_of(slots, *weight, visit),
            Member::Books { slots, weight, .. } => self.each_of(slots, *weight, visit),
        }
    }

    fn each_of(&self, slots: &[u32], weight: f32, mut visit: impl FnMut(u32, f32)) {
        let worth = weight * self.inverse_book_frequency(slots.len());
        slots.iter().for_each(|slot| visit(*slot, worth));
    }

    /// BM25's weight of what occurs in so many books, never negative.
    fn inverse_book_frequency(&self, books: usize) -> f32 {
        let (all, books) = (self.len() as f32, books as f32);
        (1.0 + (all - books + 0.5) / (books + 0.5)).ln()
    }
}
