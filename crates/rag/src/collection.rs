//! The collection: books in the order of their files, each title of an author once.

mod entry;
mod error;

pub use error::{CollectionError, CollectionErrorKind, EntryProblem};

use crate::book::Book;
use crate::text::fold;
use entry::read_entry;
use serde_json::value::RawValue;
use std::collections::HashMap;
use std::sync::Arc;

/// The books that can be found and recommended; nothing else ever is.
#[derive(Clone, Debug, Default)]
pub struct Collection {
    books: Vec<Arc<Book>>,
    replaced: Vec<Replaced>,
}

/// A title that stood more than once in one file; the later entry won. Worth a warning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// The file.
    pub source_name: String,
    /// The number of the entry that was replaced, from 1.
    pub entry: usize,
    /// The number of the entry that replaced it.
    pub by_entry: usize,
    /// The title of both.
    pub title: String,
}

impl std::fmt::Display for Replaced {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Replaced {
            source_name,
            entry,
            by_entry,
            title,
        } = self;
        write!(
            f,
            "{source_name}: entry {by_entry} replaces entry {entry}, same title and author: {title}"
        )
    }
}

impl Collection {
    /// The largest file that is read, in bytes.
    pub const MAX_BYTES: usize = 64 * 1024 * 1024;
    /// The most books of one file.
    pub const MAX_BOOKS: usize = 100_000;
    /// The longest title or author, in characters.
    pub const MAX_NAME_CHARS: usize = 1_000;
    /// The longest list of themes or genres.
    pub const MAX_LABELS: usize = 200;

    /// Reads a collection in the form of `books.json`: a list of objects of which only `title` is required; members
    /// that are unknown are ignored. `source_name` is what errors call the file.
    ///
    /// # Errors
    /// Every entry that can not be read, with its number and member, in one error (the first hundred of them).
    pub fn parse(json: &str, source_name: &str) -> Result<Collection, CollectionError> {
        let error = |kind| CollectionError {
            source_name: source_name.to_owned(),
            kind,
        };
        if json.len() > Self::MAX_BYTES {
            return Err(error(CollectionErrorKind::TooLarge {
                bytes: json.len(),
                limit: Self::MAX_BYTES,
            }));
        }
        // Some editors begin a file with a byte order mark, which JSON does not know.
        let json = json.trim_start_matches('\u{feff}');
        if !json.trim_start().starts_with('[') && serde_json::from_str::<&RawValue>(json).is_ok() {
            return Err(error(CollectionErrorKind::NotAList));
        }
        let entries: Vec<&RawValue> = serde_json::from_str(json).map_err(|fault| {
            error(CollectionErrorKind::NotJson {
                line: fault.line(),
                column: fault.column(),
                message: fault.to_string(),
            })
        })?;
        if entries.len() > Self::MAX_BOOKS {
            return Err(error(CollectionErrorKind::TooMany {
                entries: entries.len(),
                limit: Self::MAX_BOOKS,
            }));
        }
        let mut problems = Vec::new();
        let mut books = Vec::with_capacity(entries.len());
        for (at, entry) in entries.iter().enumerate() {
            match read_entry(at + 1, entry.get()) {
                Ok(book) => books.push((at + 1, Arc::new(book))),
                Err(found) => problems.extend(found),
            }
        }
        if !problems.is_empty() {
            let more = problems.len().saturating_sub(CollectionError::LISTED_PROBLEMS);
            problems.truncate(CollectionError::LISTED_PROBLEMS);
            return Err(error(CollectionErrorKind::Entries { problems, more }));
        }
        Ok(Collection::from_numbered(books, source_name))
    }

    /// A collection of books made in code, with the same rule for duplicates.
    pub fn from_books(books: impl IntoIterator<Item = Book>, source_name: &str) -> Collection {
        let numbered = books
            .into_iter()
            .enumerate()
            .map(|(at, book)| (at + 1, Arc::new(book)));
        Collection::from_numbered(numbered.collect(), source_name)
    }

    /// This collection with the other's books added. Where both have a title of the same author, the other's entry takes
    /// the place of this one's; that is what extending is for, and no warning.
    pub fn extend(mut self, other: Collection) -> Collection {
        let mut places: HashMap<String, usize> = self
            .books
            .iter()
            .enumerate()
            .map(|(place, book)| (identity(book), place))
            .collect();
        for book in other.books {
            match places.get(&identity(&book)) {
                Some(place) => self.books[*place] = book,
                None => {
                    places.insert(identity(&book), self.books.len());
                    self.books.push(book);
                }
            }
        }
        self.replaced.extend(other.replaced);
        self
    }

    /// The books, in order.
    pub fn books(&self) -> &[Arc<Book>] {
        &self.books
    }

    /// How many books there are.
    pub fn len(&self) -> usize {
        self.books.len()
    }

    /// Whether there is no book.
    pub fn is_empty(&self) -> bool {
        self.books.is_empty()
    }

    /// The entries that gave way to a later one of the same file.
    pub fn replaced(&self) -> &[Replaced] {
        &self.replaced
    }

