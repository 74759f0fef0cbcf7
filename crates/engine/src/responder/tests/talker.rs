//! A person who talks to the responder: keeps the conversation as the engine does, runs its tool calls on the index,
//! and checks after every answer what must hold for all of them.

use super::super::{RECOMMENDATIONS, SUMMARIES, events, markdown};
use crate::chat::context::{Document, DocumentBody, question};
use chatai_llm::{Event, Format, Item, Part, Request, StopReason, ToolCall, ToolSpec};
use chatai_rag::{Collection, Index, Query, TitleOutcome};
use chatai_types::TokenCounts;
use serde_json::{Value, json};
use std::sync::Arc;

pub(super) struct Talker {
    pub(super) index: Index,
    pub(super) items: Vec<Item>,
    attached: Vec<Document>,
    /// Name and arguments of the calls that the last answer needed.
    pub(super) last_calls: Vec<(String, Value)>,
    /// Their ids.
    pub(super) last_ids: Vec<String>,
}

const SMALL: &str = r#"[
    {"title": "Moby-Dick", "author": "Herman Melville", "year": 1851, "language": "English", "themes": ["sea", "obsession", "whales"],
        "genres": ["adventure fiction"], "short_summary": "A captain hunts a white whale over the oceans. He does not get it.",
        "full_summary": "Ishmael sails with Captain Ahab, who wants revenge on a whale. The whale sinks the ship."},
    {"title": "The Odyssey", "author": "Homer", "year": -700, "language": "Ancient Greek", "themes": ["sea", "homecoming"],
        "genres": ["epic poetry"], "short_summary": "A king sails home for ten years.", "full_summary": "Odysseus wanders."},
    {"title": "1984", "author": "George Orwell", "year": 1949, "language": "English", "themes": ["totalitarianism", "love"],
        "genres": ["dystopian fiction"], "short_summary": "A clerk rebels against a party that sees everything.", "full_summary": "Winston Smith keeps a diary."},
    {"title": "Animal Farm", "author": "George Orwell", "year": 1945, "language": "English", "themes": ["revolution", "animals"],
        "genres": ["dystopian fiction", "satire"], "short_summary": "Animals chase the farmer away.", "full_summary": "The pigs take over the farm."},
    {"title": "Dune", "author": "Frank Herbert", "year": 1965, "language": "English", "themes": ["desert", "power", "totalitarianism"],
        "genres": ["science fiction"], "short_summary": "A duke's son leads a desert people.",
        "full_summary": "Paul Atreides flees into the desert of Arrakis. He rides giant worms."},
    {"title": "Dracula", "author": "Bram Stoker", "year": 1897, "language": "English", "themes": ["vampires", "fear"],
        "genres": ["horror", "gothic fiction"], "short_summary": "A count comes to England for blood.", "full_summary": "Jonathan Harker is a prisoner in a castle."},
    {"title": "The Hobbit", "author": "J. R. R. Tolkien", "year": 1937, "language": "English", "themes": ["quest", "courage"],
        "genres": ["fantasy"], "short_summary": "A small person joins dwarves on a quest.", "full_summary": "Bilbo finds a ring."},
    {"title": "War and Peace", "author": "Leo Tolstoy", "year": 1869, "language": "Russian", "themes": ["war", "love", "family"],
        "genres": ["historical fiction"], "short_summary": "Families live through Napoleon's war.", "full_summary": "Pierre inherits a fortune."},
    {"title": "Pride and Prejudice", "author": "Jane Austen", "year": 1813, "language": "English", "themes": ["love", "marriage"],
        "genres": ["romance"], "short_summary": "Two proud people learn to love.", "full_summary": "Elizabeth meets Mr Darcy."},
    {"title": "Untold"}
]"#;

impl Talker {
    /// Over a few books of which the tests know everything.
    pub(super) fn small() -> Self {
        Self::with(SMALL)
    }

    pub(super) fn shipped() -> Self {
        Self::with(include_str!("../../../../../data/books.json"))
    }

    pub(super) fn with(books: &str) -> Self {
        let index = Index::build(&Collection::parse(books, "test").unwrap());
        Self {
            index,
            items: Vec::new(),
            attached: Vec::new(),
            last_calls: Vec::new(),
            last_ids: Vec::new(),
        }
    }

    pub(super) fn attach(&mut self, name: &str, text: &str) {
        self.attach_body(
            name,
            DocumentBody::Text {
                text: text.to_owned(),
                note: None,
            },
        );
    }

    pub(super) fn attach_body(&mut self, filename: &str, body: DocumentBody) {
        self.attached.push(Document {
            filename: filename.to_owned(),
            body,
        });
    }

    /// Asks with what was attached; plays the tools' part until the answer is there.
    pub(super) fn ask(&mut self, text: &str) -> String {
        let documents = std::mem::take(&mut self.attached);
        self.items.push(Item::User(question(text, &documents, false)));
        let spec = |name: &str| {
            Arc::new(ToolSpec {
                name: name.to_owned(),
                description: String::new(),
                parameters: json!({}),
                strict: false,
            })
        };
        let mut request = Request {
            items: self.items.clone(),
            tools: vec![spec(RECOMMENDATIONS), spec(SUMMARIES)],
            ..Request::default()
        };
        self.last_calls.clear();
        self.last_ids.clear();
        let mut results = String::new();
        for round in 0..3 {
            let (answer, calls) = read(&events(&request, &self.index).unwrap());
            if calls.is_empty() {
                if round > 0 {
                    check_bold(&answer, &results);
                }
                self.items.push(Item::Assistant(answer.clone()));
                return answer;
            }
            assert_eq!(round, 0, "the same was looked up again");
            for call in calls {
                let arguments: Value = serde_json::from_str(&call.arguments).unwrap();
                let output = self.run(&call.name, &arguments).to_string();
                results.push_str(&output);
                self.last_calls.push((call.name.clone(), arguments));
                let call_id = call.id.clone();
                self.last_ids.push(call_id.clone());
                request.items.push(Item::ToolCall(call));
                request.items.push(Item::ToolResult { call_id, output });
            }
        }
        panic!("no answer to {text}");
    }

