//! Titles and authors in questions and in free text.

use crate::fixture::{index, texts};
use chatai_rag::{TitleMatch, TitleOutcome};

#[test]
fn titles_are_found_exactly_then_loosely_then_misspelled() {
    let index = index();
    for (asked, title, how) in [
        ("Dune", "Dune", TitleMatch::Exact),
        ("dune messiah", "Dune Messiah", TitleMatch::Exact),
        (
            "“Nineteen Eighty-Four”",
            "Nineteen Eighty-Four",
            TitleMatch::Exact,
        ),
        ("1984", "Nineteen Eighty-Four", TitleMatch::Exact),
        (
            "100 years of solitude",
            "One Hundred Years of Solitude",
            TitleMatch::Exact,
        ),
        ("It", "It", TitleMatch::Exact),
        ("Trial", "The Trial", TitleMatch::Variant),
        (
            "The Hobbit",
            "The Hobbit; or, There and Back Again",
            TitleMatch::Variant,
        ),
        ("Dune by Frank Herbert", "Dune", TitleMatch::Exact),
        (
            "the hobit",
            "The Hobbit; or, There and Back Again",
            TitleMatch::Typo,
        ),
        ("Crime and Punishmnet", "Crime and Punishment", TitleMatch::Typo),
        ("Crimes and Punishments", "Crime and Punishment", TitleMatch::Typo),
        ("Ana Karenina", "Anna Karenina", TitleMatch::Typo),
    ] {
        let hits = index.find_titles(&texts(&[asked]));
        assert_eq!(hits[0].asked, asked);
        let TitleOutcome::Found { book, how: found_how } = hits[0].outcome else {
            panic!("{asked}: {hits:?}")
        };
        assert_eq!(
            (index.book(book).unwrap().title.as_str(), found_how),
            (title, how),
            "{asked}"
        );
    }
}

#[test]
fn unknown_titles_get_suggestions_but_no_guess() {
    let index = index();
    for (asked, suggestions) in [
        ("Dune Heretics", &["Dune", "Dune Messiah"][..]),
        ("Crimes and Penalties", &["Crime and Punishment"]),
        ("War", &["War and Peace"]),
        ("Dune by Jane Austen", &["Dune", "Dune Messiah"]),
        ("Pride and Prejudice", &[]),
        ("1985", &[]),
        ("", &[]),
        ("?!", &[]),
    ] {
        let hits = index.find_titles(&texts(&[asked]));
        let TitleOutcome::Unknown { suggestions: found } = &hits[0].outcome else {
            panic!("{asked}: {hits:?}")
        };
        let found: Vec<&str> = found
            .iter()
            .map(|id| index.book(*id).unwrap().title.as_str())
            .collect();
        assert!(found.len() <= 3);
        assert_eq!(
            &found[..suggestions.len().min(found.len())],
            suggestions,
            "{asked}: {found:?}"
        );
    }
}

#[test]
fn titles_in_free_text() {
    let index = index();
    for (text, expected) in [
        (
            "What is The Hobbit about?",
            &["The Hobbit; or, There and Back Again"][..],
        ),
        (
            "what is the hobbit about",
            &["The Hobbit; or, There and Back Again"],
        ),
        ("Compare Dune with \"Dune Messiah\".", &["Dune", "Dune Messiah"]),
        ("is crime and punishment long?", &["Crime and Punishment"]),
        ("Have you read 1984?", &["Nineteen Eighty-Four"]),
        ("what is nineteen eighty four about", &["Nineteen Eighty-Four"]),
        ("novels written in 1984", &[]),
        ("Who wrote Emma?", &["Emma"]),
        ("What is it about?", &[]),
        ("I want it. It should be short.", &[]),
        ("Tell me about *It*.", &["It"]),
        ("what is it by stephen king about", &["It"]),
        ("a book about a trial in court", &[]),
        ("the trial lasted long", &[]),
        ("Is The Trial sad?", &["The Trial"]),
        ("summary of the trial", &["The Trial"]),
        ("what's emma about", &["Emma"]),
        ("tell me about the trial", &["The Trial"]),
        ("tell me about the trial of a king", &[]),
        ("dunes and hobbits", &[]),
        ("", &[]),
    ] {
        let mentions = index.mentions(text);
        let found: Vec<&str> = mentions
            .titles
            .iter()
            .map(|title| index.book(title.books[0]).unwrap().title.as_str())
            .collect();
        assert_eq!(found, expected, "{text}");
        for title in &mentions.titles {
            assert!(text.get(title.place.clone()).is_some());
        }
    }
}

#[test]
fn examples_of_what_is_wanted_are_told_from_what_is_asked_about() {
    let index = index();
    for (text, is_example) in [
        ("something like Dune", true),
        ("I loved The Hobbit", true),
        ("books similar to Crime and Punishment", true),
        ("in the style of The Trial", true),
        ("fans of Dune", true),
        ("I just finished Dune", true),
        ("I read Emma and Dune last year", true),
        ("Have you read Dune?", false),
        ("what is Dune about?", false),
        ("Dune by Frank Herbert", false),
        ("nothing unlike Dune", false),
    ] {
        assert_eq!(index.mentions(text).titles[0].is_example, is_example, "{text}");
    }
}

#[test]
fn authors_in_free_text() {
    let index = index();
    for (text, expected) in [
        ("books by tolstoy", &["Leo Tolstoy"][..]),
        ("Leo Tolstoy or Tolstaya?", &["Leo Tolstoy", "Tatyana Tolstaya"]),
        ("anything by king", &["Stephen King"]),
        ("a king and his queen", &[]),
        ("what did Dostoyevsky write", &["Fyodor Dostoevsky"]),
        ("J.R.R. Tolkien's books", &["J. R. R. Tolkien"]),
        ("Pratchett", &["Terry Pratchett"]),
        ("Who wrote The Odyssey?", &[]),
    ] {
        let mentions = index.mentions(text);
        let found: Vec<&str> = mentions
            .authors
            .iter()
            .map(|author| author.name.as_str())
            .collect();
        assert_eq!(found, expected, "{text}");
    }
    let books = index.mentions("Anna Karenina and other books by Tolstoy").books();
    let found: Vec<&str> = books
        .iter()
        .map(|id| index.book(*id).unwrap().title.as_str())
        .collect();
    assert_eq!(found, ["Anna Karenina", "War and Peace"]);
}

#[test]
fn authors_are_looked_up_by_name() {
    let index = index();
    let hits = index.find_authors(&texts(&["tolstoy", "Tolstoi", "Orwel", "Gaiman", "xyz", ""]));
    let found: Vec<(Vec<&str>, Vec<&str>)> = hits
        .iter()
        .map(|hit| {
            (
                hit.names.iter().map(String::as_str).collect(),
                hit.suggestions.iter().map(String::as_str).collect(),
            )
        })
        .collect();
    assert_eq!(
        found,
        [
            (vec!["Leo Tolstoy"], vec![]),
            (vec!["Leo Tolstoy"], vec![]),
            (vec![], vec!["George Orwell"]),
            (vec!["Neil Gaiman"], vec![]),
            (vec![], vec![]),
            (vec![], vec![]),
        ]
    );
}
