//! Turns of one engine, asked for at another on the same database.

use super::{
    World, origin,
    settling::{CATALOG, alone, asked, script, shown, world},
    start,
};
use crate::{Engine, TurnEvent, TurnReader, direct::tests::script::Scripted, leases::LEASE_SECS};
use chatai_types::{ErrorCode, TurnStatus};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Semaphore, time::timeout};

/// Another engine, started before anything runs.
async fn elsewhere(world: &World) -> Engine {
    start(&world.store, &world.clock, alone(), CATALOG, None).await
}

/// All of the text up to the end, and how that was.
async fn to_the_end(reader: &mut TurnReader) -> (String, TurnStatus) {
    let mut text = String::new();
    while let Some(events) = reader.next().await {
        for (_, event) in events {
            match event {
                TurnEvent::Text(more) => text.push_str(&more),
                TurnEvent::Ended(outcome) => return (text, outcome.status),
                _ => {}
            }
        }
    }
    panic!("it was not told to its end: {text}");
}

#[tokio::test]
async fn a_position_is_good_everywhere_at_once() {
    let gate = Arc::new(Semaphore::new(0));
    let mut answering = script().says("0");
    let mut all = "0".to_owned();
    for number in 1..=5 {
        answering = answering.waits(&gate).says(&format!(" {number}"));
        all.push_str(&format!(" {number}"));
    }
    let provider = Scripted::new([answering.hangs()]);
    let world = world(&provider).await;
    let there = elsewhere(&world).await;
    let turn = asked(&world).await;
    let answer = turn.ids.response_message_id;
    let mut reader = turn.reader().await.unwrap();
    shown(&mut reader, "0").await;
    // Somebody reads it there already, and is a look behind.
    let behind = there.read_turn(&world.caller, answer, None).await.unwrap();
    let mut behind = behind.unwrap();
    let mut resumed = Vec::new();
    for number in 1..=5 {
        gate.add_permits(1);
        let position = shown(&mut reader, &format!(" {number}")).await;
        let found = there
            .read_turn(&world.caller, answer, Some(position))
            .await
            .unwrap();
        resumed.push((found.expect("it was given out"), position.text));
    }
    world.engine.cancel(&world.caller, answer).await.unwrap();
    let stopped = |text: &str| (text.to_owned(), TurnStatus::Stopped);
    assert_eq!(to_the_end(&mut behind).await, stopped(&all), "nothing twice");
    for (mut reader, from) in resumed {
        assert_eq!(to_the_end(&mut reader).await, stopped(&all[from..]));
    }
    there.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn an_answer_that_nobody_owns_is_settled_by_whoever_asks_for_it() {
    let provider = Scripted::new([script().says("Half").hangs(), script().says("Half").hangs()]);
    let world = world(&provider).await;
    let there = elsewhere(&world).await;
    let interrupted = ("Half".to_owned(), TurnStatus::Interrupted);
    for is_read_before in [false, true] {
        let turn = asked(&world).await;
        let answer = turn.ids.response_message_id;
        shown(&mut turn.reader().await.unwrap(), "Half").await;
        let read = || there.read_turn(&world.caller, answer, None);
        let before = match is_read_before {
            true => read().await.unwrap(),
            false => None,
        };
        // Its owner lives, and does not get to renew its lease.
        world.clock.advance_secs(LEASE_SECS + 1);
        if let Some(mut before) = before {
            // The next sweep is further off than this.
            let told = timeout(Duration::from_secs(10), to_the_end(&mut before)).await;
            assert_eq!(told.expect("it is settled"), interrupted);
        }
        let mut reader = read().await.unwrap().unwrap();
        let told = reader.next().await.unwrap();
        assert!(
            matches!(told.last(), Some((_, TurnEvent::Ended(outcome))) if outcome.status == TurnStatus::Interrupted),
            "{told:?}"
        );
        let status = there.cancel(&world.caller, answer).await.unwrap();
        assert_eq!(status, TurnStatus::Interrupted);
        world.engine.cancel(&world.caller, answer).await.unwrap();
    }
    there.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn stopping_what_does_not_end_has_an_end() {
    let provider = Scripted::new([script().says("Half").hangs()]);
    let world = world(&provider).await;
    let there = elsewhere(&world).await;
    let turn = asked(&world).await;
    let answer = turn.ids.response_message_id;
    // On this database no instance looks for the wishes of others.
    let patience = Duration::ZERO;
    let refused = there
        .cancel_within(&world.caller, answer, patience)
        .await
        .unwrap_err();
    assert_eq!(refused.code, ErrorCode::Overloaded);
    assert!(refused.retry_after.is_some());
    let status = world.engine.cancel(&world.caller, answer).await.unwrap();
    assert_eq!(status, TurnStatus::Stopped);
    assert_eq!(turn.finished().await.status, TurnStatus::Stopped);
    there.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_repeated_is_no_further_turn_of_its_address() {
    let provider = Scripted::new([script().says("once").ends_using(1, 1)]);
    let mut settings = alone();
    settings.limits.turns_per_minute_and_address = 1;
    let vendor = Arc::clone(&provider) as Arc<dyn chatai_llm::Provider>;
    let world = World::with(settings, CATALOG, Some(vendor)).await;
    let keyed = || crate::SendMessage {
        model: Some("c".to_owned()),
        idempotency_key: Some("key".to_owned()),
        ..World::message(None, "hello")
    };
    for is_repeated in [false, true, true] {
        let turn = world
            .engine
            .send(&world.caller, &origin(), keyed())
            .await
            .unwrap();
        assert_eq!(turn.is_repeated, is_repeated);
        assert_eq!(turn.finished().await.answer, "once");
    }
    let another = World::message(None, "hello");
    let refused = world.engine.send(&world.caller, &origin(), another).await;
    assert_eq!(refused.unwrap_err().code, ErrorCode::RateLimited);
    world.end().await;
}
