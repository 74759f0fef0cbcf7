//! Deterministic vectors in which texts that share words or meaning lie near each other.
//!
//! A bag of stemmed words, hashed into [`DIMENSION`] numbers, where a word also adds the group of
//! [`super::synonyms`] it belongs to. Deliberately modest: general English, no weights learnt from any
//! collection, so that what joined retrieval gains over words alone is measured honestly.

use super::synonyms;
use rust_stemmers::{Algorithm, Stemmer};
use std::{collections::HashMap, sync::LazyLock};

/// The length of every vector.
pub const DIMENSION: usize = 256;

/// A hashed feature touches this many numbers: collisions of two features then stay partial.
const SPREAD: usize = 8;

/// How much the word itself counts beside the group it belongs to.
const WORD_WEIGHT: f32 = 0.7;
const GROUP_WEIGHT: f32 = 1.0;

/// Words that say nothing about what a text is about.
const STOP_WORDS: &str = "a about after all also am an and any are as at be because been before being between book \
    books both but by can could did do does doing during each few find for from further get give had has have having he \
    her here hers him his how i if in into is it its just know like looking me more most my novel novels no nor not \
    of off on once one only or other our out over own please read reading recommend same she should so some something \
    stories story such suggest than that the their them then there these they this those through to too two under \
    until up very want was we were what when where which while who whom whose why will with would you your";

/// Stemmed words to the groups they belong to.
static GROUPS: LazyLock<HashMap<String, Vec<usize>>> = LazyLock::new(|| {
    let mut groups: HashMap<String, Vec<usize>> = HashMap::new();
    for (number, words) in synonyms::GROUPS.iter().enumerate() {
        for word in words.split_whitespace() {
            let members = groups.entry(stem(word)).or_default();
            if !members.contains(&number) {
                members.push(number);
            }
        }
    }
    groups
});

/// The vector of a text, of length 1; all zeros but the first for a text without any word.
pub fn embed(text: &str) -> Vec<f32> {
    let mut weights: HashMap<Feature, f32> = HashMap::new();
    for word in words(text) {
        let groups = GROUPS.get(&word).map_or(&[][..], Vec::as_slice);
        for group in groups {
            // A word of several meanings says less about each.
            *weights.entry(Feature::Group(*group)).or_default() += GROUP_WEIGHT / groups.len() as f32;
        }
        let weight = if groups.is_empty() {
            GROUP_WEIGHT
        } else {
            WORD_WEIGHT
        };
        *weights.entry(Feature::Word(word)).or_default() += weight;
    }
    // Sums of floats depend on their order, and a map has none.
    let mut weights: Vec<(Feature, f32)> = weights.into_iter().collect();
    weights.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
    let mut vector = vec![0.0; DIMENSION];
    for (feature, weight) in weights {
        feature.add_to(&mut vector, weight.sqrt());
    }
    let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|number| *number /= length);
    } else {
        vector[0] = 1.0;
    }
    vector
}

/// How near two texts are: the cosine of their vectors, −1 to 1.
pub fn similarity(left: &str, right: &str) -> f32 {
    embed(left)
        .iter()
        .zip(embed(right))
        .map(|(left, right)| left * right)
        .sum()
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Feature {
    Group(usize),
    Word(String),
}

impl Feature {
    fn add_to(&self, vector: &mut [f32], weight: f32) {
        let mut state = match self {
            Self::Group(number) => hash(format!("group {number}").as_bytes()),
            Self::Word(word) => hash(word.as_bytes()),
        };
        for _ in 0..SPREAD {
            // SplitMix64.
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^= mixed >> 31;
            let sign = if mixed & 1 == 0 { weight } else { -weight };
            vector[(mixed >> 32) as usize % DIMENSION] += sign;
        }
    }
}

/// FNV-1a.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The stemmed words of a text that say something.
fn words(text: &str) -> impl Iterator<Item = String> {
    static STOP: LazyLock<Vec<&str>> = LazyLock::new(|| STOP_WORDS.split_whitespace().collect());
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() > 1 && !STOP.contains(word))
        .map(stem)
        .collect::<Vec<_>>()
        .into_iter()
}

fn stem(word: &str) -> String {
    static STEMMER: LazyLock<Stemmer> = LazyLock::new(|| Stemmer::create(Algorithm::English));
    STEMMER.stem(word).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_one_meaning_are_nearer_than_texts_of_different_meanings() {
        for (query, near, far) in [
            (
                "a detective solves a crime",
                "a murder mystery in a country house",
                "a sailor crosses the ocean",
            ),
            (
                "voyages at sea",
                "a ship and its captain on the ocean",
                "an android that dreams",
            ),
            (
                "thinking robots",
                "androids and their makers",
                "a farm and its harvest",
            ),
            (
                "growing up and coming of age",
                "a boy's childhood and youth",
                "a machine that travels through time",
            ),
            (
                "love and marriage",
                "a romance between a bride and a suitor",
                "a dragon and a wizard",
            ),
            (
                "sad grief after a death",
                "mourning the loss of a brother",
                "cooking in a restaurant kitchen",
            ),
        ] {
            let (near_by, far_off) = (similarity(query, near), similarity(query, far));
            assert!(
                near_by > far_off + 0.15,
                "{query}: {near} {near_by}, {far} {far_off}"
            );
        }
    }

    #[test]
    fn vectors_are_of_one_length_and_repeatable() {
        for text in ["", "!?", "the of and", "One word", "Ünïcödé 時間 🦀"] {
            let vector = embed(text);
            assert_eq!((vector.len(), &vector), (DIMENSION, &embed(text)));
            let length: f32 = vector.iter().map(|number| number * number).sum();
            assert!((length - 1.0).abs() < 1e-5, "{text}: {length}");
        }
    }

    #[test]
    fn equal_words_in_another_form_are_the_same() {
        assert!(similarity("sailing ships", "sailed ship") > 0.99);
    }

    #[test]
    fn unrelated_words_are_far_apart() {
        assert!(similarity("umbrella", "parliament").abs() < 0.4);
    }
}
