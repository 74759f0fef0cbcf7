//! The built-in responder: an empty machine has a service that answers, honestly and free of charge.

use crate::support::{app, chat, list, messages, on_both, scopes, usage};
use chatai_testkit::app::User;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The titles of the shipped collection, with their authors.
fn collection() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/books.json");
    let books: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    list(&books)
        .iter()
        .map(|book| {
            let text = |member: &str| book[member].as_str().unwrap_or_default().to_owned();
            (text("title"), text("author"))
        })
        .collect()
}

async fn say(user: &User, text: &str) -> String {
    chat(user, &[("text", text)]).await["answer"]
        .as_str()
        .unwrap()
        .to_owned()
}

on_both! {
    async fn recommends_from_the_collection(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let books = collection();
        assert!(books.len() >= 150, "{}", books.len());
        let body = chat(&user, &[("text", "Can you recommend a novel about whales and the sea?")]).await;
        let answer = body["answer"].as_str().unwrap();
        let named: Vec<&String> = books.keys().filter(|title| answer.contains(title.as_str())).collect();
        assert!(!named.is_empty(), "{answer}");
        assert!(answer.contains("Moby"), "{answer}");

        let stored = messages(&user, &body["conversation_id"]).await;
        assert_eq!(stored[1]["model"], "built-in");
        assert_eq!((&stored[1]["price"], &stored[1]["price_exact"]), (&json!(0.0), &json!("0")));
        let rows = usage(&user, &body["response_message_id"]).await;
        assert_eq!(scopes(&rows).last(), Some(&"final"));
        assert!(scopes(&rows).contains(&"tool"), "the same tools, the same pipeline: {rows:?}");
        for row in &rows {
            assert_eq!((&row["price"], &row["model"]), (&json!(0.0), &json!("built-in")));
        }
    }

    async fn reads_what_is_attached(options) {
        let app = options.start().await;
        let user = app.register("ada@example.com").await;
        let text = "Minutes of the garden club. The annual fee rises to 42 euros in spring. \
                    The new shed will be painted green. Nobody objected to the pond.";
        let (status, body) = user
            .chat_with_files(&[("text", "Summarise this file, please")], &[("minutes.txt", "text/plain", text.as_bytes())])
            .await;
        assert_eq!(status, 200, "{body}");
        let answer = body["answer"].as_str().unwrap();
        assert!(answer.contains("garden club") || answer.contains("42 euros"), "{answer}");

        let id = body["conversation_id"].to_string();
        let body = chat(&user, &[("text", "What does the file say about the fee?"), ("conversation_id", &id)]).await;
        assert!(body["answer"].as_str().unwrap().contains("42 euros"), "in a later turn too: {body}");
    }
}

#[tokio::test]
async fn tells_what_a_book_is_about() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let books = collection();
    let title = books
        .keys()
        .find(|title| title.contains("Frankenstein"))
        .expect("a well-known book");
    let answer = say(&user, &format!("What is {title} about?")).await;
    assert!(
        answer.contains(title.as_str()) && answer.chars().count() > 80,
        "{answer}"
    );
    assert!(answer.contains(&books[title]), "{answer}");
}

#[tokio::test]
async fn says_what_it_cannot() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    let books = collection();
    for text in [
        "Write me a Python program that sorts a list",
        "What will the weather be like in Oslo tomorrow?",
        "Translate 'good morning' into Japanese",
    ] {
        let answer = say(&user, text).await;
        assert!(
            !answer.contains("def ") && !answer.contains("sorted("),
            "{answer}"
        );
        assert!(
            [
                "cannot",
                "can't",
                "not able",
                "only",
                "without a model",
                "no model",
                "OPENAI_API_KEY"
            ]
            .iter()
            .any(|sign| answer.contains(sign)),
            "{text}: {answer}"
        );
    }
    // Nothing outside the collection, whatever is asked for.
    let answer = say(
        &user,
        "Tell me about the novel 'The Turnip Emperor of Zembla' by Xq Zzyzx",
    )
    .await;
    assert!(!books.contains_key("The Turnip Emperor of Zembla"));
    assert!(!answer.to_lowercase().contains("zembla is"), "{answer}");
}

#[tokio::test]
async fn any_text_is_answered() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    for text in [
        "?",
        "😀",
        "'; drop table books; --",
        "\" OR 1=1 NEAR/5 *",
        "<script>alert(1)</script>",
        "%s%n%x {0} ${x} {{y}}",
        "أوصني بكتاب",
        "おすすめの本は？",
        &"wall of text ".repeat(2_000),
        "\u{202e}reversed",
        "recommend -5 books",
        "recommend 99999999999999999999999 books",
    ] {
        let answer = say(&user, text).await;
        assert!(!answer.trim().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn titles_need_no_model_either() {
    let app = app().await;
    let user = app.register("ada@example.com").await;
    chat(
        &user,
        &[("text", "I would like to read something about mountains in winter")],
    )
    .await;
    let (_, listed) = user.get("/conversations/").await;
    let title = listed[0]["title"].as_str().unwrap();
    assert!(!title.is_empty() && title.chars().count() <= 61, "{title}");
}
