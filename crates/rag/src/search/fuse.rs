//! Joins the ranking by words with the one by vectors: reciprocal rank fusion (Cormack, Clarke and Büttcher 2009), in
//! which a place counts as much as its score stands out in its own ranking.
//!
//! Places are comparable where BM25 and cosines are not. Places alone, however, put a book that is in the middle of both
//! rankings before one that is alone and far ahead in one of them; in a collection of a few hundred books nearly every
//! book is somewhere in both.

use crate::query::Via;
use std::collections::HashMap;

/// How little the first places stand out. The paper's 60 is made for rankings of thousands.
const K: f32 = 20.0;
/// What a vector's place counts against a word's, and how steeply that falls with its similarity. Words are what was
/// asked for, and names and titles are better found by them; the similarities of a weak model hardly differ, and only
/// those that stand out from the rest say anything. Measured on the development requests.
const VECTOR: f32 = 0.2;
const STEEPNESS: i32 = 4;

#[derive(Debug, PartialEq)]
pub(super) struct Fused {
    pub(super) slot: u32,
    pub(super) score: f32,
    pub(super) via: Via,
}

/// Joins two rankings, best first. A single one keeps its own scores.
pub(super) fn fuse(by_words: &[(u32, f32)], by_vector: &[(u32, f32)]) -> Vec<Fused> {
    let alone = |ranking: &[(u32, f32)], via| -> Vec<Fused> {
        ranking
            .iter()
            .map(|(slot, score)| Fused {
                slot: *slot,
                score: *score,
                via,
            })
            .collect()
    };
    if by_vector.is_empty() {
        return alone(by_words, Via::Words);
    }
    if by_words.is_empty() {
        return alone(by_vector, Via::Vector);
    }
    // Scores by words begin at nothing. Cosines do not: there the last place of the ranking stands for nothing.
    let least_cosine = by_vector.last().map_or(0.0, |(_, cosine)| *cosine);
    let mut fused: HashMap<u32, Fused> = HashMap::new();
    for (slot, worth) in worths(by_words, 0.0, 1) {
        fused.insert(
            slot,
            Fused {
                slot,
                score: worth,
                via: Via::Words,
            },
        );
    }
    for (slot, worth) in worths(by_vector, least_cosine, STEEPNESS) {
        let entry = fused.entry(slot).or_insert(Fused {
            slot,
            score: 0.0,
            via: Via::Vector,
        });
        entry.score += VECTOR * worth;
        if entry.via == Via::Words {
            entry.via = Via::Both;
        }
    }
    let mut fused: Vec<Fused> = fused.into_values().collect();
    fused.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.slot.cmp(&right.slot))
    });
    fused
}

/// What each place of a ranking is worth: its reciprocal, times a power of the share of the best score above `least`.
fn worths(ranking: &[(u32, f32)], least: f32, steepness: i32) -> impl Iterator<Item = (u32, f32)> + '_ {
    let range = ranking.first().map_or(0.0, |(_, best)| best - least);
    ranking.iter().enumerate().map(move |(place, (slot, score))| {
        let share = if range > 0.0 { (score - least) / range } else { 1.0 };
        (*slot, share.powi(steepness) / (K + 1.0 + place as f32))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order(by_words: &[(u32, f32)], by_vector: &[(u32, f32)]) -> Vec<(u32, Via)> {
        fuse(by_words, by_vector)
            .iter()
            .map(|fused| (fused.slot, fused.via))
            .collect()
    }

    #[test]
    fn what_both_rankings_know_comes_first() {
        let found = order(&[(1, 9.0), (2, 8.5)], &[(3, 0.9), (2, 0.88), (4, 0.1)]);
        assert_eq!(
            found,
            [
                (2, Via::Both),
                (1, Via::Words),
                (3, Via::Vector),
                (4, Via::Vector)
            ]
        );
    }

    #[test]
    fn what_stands_out_in_one_is_not_beaten_by_the_middle_of_both() {
        let words: Vec<(u32, f32)> = (0..40)
            .map(|n| (n, if n == 0 { 20.0 } else { 3.0 - n as f32 / 40.0 }))
            .collect();
        let vector: Vec<(u32, f32)> = (1..41).map(|n| (n, 0.5 - n as f32 / 100.0)).collect();
        assert_eq!(order(&words, &vector)[0], (0, Via::Words));
    }

    #[test]
    fn one_ranking_alone_stays_as_it_is() {
        let of = |slot, score, via| Fused { slot, score, via };
        assert_eq!(fuse(&[(4, 2.5)], &[]), [of(4, 2.5, Via::Words)]);
        assert_eq!(fuse(&[], &[(4, 0.5)]), [of(4, 0.5, Via::Vector)]);
        assert_eq!(fuse(&[], &[]), []);
        // Equal scores are no reason to divide by nothing.
        assert!(
            fuse(&[(1, 0.0)], &[(2, 0.3), (3, 0.3)])
                .iter()
                .all(|fused| fused.score.is_finite())
        );
    }
}
