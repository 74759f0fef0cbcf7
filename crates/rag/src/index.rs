//! The index over a collection: an inverted index of words, and tables of titles, names, labels and years.
//!
//! An index never changes: [`Index::update`] makes the next one beside it and analyses only the books whose content is
//! new. A book is known inside by its slot, the place in the collection.

mod assemble;
mod keys;
mod terms;

pub(crate) use keys::BookKeys;
pub(crate) use terms::{Posting, TermId, Terms};

use crate::authors::{AuthorHit, NameMatch, PersonName, persons};
use crate::book::{Book, ContentHash};
use crate::collection::{Collection, identity};
use crate::edit_distance::{distance_within, tolerance};
use crate::field::Field;
use assemble::{Assembler, Lengths};
use chatai_types::BookId;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Everything that is needed to search one state of the collection. Cheap to share (`Arc`), never changed.
#[derive(Debug, Default)]
pub struct Index {
    entries: Vec<Entry>,
    slots_by_hash: HashMap<ContentHash, u32>,
    terms: Terms,
    lengths: Vec<Lengths>,
    /// Per slot and field: what one occurrence of a word counts, length taken into account.
    factors: Vec<[f32; Field::ALL.len()]>,
    /// Slots by title without article, and by title without article and subtitle.
    titles: HashMap<String, Vec<u32>>,
    /// For each word that begins a title in `titles`: the most words of such a title.
    title_beginnings: HashMap<String, usize>,
    /// Slots by theme or genre, as stems joined by blanks.
    labels: HashMap<String, Vec<u32>>,
    persons: Vec<Person>,
    persons_by_part: HashMap<String, Vec<u32>>,
    /// Year and slot, in order.
    years: Vec<(i32, u32)>,
}

/// What an update did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Books that were not there before.
    pub added: Vec<BookId>,
    /// Books of which title and author were there, with other content.
    pub changed: Vec<BookId>,
    /// The content that is gone, that of changed books included: embeddings under these hashes are of no more use.
    pub removed: Vec<ContentHash>,
    /// How many books stayed as they were; they were not analysed again.
    pub unchanged: usize,
}

#[derive(Debug)]
struct Entry {
    book: Arc<Book>,
    hash: ContentHash,
    keys: Arc<BookKeys>,
}

/// An author of the collection with the books.
#[derive(Debug)]
pub(crate) struct Person {
    pub(crate) name: PersonName,
    pub(crate) slots: Vec<u32>,
}

impl Index {
    /// Indexes a whole collection.
    pub fn build(collection: &Collection) -> Index {
        Index::default().update(collection).0
    }

    /// The index of another state of the collection. Only books whose content hash is new are analysed.
    pub fn update(&self, collection: &Collection) -> (Index, Changes) {
        let mut assembler = Assembler::new(collection.len());
        let mut changes = Changes::default();
        let before: HashSet<String> = self.entries.iter().map(|entry| identity(&entry.book)).collect();
        let mut index = Index::default();
        let mut slot_before = vec![None; self.entries.len()];
        for (place, book) in collection.books().iter().enumerate() {
            let slot = u32::try_from(place).expect("a collection is bounded far below 2^32 books");
            let hash = book.content_hash();
            let keys = match self.slots_by_hash.get(&hash) {
                Some(old) => {
                    slot_before[*old as usize] = Some(slot);
                    assembler.keep_lengths(slot, self.lengths[*old as usize]);
                    changes.unchanged += 1;
                    Arc::clone(&self.entries[*old as usize].keys)
                }
                None => {
                    assembler.analyse(slot, book);
                    let kind = if before.contains(&identity(book)) {
                        &mut changes.changed
                    } else {
                        &mut changes.added
                    };
                    kind.push(index.id(slot));
                    Arc::new(BookKeys::of(book, &mut assembler.analyser))
                }
            };
            index.slots_by_hash.insert(hash, slot);
            index.entries.push(Entry {
                book: Arc::clone(book),
                hash,
                keys,
            });
        }
        changes.removed = self
            .hashes()
            .filter(|hash| !index.slots_by_hash.contains_key(hash))
            .collect();
        (index.terms, index.lengths) = assembler.finish(&self.terms, &slot_before);
        index.factors = assemble::factors(&index.lengths);
        index.fill_tables();
        (index, changes)
    }

