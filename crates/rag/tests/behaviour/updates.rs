//! An index that was updated is the index that would have been built.

use crate::fixture::{BOOKS, asking};
use chatai_rag::{Book, Changes, Collection, Index, Query};
use chatai_types::BookId;
use proptest::prelude::*;

fn all_books() -> Vec<Book> {
    let collection = Collection::parse(BOOKS, "test.json").expect("the fixture is a collection");
    collection.books().iter().map(|book| (**book).clone()).collect()
}

fn collection(books: &[Book]) -> Collection {
    Collection::from_books(books.iter().cloned(), "test.json")
}

#[test]
fn changes_are_told_by_content() {
    let books = all_books();
    let index = Index::build(&collection(&books));
    let same = index.update(&collection(&books)).1;
    assert_eq!(
        same,
        Changes {
            unchanged: 15,
            ..Changes::default()
        }
    );

    let mut next = books.clone();
    next.remove(0);
    next[0].short_summary.push_str(" By train.");
    next.push(Book {
        title: "Ulysses".to_owned(),
        ..Book::default()
    });
    let (updated, changes) = index.update(&collection(&next));
    assert_eq!(changes.added, [BookId(14)]);
    assert_eq!(changes.changed, [BookId(0)]);
    assert_eq!(changes.unchanged, 13);
    let mut removed = vec![books[0].content_hash(), books[1].content_hash()];
    removed.sort();
    let mut told = changes.removed;
    told.sort();
    assert_eq!(told, removed);
    assert!(updated.search(&asking("Napoleon"), None).is_empty());
    assert_eq!(updated.search(&asking("train"), None).len(), 1);
    assert_eq!(
        index.search(&asking("Napoleon"), None).len(),
        1,
        "the index before stays as it was"
    );
}

#[test]
fn an_empty_collection_can_be_searched() {
    let index = Index::build(&Collection::default());
    assert!(index.is_empty());
    assert!(index.search(&asking("war"), None).is_empty());
    assert!(
        index
            .search(
                &Query {
                    limit: 5,
                    ..Query::default()
                },
                None
            )
            .is_empty()
    );
    assert!(index.mentions("War and Peace").books().is_empty());
    assert_eq!(index.book(BookId(0)), None);
    assert_eq!(index.book(BookId(-1)), None);
}

#[test]
fn a_hundred_thousand_books_are_searched() {
    let book = |n: usize| Book {
        title: format!("Volume {n}"),
        author: Some(format!("Writer {}", n % 1_000)),
        themes: vec![if n == 77_777 {
            "whales".to_owned()
        } else {
            "land".to_owned()
        }],
        ..Book::default()
    };
    let index = Index::build(&Collection::from_books((0..100_000).map(book), "made"));
    let found =
        |query: Query| -> Vec<i64> { index.search(&query, None).iter().map(|hit| hit.id.0).collect() };
    assert_eq!(found(asking("something about a whale")), [77_777]);
    assert_eq!(found(asking("volume 4711")).first(), Some(&4_711));
    assert_eq!(found(asking("land")), [0, 1, 2, 3, 4]);
    let query = Query {
        authors: vec!["Writer 999".to_owned()],
        limit: 200,
        ..Query::default()
    };
    assert_eq!(found(query).len(), 100);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn updating_equals_building(before in proptest::collection::vec(any::<bool>(), 15), after in proptest::collection::vec(0_u8..4, 15)) {
        let books = all_books();
        let first: Vec<Book> = books.iter().zip(&before).filter(|(_, is_in)| **is_in).map(|(book, _)| book.clone()).collect();
        let mut second: Vec<Book> = Vec::new();
        for (book, how) in books.iter().zip(&after) {
            match how {
                0 => {}
                1 => second.push(Book { full_summary: "Guilt, war and a dragon.".to_owned(), ..book.clone() }),
                2 => second.insert(0, book.clone()),
                _ => second.push(book.clone()),
            }
        }
        let built = Index::build(&collection(&second));
        let updated = Index::build(&collection(&first)).update(&collection(&second)).0;
        for content in ["war and guilt", "dragon", "Russian novels about marriage", "tolstoi", "something like Dune", ""] {
            prop_assert_eq!(updated.search(&asking(content), None), built.search(&asking(content), None), "{}", content);
        }
    }
}
