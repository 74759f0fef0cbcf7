//! Words for times: `19th century`, `1920s`, `ancient`, `Victorian`, `before 1900`, as spans of years.

use std::ops::Range;

/// A span of years that a text names. Both ends are included; before Christ is negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) from: i32,
    pub(crate) to: i32,
    /// The words that name it, by their places in the list of words.
    pub(crate) words: Range<usize>,
}

const FIRST: i32 = -9_999;
const LAST: i32 = 9_999;

/// The periods that folded words name, in order, without overlap.
pub(crate) fn periods(words: &[&str]) -> Vec<Period> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        match period_at(words, at) {
            Some(period) => {
                at = period.words.end;
                found.push(period);
            }
            None => at += 1,
        }
    }
    found
}

fn period_at(words: &[&str], at: usize) -> Option<Period> {
    let word = |offset: usize| words.get(at + offset).copied().unwrap_or_default();
    let span = |from, to, length| {
        Some(Period {
            from,
            to,
            words: at..at + length,
        })
    };
    match word(0) {
        "before" if let Some(length) = second_world_war_at(words, at + 1) => {
            return span(FIRST, 1938, length + 1);
        }
        "after" if let Some(length) = second_world_war_at(words, at + 1) => {
            return span(1945, LAST, length + 1);
        }
        "before" => {
            let (from, _, length) = unit_at(words, at + 1)?;
            return span(FIRST, from - 1, length + 1);
        }
        "after" => {
            let (_, to, length) = unit_at(words, at + 1)?;
            return span(to + 1, LAST, length + 1);
        }
        "since" => {
            let (from, _, length) = unit_at(words, at + 1)?;
            return span(from, LAST, length + 1);
        }
        "between" | "from" => {
            if let Some((from, _, first)) = unit_at(words, at + 1)
                && matches!(word(1 + first), "and" | "to" | "until")
                && let Some((_, to, second)) = unit_at(words, at + 2 + first)
                && from <= to
            {
                return span(from, to, 2 + first + second);
            }
        }
        "early" | "late" | "mid" => {
            let (from, to, length) = unit_at(words, at + 1)?;
            let third = (to - from) / 3;
            let (from, to) = match word(0) {
                "early" => (from, from + third + 10),
                "late" => (to - third - 10, to),
                _ => (from + third, to - third),
            };
            return span(from, to, length + 1);
        }
        _ => {}
    }
    let (from, to, length) = unit_at(words, at).or_else(|| era_at(words, at))?;
    span(from, to, length)
}

/// A century, decade or year with the number of words it takes.
fn unit_at(words: &[&str], at: usize) -> Option<(i32, i32, usize)> {
    if matches!(words.get(at), Some(&("the" | "a"))) {
        return bare_unit_at(words, at + 1).map(|(from, to, length)| (from, to, length + 1));
    }
    bare_unit_at(words, at)
}

fn bare_unit_at(words: &[&str], at: usize) -> Option<(i32, i32, usize)> {
    let at_offset = |offset: usize| words.get(at + offset).copied().unwrap_or_default();
    let first = at_offset(0);
    let (number, ordinal_words) = match ordinal(first) {
        Some(number) => (Some(number), 1),
        // `twenty first` is written with a hyphen or apart.
        None if first == "twenty" && at_offset(1) == "first" => (Some(21), 2),
        None => (None, 0),
    };
    if let Some(number) = number.filter(|_| matches!(at_offset(ordinal_words), "century" | "centuries")) {
        if matches!(at_offset(ordinal_words + 1), "bc" | "bce") {
            return Some((-number * 100, -(number - 1) * 100 - 1, ordinal_words + 2));
        }
        return Some(((number - 1) * 100, number * 100, ordinal_words + 1));
    }
    if let Some(decade) = first
        .strip_suffix('s')
        .and_then(|digits| digits.parse::<i32>().ok())
    {
        return match decade {
            1000..=2099 if decade % 100 == 0 => Some((decade, decade + 99, 1)),
            1000..=2099 if decade % 10 == 0 => Some((decade, decade + 9, 1)),
            20..=90 if decade % 10 == 0 => Some((1900 + decade, 1909 + decade, 1)),
            _ => None,
        };
    }
    const DECADES: [&str; 8] = [
        "twenties",
        "thirties",
        "forties",
        "fifties",
        "sixties",
        "seventies",
        "eighties",
        "nineties",
    ];
    if let Some(decade) = DECADES.iter().position(|name| *name == first) {
        let from = 1920 + decade as i32 * 10;
        return Some((from, from + 9, 1));
    }
    let year = first.parse::<i32>().ok()?;
    if matches!(at_offset(1), "bc" | "bce") && (1..=5_000).contains(&year) {
        return Some((-year, -year, 2));
    }
    // The bare number of a year; small ones are counts of something.
    (1_000..=2_100).contains(&year).then_some((year, year, 1))
}

