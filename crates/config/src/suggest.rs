//! "Did you mean": the known name that is nearest to a wrong one.

/// The candidate that was probably meant. A candidate whose last part is the same is taken first (a key in
/// the wrong section), then the one that is the fewest typing errors away.
pub(crate) fn nearest<'a>(wrong: &str, candidates: impl Iterator<Item = &'a str> + Clone) -> Option<&'a str> {
    let wrong = normal(wrong);
    let last = wrong.rsplit('.').next().unwrap_or(&wrong);
    let mut same_last = candidates
        .clone()
        .filter(|candidate| candidate.rsplit('.').next() == Some(last));
    if let (Some(found), None) = (same_last.next(), same_last.next()) {
        return Some(found);
    }
    let tolerated = (wrong.chars().count() / 4).clamp(1, 4);
    candidates
        .map(|candidate| (distance(&wrong, candidate), candidate))
        .filter(|(distance, _)| *distance <= tolerated)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

fn normal(name: &str) -> String {
    // Longer than any name there is: what is that far off has no neighbour, and the distance is quadratic.
    name.chars()
        .take(80)
        .collect::<String>()
        .to_lowercase()
        .replace('-', "_")
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    let mut previous_char = None;
    for (row, character) in left.chars().enumerate() {
        let mut current = vec![row + 1];
        for (column, &other) in right.iter().enumerate() {
            let mut best = (previous[column] + usize::from(character != other))
                .min(previous[column + 1] + 1)
                .min(current[column] + 1);
            if column > 0 && previous_char == Some(other) && right[column - 1] == character {
                best = best.min(before[column - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
        previous_char = Some(character);
    }
    previous[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (left, right, expected) in [
            ("", "", 0),
            ("abc", "", 3),
            ("", "abc", 3),
            ("listen", "lisen", 1),
            ("ab", "ba", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn the_nearest_is_found_and_the_far_is_not() {
        let names = [
            "server.listen",
            "server.data_dir",
            "providers.openai.api_key",
            "limits.body_mb",
        ];
        for (wrong, expected) in [
            ("server.lisen", Some("server.listen")),
            ("server.data-dir", Some("server.data_dir")),
            ("listen", Some("server.listen")),
            ("openai.api_key", Some("providers.openai.api_key")),
            ("SERVER.LISTEN", Some("server.listen")),
            ("limits.colour", None),
            ("", None),
        ] {
            assert_eq!(nearest(wrong, names.iter().copied()), expected, "{wrong}");
        }
    }
}
