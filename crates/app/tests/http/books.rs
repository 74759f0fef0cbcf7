//! `/books`

use crate::support::{app, get, get_as, keys, list, options};
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn all_books_come_in_pages_and_each_can_be_read() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let (mut path, mut seen) = ("/books?limit=80".to_owned(), Vec::new());
    loop {
        let page = get_as(&user, &path).await;
        assert_eq!(page.status, 200, "{page:?}");
        let page_books = list(&page.json()).to_vec();
        assert!(!page_books.is_empty() && page_books.len() <= 80, "{path}");
        seen.extend(page_books);
        if !page.headers.contains_key("link") {
            break;
        }
        let link = page.header("link");
        assert!(link.ends_with("; rel=\"next\""), "{link}");
        path = link[1..link.find('>').unwrap()].to_owned();
    }
    let ids: BTreeSet<&str> = seen.iter().map(|book| book["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), seen.len(), "none comes twice");
    let shipped: Value = serde_json::from_str(include_str!("../../../../data/books.json")).unwrap();
    let titles = |books: &[Value]| books.iter().map(|book| book["title"].clone()).collect::<Vec<_>>();
    assert_eq!(titles(&seen), titles(list(&shipped)), "the collection's order");
    assert_eq!(
        keys(&seen[0]),
        [
            "id",
            "title",
            "author",
            "year",
            "language",
            "genres",
            "themes",
            "short_summary"
        ]
    );

    let (status, book) = user
        .get(&format!("/books/{}", seen[7]["id"].as_str().unwrap()))
        .await;
    assert_eq!((status, &book["title"]), (200, &seen[7]["title"]));
    assert_eq!(book["full_summary"], shipped[7]["full_summary"]);
}

#[tokio::test]
async fn words_find_books_best_first() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let (_, found) = user
        .get("/books?q=a%20hunt%20for%20a%20white%20whale&limit=3")
        .await;
    assert_eq!(found[0]["title"], json!("Moby-Dick"), "{found}");
    assert!((1..=3).contains(&list(&found).len()));
    let (_, by_author) = user.get("/books?q=Jane%20Austen").await;
    assert!(
        list(&by_author)
            .iter()
            .any(|book| book["author"] == "Jane Austen"),
        "{by_author}"
    );
}

#[tokio::test]
async fn a_book_that_was_changed_has_another_id() {
    let book = |summary: &str| {
        json!([{"title": "Emma", "author": "Jane Austen", "year": 1815, "short_summary": summary, "full_summary": summary,
            "themes": ["love"], "genres": ["novel"], "language": "English"}])
        .to_string()
    };
    let mut app = options()
        .file("BOOKS_FILE", "books.json", book("One."))
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let before = user.get("/books").await.1[0]["id"].clone();
    assert_eq!(user.get("/books").await.1[0]["year"], json!("1815"));
    app.terminate().await;
    std::fs::write(app.folder().join("books.json"), book("Two.")).unwrap();
    app.start_again().await;
    let user = user.at(&app.base_url());
    let after = user.get("/books").await.1[0]["id"].clone();
    assert_ne!(before, after);
    let gone = get_as(&user, &format!("/books/{}", before.as_str().unwrap())).await;
    gone.expect_error(404, "book_not_found", "Book not found");
}

#[tokio::test]
async fn faults() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for path in [
        "/books?limit=0",
        "/books?limit=201",
        "/books?limit=x",
        &format!("/books?q={}", "x".repeat(501)),
    ] {
        assert_eq!(get_as(&user, path).await.status, 422, "{path}");
    }
    for path in [
        "/books/none",
        "/books?after=none",
        "/books/%27%20or%201=1",
        "/books/%00",
    ] {
        let answer = get_as(&user, path).await;
        assert!(matches!(answer.status, 404 | 422), "{path}: {answer:?}");
    }
    // Words that say nothing give a varied choice.
    assert_eq!(list(&user.get("/books?q=").await.1).len(), 50);
    get(&app, "/books")
        .await
        .expect_error(401, "not_authenticated", "Not authenticated");
}

#[tokio::test]
async fn titles_find_the_books_that_are_called_so_and_no_other() {
    let book = |title: &str, author: &str| {
        json!({"title": title, "author": author, "year": 1900, "short_summary": "s", "full_summary": "f",
            "themes": [], "genres": [], "language": "English"})
    };
    let books = json!([
        book("The Tide", "Mara Lind"),
        book("The Tide", "Jon Abel"),
        book("Tide", "Ines Roth"),
        book("Café Élan", "Ines Roth"),
        book("The Tide: A Sequel", "Mara Lind"),
    ]);
    let app = options()
        .file("BOOKS_FILE", "books.json", books.to_string())
        .start()
        .await;
    let user = app.register("ada@example.com").await;
    let called = async |query: &str| {
        let (status, found) = user.get(&format!("/books?{query}")).await;
        assert_eq!(status, 200, "{found}");
        let found = list(&found).iter();
        found
            .map(|book| format!("{} {}", book["title"], book["author"]).replace('"', ""))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        called("title=the%20tide").await,
        ["The Tide Mara Lind", "The Tide Jon Abel"]
    );
    assert_eq!(
        called("title=Tide&title=cafe+elan&title=Nothing&title=tide!").await,
        ["Tide Ines Roth", "Café Élan Ines Roth"]
    );
    assert_eq!(called("title=Tid").await, [""; 0], "no guesses");
    assert_eq!(called("title=").await, [""; 0]);
    let many = vec!["title=x"; 50].join("&");
    assert_eq!(called(&many).await, [""; 0]);
    assert_eq!(get_as(&user, &format!("/books?{many}&title=y")).await.status, 422);
    let long = "x".repeat(501);
    assert_eq!(get_as(&user, &format!("/books?title={long}")).await.status, 422);
}