/// How many words name the war that divides the century; there `before` and `after` mean the time of writing.
fn second_world_war_at(words: &[&str], at: usize) -> Option<usize> {
    let names: [&[&str]; 7] = [
        &["the", "second", "world", "war"],
        &["second", "world", "war"],
        &["world", "war", "two"],
        &["world", "war", "ii"],
        &["world", "war", "2"],
        &["ww2"],
        &["wwii"],
    ];
    names
        .iter()
        .find(|name| words.get(at..).is_some_and(|rest| rest.starts_with(name)))
        .map(|name| name.len())
}

fn era_at(words: &[&str], at: usize) -> Option<(i32, i32, usize)> {
    let next = words.get(at + 1).copied().unwrap_or_default();
    let after = words.get(at + 2).copied().unwrap_or_default();
    match (words[at], next) {
        ("middle", "ages") => Some((500, 1500, 2)),
        ("fin", "de") if after == "siecle" => Some((1880, 1914, 3)),
        ("turn", "of") if after == "the" && words.get(at + 3) == Some(&"century") => Some((1890, 1910, 4)),
        ("ancient" | "antiquity" | "antique", _) => Some((FIRST, 500, 1)),
        ("medieval" | "mediaeval", _) => Some((500, 1500, 1)),
        ("renaissance", _) => Some((1350, 1650, 1)),
        ("elizabethan" | "shakespearean", _) => Some((1558, 1616, 1)),
        ("enlightenment", _) => Some((1680, 1800, 1)),
        ("regency", _) => Some((1795, 1837, 1)),
        ("victorian" | "victorians", _) => Some((1837, 1901, 1)),
        ("edwardian", _) => Some((1901, 1914, 1)),
        ("interwar", _) => Some((1918, 1939, 1)),
        ("postwar", _) => Some((1945, 1965, 1)),
        ("contemporary" | "recent" | "recently", _) => Some((1995, LAST, 1)),
        ("newest" | "latest", _) => Some((2005, LAST, 1)),
        _ => None,
    }
}

/// `19th` or `nineteenth`, up to 21.
fn ordinal(word: &str) -> Option<i32> {
    const NAMES: [&str; 20] = [
        "first",
        "second",
        "third",
        "fourth",
        "fifth",
        "sixth",
        "seventh",
        "eighth",
        "ninth",
        "tenth",
        "eleventh",
        "twelfth",
        "thirteenth",
        "fourteenth",
        "fifteenth",
        "sixteenth",
        "seventeenth",
        "eighteenth",
        "nineteenth",
        "twentieth",
    ];
    if let Some(at) = NAMES.iter().position(|name| *name == word) {
        return Some(at as i32 + 1);
    }
    let digits = ["st", "nd", "rd", "th"]
        .iter()
        .find_map(|ending| word.strip_suffix(ending))?;
    digits.parse().ok().filter(|number| (1..=21).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;
    use proptest::prelude::*;

    #[test]
    fn times_in_words() {
        for (text, expected) in [
            ("a 19th-century novel", Some((1800, 1900))),
            ("from the nineteenth century", Some((1800, 1900))),
            ("the twenty-first century", Some((2000, 2100))),
            ("5th century BC", Some((-500, -401))),
            ("the 1920s", Some((1920, 1929))),
            ("1800s", Some((1800, 1899))),
            ("the sixties", Some((1960, 1969))),
            ("ancient Greece", Some((-9999, 500))),
            ("before 1900", Some((-9999, 1899))),
            ("after the 1950s", Some((1960, 9999))),
            ("since 2000", Some((2000, 9999))),
            ("between 1900 and 1950", Some((1900, 1950))),
            ("between 1950 and 1900", Some((1950, 1950))),
            ("early 20th century", Some((1900, 1943))),
            ("published in 1965", Some((1965, 1965))),
            ("in the Middle Ages", Some((500, 1500))),
            ("two friends, 12 men, after dinner", None),
            ("before", None),
        ] {
            let words = words(text);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let found = periods(&words);
            assert_eq!(
                found.first().map(|period| (period.from, period.to)),
                expected,
                "{text}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_words_are_read(words in proptest::collection::vec("before|after|the|between|and|early|twenty|first|century|bc|[0-9]{1,12}s?|[0-9]{1,3}th", 0..8)) {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let mut end = 0;
            for period in periods(&words) {
                prop_assert!(period.words.start >= end && period.words.end > period.words.start);
                prop_assert!(period.words.end <= words.len());
                end = period.words.end;
            }
        }
    }
}
