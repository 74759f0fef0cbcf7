//! Conditions: which books may come out at all.

use super::nations::languages;
use super::period::periods;
use crate::field::Field;
use crate::index::Index;
use crate::query::Query;
use crate::text::{Analyser, is_request_word, words};
use crate::titles::TitleForms;
use std::collections::HashSet;

/// The most entries of one list of a query that are looked at.
const MAX_ENTRIES: usize = 1_000;
/// The most characters of one entry that are looked at.
const MAX_ENTRY_CHARS: usize = 500;

/// The conditions of one query, worked out for one index.
pub(super) struct Conditions {
    /// Where there are positive conditions: the slots that meet them, in order.
    only: Option<Vec<u32>>,
    /// Per slot, empty where nothing is excluded.
    excluded: Vec<bool>,
    /// Whether the books of certain authors were asked for.
    pub(super) names_authors: bool,
}

impl Conditions {
    /// `examples` are left out too, and each of `kinds` is required.
    pub(super) fn of(index: &Index, query: &Query, examples: &[u32], kinds: Vec<HashSet<u32>>) -> Conditions {
        let mut analyser = Analyser::new();
        let names_authors = entries(&query.authors).next().is_some();
        let mut only: Option<Vec<u32>> = None;
        let mut require = |slots: HashSet<u32>| {
            let mut slots: Vec<u32> = match only.take() {
                Some(known) => known.into_iter().filter(|slot| slots.contains(slot)).collect(),
                None => slots.into_iter().collect(),
            };
            slots.sort_unstable();
            only = Some(slots);
        };
        kinds.into_iter().for_each(&mut require);
        if names_authors {
            require(slots_of_authors(index, &query.authors));
        }
        for (labels, field) in [(&query.themes, Field::Themes), (&query.genres, Field::Genres)] {
            if entries(labels).next().is_some() {
                let stems = entries(labels).map(|label| stems_of(&mut analyser, words(label)));
                require(
                    stems
                        .flat_map(|stems| slots_with_all(index, &stems, field.bit()))
                        .collect(),
                );
            }
        }

        let mut excluded: HashSet<u32> = examples.iter().copied().collect();
        excluded.extend(slots_of_authors(index, &query.exclude_authors));
        for title in entries(&query.exclude_titles) {
            let forms = TitleForms::of(title);
            let candidates = index
                .slots_of_title(&forms.bare)
                .iter()
                .chain(index.slots_of_title(&forms.main));
            excluded.extend(candidates.filter(|slot| forms.names(&index.keys_at(**slot).title)));
        }
        for thing in entries(&query.exclude_content).flat_map(things) {
            excluded.extend(slots_of_content(index, &mut analyser, &thing));
        }
        let mut by_slot = Vec::new();
        if !excluded.is_empty() {
            by_slot.resize(index.len(), false);
            excluded
                .into_iter()
                .for_each(|slot| by_slot[slot as usize] = true);
        }
        Conditions {
            only,
            excluded: by_slot,
            names_authors,
        }
    }

    pub(super) fn admit(&self, slot: u32) -> bool {
        self.only
            .as_ref()
            .is_none_or(|only| only.binary_search(&slot).is_ok())
            && !self.excluded.get(slot as usize).is_some_and(|excluded| *excluded)
    }

    /// The slots that meet the positive conditions, where there are such conditions.
    pub(super) fn few_admitted(&self) -> Option<&[u32]> {
        self.only.as_deref()
    }

    /// The admitted slots by year, those without a year last. Only for queries with positive conditions.
    pub(super) fn admitted_by_year(&self, index: &Index) -> impl Iterator<Item = u32> + use<> {
        let mut slots: Vec<u32> = self
            .only
            .iter()
            .flatten()
            .copied()
            .filter(|slot| self.admit(*slot))
            .collect();
        slots.sort_by_key(|slot| {
            let year = index.book_at(*slot).year.as_ref().and_then(|year| year.number());
            (year.is_none(), year, *slot)
        });
        slots.into_iter()
    }
}

/// The entries of a list that say anything, cut to a length that bounds the work.
fn entries(list: &[String]) -> impl Iterator<Item = &str> {
    list.iter()
        .take(MAX_ENTRIES)
        .filter(|entry| !entry.trim().is_empty())
        .map(|entry| {
            let end = entry
                .char_indices()
                .nth(MAX_ENTRY_CHARS)
                .map_or(entry.len(), |(at, _)| at);
            &entry[..end]
        })
}

