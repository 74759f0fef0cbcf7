//! Words of a request that do not describe what is wanted.

use crate::text::{Token, is_stop_word};
use std::collections::HashSet;

/// The most content words that one negation reaches.
const REACH: usize = 3;

/// The words that a request says it does not want: what follows `without`, `no` or `not`, up to the end of the phrase.
/// They are left out of the ranking, not turned into a condition: a guess at grammar must not hide books.
pub(super) fn negated(content: &str, tokens: &[Token]) -> HashSet<usize> {
    let mut skipped = HashSet::new();
    let mut at = 0;
    while at < tokens.len() {
        let starts = starts_negation(
            &tokens[at].word,
            tokens.get(at + 1).map_or("", |token| token.word.as_str()),
        );
        at += 1;
        let mut reached = 0;
        while starts && at < tokens.len() && reached < REACH {
            let between = &content[tokens[at - 1].place.end..tokens[at].place.start];
            if between.contains([',', '.', ';', ':', '!', '?', '\n', '–', '—'])
                || ends_negation(&tokens[at].word)
            {
                break;
            }
            reached += usize::from(!is_stop_word(&tokens[at].word));
            skipped.insert(at);
            at += 1;
        }
    }
    skipped
}

/// The words that only count what is wanted: `three books`.
pub(super) fn counts(tokens: &[Token]) -> HashSet<usize> {
    const SMALL: [&str; 10] = [
        "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "dozen",
    ];
    const COUNTED: [&str; 8] = [
        "books",
        "novels",
        "titles",
        "stories",
        "recommendations",
        "suggestions",
        "reads",
        "options",
    ];
    let is_count =
        |word: &str| SMALL.contains(&word) || (word.len() < 3 && word.bytes().all(|b| b.is_ascii_digit()));
    let is_counted = |at: usize| {
        tokens
            .get(at)
            .is_some_and(|token| COUNTED.contains(&token.word.as_str()))
    };
    (0..tokens.len())
        .filter(|at| is_count(&tokens[*at].word) && (is_counted(at + 1) || is_counted(at + 2)))
        .collect()
}

fn starts_negation(word: &str, next: &str) -> bool {
    match word {
        "without" | "except" | "excluding" | "nothing" | "minus" => true,
        "no" => !matches!(next, "longer" | "one" | "more" | "matter"),
        "not" => !matches!(next, "only" | "just" | "necessarily" | "sure"),
        _ => false,
    }
}

fn ends_negation(word: &str) -> bool {
    matches!(
        word,
        "but"
            | "please"
            | "and"
            | "with"
            | "that"
            | "which"
            | "just"
            | "in"
            | "from"
            | "by"
            | "for"
            | "set"
            | "where"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tokens;

    fn left(content: &str) -> String {
        let tokens = tokens(content);
        let skipped = negated(content, &tokens);
        let counts = counts(&tokens);
        let left = (0..tokens.len()).filter(|at| !skipped.contains(at) && !counts.contains(at));
        left.map(|at| tokens[at].word.as_str())
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn what_is_not_wanted_does_not_rank() {
        for (content, expected) in [
            ("fantasy without magic, set at sea", "fantasy without set at sea"),
            (
                "something without a lot of war set in Africa",
                "something without set in africa",
            ),
            ("not too long, with dragons", "not with dragons"),
            ("no romance please", "no please"),
            ("nothing about war but with a hero", "nothing but with a hero"),
            ("not only for children", "not only for children"),
            ("No Longer Human", "no longer human"),
            (
                "recommend me three books about sea",
                "recommend me books about sea",
            ),
            ("10 great novels", "great novels"),
            ("three men in a boat", "three men in a boat"),
            ("no", "no"),
        ] {
            assert_eq!(left(content), expected, "{content}");
        }
    }
}
