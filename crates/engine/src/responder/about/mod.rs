//! Questions about titles: which titles, and what of them is wanted.

mod forms;

use super::{
    topics,
    wish::Wish,
    words::{Text, is_function_word, is_in, is_noise, is_quotation_mark, overlap},
};
use chatai_rag::{Index, Mentions, TitleMatch, TitleOutcome};
use chatai_types::BookId;
use std::ops::Range;

/// The most titles one question names.
const MOST_TITLES: usize = 8;
/// The longest title that is looked for, in characters.
const TITLE_CHARS: usize = 200;

/// A question about books.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TitleQuestion {
    /// As the collection or, where it has no such title, the person writes them.
    pub(super) titles: Vec<String>,
    pub(super) aspect: Aspect,
}

/// What is wanted of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aspect {
    Summary,
    Author,
    Year,
    Language,
    /// Whether the collection has it.
    Presence,
    /// A summary, if it is a book at all.
    Topic,
    /// What others should be like; it is not in the collection as far as was seen.
    Example,
    /// Something of which the collection may say nothing.
    Other,
}

/// The question about titles in a text, if it is one. `None` too where it only wishes for books like them.
pub(super) fn title_question(text: &Text<'_>, index: &Index) -> Option<TitleQuestion> {
    let mentions = index.mentions(text.source);
    known_titles(text, index, &mentions).or_else(|| unknown_title(text, index))
}

/// Whether a text asks about something in one of the ways one asks about a book.
pub(super) fn asks_about_something(text: &Text<'_>) -> bool {
    aspect_of(text).is_some() || forms::asked(text).is_some()
}

/// Whether what is asked about is something said before: `what is the second one about`.
pub(super) fn asks_about_earlier(text: &Text<'_>) -> bool {
    forms::asked(text).is_some_and(|(_, words)| refers_back(text, words))
}

/// A question about titles that the text mentions.
fn known_titles(text: &Text<'_>, index: &Index, mentions: &Mentions) -> Option<TitleQuestion> {
    // Titles that are refused, known already or named as examples belong to a wish.
    let wish = Wish::read(text, index);
    let mut titles: Vec<String> = Vec::new();
    for mention in mentions.titles.iter().filter(|mention| !mention.is_example) {
        let book = mention.books.first().and_then(|book| index.book(*book));
        let title = book.map(|book| book.title.clone());
        titles.extend(title.filter(|title| !titles.contains(title) && !wish.exclude_titles.contains(title)));
    }
    if titles.is_empty() {
        return None;
    }
    let places: Vec<Range<usize>> = mentions
        .titles
        .iter()
        .map(|mention| mention.place.clone())
        .collect();
    let asked = forms::asked(text);
    if let Some((form, words)) = &asked
        && form.is_of_books
    {
        titles.extend(pieces(text, words.clone(), &places));
    }
    titles.truncate(MOST_TITLES);
    let authors = mentions.authors.iter().map(|mention| mention.place.clone());
    let named: Vec<Range<usize>> = places.iter().cloned().chain(authors).collect();
    let says_more = text
        .words
        .iter()
        .any(|word| !is_noise(&word.text) && !named.iter().any(|place| overlap(place, &word.place)));
    let otherwise = if says_more { Aspect::Other } else { Aspect::Summary };
    let aspect = aspect_of(text)
        .or(asked.map(|(form, _)| form.aspect))
        .unwrap_or(otherwise);
    Some(TitleQuestion { titles, aspect })
}

/// A question about something that may be a title, perhaps of no book here: the tool then says so.
fn unknown_title(text: &Text<'_>, index: &Index) -> Option<TitleQuestion> {
    let (form, words) = forms::asked(text)?;
    let words = without_announcement(text, words);
    let subject = text.slice(words.clone());
    let is_quoted = text.is_quoted(words.clone());
    let is_described = is_in(
        text.slice(words.start..words.start + 1),
        "by about on with in from for of that where which like set",
    );
    if subject.is_empty()
        || subject.chars().count() > TITLE_CHARS
        || is_described
        || refers_back(text, words.clone())
    {
        return None;
    }
    let aspect = aspect_of(text).unwrap_or(form.aspect);
    let question = |titles: Vec<String>, aspect| Some(TitleQuestion { titles, aspect });
    if let Some(title) = title_meant(subject, index, form.is_of_books || is_quoted) {
        return question(vec![title], aspect);
    }
    let pieces = pieces(text, words.clone(), &[]);
    let meant: Vec<Option<String>> = pieces
        .iter()
        .map(|piece| title_meant(piece, index, false))
        .collect();
    if meant.len() > 1
        && meant.iter().any(Option::is_some)
        && (form.is_of_books || meant.iter().all(Option::is_some))
    {
        let titles = meant
            .into_iter()
            .zip(pieces)
            .map(|(meant, piece)| meant.unwrap_or(piece));
        return question(titles.take(MOST_TITLES).collect(), aspect);
    }
    let is_announced = is_in(
        text.word_before(words.start, 1),
        "book novel play called titled entitled memoir",
    );
    if is_quoted || is_announced || form.is_of_books && !speaks_of_kinds(text, words.clone()) {
        return question(vec![subject.to_owned()], aspect);
    }
    let is_capital = |at: usize| text.is_capital(at) || is_function_word(text.word(at));
    let may_be_title = words.clone().all(is_capital)
        && text.is_capital(words.end - 1)
        && !topics::names_topic(subject, index)
        && index.mentions(subject).authors.is_empty();
    if may_be_title {
        question(vec![subject.to_owned()], Aspect::Topic)
    } else {
        None
    }
}

