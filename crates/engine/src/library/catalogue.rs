//! The collection as people look through it.

use crate::{Engine, EngineError};
use chatai_rag::{Book, ContentHash, Index, Query};
use chatai_types::{BookId, ErrorCode};
use std::sync::Arc;

/// A book of the collection.
#[derive(Clone, Debug)]
pub struct ShelvedBook {
    /// Its name in the interface: it stands for what the entry says, and changes with it.
    pub id: String,
    /// What the collection says of it.
    pub book: Arc<Book>,
}

/// A part of the collection.
#[derive(Clone, Debug)]
pub struct Shelf {
    /// The books.
    pub books: Vec<ShelvedBook>,
    /// Whether there are more behind them.
    pub has_more: bool,
}

impl Engine {
    /// The books that fit some words, best first; with words that say nothing, a varied choice.
    pub fn find_books(&self, words: &str, limit: usize) -> Shelf {
        let index = self.inner.library.index();
        let query = Query {
            content: Some(words.to_owned()),
            limit,
            ..Query::default()
        };
        let hits = index.search(&query, None);
        Shelf {
            books: hits
                .iter()
                .map(|hit| shelved(&index, hit.id, &hit.book))
                .collect(),
            has_more: false,
        }
    }

    /// The books in the collection's order, those behind one of them or from the first.
    ///
    /// # Errors
    /// `book_not_found` when there is no such book, or no longer.
    pub fn books(&self, after: Option<&str>, limit: usize) -> Result<Shelf, EngineError> {
        let index = self.inner.library.index();
        Ok(match after {
            None => shelf(&index, index.books(), limit),
            Some(id) => shelf(&index, index.books_behind(find(&index, id)?), limit),
        })
    }

    /// The books of these very titles, whoever wrote them. Case, accents and punctuation do not count.
    pub fn books_called(&self, titles: &[String]) -> Vec<ShelvedBook> {
        let index = self.inner.library.index();
        let mut found: Vec<BookId> = titles.iter().flat_map(|title| index.called(title)).collect();
        found.sort_unstable();
        found.dedup();
        found
            .into_iter()
            .filter_map(|id| Some(shelved(&index, id, index.book(id)?)))
            .collect()
    }

    /// One book.
    ///
    /// # Errors
    /// `book_not_found` when there is no such book, or no longer.
    pub fn book(&self, id: &str) -> Result<ShelvedBook, EngineError> {
        let index = self.inner.library.index();
        let id = find(&index, id)?;
        let book = index.book(id).ok_or_else(book_not_found)?;
        Ok(shelved(&index, id, book))
    }
}

/// The book of a name in the interface.
fn find(index: &Index, id: &str) -> Result<BookId, EngineError> {
    let hash = ContentHash::from_hex(id).ok_or_else(book_not_found)?;
    index.find(hash).ok_or_else(book_not_found)
}

/// The first of some books.
fn shelf<'b>(index: &Index, mut books: impl Iterator<Item = (BookId, &'b Arc<Book>)>, limit: usize) -> Shelf {
    let first = books.by_ref().take(limit);
    Shelf {
        books: first.map(|(id, book)| shelved(index, id, book)).collect(),
        has_more: books.next().is_some(),
    }
}

fn shelved(index: &Index, id: BookId, book: &Arc<Book>) -> ShelvedBook {
    ShelvedBook {
        id: index.hash(id).map(|hash| hash.to_string()).unwrap_or_default(),
        book: Arc::clone(book),
    }
}

fn book_not_found() -> EngineError {
    EngineError::new(ErrorCode::BookNotFound, "Book not found")
}