    /// How many books there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no book.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// A book by its id; ids are only good for the index that gave them.
    pub fn book(&self, id: BookId) -> Option<&Arc<Book>> {
        self.entries
            .get(usize::try_from(id.0).ok()?)
            .map(|entry| &entry.book)
    }

    /// The content hash of a book.
    pub fn hash(&self, id: BookId) -> Option<ContentHash> {
        self.entries
            .get(usize::try_from(id.0).ok()?)
            .map(|entry| entry.hash)
    }

    /// The book of a content hash.
    pub fn find(&self, hash: ContentHash) -> Option<BookId> {
        self.slots_by_hash.get(&hash).map(|slot| self.id(*slot))
    }

    /// All books with their ids, in the collection's order.
    pub fn books(&self) -> impl Iterator<Item = (BookId, &Arc<Book>)> {
        self.books_from(0)
    }

    /// The books behind one of them, in the collection's order; found without passing over those before it.
    pub fn books_behind(&self, id: BookId) -> impl Iterator<Item = (BookId, &Arc<Book>)> {
        let behind = usize::try_from(id.0).map_or(0, |slot| slot.saturating_add(1));
        self.books_from(behind)
    }

    fn books_from(&self, first: usize) -> impl Iterator<Item = (BookId, &Arc<Book>)> {
        let entries = self.entries.get(first..).unwrap_or_default();
        entries
            .iter()
            .zip(first..)
            .map(|(entry, slot)| (BookId(slot as i64), &entry.book))
    }

