//! An extractive summary: the sentences that say most of what the text says, in its own order.
//!
//! SumBasic (Nenkova and Vanderwende 2005) with a bias for where a sentence stands: a word's weight is how often the text
//! uses it, and falls when a chosen sentence has used it, so that nothing is said twice.

use super::split_sentences;
use crate::text::Analyser;
use std::collections::HashMap;

/// How many of the most promising sentences are weighed against each other; bounds the work on long texts.
const MAX_CANDIDATES: usize = 300;

/// What a word is still worth, at most, once a chosen sentence has used it.
const REPEATED: f64 = 0.05;

struct Candidate<'a> {
    index: usize,
    text: &'a str,
    chars: usize,
    /// Distinct words, by number.
    words: Vec<usize>,
    bias: f64,
}

/// A summary of at most `max_chars` characters: whole sentences in the text's order, joined by blanks. A text that is
/// short enough is returned as it is; where not even one sentence fits, the first is cut at a word, with `…`.
pub fn summarise(text: &str, max_chars: usize) -> String {
    let text = super::clip(text).trim();
    if text.chars().nth(max_chars).is_none() {
        return text.to_owned();
    }
    let sentences = split_sentences(text);
    let mut analyser = Analyser::new();
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let mut counts: Vec<f64> = Vec::new();
    let mut candidates = Vec::with_capacity(sentences.len());
    for (index, sentence) in sentences.iter().enumerate() {
        let mut words: Vec<usize> = Vec::new();
        for term in analyser.terms(sentence) {
            let next = numbers.len();
            let number = *numbers.entry(term.stem).or_insert(next);
            if number == next {
                counts.push(0.0);
            }
            counts[number] += 1.0;
            words.push(number);
        }
        words.sort_unstable();
        words.dedup();
        let chars = sentence.chars().count();
        // Headings and fragments carry few words; they would read as noise between sentences.
        if words.len() >= 3 && chars <= max_chars {
            candidates.push(Candidate {
                index,
                text: sentence,
                chars,
                words,
                bias: place_bias(index, sentences.len()),
            });
        }
    }
    let total: f64 = counts.iter().sum::<f64>().max(1.0);
    let mut weights: Vec<f64> = counts.iter().map(|count| count / total).collect();
    candidates.sort_by(|left, right| {
        let (left_worth, right_worth) = (worth(left, &weights), worth(right, &weights));
        right_worth
            .total_cmp(&left_worth)
            .then(left.index.cmp(&right.index))
    });
    candidates.truncate(MAX_CANDIDATES);

    let mut chosen: Vec<(usize, &str)> = Vec::new();
    let mut room = max_chars;
    loop {
        candidates.retain(|candidate| candidate.chars + usize::from(!chosen.is_empty()) <= room);
        let best = candidates
            .iter()
            .enumerate()
            .max_by(|(_, left), (_, right)| {
                worth(left, &weights)
                    .total_cmp(&worth(right, &weights))
                    .then(right.index.cmp(&left.index))
            })
            .map(|(place, _)| place);
        let Some(best) = best else { break };
        let candidate = candidates.swap_remove(best);
        room -= candidate.chars + usize::from(!chosen.is_empty());
        for word in &candidate.words {
            weights[*word] = (weights[*word] * weights[*word]).min(weights[*word] * REPEATED);
        }
        chosen.push((candidate.index, candidate.text));
    }
    if chosen.is_empty() {
        return cut(sentences.first().copied().unwrap_or(text), max_chars);
    }
    chosen.sort_unstable();
    chosen
        .into_iter()
        .map(|(_, text)| text)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The mean weight of a sentence's words, with a slight preference for sentences that say more.
fn worth(candidate: &Candidate<'_>, weights: &[f64]) -> f64 {
    let sum: f64 = candidate.words.iter().map(|word| weights[*word]).sum();
    candidate.bias * sum / (candidate.words.len() as f64).powf(0.7)
}

/// Texts say first what they are about, and often repeat it at the end.
fn place_bias(index: usize, count: usize) -> f64 {
    let from_start = index as f64;
    let from_end = (count - 1 - index) as f64;
    1.0 + 1.0 / (1.0 + from_start) + if from_end < 2.0 { 0.15 } else { 0.0 }
}

fn cut(text: &str, max_chars: usize) -> String {
    let Some(room) = max_chars.checked_sub(1) else {
        return String::new();
    };
    let end = text.char_indices().nth(room).map_or(text.len(), |(at, _)| at);
    let kept = &text[..end];
    let kept = kept
        .rsplit_once(char::is_whitespace)
        .map_or(kept, |(before, _)| before);
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REPORT: &str = "The ferry company lost money on its island route last year. Fuel for the ferry cost more \
        than tickets brought in. The weather was mild. The company now wants the island to pay for the route. Islanders \
        answer that the ferry is their only road. A decision about the ferry route is expected in May. Lunch was served.";

    #[test]
    fn a_summary_has_whole_sentences_in_order() {
        let summary = summarise(REPORT, 220);
        assert!(summary.chars().count() <= 220, "{summary}");
        assert!(
            summary.starts_with("The ferry company lost money on its island route last year."),
            "{summary}"
        );
        assert!(
            !summary.contains("Lunch") && !summary.contains("weather"),
            "{summary}"
        );
        let places: Vec<usize> = split_sentences(&summary)
            .iter()
            .map(|sentence| REPORT.find(sentence).unwrap())
            .collect();
        assert!(places.len() >= 2 && places.is_sorted());
    }

    #[test]
    fn short_texts_stay_and_long_sentences_are_cut() {
        assert_eq!(summarise("  Short. ", 100), "Short.");
        assert_eq!(
            summarise("A sentence that is far too long for this", 20),
            "A sentence that is…"
        );
        assert_eq!(summarise("word", 2), "w…");
        assert_eq!(summarise("word", 0), "");
        assert_eq!(summarise("", 10), "");
    }

    #[test]
    fn repetition_is_said_once() {
        let text = format!(
            "{}The harbour freezes every winter and trade stops.",
            "The mill burned down in the war. ".repeat(9)
        );
        let summary = summarise(&text, 90);
        assert_eq!(
            summary,
            "The mill burned down in the war. The harbour freezes every winter and trade stops."
        );
    }

    #[test]
    fn two_megabytes_are_summarised_within_the_bound() {
        let text: String = (0..30_000)
            .map(|n| format!("Sentence {n} tells of thing {} and place {}. ", n % 97, n % 89))
            .collect();
        let summary = summarise(&text, 2_000);
        assert!((1_000..=2_000).contains(&summary.chars().count()));
    }

    proptest! {
        #[test]
        fn no_summary_is_too_long(text in "[a-c .!\n]{0,300}", max_chars in 0_usize..80) {
            prop_assert!(summarise(&text, max_chars).chars().count() <= max_chars);
        }
    }
}