    fn from_numbered(numbered: Vec<(usize, Arc<Book>)>, source_name: &str) -> Collection {
        let mut collection = Collection {
            books: Vec::with_capacity(numbered.len()),
            replaced: Vec::new(),
        };
        let mut places: HashMap<String, (usize, usize)> = HashMap::with_capacity(numbered.len());
        for (number, book) in numbered {
            let next = collection.books.len();
            let (place, entry) = places.entry(identity(&book)).or_insert((next, number));
            if *place == next {
                collection.books.push(book);
                continue;
            }
            collection.replaced.push(Replaced {
                source_name: source_name.to_owned(),
                entry: *entry,
                by_entry: number,
                title: book.title.clone(),
            });
            *entry = number;
            collection.books[*place] = book;
        }
        collection
    }
}

/// What makes two entries the same book: title and author, whatever their case, accents and punctuation.
pub(crate) fn identity(book: &Book) -> String {
    let plain = |text: &str| {
        let folded = fold(text);
        let words: Vec<&str> = folded
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        // A title of nothing but signs (`?`) is compared as it is.
        if words.is_empty() { folded } else { words.join(" ") }
    };
    format!(
        "{}\n{}",
        plain(&book.title),
        plain(book.author.as_deref().unwrap_or_default())
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn titles(collection: &Collection) -> Vec<&str> {
        collection
            .books()
            .iter()
            .map(|book| book.title.as_str())
            .collect()
    }

    #[test]
    fn only_the_title_is_required() {
        let json = "\u{feff}[{\"title\": \" The  Waves \"}, {\"title\": \"Emma\", \"author\": null, \"year\": \"1815\", \
                    \"themes\": null, \"genres\": \"Comedy, Romance\", \"isbn\": {\"any\": [1]}}]";
        let collection = Collection::parse(json, "books.json").unwrap();
        assert_eq!(titles(&collection), ["The Waves", "Emma"]);
        let emma = &collection.books()[1];
        assert_eq!(emma.year.as_ref().unwrap().number(), Some(1815));
        assert_eq!(emma.genres, ["Comedy", "Romance"]);
        assert_eq!((emma.author.as_deref(), emma.language.as_deref()), (None, None));
    }

    #[test]
    fn all_problems_are_named_at_once() {
        let json = r#"[{"author": "A"}, {"title": 7, "themes": [1]}, "x", {"title": "  "}, {"title": "T", "year": 1.5}, {"title": "T", "year": 123456}]"#;
        let text = Collection::parse(json, "mine.json").unwrap_err().to_string();
        for expected in [
            "mine.json: 7 problems",
            "entry 1, `title`: is missing",
            "entry 2, `title`: must be text, not a number",
            "entry 2, `themes`: must be a list of texts; it contains a number",
            "entry 3: must be an object, not text",
            "entry 4, `title`: must not be blank",
            "entry 5, `year`: must be a whole number, text or null: 1.5",
            "entry 6, `year`: must lie between -9999 and 9999: 123456",
        ] {
            assert!(text.contains(expected), "{expected}\nnot in\n{text}");
        }
    }

    #[test]
    fn a_long_list_of_problems_is_cut() {
        let json = format!("[{}{{}}]", "{},".repeat(499));
        let error = Collection::parse(&json, "books.json").unwrap_err();
        let CollectionErrorKind::Entries { problems, more } = &error.kind else {
            panic!("{error}")
        };
        assert_eq!((problems.len(), *more), (100, 400));
        assert!(error.to_string().ends_with("and 400 more"), "{error}");
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let kind = |json: &str| Collection::parse(json, "b").unwrap_err().kind;
        assert!(matches!(
            kind("{\"title\": \"x\"}"),
            CollectionErrorKind::NotAList
        ));
        assert!(matches!(
            kind("[{]"),
            CollectionErrorKind::NotJson {
                line: 1,
                column: 3,
                ..
            }
        ));
        assert!(matches!(kind(""), CollectionErrorKind::NotJson { .. }));
        let many = format!("[{}0]", "0,".repeat(Collection::MAX_BOOKS));
        assert!(matches!(
            kind(&many),
            CollectionErrorKind::TooMany { entries: 100_001, .. }
        ));
        let large = " ".repeat(Collection::MAX_BYTES + 1);
        assert!(matches!(kind(&large), CollectionErrorKind::TooLarge { .. }));
    }

    #[test]
    fn a_later_entry_of_the_same_book_wins() {
        let json = r#"[{"title": "Émile", "author": "Rousseau"}, {"title": "Emma"},
                       {"title": "EMILE!", "author": "rousseau"}, {"title": "Emile", "author": "Other"}]"#;
        let collection = Collection::parse(json, "b").unwrap();
        assert_eq!(titles(&collection), ["EMILE!", "Emma", "Emile"]);
        assert_eq!(collection.replaced().len(), 1);
        assert_eq!(
            collection.replaced()[0].to_string(),
            "b: entry 3 replaces entry 1, same title and author: EMILE!"
        );
    }

    #[test]
    fn extending_replaces_in_place_and_appends() {
        let parse = |json| Collection::parse(json, "b").unwrap();
        let shipped = parse(r#"[{"title": "A"}, {"title": "B", "year": 1}]"#);
        let extended = shipped.extend(parse(r#"[{"title": "C"}, {"title": "b", "year": 2}]"#));
        assert_eq!(titles(&extended), ["A", "b", "C"]);
        assert!(extended.replaced().is_empty());
    }

    proptest! {
        #[test]
        fn any_text_is_an_answer_and_no_panic(text in "\\PC{0,80}") {
            drop(Collection::parse(&text, "b"));
            drop(Collection::parse(&format!("[{{\"title\":{text}}}]"), "b"));
        }
    }
}