    /// The content hashes of all books: what embeddings are needed for.
    pub fn hashes(&self) -> impl Iterator<Item = ContentHash> + '_ {
        self.entries.iter().map(|entry| entry.hash)
    }

    /// Looks up authors by name. A name means a person as in [`crate::Query::authors`].
    pub fn find_authors(&self, asked: &[String]) -> Vec<AuthorHit> {
        asked
            .iter()
            .map(|name| {
                let mut names: Vec<String> = self
                    .persons_named(name)
                    .map(|person| person.name.display.clone())
                    .collect();
                names.sort();
                let suggestions = if names.is_empty() {
                    self.similar_persons(name)
                } else {
                    Vec::new()
                };
                AuthorHit {
                    asked: name.clone(),
                    names,
                    suggestions,
                }
            })
            .collect()
    }

    /// The authors that a name means: those of whom it is the family or the full name; only where there is none, those
    /// of whom it is another part (`Dante`).
    pub(crate) fn persons_named<'a>(&'a self, asked: &str) -> impl Iterator<Item = &'a Person> + use<'a> {
        let mut found: Vec<(NameMatch, u32)> = Vec::new();
        for name in persons(asked) {
            let mut candidates: Vec<u32> = name
                .parts
                .iter()
                .filter_map(|part| self.persons_by_part.get(part))
                .flatten()
                .copied()
                .collect();
            candidates.sort_unstable();
            candidates.dedup();
            let matches: Vec<(NameMatch, u32)> = candidates
                .into_iter()
                .filter_map(|person| Some((name.means(&self.persons[person as usize].name)?, person)))
                .collect();
            let best = matches.iter().map(|(how, _)| *how).max();
            found.extend(matches.into_iter().filter(|(how, _)| Some(*how) == best));
        }
        found.sort_unstable_by_key(|(_, person)| *person);
        found.dedup_by_key(|(_, person)| *person);
        found
            .into_iter()
            .map(|(_, person)| &self.persons[person as usize])
    }

    fn similar_persons(&self, asked: &str) -> Vec<String> {
        let mut near: Vec<(usize, &str)> = Vec::new();
        for name in persons(asked) {
            let wanted: Vec<char> = name.family_name().chars().collect();
            let limit = tolerance(wanted.len()).max(1);
            for person in self.persons.iter().filter(|_| wanted.len() > 2) {
                let theirs: Vec<char> = person.name.family_name().chars().collect();
                if let Some(distance) = distance_within(&wanted, &theirs, limit) {
                    near.push((distance, &person.name.display));
                }
            }
        }
        near.sort_unstable();
        near.dedup_by_key(|(_, name)| *name);
        near.into_iter()
            .take(3)
            .map(|(_, name)| name.to_owned())
            .collect()
    }

    pub(crate) fn id(&self, slot: u32) -> BookId {
        BookId(i64::from(slot))
    }

    pub(crate) fn slots(&self) -> std::ops::Range<u32> {
        0..self.entries.len() as u32
    }

    pub(crate) fn book_at(&self, slot: u32) -> &Arc<Book> {
        &self.entries[slot as usize].book
    }

    pub(crate) fn keys_at(&self, slot: u32) -> &BookKeys {
        &self.entries[slot as usize].keys
    }

    pub(crate) fn hash_at(&self, slot: u32) -> &ContentHash {
        &self.entries[slot as usize].hash
    }

    pub(crate) fn slot_of(&self, hash: &ContentHash) -> Option<u32> {
        self.slots_by_hash.get(hash).copied()
    }

    pub(crate) fn terms(&self) -> &Terms {
        &self.terms
    }

    pub(crate) fn factors_at(&self, slot: u32) -> &[f32; Field::ALL.len()] {
        &self.factors[slot as usize]
    }

    pub(crate) fn slots_of_title(&self, form: &str) -> &[u32] {
        self.titles.get(form).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn longest_title_from(&self, word: &str) -> usize {
        self.title_beginnings.get(word).copied().unwrap_or_default()
    }

    /// A theme or genre by its stems, with the books that have it.
    pub(crate) fn label(&self, stems: &str) -> Option<(&str, &[u32])> {
        self.labels
            .get_key_value(stems)
            .map(|(stems, slots)| (stems.as_str(), slots.as_slice()))
    }

    pub(crate) fn persons_with_part(&self, part: &str) -> impl Iterator<Item = &Person> {
        self.persons_by_part
            .get(part)
            .into_iter()
            .flatten()
            .map(|person| &self.persons[*person as usize])
    }

    /// The slots of all books of a span of years, both ends included.
    pub(crate) fn slots_of_years(&self, from: i32, to: i32) -> impl Iterator<Item = u32> + '_ {
        let start = self.years.partition_point(|(year, _)| *year < from);
        self.years[start..]
            .iter()
            .take_while(move |(year, _)| *year <= to)
            .map(|(_, slot)| *slot)
    }

    fn fill_tables(&mut self) {
        let mut persons_by_parts: HashMap<Vec<String>, u32> = HashMap::new();
        for slot in self.slots() {
            let keys = Arc::clone(&self.entries[slot as usize].keys);
            let mut forms = vec![keys.title.bare.clone()];
            if keys.title.main != keys.title.bare {
                forms.push(keys.title.main.clone());
            }
            for form in forms.into_iter().filter(|form| !form.is_empty()) {
                let words = form.split(' ').count();
                let beginning = form.split(' ').next().unwrap_or_default().to_owned();
                let longest = self.title_beginnings.entry(beginning).or_default();
                *longest = words.max(*longest);
                self.titles.entry(form).or_default().push(slot);
            }
            for label in &keys.labels {
                self.labels.entry(label.stems.clone()).or_default().push(slot);
            }
            for name in &keys.persons {
                let next = self.persons.len() as u32;
                let person = *persons_by_parts.entry(name.parts.clone()).or_insert(next);
                if person == next {
                    for part in name.parts.iter().collect::<HashSet<_>>() {
                        self.persons_by_part.entry(part.clone()).or_default().push(person);
                    }
                    self.persons.push(Person {
                        name: name.clone(),
                        slots: Vec::new(),
                    });
                }
                let slots = &mut self.persons[person as usize].slots;
                if slots.last() != Some(&slot) {
                    slots.push(slot);
                }
            }
            if let Some(year) = self.book_at(slot).year.as_ref().and_then(|year| year.number()) {
                self.years.push((year, slot));
            }
        }
        self.years.sort_unstable();
    }
}
