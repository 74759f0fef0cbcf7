//! What turns are charged that do not come to their end: by all that came of them, reasoning included, and by what was
//! reported where that had come. And none makes a call that would be on no books.

use super::{World, origin, panics::expect_order, settings, start};
use crate::{
    Engine, ModelSettings, SendMessage, Settings, Turn, TurnEvent, TurnReader,
    catalog::BUILT_IN,
    chat,
    direct::tests::script::{Script, Scripted},
};
use chatai_llm::Provider;
use chatai_store::ops::turns;
use chatai_types::{ErrorCode, MessageId, Scope, Timestamp, TurnStatus, UsageSource};
use std::sync::Arc;
use tokio::sync::Semaphore;

pub(super) const CATALOG: &str = r#"{"c": {"input": 1, "output": 1, "capabilities": ["tools"]}}"#;
/// Three tokens.
const WORDS: &str = "four letters";
const EMMA: &str = r#"{"titles": ["Emma"]}"#;

/// The vendor is asked for answers alone.
pub(super) fn alone() -> Settings {
    Settings {
        models: ModelSettings {
            title: Some(BUILT_IN.to_owned()),
            summary: Some(BUILT_IN.to_owned()),
            ..ModelSettings::default()
        },
        ..settings(0)
    }
}

pub(super) async fn world(provider: &Arc<Scripted>) -> World {
    let provider = Arc::clone(provider) as Arc<dyn Provider>;
    World::with(alone(), CATALOG, Some(provider)).await
}

pub(super) fn script() -> Script {
    Script::default()
}

pub(super) async fn asked(world: &World) -> Turn {
    let question = SendMessage {
        model: Some("c".to_owned()),
        ..World::message(None, "hello")
    };
    world
        .engine
        .send(&world.caller, &origin(), question)
        .await
        .unwrap()
}

/// Reads on until all that was shown, reasoning and text, is this; gives the position of its end.
pub(super) async fn shown(reader: &mut TurnReader, all: &str) -> crate::Position {
    let mut seen = String::new();
    loop {
        let mut last = None;
        for (position, event) in reader.next().await.expect("it has not ended") {
            match event {
                TurnEvent::Text(more) | TurnEvent::Reasoning(more) => seen.push_str(&more),
                TurnEvent::Ended(outcome) => panic!("{outcome:?}"),
                TurnEvent::Opened { .. } | TurnEvent::Tool(_) | TurnEvent::Title(..) => {}
            }
            last = Some(position);
        }
        if seen == all {
            return last.expect("something was told");
        }
    }
}

/// The vendor's calls as they stand in the books: what for, by whom the counts are, output.
async fn calls(engine: &Engine, world: &World, answer: MessageId) -> Vec<(Scope, UsageSource, i64)> {
    let (_, calls) = engine.message_usage(&world.caller, answer).await.unwrap();
    let made = calls.iter().filter(|call| call.model != BUILT_IN);
    made.map(|call| (call.scope, call.source, call.tokens.output))
        .collect()
}

/// The start of another process on the same file: whatever runs there is believed to be nobody's.
async fn next_start(world: &World) -> Engine {
    start(&world.store, &world.clock, alone(), CATALOG, None).await
}

