//! The inverted index: for each stem the books and fields in which it occurs.

use crate::edit_distance::{distance_within, tolerance};
use crate::text::root;
use std::ops::Range;

/// A stem, by its place in the alphabet of one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct TermId(pub(crate) u32);

/// A stem in one field of one book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Posting {
    pub(crate) slot: u32,
    pub(crate) field: u8,
    /// Occurrences, at most 255.
    pub(crate) count: u8,
}

/// All stems in alphabetical order, each with its postings by slot and field. One allocation for all postings, because
/// there are millions of them in a large collection.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    stems: Vec<Box<str>>,
    /// Per stem: where its postings end.
    ends: Vec<usize>,
    postings: Vec<Posting>,
    /// Per stem: in how many books it occurs.
    book_counts: Vec<u32>,
}

impl Terms {
    /// Adds a stem; stems come in alphabetical order.
    pub(super) fn push(&mut self, stem: Box<str>, mut postings: Vec<Posting>) {
        debug_assert!(self.stems.last() < Some(&stem), "stems must come in order");
        if !postings.is_sorted() {
            postings.sort_unstable();
        }
        let books = postings.chunk_by(|left, right| left.slot == right.slot).count();
        self.stems.push(stem);
        self.postings.extend(postings);
        self.ends.push(self.postings.len());
        self.book_counts.push(books as u32);
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &[Posting])> {
        (0..self.stems.len()).map(|at| (&*self.stems[at], self.postings(TermId(at as u32))))
    }

    pub(crate) fn find(&self, stem: &str) -> Option<TermId> {
        self.stems
            .binary_search_by(|probe| (**probe).cmp(stem))
            .ok()
            .map(|at| TermId(at as u32))
    }

    pub(crate) fn postings(&self, term: TermId) -> &[Posting] {
        let at = term.0 as usize;
        let start = if at == 0 { 0 } else { self.ends[at - 1] };
        &self.postings[start..self.ends[at]]
    }

    pub(crate) fn book_count(&self, term: TermId) -> u32 {
        self.book_counts[term.0 as usize]
    }

    /// The fields of one book in which the stem occurs, as [`crate::Field`] bits.
    pub(crate) fn fields_in(&self, term: TermId, slot: u32) -> u8 {
        let postings = self.postings(term);
        let start = postings.partition_point(|posting| posting.slot < slot);
        postings[start..]
            .iter()
            .take_while(|posting| posting.slot == slot)
            .fold(0, |bits, posting| bits | 1 << posting.field)
    }

    /// All fields in which the stem occurs anywhere.
    pub(crate) fn fields_of(&self, term: TermId) -> u8 {
        self.postings(term)
            .iter()
            .fold(0, |bits, posting| bits | 1 << posting.field)
    }

    /// Stems that begin with `prefix`, at most `limit`.
    pub(crate) fn with_prefix(&self, prefix: &str, limit: usize) -> Vec<TermId> {
        let range = self.range_of(prefix);
        range.take(limit).map(|at| TermId(at as u32)).collect()
    }

    /// Stems within the tolerance for words of this length, nearest first, at most `limit`. The first letter must be
    /// right: people seldom miss it, and it keeps the search within one letter of the alphabet.
    pub(crate) fn similar(&self, word: &str, limit: usize) -> Vec<(TermId, usize)> {
        let wanted: Vec<char> = word.chars().collect();
        let allowed = tolerance(wanted.len());
        let Some(first) = wanted.first().filter(|_| allowed > 0) else {
            return Vec::new();
        };
        let mut theirs = Vec::new();
        let mut near = Vec::new();
        for at in self.range_of(first.encode_utf8(&mut [0; 4])) {
            let stem = &self.stems[at];
            // A cheap look at the length in bytes spares most of the comparisons.
            if stem.len().abs_diff(word.len()) > allowed * 4 {
                continue;
            }
            theirs.clear();
            theirs.extend(stem.chars());
            if theirs.len() >= 4
                && let Some(distance) = distance_within(&wanted, &theirs, allowed)
            {
                near.push((distance, at as u32));
            }
        }
        near.sort_unstable();
        near.into_iter()
            .take(limit)
            .map(|(distance, at)| (TermId(at), distance))
            .collect()
    }

    /// Other stems of the same root (`optim` for `optimist`), at most `limit`.
    pub(crate) fn derived(&self, stem: &str, limit: usize) -> Vec<TermId> {
        let wanted = root(stem);
        let range = self.range_of(wanted);
        let same_root = range.filter(|at| *self.stems[*at] != *stem && root(&self.stems[*at]) == wanted);
        same_root.take(limit).map(|at| TermId(at as u32)).collect()
    }

    fn range_of(&self, prefix: &str) -> Range<usize> {
        let start = self.stems.partition_point(|stem| **stem < *prefix);
        let length = self.stems[start..].partition_point(|stem| stem.starts_with(prefix));
        start..start + length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        let mut terms = Terms::default();
        let posting = |slot, field| Posting {
            slot,
            field,
            count: 1,
        };
        terms.push(
            "dostoevski".into(),
            vec![posting(2, 1), posting(0, 0), posting(0, 1)],
        );
        terms.push("dune".into(), vec![posting(1, 0)]);
        terms.push("durance".into(), vec![posting(1, 5)]);
        terms
    }

    #[test]
    fn postings_are_sorted_and_counted() {
        let terms = terms();
        let term = terms.find("dostoevski").unwrap();
        assert_eq!(terms.book_count(term), 2);
        assert_eq!(
            (
                terms.fields_in(term, 0),
                terms.fields_in(term, 1),
                terms.fields_in(term, 2)
            ),
            (0b11, 0, 0b10)
        );
        assert_eq!(terms.find("dun"), None);
    }

    #[test]
    fn prefixes_and_mistakes_are_found() {
        let terms = terms();
        let stems = |ids: Vec<TermId>| {
            ids.into_iter()
                .map(|id| terms.stems[id.0 as usize].to_string())
                .collect::<Vec<_>>()
        };
        assert_eq!(stems(terms.with_prefix("du", 10)), ["dune", "durance"]);
        assert_eq!(stems(terms.with_prefix("", 2)), ["dostoevski", "dune"]);
        let similar = |word: &str| stems(terms.similar(word, 5).into_iter().map(|(id, _)| id).collect());
        assert_eq!(similar("dostoyevski"), ["dostoevski"]);
        assert_eq!(similar("dnue"), ["dune"]);
        assert!(similar("nude").is_empty());
        assert!(similar("").is_empty());
    }
}
