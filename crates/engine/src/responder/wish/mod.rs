//! What books a person wishes for, read from the words: topic, examples, authors, what to leave out, how many.

mod numbers;
mod reader;
mod refusals;

use super::words::Text;
use chatai_rag::Index;
use reader::Reader;
use serde_json::{Map, Value, json};

/// How many books the tool gives where nobody says a number.
pub(super) const DEFAULT_BOOKS: usize = 5;
/// The most books one request gives.
pub(super) const MOST_BOOKS: usize = 20;
/// The most entries of one list.
const MOST_ENTRIES: usize = 100;

/// A wish for books.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wish {
    /// What they should be about, in the person's words.
    pub(super) topic: Option<String>,
    /// Titles of the collection that they should be like.
    pub(super) examples: Vec<String>,
    /// Titles or names that they should be like, of which the collection knows nothing.
    pub(super) unknown_examples: Vec<String>,
    pub(super) authors: Vec<String>,
    pub(super) exclude_titles: Vec<String>,
    pub(super) exclude_authors: Vec<String>,
    pub(super) exclude_content: Vec<String>,
    pub(super) limit: Option<usize>,
}

impl Wish {
    /// Reads a wish, whatever else the text says.
    pub(super) fn read(text: &Text<'_>, index: &Index) -> Self {
        let mut wish = Reader::new(text, index).read();
        for list in [
            &mut wish.examples,
            &mut wish.authors,
            &mut wish.exclude_titles,
            &mut wish.exclude_authors,
            &mut wish.exclude_content,
        ] {
            keep_first_of_each(list);
        }
        wish
    }

    /// Whether it says what books, not only that some are wanted.
    pub(super) fn says_something(&self) -> bool {
        self.topic.is_some() || !self.examples.is_empty() || !self.authors.is_empty()
    }

    /// Whether it says what books, or what no books.
    pub(super) fn says_anything(&self) -> bool {
        self.says_something() || self.names_books() || !self.exclude_content.is_empty()
    }

    /// Whether it names books or authors, wanted or not.
    pub(super) fn names_books(&self) -> bool {
        !(self.examples.is_empty()
            && self.authors.is_empty()
            && self.unknown_examples.is_empty()
            && self.exclude_titles.is_empty()
            && self.exclude_authors.is_empty())
    }

    /// This wish with what a later remark adds (`but nothing sad`, `only French ones`).
    pub(super) fn refined_by(mut self, remark: Wish) -> Self {
        self.topic = match (self.topic, remark.topic) {
            (Some(first), Some(more)) => Some(format!("{first}, {more}")),
            (first, more) => first.or(more),
        };
        if !remark.authors.is_empty() {
            self.authors = remark.authors;
        }
        self.examples.extend(remark.examples);
        self.unknown_examples.extend(remark.unknown_examples);
        self.exclude_titles.extend(remark.exclude_titles);
        self.exclude_authors.extend(remark.exclude_authors);
        self.exclude_content.extend(remark.exclude_content);
        self.limit = remark.limit.or(self.limit);
        self
    }

    /// Leaves titles out too.
    pub(super) fn without(mut self, titles: impl IntoIterator<Item = String>) -> Self {
        self.exclude_titles.extend(titles);
        keep_first_of_each(&mut self.exclude_titles);
        self
    }

    /// The arguments of the tool that searches.
    pub(super) fn arguments(&self) -> Value {
        let mut arguments = Map::new();
        let like = self.examples.iter().map(|title| format!("like {title}"));
        let content: Vec<String> = like.chain(self.topic.clone()).collect();
        if !content.is_empty() {
            arguments.insert("content".to_owned(), json!(content.join(", ")));
        }
        for (name, list) in [
            ("authors", &self.authors),
            ("exclude_titles", &self.exclude_titles),
            ("exclude_authors", &self.exclude_authors),
        ] {
            if !list.is_empty() {
                arguments.insert(name.to_owned(), json!(list));
            }
        }
        if !self.exclude_content.is_empty() {
            arguments.insert(
                "exclude_content".to_owned(),
                json!(self.exclude_content.join(", ")),
            );
        }
        if let Some(limit) = self.limit {
            arguments.insert("limit".to_owned(), json!(limit.clamp(1, MOST_BOOKS)));
        }
        Value::Object(arguments)
    }
}

fn keep_first_of_each(list: &mut Vec<String>) {
    let mut kept: Vec<String> = Vec::with_capacity(list.len());
    for entry in list.drain(..) {
        if kept.len() < MOST_ENTRIES && !kept.contains(&entry) {
            kept.push(entry);
        }
    }
    *list = kept;
}