    /// An exchange that happened before, whoever answered.
    pub(super) fn say(&mut self, question: &str, answer: &str) {
        self.items.push(Item::User(vec![Part::Text(question.to_owned())]));
        self.items.push(Item::Assistant(answer.to_owned()));
    }

    /// The titles that the last answer set in bold.
    pub(super) fn named(&self) -> Vec<String> {
        let Some(Item::Assistant(answer)) = self.items.last() else {
            return Vec::new();
        };
        answer
            .split("**")
            .skip(1)
            .step_by(2)
            .map(markdown::plain)
            .collect()
    }

    pub(super) fn title(&self, question: &str) -> String {
        let request = Request {
            items: vec![Item::User(vec![Part::Text(question.to_owned())])],
            format: Format::JsonSchema {
                name: "title".to_owned(),
                schema: json!({}),
                strict: true,
            },
            ..Request::default()
        };
        let (answer, _) = read(&events(&request, &self.index).unwrap());
        serde_json::from_str::<Value>(&answer).unwrap()["title"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The argument of the last call to a tool.
    pub(super) fn argument(&self, name: &str) -> Value {
        self.last_calls
            .iter()
            .map(|(_, arguments)| arguments[name].clone())
            .find(|value| !value.is_null())
            .unwrap_or_default()
    }

    fn run(&self, name: &str, arguments: &Value) -> Value {
        let list = |name: &str| -> Vec<String> {
            arguments[name]
                .as_array()
                .into_iter()
                .flatten()
                .map(|text| text.as_str().unwrap().to_owned())
                .collect()
        };
        let text = |name: &str| arguments[name].as_str().map(str::to_owned);
        if name == RECOMMENDATIONS {
            let query = Query {
                content: text("content"),
                authors: list("authors"),
                exclude_titles: list("exclude_titles"),
                exclude_content: text("exclude_content").into_iter().collect(),
                exclude_authors: list("exclude_authors"),
                limit: arguments["limit"]
                    .as_u64()
                    .map_or(5, |limit| limit.try_into().unwrap()),
                ..Query::default()
            };
            let hits = self.index.search(&query, None);
            let books: Vec<Value> = hits
                .iter()
                .map(|hit| {
                    let why: Vec<String> = hit
                        .matched
                        .iter()
                        .map(|matched| format!("{}: {}", matched.field.as_str(), matched.terms.join(", ")))
                        .collect();
                    json!({
                        "title": hit.book.title, "author": hit.book.author, "year": hit.book.year.as_ref().map(ToString::to_string),
                        "language": hit.book.language, "short_summary": hit.book.short_summary, "themes": hit.book.themes,
                        "genres": hit.book.genres, "why": if why.is_empty() { hit.via.as_str().to_owned() } else { why.join("; ") },
                    })
                })
                .collect();
            return json!({"recommendations": books});
        }
        assert_eq!(name, SUMMARIES);
        let (mut summaries, mut not_found) = (Vec::new(), Vec::new());
        for hit in self.index.find_titles(&list("titles")) {
            match hit.outcome {
                TitleOutcome::Found { book, .. } => {
                    let book = self.index.book(book).unwrap();
                    summaries.push(json!({
                        "title": book.title, "author": book.author, "year": book.year.as_ref().map(ToString::to_string),
                        "language": book.language, "summary": book.full_summary,
                    }));
                }
                TitleOutcome::Unknown { suggestions } => {
                    let titles: Vec<&str> = suggestions
                        .iter()
                        .map(|id| self.index.book(*id).unwrap().title.as_str())
                        .collect();
                    not_found.push(json!({"asked": hit.asked, "suggestions": titles}));
                }
            }
        }
        json!({"summaries": summaries, "not_found": not_found})
    }
}

/// The text and the calls of a stream that ended as it should.
pub(super) fn read(events: &[Event]) -> (String, Vec<ToolCall>) {
    let (mut text, mut calls) = (String::new(), Vec::new());
    let (Some(Event::Finished(finished)), events) = (events.last(), &events[..events.len() - 1]) else {
        panic!("no end: {events:?}");
    };
    for event in events {
        match event {
            Event::Text(piece) => text.push_str(piece),
            Event::ToolCall(call) => calls.push(call.clone()),
            other => panic!("unexpected: {other:?}"),
        }
    }
    assert_eq!(finished.usage, Some(TokenCounts::default()));
    let expected = if calls.is_empty() {
        StopReason::Stop
    } else {
        StopReason::ToolCalls
    };
    assert_eq!(finished.reason, expected);
    assert!(calls.is_empty() || text.is_empty(), "{text}");
    assert!(!calls.is_empty() || !text.trim().is_empty(), "an empty answer");
    (text, calls)
}

/// Whatever is set in bold is a title that a tool gave.
pub(super) fn check_bold(answer: &str, results: &str) {
    let parts: Vec<&str> = answer.split("**").collect();
    assert_eq!(parts.len() % 2, 1, "a bold span is open: {answer}");
    for bold in parts.iter().skip(1).step_by(2) {
        let title = serde_json::to_string(&markdown::plain(bold)).unwrap();
        assert!(results.contains(&title), "{title} is in no tool result: {answer}");
    }
}
