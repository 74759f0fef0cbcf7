//! The collection's vectors, seen from the vendor's side: which calls are made, which are not, and what they cost.

use crate::support::{chat, list, on_both, scopes, usage};
use chatai_testkit::{
    app::{AppOptions, TestApp, User},
    provider::{RecordedRequest, Reply, ScriptedProvider},
};
use serde_json::{Value, json};
use std::sync::Arc;

const MODEL: &str = "my-embed";

fn book(title: &str, summary: &str) -> Value {
    json!({"title": title, "author": "Mara Lind", "year": 1900, "short_summary": summary,
           "full_summary": summary, "themes": [], "genres": ["novel"], "language": "en"})
}

fn books() -> Vec<Value> {
    vec![
        book("Salt and Sails", "A crew crosses a cold sea."),
        book("Deep Water", "A diver finds a wreck in the sea."),
        book("Paper Mountains", "A climber writes letters."),
    ]
}

/// The program over three books, with a model that embeds them for two dollars a million tokens.
async fn embedding(options: AppOptions) -> (TestApp, ScriptedProvider) {
    let provider = ScriptedProvider::start().await;
    let prices = json!({
        "gpt-4.1-nano": {"input": 0.10, "cached_input": 0.025, "output": 0.40},
        MODEL: {"input": 2.0, "output": 0, "capabilities": ["embedding"]},
    });
    let app = options
        .vendor(&provider)
        .env("OPENAI_EMBEDDING_MODEL", MODEL)
        .env("CHATAI__LIMITS__TURNS_PER_MINUTE", "0")
        .file("BOOKS_FILE", "books.json", json!(books()).to_string())
        .file("PRICING_FILE", "pricing_data.json", prices.to_string())
        .start()
        .await;
    (app, provider)
}

fn embedded(provider: &ScriptedProvider) -> Vec<Arc<RecordedRequest>> {
    let calls = provider.calls().into_iter();
    calls.filter(|call| call.is_embeddings()).collect()
}

/// Waits until so many requests for embeddings were answered.
async fn wait_for_embeddings(provider: &ScriptedProvider, count: usize) {
    provider
        .wait_until(|counts| counts.finished >= counts.calls && embedded(provider).len() >= count)
        .await;
}

/// Searches in a turn of its own; what the model is told and the turn's usage rows.
async fn search(user: &User, provider: &ScriptedProvider, content: &str) -> (Value, Vec<Value>) {
    provider.push(Reply::call_tool(
        "get_book_recommendations",
        &json!({"content": content}),
    ));
    provider.push(Reply::text("Read these."));
    let body = chat(user, &[("text", "something to read")]).await;
    assert_eq!(body["answer"], "Read these.");
    let calls = provider.answer_calls();
    let outputs = calls.last().unwrap().tool_outputs();
    let told = serde_json::from_str(outputs.last().unwrap().1).expect("JSON");
    (told, usage(user, &body["response_message_id"]).await)
}

/// Searches until the vectors took part, which is soon after the last of them was answered. Every search is for
/// another text, since a known one is not embedded again.
async fn search_by_meaning(user: &User, provider: &ScriptedProvider) -> (Value, Vec<Value>) {
    for number in 0..200 {
        let before = embedded(provider).len();
        let found = search(user, provider, &format!("ocean voyage {number}")).await;
        if embedded(provider).len() > before && scopes(&found.1).contains(&"tool") && by_meaning(&found.0) {
            return found;
        }
    }
    panic!("the vectors never took part");
}

/// No book has a word of an ocean voyage; its words alone find at most what is related.
fn by_meaning(told: &Value) -> bool {
    list(&told["recommendations"]).len() == books().len()
}

/// The restart that shows what a start asks for: it is over when a search was answered by meaning.
async fn restart(app: &mut TestApp, user: &User) -> User {
    assert!(app.terminate().await.success());
    app.start_again().await;
    user.at(&app.base_url())
}

