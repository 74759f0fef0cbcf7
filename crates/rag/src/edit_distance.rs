//! How many typing mistakes lie between two words.

/// The optimal string alignment distance (insertions, deletions, substitutions, swaps of neighbours), or `None` where it
/// is more than `limit`. Work is bounded by the length times `2 × limit + 1`.
pub(crate) fn distance_within(left: &[char], right: &[char], limit: usize) -> Option<usize> {
    let (short, long) = if left.len() <= right.len() {
        (left, right)
    } else {
        (right, left)
    };
    if long.len() - short.len() > limit {
        return None;
    }
    let width = short.len() + 1;
    let far = limit + 1;
    let mut before_last = vec![far; width];
    let mut last: Vec<usize> = (0..width).map(|at| at.min(far)).collect();
    let mut row = vec![far; width];
    for (i, c) in long.iter().enumerate() {
        // Outside this band the distance is beyond the limit already.
        let from = (i + 1).saturating_sub(limit);
        let to = (i + 1 + limit).min(short.len());
        row.fill(far);
        if from == 0 {
            row[0] = (i + 1).min(far);
        }
        let mut best = row[0];
        for j in from.max(1)..=to {
            let substitution = last[j - 1] + usize::from(short[j - 1] != *c);
            let mut cost = substitution.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 0 && j > 1 && short[j - 1] == long[i - 1] && short[j - 2] == *c {
                cost = cost.min(before_last[j - 2] + 1);
            }
            row[j] = cost.min(far);
            best = best.min(row[j]);
        }
        if best > limit {
            return None;
        }
        std::mem::swap(&mut before_last, &mut last);
        std::mem::swap(&mut last, &mut row);
    }
    (last[short.len()] <= limit).then_some(last[short.len()])
}

/// How many mistakes a word of so many characters may have and still be taken for another: short words are too often
/// other words.
pub(crate) fn tolerance(chars: usize) -> usize {
    match chars {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distance(left: &str, right: &str, limit: usize) -> Option<usize> {
        let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
        distance_within(&left, &right, limit)
    }

    #[test]
    fn mistakes_are_counted_up_to_the_limit() {
        for (left, right, limit, expected) in [
            ("hobbit", "hobbit", 0, Some(0)),
            ("hobit", "hobbit", 1, Some(1)),
            ("hobbti", "hobbit", 1, Some(1)),
            ("tolstoy", "tolstaya", 1, None),
            ("tolstoy", "tolstaya", 2, Some(2)),
            ("", "ab", 2, Some(2)),
            ("", "abc", 2, None),
            ("márquez", "marquez", 1, Some(1)),
            ("abcdef", "ghijkl", 3, None),
        ] {
            assert_eq!(distance(left, right, limit), expected, "{left} {right}");
            assert_eq!(distance(right, left, limit), expected, "{right} {left}");
        }
    }

    /// The same recurrence over the whole table.
    fn plain(left: &[char], right: &[char]) -> usize {
        let mut table = vec![vec![0; right.len() + 1]; left.len() + 1];
        for i in 0..=left.len() {
            for j in 0..=right.len() {
                table[i][j] = if i == 0 || j == 0 {
                    i + j
                } else {
                    let same = usize::from(left[i - 1] != right[j - 1]);
                    (table[i - 1][j - 1] + same)
                        .min(table[i - 1][j] + 1)
                        .min(table[i][j - 1] + 1)
                };
                if i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] {
                    table[i][j] = table[i][j].min(table[i - 2][j - 2] + 1);
                }
            }
        }
        table[left.len()][right.len()]
    }

    proptest! {
        #[test]
        fn the_band_loses_nothing(left in "[abc]{0,9}", right in "[abc]{0,9}", limit in 0_usize..4) {
            let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
            let expected = Some(plain(&left, &right)).filter(|found| *found <= limit);
            prop_assert_eq!(distance_within(&left, &right, limit), expected);
        }
    }
}
