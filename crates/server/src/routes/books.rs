//! `GET /books` and `GET /books/{book_id}`: the collection, to look through.

use crate::{
    auth::Signed,
    error::ApiError,
    input::{
        fields::{Fields, TextRule},
        params::PathParams,
        urlencoded::Urlencoded,
    },
    routes::service::AskedPath,
    state::App,
    wire::{json, link::set_links},
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::ShelvedBook;
use serde::Serialize;
use utoipa::ToSchema;

/// How many books there are without a `limit`.
const DEFAULT_LIMIT: i64 = 50;
/// The most titles that are looked up at once.
const MOST_TITLES: usize = 50;
/// The longest words of a search, and more than any id has.
const WORDS: TextRule = TextRule::up_to(500);

/// A book of the collection.
#[derive(Serialize, ToSchema)]
#[schema(as = Book)]
pub(crate) struct BookBody<'a> {
    /// Its id. It stands for what the collection says of the book, and changes with it.
    id: &'a str,
    /// Its title.
    title: &'a str,
    /// Its author or authors.
    author: Option<&'a str>,
    /// When it was first published or written, as the collection says it.
    year: Option<&'a str>,
    /// The language in which it was written.
    language: Option<&'a str>,
    /// What kind of book it is.
    genres: &'a [String],
    /// What it is about.
    themes: &'a [String],
    /// One or two sentences.
    short_summary: &'a str,
}

/// A book of the collection, with all that it says.
#[derive(Serialize, ToSchema)]
#[schema(as = WholeBook)]
pub(crate) struct WholeBookBody<'a> {
    #[serde(flatten)]
    about: BookBody<'a>,
    /// The long summary.
    full_summary: &'a str,
}

impl<'a> From<&'a ShelvedBook> for BookBody<'a> {
    fn from(shelved: &'a ShelvedBook) -> Self {
        let book = &shelved.book;
        Self {
            id: &shelved.id,
            title: &book.title,
            author: book.author.as_deref(),
            year: book.year.as_ref().map(|year| year.label()),
            language: book.language.as_deref(),
            genres: &book.genres,
            themes: &book.themes,
            short_summary: &book.short_summary,
        }
    }
}

/// Look through the book collection, or search it by words.
///
/// Without `q` the books come in the collection's order, a page at a time. With `q` the best come first, as many as
/// `limit` says; a genre, theme, author or title may be among the words. With `title` those come that are called exactly
/// so, but for case, accents and punctuation: none, one, or several where two books share a title.
#[utoipa::path(get, path = "/books", tag = "books",
    params(("q" = Option<String>, Query, description = "Words", max_length = 500),
           ("title" = Option<Vec<String>>, Query, description = "A title, up to 50 times; in place of all else", max_items = 50),
           ("limit" = Option<i64>, Query, description = "The most books; 50 without it", minimum = 1, maximum = 200),
           ("after" = Option<String>, Query, description = "A book's id: those behind it; without `q` alone")),
    responses((status = 200, description = "The books", body = [BookBody],
        headers(("Link" = Option<String>, description = "The page behind (`next`), where there is one")))))]
pub(crate) async fn list(
    State(state): State<App>,
    _signed: Signed,
    Extension(AskedPath(asked)): Extension<AskedPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let read = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let mut fields = Fields::new(&read, &mut faults);
    let words = fields.optional_text("q", WORDS);
    let limit = fields.optional_integer("limit", 1..=200);
    let after = fields.optional_text("after", WORDS);
    let titles = fields.texts("title", read.all("title"), WORDS, MOST_TITLES);
    let (Some(words), Some(limit), Some(after), Some(titles)) = (words, limit, after, titles) else {
        return Err(ApiError::validation(faults));
    };
    if !titles.is_empty() {
        let called = state.engine.books_called(&titles);
        return Ok(json(&called.iter().map(BookBody::from).collect::<Vec<_>>()));
    }
    let limit = usize::try_from(limit.unwrap_or(DEFAULT_LIMIT)).expect("limits are small and positive");
    let shelf = match words {
        Some(words) => state.engine.find_books(&words, limit),
        None => state.engine.books(after.as_deref(), limit)?,
    };
    let bodies: Vec<BookBody<'_>> = shelf.books.iter().map(BookBody::from).collect();
    let mut response = json(&bodies);
    let next = shelf
        .books
        .last()
        .filter(|_| shelf.has_more)
        .map(|last| last.id.as_str());
    set_links(&mut response, &asked, query.as_deref(), next, None);
    Ok(response)
}

/// One book of the collection.
#[utoipa::path(get, path = "/books/{book_id}", tag = "books",
    params(("book_id" = String, Path, description = "The book")),
    responses((status = 200, description = "The book", body = WholeBookBody)))]
pub(crate) async fn one(
    State(state): State<App>,
    _signed: Signed,
    path: PathParams,
) -> Result<Response, ApiError> {
    let mut faults = Vec::new();
    let id = path.fields(&mut faults).text("book_id", WORDS);
    let id = id.ok_or_else(|| ApiError::validation(faults))?;
    let book = state.engine.book(&id)?;
    Ok(json(&WholeBookBody {
        about: BookBody::from(&book),
        full_summary: &book.book.full_summary,
    }))
}
