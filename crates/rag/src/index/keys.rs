//! What the tables need to know about one book; kept from one index to the next while the book stays the same.

use crate::authors::{PersonName, persons_of};
use crate::book::Book;
use crate::text::Analyser;
use crate::titles::TitleForms;

/// The comparable forms of a book's title, authors and labels.
#[derive(Debug)]
pub(crate) struct BookKeys {
    pub(crate) title: TitleForms,
    pub(crate) persons: Vec<PersonName>,
    /// Themes and genres as stems joined by blanks, each once.
    pub(crate) labels: Vec<String>,
}

impl BookKeys {
    pub(crate) fn of(book: &Book, analyser: &mut Analyser) -> BookKeys {
        let mut labels: Vec<String> = book
            .genres
            .iter()
            .chain(&book.themes)
            .map(|label| {
                let stems: Vec<String> = analyser.terms(label).into_iter().map(|term| term.stem).collect();
                stems.join(" ")
            })
            .filter(|label| !label.is_empty())
            .collect();
        labels.sort();
        labels.dedup();
        BookKeys {
            title: TitleForms::of(&book.title),
            persons: persons_of(book),
            labels,
        }
    }
}
