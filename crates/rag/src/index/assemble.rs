//! Puts the inverted index together from the one before and from newly analysed books.

use super::{Posting, Terms};
use crate::book::Book;
use crate::field::Field;
use crate::text::Analyser;
use std::borrow::Cow;

/// Content words per field of one book, at most 65,535 each.
pub(super) type Lengths = [u16; Field::ALL.len()];

/// Collects postings of new books, then merges them with those that are kept.
pub(super) struct Assembler {
    pub(super) analyser: Analyser,
    /// By the analyser's number of the stem.
    fresh: Vec<Vec<Posting>>,
    lengths: Vec<Lengths>,
}

impl Assembler {
    pub(super) fn new(books: usize) -> Assembler {
        Assembler {
            analyser: Analyser::new(),
            fresh: Vec::new(),
            lengths: vec![Lengths::default(); books],
        }
    }

    pub(super) fn keep_lengths(&mut self, slot: u32, lengths: Lengths) {
        self.lengths[slot as usize] = lengths;
    }

    pub(super) fn analyse(&mut self, slot: u32, book: &Book) {
        let mut stems = Vec::new();
        for field in Field::ALL {
            stems.clear();
            texts_of(book, field)
                .iter()
                .for_each(|text| self.analyser.stem_numbers(text, &mut stems));
            self.lengths[slot as usize][field as usize] = u16::try_from(stems.len()).unwrap_or(u16::MAX);
            for stem in &stems {
                let stem = *stem as usize;
                if stem >= self.fresh.len() {
                    self.fresh.resize_with(stem + 1, Vec::new);
                }
                match self.fresh[stem].last_mut() {
                    Some(last) if last.slot == slot && last.field == field as u8 => {
                        last.count = last.count.saturating_add(1);
                    }
                    _ => self.fresh[stem].push(Posting {
                        slot,
                        field: field as u8,
                        count: 1,
                    }),
                }
            }
        }
    }

    /// Merges with the terms of the index before, of which `slots` says where each book went.
    pub(super) fn finish(self, before: &Terms, slots: &[Option<u32>]) -> (Terms, Vec<Lengths>) {
        // Stems that only labels have are numbered too, but have no postings of their own.
        let stems = self.analyser.into_stems().into_iter().zip(self.fresh);
        let mut fresh: Vec<(String, Vec<Posting>)> =
            stems.filter(|(_, postings)| !postings.is_empty()).collect();
        fresh.sort_unstable_by(|left, right| left.0.cmp(&right.0));
        let mut fresh = fresh.into_iter().peekable();
        let mut terms = Terms::default();
        for (stem, postings) in before.iter() {
            while let Some((new_stem, new)) = fresh.next_if(|(new_stem, _)| new_stem.as_str() < stem) {
                terms.push(new_stem.into(), new);
            }
            let mut kept: Vec<Posting> = postings
                .iter()
                .filter_map(|posting| {
                    Some(Posting {
                        slot: slots[posting.slot as usize]?,
                        ..*posting
                    })
                })
                .collect();
            if let Some((_, new)) = fresh.next_if(|(new_stem, _)| new_stem == stem) {
                kept.extend(new);
            }
            if !kept.is_empty() {
                terms.push(stem.into(), kept);
            }
        }
        fresh.for_each(|(stem, postings)| terms.push(stem.into(), postings));
        (terms, self.lengths)
    }
}

/// Per slot and field: the field's weight over its length normalisation (the inner part of BM25F, Robertson and
/// Zaragoza 2009, equation 3.19).
pub(super) fn factors(lengths: &[Lengths]) -> Vec<[f32; Field::ALL.len()]> {
    let mut averages = [0.0_f32; Field::ALL.len()];
    for (at, average) in averages.iter_mut().enumerate() {
        let filled = lengths.iter().filter(|lengths| lengths[at] > 0).count().max(1);
        let sum: f64 = lengths.iter().map(|lengths| f64::from(lengths[at])).sum();
        *average = (sum / filled as f64).max(1.0) as f32;
    }
    lengths
        .iter()
        .map(|lengths| {
            std::array::from_fn(|at| {
                let field = Field::ALL[at];
                let b = field.length_normalisation();
                field.weight() / (1.0 - b + b * f32::from(lengths[at]) / averages[at])
            })
        })
        .collect()
}

fn texts_of(book: &Book, field: Field) -> Vec<Cow<'_, str>> {
    match field {
        Field::Title => vec![Cow::Borrowed(&book.title)],
        Field::Author => book
            .author
            .iter()
            .map(|author| Cow::Borrowed(author.as_str()))
            .collect(),
        Field::Themes => book
            .themes
            .iter()
            .map(|theme| Cow::Borrowed(theme.as_str()))
            .collect(),
        Field::Genres => book
            .genres
            .iter()
            .map(|genre| Cow::Borrowed(genre.as_str()))
            .collect(),
        Field::ShortSummary => vec![Cow::Borrowed(&book.short_summary)],
        Field::FullSummary => vec![Cow::Borrowed(&book.full_summary)],
        Field::Language => book
            .language
            .iter()
            .map(|language| Cow::Borrowed(language.as_str()))
            .collect(),
        Field::Year => {
            let number = book.year.iter().filter_map(|year| year.number());
            // A small number in a request is a count or an age.
            let number = number.filter(|number| number.unsigned_abs() >= 100);
            number
                .map(|number| Cow::Owned(number.unsigned_abs().to_string()))
                .collect()
        }
    }
}
