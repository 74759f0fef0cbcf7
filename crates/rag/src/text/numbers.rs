//! Number words as digits and spelled initials as one word, so that `Nineteen Eighty-Four` and `1984` are one title, and
//! `R.U.R.` and `RUR`.

use std::ops::Range;

/// Rewrites runs of English number words as digits and runs of single letters (but `a` and `i`) as one word. Each piece
/// comes with the range of input words it stands for.
///
/// Years are read as they are spoken (`eighteen twelve` is 1812); `and` is a part of a number after a hundred or a
/// thousand (`one thousand and one` is 1001).
pub(crate) fn merge_spelled_words<W: AsRef<str>>(words: &[W]) -> Vec<(String, Range<usize>)> {
    let mut merged = Vec::with_capacity(words.len());
    let mut at = 0;
    while at < words.len() {
        let initials = words[at..]
            .iter()
            .take_while(|word| is_initial(word.as_ref()))
            .count();
        let (number, end) = number_at(words, at);
        match number {
            Some(number) => merged.push((number.to_string(), at..end)),
            None if initials > 1 => {
                let word = words[at..at + initials]
                    .iter()
                    .map(AsRef::as_ref)
                    .collect::<String>();
                merged.push((word, at..at + initials));
            }
            None => merged.push((words[at].as_ref().to_owned(), at..end)),
        }
        at = merged.last().map_or(end, |(_, range)| range.end);
    }
    merged
}

fn is_initial(word: &str) -> bool {
    word.len() == 1 && word.bytes().all(|b| b.is_ascii_lowercase()) && word != "a" && word != "i"
}

enum Part {
    Small(u64),
    Tens(u64),
    Hundred,
    Thousand,
}

fn number_at<W: AsRef<str>>(words: &[W], start: usize) -> (Option<u64>, usize) {
    let (mut thousands, mut current, mut at) = (0_u64, 0_u64, start);
    while at < words.len() {
        let mut next = at;
        if words[at].as_ref() == "and" && at > start && current.is_multiple_of(100) && at + 1 < words.len() {
            next += 1;
        }
        let Some(part) = part_of(words[next].as_ref()) else {
            break;
        };
        let fits_after_tens = current >= 20 && current.is_multiple_of(10) && !current.is_multiple_of(100);
        let is_spoken_century = (10..100).contains(&current) && next == at;
        match part {
            Part::Small(0) if at == start => return (Some(0), at + 1),
            Part::Small(n) if n > 0 && (current.is_multiple_of(100) || (fits_after_tens && n < 10)) => {
                current += n
            }
            Part::Tens(n) if current.is_multiple_of(100) => current += n,
            Part::Small(n) | Part::Tens(n) if n >= 10 && is_spoken_century => current = current * 100 + n,
            Part::Hundred if current < 100 => current = current.max(1) * 100,
            Part::Thousand if thousands == 0 && current < 1_000 => {
                thousands = current.max(1) * 1_000;
                current = 0;
            }
            _ => break,
        }
        at = next + 1;
    }
    if at == start {
        (None, start + 1)
    } else {
        (Some(thousands + current), at)
    }
}

fn part_of(word: &str) -> Option<Part> {
    const SMALL: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = [
        "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    if !(3..=9).contains(&word.len()) {
        return None;
    }
    if let Some(n) = SMALL.iter().position(|small| *small == word) {
        return Some(Part::Small(n as u64));
    }
    if let Some(n) = TENS.iter().position(|tens| *tens == word) {
        return Some(Part::Tens((n as u64 + 2) * 10));
    }
    match word {
        "hundred" => Some(Part::Hundred),
        "thousand" => Some(Part::Thousand),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::words;
    use proptest::prelude::*;

    #[test]
    fn number_words_become_digits() {
        for (text, expected) in [
            ("nineteen eighty-four", "1984"),
            ("One Hundred Years of Solitude", "100 years of solitude"),
            ("Twenty Thousand Leagues", "20000 leagues"),
            ("the thousand and one nights", "the 1001 nights"),
            ("one hundred and one dalmatians", "101 dalmatians"),
            ("slaughterhouse five", "slaughterhouse 5"),
            ("eighteen twelve", "1812"),
            ("one and two", "1 and 2"),
            ("three four", "3 4"),
            ("hundred and", "100 and"),
            ("zero zero", "0 0"),
            ("R.U.R. and I", "rur and i"),
            ("plan b", "plan b"),
            ("two thousand three thousand", "2003 1000"),
        ] {
            let merged: Vec<String> = merge_spelled_words(&words(text))
                .into_iter()
                .map(|piece| piece.0)
                .collect();
            assert_eq!(merged.join(" "), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn pieces_cover_the_words(numbers in proptest::collection::vec(prop_oneof![
            Just("one"), Just("and"), Just("hundred"), Just("thousand"), Just("ninety"), Just("zero"), Just("cat"), Just("r")], 0..12)) {
            let mut at = 0;
            for (_, range) in merge_spelled_words(&numbers) {
                prop_assert_eq!(range.start, at);
                at = range.end;
            }
            prop_assert_eq!(at, numbers.len());
        }
    }
}
