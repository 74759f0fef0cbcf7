//! The sentences of a text that answer a question best, by BM25 over its sentences.

use super::split_sentences;
use crate::text::{Analyser, is_request_word};
use std::collections::HashMap;

/// A sentence that fits a question.
#[derive(Clone, Debug, PartialEq)]
pub struct RankedSentence {
    /// Its place among the sentences of the text, from 0 (as in [`split_sentences`]).
    pub index: usize,
    /// The sentence.
    pub text: String,
    /// Larger is better, always positive; comparable within one answer only.
    pub score: f32,
}

const SATURATION: f32 = 1.2;
const LENGTH_NORMALISATION: f32 = 0.5;
/// What a sentence gets from the one before or after it: answers often stand beside the words of the question.
const NEIGHBOUR: f32 = 0.15;
/// The most characters of a question that are read.
const MAX_QUERY_CHARS: usize = 2_000;

/// The sentences of `text` that share words with `query`, best first, at most `limit`. None where nothing is shared.
pub fn rank_sentences(query: &str, text: &str, limit: usize) -> Vec<RankedSentence> {
    let end = query
        .char_indices()
        .nth(MAX_QUERY_CHARS)
        .map_or(query.len(), |(at, _)| at);
    let mut analyser = Analyser::new();
    let mut terms = analyser.terms(&query[..end]);
    if terms.iter().any(|term| !is_request_word(&term.word)) {
        terms.retain(|term| !is_request_word(&term.word));
    }
    let mut wanted: HashMap<String, usize> = HashMap::new();
    for term in terms {
        let next = wanted.len();
        wanted.entry(term.stem).or_insert(next);
    }
    let sentences = split_sentences(text);
    let mut lengths = Vec::with_capacity(sentences.len());
    let mut occurrences: Vec<(usize, usize, f32)> = Vec::new();
    let mut sentence_counts = vec![0_usize; wanted.len()];
    for (index, sentence) in sentences.iter().enumerate() {
        let terms = analyser.terms(sentence);
        lengths.push(terms.len() as f32);
        let mut counts: Vec<(usize, f32)> = Vec::new();
        for at in terms.iter().filter_map(|term| wanted.get(&term.stem)) {
            match counts.iter_mut().find(|(known, _)| known == at) {
                Some((_, count)) => *count += 1.0,
                None => counts.push((*at, 1.0)),
            }
        }
        for (at, count) in counts {
            sentence_counts[at] += 1;
            occurrences.push((index, at, count));
        }
    }
    let average = (lengths.iter().sum::<f32>() / lengths.len().max(1) as f32).max(1.0);
    let mut own = vec![0.0_f32; sentences.len()];
    for (index, at, count) in occurrences {
        let containing = sentence_counts[at] as f32;
        let idf = (1.0 + (sentences.len() as f32 - containing + 0.5) / (containing + 0.5)).ln();
        let length = 1.0 - LENGTH_NORMALISATION + LENGTH_NORMALISATION * lengths[index] / average;
        own[index] += idf * count * (SATURATION + 1.0) / (count + SATURATION * length);
    }
    let mut ranked: Vec<(usize, f32)> = (0..sentences.len())
        .filter(|index| own[*index] > 0.0)
        .map(|index| {
            let before = index.checked_sub(1).map_or(0.0, |before| own[before]);
            let after = own.get(index + 1).copied().unwrap_or_default();
            (index, own[index] + NEIGHBOUR * before.max(after))
        })
        .collect();
    ranked.sort_by(|left, right| right.1.total_cmp(&left.1).then(left.0.cmp(&right.0)));
    ranked
        .into_iter()
        .take(limit)
        .map(|(index, score)| RankedSentence {
            index,
            text: sentences[index].to_owned(),
            score,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const REPORT: &str = "Quarterly report\n\nSales grew by 12 percent. The growth came from exports. \
        Costs fell because freight became cheaper. The board proposes a dividend of 2 euros per share. \
        A new factory will open in Porto. Staff numbers stay the same.";

    #[test]
    fn the_sentence_with_the_answer_comes_first() {
        for (question, answer) in [
            (
                "What dividend does the board propose?",
                "The board proposes a dividend of 2 euros per share.",
            ),
            (
                "why did the costs fall",
                "Costs fell because freight became cheaper.",
            ),
            (
                "Where is the new factory opening?",
                "A new factory will open in Porto.",
            ),
        ] {
            let ranked = rank_sentences(question, REPORT, 2);
            assert_eq!(ranked[0].text, answer);
            assert_eq!(split_sentences(REPORT)[ranked[0].index], answer);
        }
    }

    #[test]
    fn nothing_shared_is_nothing_found() {
        assert!(rank_sentences("elephants", REPORT, 5).is_empty());
        assert!(rank_sentences("", REPORT, 5).is_empty());
        assert!(rank_sentences("sales", "", 5).is_empty());
        assert!(rank_sentences("sales", REPORT, 0).is_empty());
    }

    proptest! {
        #[test]
        fn ranks_are_sorted_and_bounded(query in "\\PC{0,40}", text in "\\PC{0,200}", limit in 0_usize..5) {
            let ranked = rank_sentences(&query, &text, limit);
            prop_assert!(ranked.len() <= limit);
            prop_assert!(ranked.iter().all(|sentence| sentence.score > 0.0 && sentence.score.is_finite()));
            prop_assert!(ranked.is_sorted_by(|left, right| left.score >= right.score));
        }
    }
}
