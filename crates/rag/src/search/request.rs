//! What a request in natural words asks for: concepts, each with the evidence that counts for it.

use super::nations::languages;
use super::period::{Period, periods};
use super::related::{Related, related};
use super::unwanted::{counts, negated};
use crate::field::Field;
use crate::index::{Index, TermId};
use crate::text::{Analyser, Term, is_request_word, is_soft_word, tokens};
use std::collections::HashSet;

/// The most characters of a request that are read.
const MAX_CHARS: usize = 2_000;
/// The most words of a request that become concepts.
const MAX_TERMS: usize = 64;
/// The longest label that is looked for, in content words.
const MAX_LABEL_WORDS: usize = 4;

const SOFT_WORD: f32 = 0.3;
const LANGUAGE: f32 = 0.8;
const PERIOD: f32 = 1.0;
const NAMED_TITLE: f32 = 2.0;
const DERIVED: f32 = 0.5;
const LABEL: f32 = 0.5;
const LABEL_OF_EXAMPLE: f32 = 0.6;
const MISTYPED_NAME: f32 = 0.7;
const MISTYPED_WORD: f32 = 0.4;

/// A request as it was understood.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) concepts: Vec<Concept<'a>>,
    /// Books that were named as examples of what is wanted.
    pub(super) examples: Vec<u32>,
    /// Whether there was no word that says anything about books (`something good`). A word that is merely unknown to the
    /// collection does say something: then nothing is found.
    pub(super) says_nothing: bool,
    /// The times that were named.
    pub(super) periods: Vec<Period>,
}

/// One thing that is asked for.
#[derive(Debug)]
pub(super) struct Concept<'a> {
    /// What the request calls it.
    pub(super) label: String,
    pub(super) weight: f32,
    pub(super) members: Vec<Member<'a>>,
}

/// One kind of evidence for a concept.
#[derive(Debug)]
pub(super) enum Member<'a> {
    /// A stem in certain fields; `related` is the word, where it is another than was asked for.
    Stem {
        term: TermId,
        weight: f32,
        fields: u8,
        related: Option<&'static str>,
    },
    /// A theme or genre.
    Label {
        stems: &'a str,
        slots: &'a [u32],
        weight: f32,
    },
    /// A known set of books, for what a field says.
    Books {
        slots: Vec<u32>,
        weight: f32,
        field: Field,
    },
}

impl Member<'_> {
    /// The fields of a book in which the evidence is found, and the word for it unless it is the one that was asked.
    pub(super) fn found_in<'b>(&'b self, index: &'b Index, slot: u32) -> (u8, Option<&'b str>) {
        match self {
            Member::Stem {
                term,
                fields,
                related,
                ..
            } => (index.terms().fields_in(*term, slot) & fields, *related),
            Member::Label { stems, .. } => {
                let label = index
                    .keys_at(slot)
                    .labels
                    .iter()
                    .find(|label| label.stems == *stems);
                label.map_or((0, None), |label| (label.fields, Some(&label.written)))
            }
            Member::Books { slots, field, .. } => (if slots.contains(&slot) { field.bit() } else { 0 }, None),
        }
    }
}

