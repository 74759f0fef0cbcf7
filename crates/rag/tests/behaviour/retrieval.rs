//! Retrieval over a small collection: what is found, why, and that conditions hold for whatever is asked.

use crate::fixture::{asking, index, texts, titles};
use chatai_rag::{EmbeddingSpace, Field, Query, QueryVector, Vectors, Via};
use proptest::prelude::*;

#[test]
fn the_first_hit_is_what_was_asked_for() {
    let index = index();
    for (content, expected) in [
        ("a big family saga with magic", "One Hundred Years of Solitude"),
        ("murderer tortured by guilt", "Crime and Punishment"),
        ("sci-fi on a desert world", "Dune"),
        ("dostoyevski", "Crime and Punishment"),
        ("Marquez", "One Hundred Years of Solitude"),
        ("the hobit", "The Hobbit; or, There and Back Again"),
        ("a dragon and a treasure", "The Hobbit; or, There and Back Again"),
        ("what to read about Napoleon?", "War and Peace"),
        ("ancient Greek voyage", "The Odyssey"),
        ("a funny book about angels", "Good Omens"),
        ("unfaithful wives", "Anna Karenina"),
        ("surveillance and dictatorship", "Nineteen Eighty-Four"),
        ("Japanese warriors", "The Tale of the Heike"),
        ("Nineteen Eighty-Four", "Nineteen Eighty-Four"),
        ("scary clown, horror", "It"),
        ("German novels of the 1920s", "The Trial"),
    ] {
        let hits = index.search(&asking(content), None);
        assert_eq!(
            titles(&hits).first(),
            Some(&expected),
            "{content}: {:?}",
            titles(&hits)
        );
    }
}

#[test]
fn hits_say_why_they_matched() {
    let hits = index().search(&asking("a Russian novel about guilt from the 19th century"), None);
    assert_eq!(hits[0].book.title, "Crime and Punishment");
    assert_eq!(hits[0].via, Via::Words);
    let terms = |field| {
        hits[0]
            .matched
            .iter()
            .find(|found| found.field == field)
            .map(|found| found.terms.join(", "))
    };
    assert_eq!(terms(Field::Themes).as_deref(), Some("guilt"));
    assert_eq!(terms(Field::Language).as_deref(), Some("russian"));
    assert_eq!(terms(Field::Year).as_deref(), Some("19th century"));
}

#[test]
fn related_words_are_told_as_what_the_book_has() {
    let hits = index().search(&asking("stories of the ocean"), None);
    assert_eq!(hits[0].book.title, "The Odyssey");
    assert_eq!(hits[0].matched[0].terms, ["sea", "sailing"]);
    let hits = index().search(&asking("something like Nineteen Eighty-Four"), None);
    assert_eq!(hits[0].book.title, "The Slynx");
    assert_eq!(
        (hits[0].matched[0].field, hits[0].matched[0].terms[0].as_str()),
        (Field::Genres, "dystopian fiction")
    );
}

#[test]
fn what_is_not_wanted_and_how_many_does_not_rank() {
    let index = index();
    let plain = titles(&index.search(&asking("books about guilt"), None)).join("; ");
    for content in [
        "three books about guilt",
        "books about guilt without war",
        "10 books about guilt, no dragons",
    ] {
        assert_eq!(
            titles(&index.search(&asking(content), None)).join("; "),
            plain,
            "{content}"
        );
    }
}

#[test]
fn words_that_nothing_contains_find_nothing() {
    let index = index();
    for content in ["quantum chromodynamics", "xyzzy", "пингвин", "🦀"] {
        let hits = index.search(&asking(content), None);
        if content != "🦀" {
            assert!(hits.is_empty(), "{content}: {:?}", titles(&hits));
        }
    }
}

#[test]
fn a_request_without_content_gets_a_varied_choice() {
    let index = index();
    for content in ["", "  ", "recommend me something good, please", "🦀"] {
        let hits = index.search(&asking(content), None);
        assert_eq!(hits.len(), 5, "{content}");
        assert!(
            hits.iter()
                .all(|hit| hit.via == Via::Conditions && hit.matched.is_empty())
        );
        let mut genres: Vec<&str> = hits.iter().map(|hit| hit.book.genres[0].as_str()).collect();
        genres.sort_unstable();
        genres.dedup();
        assert_eq!(genres.len(), 5);
    }
}

