//! The responder as a provider: events, forms, ids, and what it refuses.

use super::{
    super::{BuiltIn, events, pieces},
    talker::{Talker, read},
};
use crate::{chat::prompt, library::Library};
use chatai_llm::{Event, Format, Item, LlmError, Part, Provider, Request, ToolCall};
use chatai_rag::Index;
use futures_util::StreamExt;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

fn user(text: &str) -> Item {
    Item::User(vec![Part::Text(text.to_owned())])
}

fn form(name: &str, question: &str) -> Request {
    let format = Format::JsonSchema {
        name: name.to_owned(),
        schema: json!({}),
        strict: true,
    };
    Request {
        items: vec![user(question)],
        format,
        ..Request::default()
    }
}

#[test]
fn the_context_is_always_full_and_other_forms_are_refused() {
    let index = Talker::small().index;
    let (answer, _) = read(&events(&form("context", "and then?"), &index).unwrap());
    assert_eq!(
        serde_json::from_str::<Value>(&answer).unwrap(),
        json!({"context": "full"})
    );
    assert!(matches!(
        events(&form("weather", "?"), &index),
        Err(LlmError::Rejected(_))
    ));
}

#[test]
fn the_summary_call_gets_sentences_of_the_text() {
    let index = Talker::small().index;
    let text = "The ferry lost money last year. Fuel cost more than tickets brought in. Lunch was served. "
        .repeat(20);
    let (answer, _) = read(&events(&prompt::summary("built-in", &text), &index).unwrap());
    assert!(
        answer.chars().count() <= 360 && text.contains(&answer[..30]),
        "{answer}"
    );
}

#[test]
fn without_tools_nothing_is_called() {
    let index = Talker::small().index;
    let request = Request {
        items: vec![user("recommend a book about whales")],
        ..Request::default()
    };
    let (answer, calls) = read(&events(&request, &index).unwrap());
    assert!(calls.is_empty());
    assert!(
        answer.starts_with("I cannot look into the book collection for this message"),
        "{answer}"
    );
}

#[test]
fn what_tools_gave_is_answered_even_in_the_last_round_and_whatever_it_is() {
    let index = Talker::small().index;
    for (output, expected) in [
        (
            r#"{"error": "the arguments are not JSON"}"#,
            "Looking into the collection failed: the arguments are not JSON.",
        ),
        ("no JSON", "Looking into the collection failed; please ask again."),
        (
            r#"{"recommendations": 5}"#,
            "Looking into the collection failed; please ask again.",
        ),
        (
            r#"{"recommendations": [], "note": "x"}"#,
            "The collection has nothing for “whales”.",
        ),
        (
            r#"{"recommendations": [{"title": 5}, "x"]}"#,
            "The collection has nothing for “whales”.",
        ),
        (
            r#"{"recommendations": [{"title": "T", "year": 7, "themes": "x"}]}"#,
            "One book of the collection for “whales”:\n\n1. **T** (7)\n",
        ),
    ] {
        let call = ToolCall {
            id: "7".to_owned(),
            name: "get_book_recommendations".to_owned(),
            arguments: "{}".to_owned(),
        };
        let result = Item::ToolResult {
            call_id: "7".to_owned(),
            output: output.to_owned(),
        };
        let items = vec![user("a book about whales"), Item::ToolCall(call), result];
        let (answer, calls) = read(
            &events(
                &Request {
                    items,
                    ..Request::default()
                },
                &index,
            )
            .unwrap(),
        );
        assert!(calls.is_empty());
        assert!(answer.starts_with(expected), "{output}: {answer}");
    }
}

#[test]
fn ids_of_calls_are_new_in_the_request() {
    let mut talker = Talker::small();
    talker.ask("Tell me about Dune and recommend something similar");
    let ids = talker.last_ids.clone();
    assert_eq!(ids, ["built-in-1", "built-in-2"]);
    let earlier = ToolCall {
        id: ids[0].clone(),
        name: "x".to_owned(),
        arguments: String::new(),
    };
    talker.items.insert(0, Item::ToolCall(earlier));
    talker.ask("what is Dracula about?");
    assert_eq!(talker.last_ids, ["built-in-2"]);
}

#[test]
fn text_comes_in_pieces_of_whole_words() {
    let text = "Some words that come one after the other,\nin several pieces, ünïcödé included — wholly.";
    let found: Vec<&str> = pieces(text).collect();
    assert!(found.len() > 2);
    assert_eq!(found.concat(), text);
    assert!(
        found[..found.len() - 1]
            .iter()
            .all(|piece| piece.ends_with(char::is_whitespace)),
        "{found:?}"
    );
    assert_eq!(pieces("").count(), 0);
    assert_eq!(pieces(&"x".repeat(100)).count(), 1);
}

#[tokio::test]
async fn the_provider_streams_small_and_large_requests_and_embeds_nothing() {
    let library = Library::new(Index::default(), Duration::from_secs(60));
    let provider = BuiltIn::new(Arc::new(library));
    assert_eq!(provider.name(), "built-in");
    for question in [
        "who are you?".to_owned(),
        format!("Summarise: {}", "The sea is wide. ".repeat(5_000)),
    ] {
        let request = Request {
            items: vec![user(&question)],
            ..Request::default()
        };
        let events: Vec<Event> = provider
            .stream(request)
            .await
            .unwrap()
            .map(Result::unwrap)
            .collect()
            .await;
        assert!(events.len() > 3);
        read(&events);
    }
    assert!(matches!(
        provider.embed("any", &["x".to_owned()]).await,
        Err(LlmError::Rejected(_))
    ));
}