impl<'a> Request<'a> {
    pub(super) fn understand(index: &'a Index, content: &str) -> Request<'a> {
        let end = content
            .char_indices()
            .nth(MAX_CHARS)
            .map_or(content.len(), |(at, _)| at);
        let content = &content[..end];
        let tokens = tokens(content);
        let mut request = Request {
            concepts: Vec::new(),
            examples: Vec::new(),
            says_nothing: false,
            periods: Vec::new(),
        };
        let mut skipped = negated(content, &tokens);
        skipped.extend(counts(&tokens));
        let mut analyser = Analyser::new();

        for mention in index.title_mentions(content, &tokens) {
            if mention.is_example {
                skipped.extend(mention.words.clone());
                request.examples.extend(&mention.slots);
                for slot in mention.slots.iter().take(3) {
                    request.add_labels_of(index, *slot);
                }
            } else {
                let label = content[mention.place.clone()].to_lowercase();
                request.add_books(label, NAMED_TITLE, mention.slots, Field::Title);
            }
        }
        let words: Vec<&str> = tokens.iter().map(|token| token.word.as_str()).collect();
        let mut soft: HashSet<&str> = HashSet::new();
        for period in periods(&words) {
            if period.words.clone().any(|at| skipped.contains(&at)) {
                continue;
            }
            // Of a phrase such as `before the second world war` the words are no subject of the book.
            if period.words.len() > 1 {
                soft.extend(words[period.words.clone()].iter().copied());
            }
            let named = words[period.words.clone()]
                .iter()
                .filter(|word| !matches!(**word, "the" | "a"));
            let label = named.copied().collect::<Vec<_>>().join(" ");
            request.add_books(
                label,
                PERIOD,
                index.slots_of_years(period.from, period.to).collect(),
                Field::Year,
            );
            request.periods.push(period);
        }
        let kept = (0..tokens.len())
            .filter(|at| !skipped.contains(at))
            .map(|at| tokens[at].word.clone())
            .collect();
        let mut terms = analyser.terms_of_words(kept);
        terms.truncate(MAX_TERMS);
        let is_content = |term: &Term| !is_request_word(&term.word);
        let only_soft = !terms
            .iter()
            .any(|term| is_content(term) && !is_soft_word(&term.word));
        request.add_terms(index, &mut analyser, &terms, only_soft, &soft);
        request.add_phrases(index, &mut analyser, &terms);
        request.says_nothing = request.concepts.is_empty() && !terms.iter().any(is_content);
        request
    }

    fn add_terms(
        &mut self,
        index: &'a Index,
        analyser: &mut Analyser,
        terms: &[Term],
        only_soft: bool,
        soft: &HashSet<&str>,
    ) {
        let mut seen = HashSet::new();
        for term in terms.iter().filter(|term| !is_request_word(&term.word)) {
            if !seen.insert(term.stem.as_str()) {
                continue;
            }
            let mut members = members_of(index, &term.stem);
            members.extend(language_members(index, analyser, &term.word));
            for derived in index.terms().derived(&term.stem, 8) {
                members.push(direct(derived, DERIVED, !Field::Author.bit()));
            }
            let is_known = !members.is_empty();
            members.extend(related_members(index, &term.stem));
            if !is_known && related(&term.stem).is_empty() {
                members.extend(mistyped_members(index, &term.stem));
            }
            let is_soft = (is_soft_word(&term.word) && !only_soft) || soft.contains(term.word.as_str());
            let weight = if is_soft { SOFT_WORD } else { 1.0 };
            self.add(term.word.clone(), weight, members);
        }
    }

    /// Runs of words that are a theme or a genre, or that together mean or are related to something.
    fn add_phrases(&mut self, index: &'a Index, analyser: &mut Analyser, terms: &[Term]) {
        for length in 1..=MAX_LABEL_WORDS {
            for run in terms.windows(length) {
                let stems = run
                    .iter()
                    .map(|term| term.stem.as_str())
                    .collect::<Vec<_>>()
                    .join(" ");
                let words = run
                    .iter()
                    .map(|term| term.word.as_str())
                    .collect::<Vec<_>>()
                    .join(" ");
                let mut members: Vec<Member<'a>> = label_member(index, &stems, LABEL).into_iter().collect();
                if length > 1 {
                    members.extend(related_members(index, &stems));
                    members.extend(language_members(index, analyser, &words));
                }
                self.add(words, 1.0, members);
            }
        }
    }

    fn add_labels_of(&mut self, index: &'a Index, slot: u32) {
        for label in &index.keys_at(slot).labels {
            let member = label_member(index, &label.stems, LABEL_OF_EXAMPLE);
            self.add(label.written.clone(), 1.0, member.into_iter().collect());
        }
    }

    fn add_books(&mut self, label: String, weight: f32, slots: Vec<u32>, field: Field) {
        if !slots.is_empty() {
            self.add(label, 1.0, vec![Member::Books { slots, weight, field }]);
        }
    }

    fn add(&mut self, label: String, weight: f32, members: Vec<Member<'a>>) {
        if !members.is_empty() {
            self.concepts.push(Concept {
                label,
                weight,
                members,
            });
        }
    }
}

fn direct<'a>(term: TermId, weight: f32, fields: u8) -> Member<'a> {
    Member::Stem {
        term,
        weight,
        fields,
        related: None,
    }
}

fn members_of<'a>(index: &Index, stem: &str) -> Vec<Member<'a>> {
    index
        .terms()
        .find(stem)
        .map(|term| direct(term, 1.0, u8::MAX))
        .into_iter()
        .collect()
}

fn label_member<'a>(index: &'a Index, stems: &str, weight: f32) -> Option<Member<'a>> {
    let (stems, slots) = index.label(stems)?;
    Some(Member::Label { stems, slots, weight })
}

fn language_members<'a>(index: &Index, analyser: &mut Analyser, words: &str) -> Vec<Member<'a>> {
    let terms = languages(words)
        .iter()
        .filter_map(|language| index.terms().find(analyser.stem(language)));
    terms
        .map(|term| direct(term, LANGUAGE, Field::Language.bit()))
        .collect()
}

fn related_members<'a>(index: &'a Index, stems: &str) -> Vec<Member<'a>> {
    let fields = !(Field::Author.bit() | Field::Language.bit() | Field::Year.bit());
    let member = |related: &'static Related| {
        if related.stems.contains(' ') {
            return label_member(index, &related.stems, related.weight);
        }
        let term = index.terms().find(&related.stems)?;
        Some(Member::Stem {
            term,
            weight: related.weight,
            fields,
            related: Some(&related.written),
        })
    };
    related(stems).iter().filter_map(member).collect()
}

/// What an unknown word may have been meant to be: the beginning or a misspelling of a name, less likely of a word.
fn mistyped_members<'a>(index: &'a Index, stem: &str) -> Vec<Member<'a>> {
    let names = Field::Title.bit() | Field::Author.bit();
    let length = stem.chars().count();
    let mut members: Vec<Member<'a>> = Vec::new();
    for (term, distance) in index.terms().similar(stem, 8) {
        if index.terms().fields_of(term) & names != 0 {
            members.push(direct(term, MISTYPED_NAME / distance as f32, names));
        }
        if distance == 1 && length >= 6 {
            members.push(direct(term, MISTYPED_WORD, !names));
        }
    }
    if members.is_empty() && length >= 4 {
        for term in index.terms().with_prefix(stem, 8) {
            if index.terms().fields_of(term) & names != 0 {
                members.push(direct(term, MISTYPED_NAME, names));
            }
        }
    }
    members
}