#[test]
fn authors_alone_give_their_books_by_year() {
    let index = index();
    let by = |authors: &[&str]| {
        let query = Query {
            authors: texts(authors),
            limit: 9,
            ..Query::default()
        };
        index
            .search(&query, None)
            .iter()
            .map(|hit| hit.book.title.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(by(&["Tolstoy"]), ["War and Peace", "Anna Karenina"]);
    assert_eq!(by(&["Tolstaya"]), ["The Slynx"]);
    assert_eq!(by(&["Homer", "orwell"]), ["The Odyssey", "Nineteen Eighty-Four"]);
    assert_eq!(by(&["Pratchett"]), ["Good Omens"]);
    assert_eq!(
        by(&["Garcia Marquez, Gabriel"]),
        ["One Hundred Years of Solitude"]
    );
    assert_eq!(by(&["Nobody"]), [""; 0]);
    assert_eq!(by(&["Tolsto"]), [""; 0]);
}

#[test]
fn content_ranks_the_books_of_an_author_and_the_others_follow() {
    let query = Query {
        authors: texts(&["Tolstoy"]),
        ..asking("adultery")
    };
    let hits = index().search(&query, None);
    assert_eq!(titles(&hits), ["Anna Karenina", "War and Peace"]);
    assert_eq!((hits[0].via, hits[1].via), (Via::Words, Via::Conditions));
    let query = Query { limit: 1, ..query };
    assert_eq!(index().search(&query, None).len(), 1);
}

#[test]
fn exclusions_hold() {
    let index = index();
    let left = |query: Query| {
        let hits = index.search(&Query { limit: 50, ..query }, None);
        hits.iter().map(|hit| hit.book.title.clone()).collect::<Vec<_>>()
    };
    let all = |exclude: &str| Query {
        exclude_content: texts(&[exclude]),
        ..Query::default()
    };
    for (query, gone) in [
        (
            Query {
                exclude_titles: texts(&["hobbit"]),
                ..Query::default()
            },
            vec!["The Hobbit; or, There and Back Again"],
        ),
        (
            Query {
                exclude_titles: texts(&["1984", "ODYSSEY!"]),
                ..Query::default()
            },
            vec!["Nineteen Eighty-Four", "The Odyssey"],
        ),
        (
            Query {
                exclude_authors: texts(&["Gaiman"]),
                ..Query::default()
            },
            vec!["Good Omens"],
        ),
        (
            Query {
                exclude_authors: texts(&["Leo Tolstoy"]),
                ..Query::default()
            },
            vec!["War and Peace", "Anna Karenina"],
        ),
        (
            all("war"),
            vec!["War and Peace", "The Odyssey", "The Tale of the Heike"],
        ),
        (all("sci-fi and horror"), vec!["Dune", "Dune Messiah", "It"]),
        (
            all("Russian novels"),
            vec![
                "War and Peace",
                "Anna Karenina",
                "The Slynx",
                "Crime and Punishment",
            ],
        ),
        (
            all("anything from the 19th century"),
            vec!["War and Peace", "Anna Karenina", "Crime and Punishment", "Emma"],
        ),
        (all("social class"), vec!["Emma"]),
    ] {
        let left = left(query.clone());
        assert!(
            !left.iter().any(|title| gone.contains(&title.as_str())),
            "{query:?}: {left:?}"
        );
        assert_eq!(left.len(), 15 - gone.len(), "{query:?}: {left:?}");
    }
    // Another title that begins with the same word stays.
    let without_dune = left(Query {
        exclude_titles: texts(&["Dune"]),
        ..Query::default()
    });
    assert!(without_dune.contains(&"Dune Messiah".to_owned()));
    // What says nothing excludes nothing.
    for empty in ["", " , ; ", "the of and", "🦀"] {
        assert_eq!(left(all(empty)).len(), 15, "{empty}");
    }
}

#[test]
fn themes_and_genres_filter() {
    let index = index();
    let query = Query {
        themes: texts(&["marriage"]),
        limit: 9,
        ..Query::default()
    };
    let mut found: Vec<String> = index
        .search(&query, None)
        .iter()
        .map(|hit| hit.book.title.clone())
        .collect();
    found.sort();
    assert_eq!(found, ["Anna Karenina", "Emma"]);
    let query = Query {
        genres: texts(&["Comedies"]),
        ..query
    };
    assert_eq!(titles(&index.search(&query, None)), ["Emma"]);
    let query = Query {
        genres: texts(&["sci-fi"]),
        ..asking("religion")
    };
    assert_eq!(titles(&index.search(&query, None)), ["Dune Messiah"]);
}

#[test]
fn a_book_named_as_an_example_is_not_its_own_answer() {
    let index = index();
    for content in [
        "something like Dune",
        "I loved Dune, what next?",
        "books similar to \"Dune\"",
    ] {
        let hits = index.search(&asking(content), None);
        assert_eq!(titles(&hits).first(), Some(&"Dune Messiah"), "{content}");
        assert!(!titles(&hits).contains(&"Dune"), "{content}");
    }
    assert_eq!(
        titles(&index.search(&asking("Dune"), None)).first(),
        Some(&"Dune")
    );
}

#[test]
fn vectors_join_the_words() {
    let index = index();
    let mut vectors = Vectors::new(EmbeddingSpace {
        model: "test".to_owned(),
        dimension: 2,
    });
    let embed = |title: &str| {
        if title == "The Trial" {
            [1.0, 0.1]
        } else {
            [0.1, 1.0]
        }
    };
    let missing: Vec<_> = vectors
        .missing(&index)
        .map(|(_, hash, book)| (hash, embed(&book.title)))
        .collect();
    assert_eq!(missing.len(), 15);
    for (hash, embedding) in missing {
        vectors.insert(hash, &embedding).unwrap();
    }
    let vector = QueryVector {
        vectors: &vectors,
        embedding: &[1.0, 0.0],
    };
    let hits = index.search(&asking("nothing the words know: qwertz"), Some(vector));
    assert_eq!(
        (hits[0].book.title.as_str(), hits[0].via),
        ("The Trial", Via::Vector)
    );
    let hits = index.search(&asking("guilt"), Some(vector));
    assert_eq!(
        (hits[0].book.title.as_str(), hits[0].via),
        ("The Trial", Via::Both)
    );
    let query = Query {
        exclude_titles: texts(&["Trial"]),
        ..asking("guilt")
    };
    assert!(!titles(&index.search(&query, Some(vector))).contains(&"The Trial"));
    let query = Query {
        authors: texts(&["Orwell"]),
        ..asking("guilt")
    };
    assert_eq!(
        titles(&index.search(&query, Some(vector))),
        ["Nineteen Eighty-Four"]
    );
    // An embedding of another space is no evidence.
    let other = QueryVector {
        vectors: &vectors,
        embedding: &[1.0, 0.0, 0.0],
    };
    assert_eq!(
        index.search(&asking("guilt"), Some(other)),
        index.search(&asking("guilt"), None)
    );
}

/// Words that mean something to the collection, in any order and number.
fn request() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("war"),
        Just("Tolstoy"),
        Just("the"),
        Just("without"),
        Just("like"),
        Just("Dune"),
        Just("russian"),
        Just("1984"),
        Just("before"),
        Just("19th"),
        Just("century"),
        Just("love"),
        Just("\""),
        Just(","),
        Just("It"),
        Just("tolstoi"),
        Just("sci-fi"),
        Just("guilt"),
        Just("é"),
        Just("by"),
    ];
    prop_oneof![
        proptest::collection::vec(word, 0..8).prop_map(|words| words.join(" ")),
        "\\PC{0,40}"
    ]
}

