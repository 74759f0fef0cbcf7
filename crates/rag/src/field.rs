//! The fields of a book that are searched, and how much a word in each of them counts.

use std::fmt;

/// A searched field of a book. Hits name the fields in which they matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Field {
    /// The title with its subtitle.
    Title,
    /// The author or authors.
    Author,
    /// The list of themes.
    Themes,
    /// The list of genres.
    Genres,
    /// The summary of one or two sentences.
    ShortSummary,
    /// The long summary.
    FullSummary,
    /// The language in which the book was written.
    Language,
    /// The year of first publication, and what follows from it (decade, century, age).
    Year,
}

impl Field {
    /// All fields, in the order in which matches are reported.
    pub const ALL: [Field; 8] = [
        Field::Title,
        Field::Author,
        Field::Themes,
        Field::Genres,
        Field::ShortSummary,
        Field::FullSummary,
        Field::Language,
        Field::Year,
    ];

    /// The member's name in `books.json`.
    pub fn as_str(self) -> &'static str {
        match self {
            Field::Title => "title",
            Field::Author => "author",
            Field::Themes => "themes",
            Field::Genres => "genres",
            Field::ShortSummary => "short_summary",
            Field::FullSummary => "full_summary",
            Field::Language => "language",
            Field::Year => "year",
        }
    }

    /// What one occurrence is worth against one in the full summary, before saturation (BM25F's field weight).
    pub(crate) fn weight(self) -> f32 {
        match self {
            Field::Title => 2.0,
            Field::Author => 3.0,
            Field::Themes => 2.5,
            Field::Genres => 2.5,
            Field::ShortSummary => 1.5,
            Field::FullSummary => 1.0,
            Field::Language => 2.0,
            Field::Year => 1.0,
        }
    }

    /// How strongly a long field is discounted, 0 to 1 (BM25F's `b`). Names and lists vary in length for reasons that
    /// say nothing about how much a word in them means; prose does not.
    pub(crate) fn length_normalisation(self) -> f32 {
        match self {
            Field::Title => 0.3,
            Field::Author | Field::Language | Field::Year => 0.0,
            Field::Themes | Field::Genres => 0.4,
            Field::ShortSummary => 0.6,
            Field::FullSummary => 0.7,
        }
    }

    pub(crate) fn bit(self) -> u8 {
        1 << (self as u8)
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