fn slots_of_authors(index: &Index, names: &[String]) -> HashSet<u32> {
    entries(names)
        .flat_map(|name| index.persons_named(name))
        .flat_map(|person| person.slots.iter().copied())
        .collect()
}

/// The things that an excluding text names: `war, horror and violence` are three.
fn things(text: &str) -> Vec<Vec<String>> {
    let mut things = Vec::new();
    for part in text.split([',', ';', '/', '\n']) {
        let words = words(part);
        things.extend(
            words
                .split(|word| word == "and" || word == "or")
                .map(<[String]>::to_vec),
        );
    }
    things
}

fn stems_of(analyser: &mut Analyser, words: Vec<String>) -> Vec<String> {
    analyser
        .terms_of_words(words)
        .into_iter()
        .map(|term| term.stem)
        .collect()
}

/// The books that one excluded thing fits; see [`Query::exclude_content`].
fn slots_of_content(index: &Index, analyser: &mut Analyser, words: &[String]) -> HashSet<u32> {
    let plain: Vec<&str> = words.iter().map(String::as_str).collect();
    let periods = periods(&plain);
    let mut content: Vec<String> = Vec::new();
    let mut fitting: Option<HashSet<u32>> = None;
    let mut require = |slots: HashSet<u32>| {
        fitting = Some(match fitting.take() {
            Some(known) => known.intersection(&slots).copied().collect(),
            None => slots,
        });
    };
    for period in &periods {
        require(index.slots_of_years(period.from, period.to).collect());
    }
    for (at, word) in words.iter().enumerate() {
        if periods.iter().any(|period| period.words.contains(&at)) {
            continue;
        }
        let languages = languages(word);
        if languages.is_empty() {
            content.push(word.clone());
            continue;
        }
        // A nation fits the language, or the word itself fits a field.
        let mut slots: HashSet<u32> = HashSet::new();
        for language in languages {
            let stem = analyser.stem(language).to_owned();
            slots.extend(slots_with_all(index, &[stem], Field::Language.bit()));
        }
        let stem = analyser.stem(word).to_owned();
        slots.extend(slots_with_all(index, &[stem], !Field::Author.bit()));
        require(slots);
    }
    let is_noise =
        |word: &String| is_request_word(word) || matches!(word.as_str(), "novel" | "novels" | "literature");
    let said: Vec<String> = content.iter().filter(|word| !is_noise(word)).cloned().collect();
    let mut stems = stems_of(analyser, said);
    // `novels` alone means the word itself; beside a nation or a period it says nothing.
    if stems.is_empty() && fitting.is_none() {
        stems = stems_of(analyser, content);
    }
    if !stems.is_empty() {
        let slots = slots_with_all(index, &stems, !(Field::Author.bit() | Field::Year.bit()));
        fitting = Some(match fitting {
            Some(known) => known.intersection(&slots).copied().collect(),
            None => slots,
        });
    }
    fitting.unwrap_or_default()
}

/// The books of which one of the fields contains all stems.
fn slots_with_all(index: &Index, stems: &[String], fields: u8) -> HashSet<u32> {
    let mut remaining: Option<Vec<(u32, u8)>> = None;
    for stem in stems {
        let Some(term) = index.terms().find(stem) else {
            return HashSet::new();
        };
        let matching: Vec<(u32, u8)> = match remaining {
            None => index
                .terms()
                .postings(term)
                .chunk_by(|left, right| left.slot == right.slot)
                .map(|postings| {
                    (
                        postings[0].slot,
                        postings.iter().fold(0, |bits, posting| bits | 1 << posting.field),
                    )
                })
                .collect(),
            Some(known) => known
                .into_iter()
                .map(|(slot, bits): (u32, u8)| (slot, bits & index.terms().fields_in(term, slot)))
                .collect(),
        };
        remaining = Some(
            matching
                .into_iter()
                .filter(|(_, bits)| bits & fields != 0)
                .collect(),
        );
    }
    remaining.into_iter().flatten().map(|(slot, _)| slot).collect()
}
