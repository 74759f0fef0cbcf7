//! What the tables need to know about one book; kept from one index to the next while the book stays the same.

use crate::authors::{PersonName, persons_of};
use crate::book::Book;
use crate::field::Field;
use crate::text::Analyser;
use crate::titles::TitleForms;

/// The comparable forms of a book's title, authors and labels.
#[derive(Debug)]
pub(crate) struct BookKeys {
    pub(crate) title: TitleForms,
    pub(crate) persons: Vec<PersonName>,
    /// Themes and genres, each once.
    pub(crate) labels: Vec<Label>,
}

/// A theme or a genre of a book.
#[derive(Debug)]
pub(crate) struct Label {
    /// Its stems, joined by blanks.
    pub(crate) stems: String,
    /// As the book has it.
    pub(crate) written: String,
    /// The bits of the fields that have it.
    pub(crate) fields: u8,
}

impl BookKeys {
    pub(crate) fn of(book: &Book, analyser: &mut Analyser) -> BookKeys {
        let mut labels: Vec<Label> = Vec::new();
        for (texts, field) in [(&book.genres, Field::Genres), (&book.themes, Field::Themes)] {
            for written in texts {
                let stems: Vec<String> = analyser
                    .terms(written)
                    .into_iter()
                    .map(|term| term.stem)
                    .collect();
                let stems = stems.join(" ");
                match labels.iter_mut().find(|label| label.stems == stems) {
                    Some(label) => label.fields |= field.bit(),
                    None if stems.is_empty() => {}
                    None => labels.push(Label {
                        stems,
                        written: written.clone(),
                        fields: field.bit(),
                    }),
                }
            }
        }
        BookKeys {
            title: TitleForms::of(&book.title),
            persons: persons_of(book),
            labels,
        }
    }
}