/// What the words around a title ask of it.
pub(super) fn aspect_of(text: &Text<'_>) -> Option<Aspect> {
    let asks = |words: &str, phrases: &str| text.has_any(words) || text.has_phrase(phrases);
    if asks(
        "author authored",
        "who wrote, who has written, by whom, who is it by, quién escribió, qui a écrit, wer schrieb, chi ha scritto",
    ) {
        return Some(Aspect::Author);
    }
    if text.has_any("language") && !text.has_any("about") {
        return Some(Aspect::Language);
    }
    if asks(
        "year published released",
        "when was, how old, come out, when did, is older, one is older",
    ) {
        return Some(Aspect::Year);
    }
    let retells = "summary summarise summarize synopsis plot compare describe worth";
    if asks(
        retells,
        "tell me, what happens, is about, whats it about, what is it about, difference between",
    ) {
        return Some(Aspect::Summary);
    }
    let has = "do you have, have you got, in your collection, in the collection, is there, have you read";
    text.has_phrase(has).then_some(Aspect::Presence)
}

/// The subject without `the book called`.
fn without_announcement(text: &Text<'_>, words: Range<usize>) -> Range<usize> {
    let mut start = words.start;
    let mut at = words.start;
    while at < words.end
        && is_in(
            text.word(at),
            "the a this that book novel play memoir called titled entitled named",
        )
    {
        at += 1;
        if !is_in(text.word(at - 1), "the a this that") {
            start = at;
        }
    }
    start.min(words.end)..words.end
}

/// The parts of an enumeration (`Emma, Dune and Solaris`) that are not mentioned titles.
fn pieces(text: &Text<'_>, words: Range<usize>, mentioned: &[Range<usize>]) -> Vec<String> {
    let mut pieces: Vec<Range<usize>> = Vec::new();
    let mut is_open = false;
    for at in words {
        let is_mentioned = mentioned
            .iter()
            .any(|place| overlap(place, &text.words[at].place));
        if is_mentioned || is_in(text.word(at), "and or vs versus with by") {
            is_open = false;
            continue;
        }
        match pieces.last_mut() {
            Some(piece) if is_open && !text.gap_before(at).contains([',', '&']) => piece.end = at + 1,
            _ => pieces.push(at..at + 1),
        }
        is_open = true;
    }
    let says_something = |piece: &Range<usize>| piece.clone().any(|at| !is_noise(text.word(at)));
    let pieces = pieces
        .into_iter()
        .filter(says_something)
        .map(|piece| text.slice(piece).trim_matches(is_quotation_mark));
    // Beside known titles only what is written like one counts.
    pieces
        .filter(|piece| mentioned.is_empty() || piece.starts_with(char::is_uppercase))
        .map(str::to_owned)
        .collect()
}

/// The title of the collection that is meant. Short words are not taken for mistyped titles unless only a book can be
/// meant: `maps` is not `Maus`; nor one word for the beginning of a title: `war` is not `War and Peace`.
fn title_meant(asked: &str, index: &Index, is_surely_a_title: bool) -> Option<String> {
    let hit = index.find_titles(&[asked.to_owned()]).pop()?;
    match hit.outcome {
        TitleOutcome::Found { book, how } => {
            let is_credible = how != TitleMatch::Typo || is_surely_a_title || asked.chars().count() >= 7;
            index
                .book(book)
                .filter(|_| is_credible)
                .map(|book| book.title.clone())
        }
        TitleOutcome::Unknown { .. } => {
            let telling = Text::new(asked)
                .words
                .iter()
                .filter(|word| !is_noise(&word.text))
                .count();
            if telling > 1 {
                title_beginning_with(asked, index)
            } else {
                None
            }
        }
    }
}

/// The title that begins with some words, or is them: `Harry Potter`.
pub(super) fn title_beginning_with(words: &str, index: &Index) -> Option<String> {
    let hit = index.find_titles(&[words.to_owned()]).pop()?;
    let title = |book: &BookId| index.book(*book).map(|book| book.title.clone());
    let candidates = match hit.outcome {
        TitleOutcome::Found { book, how } if how != TitleMatch::Typo => return title(&book),
        TitleOutcome::Found { book, .. } => vec![book],
        TitleOutcome::Unknown { suggestions } => suggestions,
    };
    let wanted = Text::new(words);
    let begins = |title: &String| {
        let title = Text::new(title);
        // With or without a leading article.
        (0..=1).any(|start| (0..wanted.len()).all(|at| title.word(start + at) == wanted.word(at)))
    };
    candidates.iter().filter_map(title).find(begins)
}

/// Words that stand for something said before: `it`, `the second one`, `that book`.
fn refers_back(text: &Text<'_>, words: Range<usize>) -> bool {
    let list = "it this that them these those him her you yourself me us first second third fourth fifth last one both all \
        of the book novel story";
    words.clone().all(|at| is_in(text.word(at), list)) && !words.clone().any(|at| text.is_capital(at))
}

/// `summary of all books`, `plot of novels about war`: kinds of books, or a file, rather than one title.
fn speaks_of_kinds(text: &Text<'_>, words: Range<usize>) -> bool {
    let indefinite = "me us a an some any something anything to for more another next one";
    let kinds = "books novels stories all every collection each file document text attachment article";
    is_in(text.word(words.start), indefinite) || words.clone().any(|at| is_in(text.word(at), kinds))
}