fn list() -> impl Strategy<Value = Vec<String>> {
    let entry = prop_oneof![
        Just("Tolstoy".to_owned()),
        Just("Dune".to_owned()),
        Just("war".to_owned()),
        Just("Orwell".to_owned()),
        Just("The Trial".to_owned()),
        Just("Russian".to_owned()),
        Just("19th century, love".to_owned()),
        "\\PC{0,12}"
    ];
    proptest::collection::vec(entry, 0..3)
}

proptest! {
    #[test]
    fn conditions_hold_for_any_request(
        content in proptest::option::of(request()), authors in list(), exclude_titles in list(),
        exclude_content in list(), exclude_authors in list(), limit in 0_usize..20,
    ) {
        let index = index();
        let query = Query { content, authors, exclude_titles, exclude_content, exclude_authors, limit, ..Query::default() };
        let hits = index.search(&query, None);
        prop_assert!(hits.len() <= limit);
        prop_assert_eq!(&hits, &index.search(&query, None));
        let mut ids: Vec<_> = hits.iter().map(|hit| hit.id).collect();
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), hits.len());
        for hit in &hits {
            let book = &hit.book;
            prop_assert_eq!(index.book(hit.id).unwrap(), book);
            let author = book.author.as_deref().unwrap_or_default();
            for (name, family) in [("Tolstoy", "Tolstoy"), ("Orwell", "Orwell")] {
                let named = |list: &[String]| list.iter().any(|entry| entry == name);
                if named(&query.exclude_authors) {
                    prop_assert!(!author.ends_with(family));
                }
                if query.authors == [name] {
                    prop_assert!(author.ends_with(family));
                }
            }
            for title in ["Dune", "The Trial"] {
                prop_assert!(!(query.exclude_titles.iter().any(|entry| entry == title) && book.title == title));
            }
            if query.exclude_content.iter().any(|entry| entry == "war") {
                prop_assert!(!book.themes.iter().any(|theme| theme == "war") && !book.title.contains("War"));
            }
            if query.exclude_content.iter().any(|entry| entry == "Russian") {
                prop_assert!(book.language.as_deref() != Some("Russian"));
            }
        }
    }
}
