//! The best k of many, without sorting the rest.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// Keeps the `limit` best slots; of equal scores the lower slot is better.
pub(crate) struct Top {
    limit: usize,
    heap: BinaryHeap<Reverse<Ranked>>,
}

#[derive(PartialEq)]
struct Ranked {
    score: f32,
    slot: u32,
}

impl Eq for Ranked {}

impl Ord for Ranked {
    fn cmp(&self, other: &Ranked) -> Ordering {
        self.score
            .total_cmp(&other.score)
            .then(other.slot.cmp(&self.slot))
    }
}

impl PartialOrd for Ranked {
    fn partial_cmp(&self, other: &Ranked) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Top {
    pub(crate) fn new(limit: usize) -> Top {
        Top {
            limit,
            heap: BinaryHeap::new(),
        }
    }

    /// Whether a score could be among the best so far; ties are settled by [`Top::offer`].
    pub(crate) fn may_enter(&self, score: f32) -> bool {
        self.heap.len() < self.limit || self.heap.peek().is_some_and(|worst| score >= worst.0.score)
    }

    pub(crate) fn offer(&mut self, slot: u32, score: f32) {
        let ranked = Ranked { score, slot };
        if self.heap.len() < self.limit {
            self.heap.push(Reverse(ranked));
        } else if let Some(mut worst) = self.heap.peek_mut()
            && ranked > worst.0
        {
            *worst = Reverse(ranked);
        }
    }

    /// Slots and scores, best first.
    pub(crate) fn into_sorted(self) -> Vec<(u32, f32)> {
        let sorted = self.heap.into_sorted_vec();
        sorted
            .into_iter()
            .map(|Reverse(ranked)| (ranked.slot, ranked.score))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_best_are_kept_in_order(scores in proptest::collection::vec(0_u8..10, 0..40), limit in 0_usize..12) {
            let mut top = Top::new(limit);
            let mut all: Vec<(u32, f32)> = (0..).zip(scores.iter().map(|score| f32::from(*score))).collect();
            all.iter().for_each(|(slot, score)| top.offer(*slot, *score));
            all.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
            all.truncate(limit);
            prop_assert_eq!(top.into_sorted(), all);
        }
    }
}