#[tokio::test]
async fn reasoning_is_charged_when_the_provider_breaks_off() {
    let provider = Scripted::new([script().reasons(WORDS).fails()]);
    let world = world(&provider).await;
    let turn = asked(&world).await;
    let answer = turn.ids.response_message_id;
    let outcome = turn.finished().await;
    assert_eq!(
        (outcome.status, outcome.answer.as_str()),
        (TurnStatus::Failed, "")
    );
    let expected = [(Scope::Final, UsageSource::Estimated, 3)];
    assert_eq!(calls(&world.engine, &world, answer).await, expected);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn reasoning_is_charged_when_the_answer_is_stopped() {
    for (script, all, output) in [
        (script().reasons(WORDS).hangs(), WORDS.to_owned(), 3),
        (
            script().reasons(WORDS).says("four").hangs(),
            format!("{WORDS}four"),
            4,
        ),
    ] {
        let provider = Scripted::new([script]);
        let world = world(&provider).await;
        let turn = asked(&world).await;
        let answer = turn.ids.response_message_id;
        shown(&mut turn.reader().await.unwrap(), &all).await;
        let status = world.engine.cancel(&world.caller, answer).await.unwrap();
        assert_eq!(status, TurnStatus::Stopped);
        let expected = [(Scope::Final, UsageSource::Estimated, output)];
        assert_eq!(calls(&world.engine, &world, answer).await, expected);
        expect_order(&world).await;
        world.end().await;
    }
}

#[tokio::test]
async fn reasoning_is_charged_after_a_crash() {
    let tool = script()
        .reasons(WORDS)
        .calls("t", "get_book_summaries", EMMA)
        .ends_using(10, 5);
    for (scripts, all, expected) in [
        (
            vec![script().reasons(WORDS).hangs()],
            WORDS.to_owned(),
            vec![(Scope::Final, UsageSource::Estimated, 3)],
        ),
        // What came before a call is not its own.
        (
            vec![tool, script().reasons(WORDS).hangs()],
            WORDS.repeat(2),
            vec![
                (Scope::Tool, UsageSource::Provider, 5),
                (Scope::Final, UsageSource::Estimated, 3),
            ],
        ),
    ] {
        let provider = Scripted::new(scripts);
        let world = world(&provider).await;
        let turn = asked(&world).await;
        let answer = turn.ids.response_message_id;
        shown(&mut turn.reader().await.unwrap(), &all).await;
        let next = next_start(&world).await;
        let (message, _) = next.message_usage(&world.caller, answer).await.unwrap();
        assert_eq!(
            (message.status, message.text.as_str()),
            (TurnStatus::Interrupted, "")
        );
        assert_eq!(calls(&next, &world, answer).await, expected);
        expect_order(&world).await;
        world.engine.cancel(&world.caller, answer).await.unwrap();
        next.shutdown(std::time::Duration::ZERO).await;
        world.end().await;
    }
}

#[tokio::test]
async fn an_answer_is_whole_at_its_last_event_though_its_connection_stays_open() {
    let provider = Scripted::new([script().says("whole").ends_using(7, 3).hangs()]);
    let world = world(&provider).await;
    let turn = asked(&world).await;
    let answer = turn.ids.response_message_id;
    shown(&mut turn.reader().await.unwrap(), "whole").await;
    let status = world.engine.cancel(&world.caller, answer).await.unwrap();
    assert_eq!(status, TurnStatus::Complete, "it came too late");
    let expected = [(Scope::Final, UsageSource::Provider, 3)];
    assert_eq!(calls(&world.engine, &world, answer).await, expected);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_turn_that_was_taken_for_abandoned_makes_no_further_call() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([
        script()
            .waits(&gate)
            .calls("t", "get_book_summaries", EMMA)
            .ends_using(10, 5),
        script().says("a call on no books").ends_using(10, 5),
    ]);
    let world = world(&provider).await;
    let turn = asked(&world).await;
    let answer = turn.ids.response_message_id;
    provider.was_asked.notified().await;
    let far = Timestamp::from_micros(i64::MAX);
    let sweep = move |tx: &mut chatai_store::Tx<'_>| turns::sweep(tx, far, far, 10, chat::settle);
    assert_eq!(world.store.write(sweep).await.unwrap(), 1);
    gate.add_permits(1);
    let outcome = turn.finished().await;
    assert_eq!(outcome.status, TurnStatus::Interrupted);
    assert_eq!(outcome.error.unwrap().code, ErrorCode::Interrupted);
    assert_eq!(provider.asked().len(), 1);
    let expected = [(Scope::Tool, UsageSource::Provider, 5)];
    assert_eq!(
        calls(&world.engine, &world, answer).await,
        expected,
        "its owner has its say"
    );
    expect_order(&world).await;
    world.end().await;
}
