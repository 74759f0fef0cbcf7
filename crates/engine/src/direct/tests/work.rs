//! Who runs tools: a program those that it offers, the built-in responder its own.

use super::{call, expect_order, joined, kept, limit, money, script, script::Scripted, started, world};
use crate::direct::{DirectCall, Piece};
use chatai_llm::{Format, ToolSpec};
use chatai_types::{ErrorCode, Money, TurnStatus, UsageSource};
use serde_json::json;
use std::sync::Arc;

fn built_in(text: &str) -> DirectCall {
    DirectCall {
        model: Some("built-in".to_owned()),
        ..call(text)
    }
}

fn tool(name: &str) -> Arc<ToolSpec> {
    Arc::new(ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        strict: false,
    })
}

#[tokio::test]
async fn a_program_s_tools_are_its_own_to_run() {
    let provider = Scripted::new([script()
        .says("Let me look.")
        .calls("c1", "look", "{}")
        .ends_using(1, 1)]);
    let world = world(&provider).await;
    let mut asks = call("hello");
    asks.request.tools = vec![tool("look")];
    let (pieces, outcome) = started(&world, asks).await.reader.whole().await.unwrap();
    let called = Piece::ToolCall {
        id: "c1".to_owned(),
        name: "look".to_owned(),
        arguments: "{}".to_owned(),
    };
    assert_eq!(pieces, [super::text("Let me look."), called]);
    assert_eq!(outcome.status, TurnStatus::Complete);
    assert_eq!(provider.asked().len(), 1);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn the_text_that_an_answer_ended_at_is_its_last_piece() {
    let provider = Scripted::new([script().says("one, two").stops_at("three").ends_using(1, 1)]);
    let world = world(&provider).await;
    let started = started(&world, kept("hello")).await;
    let id = started.about.public_id.clone();
    let (pieces, _) = started.reader.whole().await.unwrap();
    let expected = [super::text("one, two"), Piece::StoppedAt("three".to_owned())];
    assert_eq!(pieces, expected);
    assert_eq!(
        world.engine.kept_call(&world.caller, &id).await.unwrap().pieces,
        expected
    );
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn the_built_in_responder_searches_within_the_call_for_nothing() {
    let provider = Scripted::new([]);
    let world = world(&provider).await;
    // A budget of nothing refuses nothing that costs nothing.
    limit(&world, 0).await;
    let asks = built_in("Recommend me a book about a whale");
    let (pieces, outcome) = started(&world, asks).await.reader.whole().await.unwrap();
    assert!(joined(&pieces).contains("Moby-Dick"), "{}", joined(&pieces));
    assert!(pieces.iter().all(|piece| matches!(piece, Piece::Text(_))));
    assert_eq!(
        (outcome.status, outcome.source),
        (TurnStatus::Complete, UsageSource::None)
    );
    assert_eq!((outcome.price, outcome.tokens.output), (Some(Money::ZERO), 0));
    assert_eq!(money(&world).await, (0, 0));
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_program_that_offers_the_collection_s_tools_is_asked_to_run_them() {
    let provider = Scripted::new([]);
    let world = world(&provider).await;
    let mut asks = built_in("Recommend me a book about a whale");
    asks.request.tools = vec![tool("get_book_recommendations")];
    let (pieces, _) = started(&world, asks).await.reader.whole().await.unwrap();
    assert!(
        matches!(&pieces[..], [Piece::ToolCall { name, .. }] if name == "get_book_recommendations"),
        "{pieces:?}"
    );
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_form_that_the_built_in_responder_cannot_give_is_the_program_s_fault() {
    let provider = Scripted::new([]);
    let world = world(&provider).await;
    let mut asks = built_in("hello");
    asks.request.format = Format::JsonObject;
    let (_, outcome) = started(&world, asks).await.reader.whole().await.unwrap();
    assert_eq!(outcome.error.unwrap().code, ErrorCode::RequestRejected);
    expect_order(&world).await;
    world.end().await;
}
