//! Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009): each ranking gives `1 / (k + place)`.
//!
//! Places are comparable where BM25 and cosines are not.

use crate::query::Via;
use std::collections::HashMap;

/// The paper's constant: how little the first places stand out.
const K: f32 = 60.0;

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
    let mut places: HashMap<u32, (Option<usize>, Option<usize>)> = HashMap::new();
    for (place, (slot, _)) in by_words.iter().enumerate() {
        places.entry(*slot).or_default().0 = Some(place);
    }
    for (place, (slot, _)) in by_vector.iter().enumerate() {
        places.entry(*slot).or_default().1 = Some(place);
    }
    let worth = |place: Option<usize>| place.map_or(0.0, |place| 1.0 / (K + 1.0 + place as f32));
    let mut fused: Vec<Fused> = places
        .into_iter()
        .map(|(slot, (words, vector))| {
            let via = match (words, vector) {
                (Some(_), Some(_)) => Via::Both,
                (Some(_), None) => Via::Words,
                _ => Via::Vector,
            };
            Fused {
                slot,
                score: worth(words) + worth(vector),
                via,
            }
        })
        .collect();
    fused.sort_by(|left, right| {
        right
            .score
            .total_cmp(&left.score)
            .then(left.slot.cmp(&right.slot))
    });
    fused
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_rankings_know_comes_first() {
        let fused = fuse(&[(1, 9.0), (2, 8.0)], &[(3, 0.9), (2, 0.8)]);
        let order: Vec<(u32, Via)> = fused.iter().map(|fused| (fused.slot, fused.via)).collect();
        assert_eq!(order, [(2, Via::Both), (1, Via::Words), (3, Via::Vector)]);
        assert!((fused[0].score - 2.0 / 62.0).abs() < 1e-6);
    }

    #[test]
    fn one_ranking_alone_stays_as_it_is() {
        let of = |slot, score, via| Fused { slot, score, via };
        assert_eq!(fuse(&[(4, 2.5)], &[]), [of(4, 2.5, Via::Words)]);
        assert_eq!(fuse(&[], &[(4, 0.5)]), [of(4, 0.5, Via::Vector)]);
        assert_eq!(fuse(&[], &[]), []);
    }
}
