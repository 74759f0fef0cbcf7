//! Genres and themes as conditions of a request in natural words.

use chatai_rag::{Collection, Index, Query};
use serde_json::{Value, json};

/// Six books of the kind, and two others that say its words more often.
#[test]
fn a_genre_that_is_named_as_such_is_a_condition() {
    let book = |n: usize, genres: &[&str], summary: &str| {
        json!({"title": format!("Volume {n}"), "author": "A. Writer", "year": 1950, "language": "English",
            "short_summary": summary, "full_summary": summary, "themes": ["voyage"], "genres": genres})
    };
    let mut books: Vec<_> = (0..6)
        .map(|n| book(n, &["science fiction"], "A ship and its crew."))
        .collect();
    let talk =
        "A scholar of science fiction writes on science and fiction: a ship, a novel of science fiction.";
    books.push(book(6, &["essays"], talk));
    books.push(book(7, &["poetry"], talk));
    let json = Value::from(books).to_string();
    let index = Index::build(&Collection::parse(&json, "b").unwrap());
    let found = |content: &str| -> Vec<String> {
        let query = Query {
            content: Some(content.to_owned()),
            limit: 20,
            ..Default::default()
        };
        index
            .search(&query, None)
            .iter()
            .map(|hit| hit.book.title.clone())
            .collect()
    };
    let others = |content: &str| {
        found(content)
            .iter()
            .filter(|title| *title >= &"Volume 6".to_owned())
            .count()
    };
    for content in [
        "a science fiction novel with a ship",
        "genre: science fiction, a ship",
        "a ship. Genres: science fiction",
    ] {
        assert_eq!((found(content).len(), others(content)), (6, 0), "{content}");
    }
    for content in [
        "science fiction with a ship",
        "a science fiction novel or poetry with a ship",
        "a ship, poetry or science fiction novels",
        "essays about science fiction novels with a ship",
        "a poetry book with a ship",
    ] {
        assert!(
            others(content) > 0,
            "no condition, or one that too few carry: {content}"
        );
    }
}