on_both! {
    async fn the_collection_is_embedded_once_and_a_restart_asks_for_nothing(options) {
        let (mut app, provider) = embedding(options).await;
        let user = app.register("ada@example.com").await;
        wait_for_embeddings(&provider, 1).await;
        let first = &embedded(&provider)[0];
        assert_eq!((&*first.model(), first.embedding_texts().len()), (MODEL, 3));
        search_by_meaning(&user, &provider).await;
        let user = restart(&mut app, &user).await;
        let asked = embedded(&provider).len();
        let (_, rows) = search_by_meaning(&user, &provider).await;
        let since = &embedded(&provider)[asked..];
        assert!(since.iter().all(|call| call.embedding_texts()[0].starts_with("ocean")), "only queries");
        assert!(!rows.is_empty());
    }

    async fn a_changed_book_is_one_call(options) {
        let (mut app, provider) = embedding(options).await;
        let user = app.register("ada@example.com").await;
        wait_for_embeddings(&provider, 1).await;
        search_by_meaning(&user, &provider).await;
        let mut changed = books();
        changed[2] = book("Paper Mountains", "A climber writes letters from a glacier.");
        std::fs::write(app.folder().join("books.json"), json!(changed).to_string()).unwrap();
        let before = embedded(&provider).len();
        let user = restart(&mut app, &user).await;
        wait_for_embeddings(&provider, before + 1).await;
        search_by_meaning(&user, &provider).await;
        let of_books: Vec<Vec<String>> = embedded(&provider)[before..]
            .iter()
            .map(|call| call.embedding_texts())
            .filter(|texts| !texts[0].starts_with("ocean"))
            .collect();
        assert_eq!(of_books.len(), 1, "{of_books:?}");
        assert!(of_books[0].len() == 1 && of_books[0][0].contains("glacier"), "{of_books:?}");
    }

    /// The space is (model, dimension): the model behind a name changed.
    async fn another_dimension_is_indexed_beside_the_old_one(options) {
        let (mut app, provider) = embedding(options).await;
        let user = app.register("ada@example.com").await;
        wait_for_embeddings(&provider, 1).await;
        search_by_meaning(&user, &provider).await;

        provider.embed_in(64);
        let mut user = restart(&mut app, &user).await;
        let before = embedded(&provider).len();
        search_by_meaning(&user, &provider).await;
        let again = |calls: &[Arc<RecordedRequest>]| calls.iter().filter(|call| call.embedding_texts().len() == 3).count();
        assert_eq!(again(&embedded(&provider)[before..]), 1, "the collection is embedded anew, once");
        assert_eq!(app.log().matches("changed its dimension").count(), 1, "{}", app.log());

        // The new space is the one that the next start takes, and one more book is one more text in it.
        let mut more = books();
        more.push(book("A Fourth", "A lighthouse keeper counts the ships."));
        std::fs::write(app.folder().join("books.json"), json!(more).to_string()).unwrap();
        let before = embedded(&provider).len();
        user = restart(&mut app, &user).await;
        wait_for_embeddings(&provider, before + 1).await;
        for number in 0..3 {
            search(&user, &provider, &format!("quiet harbour {number}")).await;
        }
        let since = embedded(&provider);
        let texts: Vec<usize> = since[before..].iter().map(|call| call.embedding_texts().len()).collect();
        assert!(texts.iter().all(|count| *count == 1), "{texts:?}");
        let of_books = since[before..].iter().filter(|call| call.embedding_texts()[0].contains("lighthouse")).count();
        assert_eq!(of_books, 1, "no book is embedded over and over");

        // Back to the first dimension: its vectors are still there, but for the new book's.
        provider.embed_in(256);
        let before = embedded(&provider).len();
        user = restart(&mut app, &user).await;
        for number in 0..200 {
            search(&user, &provider, &format!("cold sea {number}")).await;
            if embedded(&provider)[before..].iter().any(|call| call.embedding_texts()[0].contains("lighthouse")) {
                break;
            }
        }
        let of_books: Vec<usize> = embedded(&provider)[before..]
            .iter()
            .filter(|call| call.embedding_texts()[0].contains("Mara Lind") || call.embedding_texts().len() > 1)
            .map(|call| call.embedding_texts().len())
            .collect();
        assert_eq!(of_books, [1]);
    }

    async fn failing_embeddings_leave_words_and_the_turn_goes_on(options) {
        let (app, provider) = embedding(options).await;
        let user = app.register("ada@example.com").await;
        wait_for_embeddings(&provider, 1).await;
        search_by_meaning(&user, &provider).await;
        provider.push_for_embeddings(Reply::error(400, "invalid_request_error", "", "no"));
        let (told, rows) = search(&user, &provider, "a diver and a wreck").await;
        let found = list(&told["recommendations"]);
        assert_eq!(found[0]["title"], "Deep Water", "{told}");
        assert_eq!(rows.iter().filter(|row| row["model"] == MODEL).count(), 0, "what failed costs nothing");
        assert_eq!(provider.unused(), 0);
        assert!(app.log().contains("searching by words alone"), "{}", app.log());
    }

    async fn a_query_s_embedding_is_a_row_with_its_price(options) {
        let (app, provider) = embedding(options).await;
        let user = app.register("ada@example.com").await;
        wait_for_embeddings(&provider, 1).await;
        let (_, rows) = search_by_meaning(&user, &provider).await;
        let call = embedded(&provider).pop().unwrap();
        let tokens = call.embedding_texts()[0].len() / 4 + 1;
        let row = rows.iter().find(|row| row["model"] == MODEL).expect("a row of its own");
        assert_eq!((&row["scope"], &row["input_tokens"], &row["output_tokens"]), (&json!("tool"), &json!(tokens), &json!(0)));
        assert_eq!(row["price"], json!(tokens as f64 * 2.0 / 1e6));
        // The same words again are known: no call, no row.
        let text = call.embedding_texts()[0].clone();
        let (_, rows) = search(&user, &provider, &text).await;
        assert_eq!(rows.iter().filter(|row| row["model"] == MODEL).count(), 0);
    }
}
