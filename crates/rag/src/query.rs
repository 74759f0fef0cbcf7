//! What can be asked, and what comes back.

use crate::book::Book;
use crate::field::Field;
use chatai_types::BookId;
use std::sync::Arc;

/// A request for books. The lists are conditions that hold exactly for every hit; `content` alone ranks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// What the books should be about, in natural words. `None`, or words that say nothing (`a good book, please`):
    /// the books of `authors` by year or, without authors, a varied choice. A genre or theme that is named as such
    /// (`a science fiction novel`, `genre: poetry`) is a condition too, where at least five books carry it.
    pub content: Option<String>,
    /// Only books by one of these. A name means a person by family name (`Tolstoy`) or by full name in any usual
    /// spelling (initials, order, accents, romanisation); a single other part (`Dante`) only where nobody has it as
    /// family name. Similar names never match. With `content`, the authors' books that do not match it follow by year.
    pub authors: Vec<String>,
    /// Only books with one of these among their themes: every word of it, by stem.
    pub themes: Vec<String>,
    /// Only books with one of these among their genres: every word of it, by stem.
    pub genres: Vec<String>,
    /// Not these titles: the same words, whatever the case, accents, leading article or a subtitle missing on one side.
    pub exclude_titles: Vec<String>,
    /// Not books with this content. Each text may name several things, separated by commas, semicolons, slashes, `and`
    /// or `or`; a book is left out if any of them fits. A thing fits if one field of the book (title, themes, genres,
    /// language or a summary) contains all its content words by stem; words for a period (`19th century`) or a nation
    /// (`Russian`) fit the year and the language.
    pub exclude_content: Vec<String>,
    /// Not books by any of these; names as in `authors`.
    pub exclude_authors: Vec<String>,
    /// The most hits; 0 gives none.
    pub limit: usize,
}

/// A book that was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The book's id in the index that was searched.
    pub id: BookId,
    /// The book.
    pub book: Arc<Book>,
    /// Larger is better; comparable within one answer only.
    pub score: f32,
    /// What found it.
    pub via: Via,
    /// The words that matched, by field; empty where only vectors or conditions found the book.
    pub matched: Vec<Match>,
}

/// Words of the query that matched in one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// Where.
    pub field: Field,
    /// The words as they were asked, folded, in the query's order; where the field has not the word itself but something
    /// related, that word or label (`ocean` was asked, `sea` is there).
    pub terms: Vec<String>,
}

/// What found a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Via {
    /// Its words.
    Words,
    /// Its embedding.
    Vector,
    /// Both.
    Both,
    /// The conditions alone: the query's content is empty, or does not fit this book of a wanted author.
    Conditions,
}

impl Via {
    /// A stable name: `words`, `vector`, `both` or `conditions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Via::Words => "words",
            Via::Vector => "vector",
            Via::Both => "both",
            Via::Conditions => "conditions",
        }
    }
}
