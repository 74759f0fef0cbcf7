//! How direct calls end before their answer does: their reader leaves, a fault of ours, the end of the service.

use super::{
    call, expect_order, joined, kept, keyed, limit, money, script, script::Scripted, started, world,
};
use crate::{AccountSelector, Origin, Told, chat::tests};
use chatai_llm::LlmError;
use chatai_types::{ErrorCode, TurnStatus, UsageSource};
use std::{net::Ipv4Addr, sync::Arc, time::Duration};
use tokio::sync::Semaphore;

#[tokio::test]
async fn a_reader_that_leaves_ends_its_call_and_pays_for_what_it_used() {
    let provider = Scripted::new([script().says("four letters").hangs()]);
    let world = world(&provider).await;
    limit(&world, 20_000).await;
    let mut started = started(&world, call("hello")).await;
    assert!(matches!(started.reader.next().await, Some(Told::Pieces(_))));
    drop(started);
    provider.let_go(1).await;
    wait_until_none_runs(&world).await;
    let (spent, reserved) = money(&world).await;
    assert!(spent > 3 && reserved == 0, "{spent} {reserved}");
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_reader_that_leaves_before_anything_came_ends_its_call_too() {
    let provider = Scripted::new([script().hangs()]);
    let world = world(&provider).await;
    let started = started(&world, call("hello")).await;
    provider.was_asked.notified().await;
    drop(started);
    provider.let_go(1).await;
    wait_until_none_runs(&world).await;
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_was_reported_counts_though_the_connection_stays_open() {
    let provider = Scripted::new([script().says("whole").ends_using(7, 3).hangs()]);
    let world = world(&provider).await;
    let mut started = started(&world, call("hello")).await;
    assert!(matches!(started.reader.next().await, Some(Told::Pieces(_))));
    drop(started);
    wait_until_none_runs(&world).await;
    assert_eq!(money(&world).await, (10, 0));
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_reader_that_does_not_read_holds_the_model_up_and_nothing_else() {
    let mut long = script();
    for _ in 0..10_000 {
        long = long.says("more ");
    }
    let provider = Scripted::new([long.ends_using(1, 10_000), script().says("Hi").ends_using(1, 1)]);
    let world = world(&provider).await;
    let slow = started(&world, call("hello")).await;
    let (pieces, _) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!(joined(&pieces), "Hi");
    let (pieces, outcome) = slow.reader.whole().await.unwrap();
    assert_eq!((joined(&pieces).len(), outcome.tokens.output), (50_000, 10_000));
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_panic_closes_the_call() {
    for (script, text, status) in [
        (script().panics_at_once(), "", TurnStatus::Failed),
        (script().panics(), "", TurnStatus::Failed),
        (script().says("Half").panics(), "Half", TurnStatus::Interrupted),
    ] {
        for call in [call("hello"), kept("hello")] {
            let provider = Scripted::new([script.clone(), super::script().says("Hi").ends_using(1, 1)]);
            let world = world(&provider).await;
            let (pieces, outcome) = started(&world, call).await.reader.whole().await.unwrap();
            assert_eq!((joined(&pieces).as_str(), outcome.status), (text, status));
            let error = outcome.error.unwrap();
            assert_eq!(error.code, ErrorCode::Internal);
            assert!(!error.detail.contains("secret"), "{}", error.detail);
            let (next, _) = started(&world, super::call("hello"))
                .await
                .reader
                .whole()
                .await
                .unwrap();
            assert_eq!(joined(&next), "Hi");
            expect_order(&world).await;
            world.end().await;
        }
    }
}

#[tokio::test]
async fn the_end_of_the_service_ends_calls_and_says_so() {
    let provider = Scripted::new([script().says("Half").hangs(), script().says("Half").hangs()]);
    let world = world(&provider).await;
    let mut own = started(&world, call("hello")).await;
    let mut stored = started(&world, kept("hello")).await;
    for reader in [&mut own.reader, &mut stored.reader] {
        assert!(matches!(reader.next().await, Some(Told::Pieces(_))));
    }
    world.engine.shutdown(Duration::ZERO).await;
    for reader in [own.reader, stored.reader] {
        let (_, outcome) = reader.whole().await.unwrap();
        assert_eq!(outcome.status, TurnStatus::Interrupted);
        assert_eq!(outcome.error.unwrap().code, ErrorCode::Interrupted);
        assert_eq!(outcome.source, UsageSource::Estimated);
    }
    let late = super::refused(&world, call("hello")).await;
    assert_eq!(late.code, ErrorCode::ShuttingDown);
    expect_order(&world).await;
    world.store.close().await;
}

#[tokio::test]
async fn an_account_that_goes_ends_its_calls() {
    let provider = Scripted::new([script().says("Half").hangs(), script().says("Half").hangs()]);
    let world = world(&provider).await;
    let own = started(&world, call("hello")).await;
    let stored = started(&world, kept("hello")).await;
    provider.was_asked.notified().await;
    let origin = Origin {
        address: Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
    };
    world
        .engine
        .remove_account(&world.caller, "secret", origin)
        .await
        .unwrap();
    for reader in [own.reader, stored.reader] {
        let (_, outcome) = reader.whole().await.unwrap();
        assert_eq!(outcome.status, TurnStatus::Stopped);
    }
    let findings = world
        .store
        .read(chatai_store::ops::doctor::examine)
        .await
        .unwrap();
    assert_eq!(findings, [] as [String; 0]);
    world.end().await;
}

/// Between the check of its token and the call's place among those that run here nobody can end it.
#[tokio::test]
async fn a_call_whose_caller_was_revoked_meanwhile_is_ended() {
    let provider = Scripted::new([script().says("Hi").ends_using(1, 1)]);
    let world = world(&provider).await;
    let account = AccountSelector::Id(world.caller.user_id);
    let set_disabled = async |disabled| world.engine.set_disabled(&account, disabled).await.unwrap();
    set_disabled(true).await;
    for call in [call("hello"), kept("hello")] {
        // The caller was let in before; no model is asked.
        let (_, outcome) = started(&world, call).await.reader.whole().await.unwrap();
        assert_eq!(outcome.status, TurnStatus::Stopped);
    }
    // Of another change nothing follows for it.
    set_disabled(false).await;
    let (pieces, outcome) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!(outcome.status, TurnStatus::Complete, "{pieces:?}");
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_crash_leaves_what_was_written_and_the_next_start_settles_it() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([
        script()
            .reasons("hm")
            .says("four letters")
            .waits(&gate)
            .says(" more")
            .ends_using(9, 9),
        script().says("unkept").hangs(),
    ]);
    let world = world(&provider).await;
    let mut stored = started(&world, kept("hello")).await;
    let mut own = started(&world, call("hello")).await;
    let id = stored.about.public_id.clone();
    let mut seen = Vec::new();
    while joined(&seen) != "four letters" {
        match stored.reader.next().await.unwrap() {
            Told::Pieces(pieces) => seen.extend(pieces),
            Told::Ended(outcome) => panic!("{outcome:?}"),
        }
    }
    assert!(matches!(own.reader.next().await, Some(Told::Pieces(_))));
    // As the start of another process on the same file: whatever runs there is believed to be nobody's.
    let next = tests::start(
        &world.store,
        &world.clock,
        tests::settings(0),
        super::CATALOG,
        None,
    )
    .await;
    let found = next.kept_call(&world.caller, &id).await.unwrap();
    assert_eq!(found.pieces, seen);
    let outcome = found.outcome.unwrap();
    assert_eq!(
        (outcome.status, outcome.source),
        (TurnStatus::Interrupted, UsageSource::Estimated)
    );
    // `hm` is one token, `four letters` three more.
    assert_eq!(outcome.tokens.output, 4);
    let swept = money(&world).await.0;
    assert_eq!(swept, outcome.tokens.fresh_input + 4);
    // The owner lives after all, and has its say.
    gate.add_permits(1);
    let (pieces, outcome) = stored.reader.whole().await.unwrap();
    assert_eq!(
        (joined(&pieces).as_str(), outcome.status),
        (" more", TurnStatus::Complete)
    );
    assert_eq!(money(&world).await.0, 18);
    let found = next.kept_call(&world.caller, &id).await.unwrap();
    assert_eq!(joined(&found.pieces), "four letters more");
    drop(own);
    wait_until_none_runs(&world).await;
    expect_order(&world).await;
    next.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn a_call_that_came_to_nothing_does_not_use_its_key_up() {
    let provider = Scripted::new([
        script().refuses(LlmError::Failed("down".to_owned())),
        script().says("Hi").ends_using(1, 1),
    ]);
    let world = world(&provider).await;
    let first = started(&world, keyed("hello")).await;
    let (_, outcome) = first.reader.whole().await.unwrap();
    assert_eq!(outcome.status, TurnStatus::Failed);
    let again = started(&world, keyed("hello")).await;
    assert!(!again.replayed);
    let (pieces, _) = again.reader.whole().await.unwrap();
    assert_eq!(joined(&pieces), "Hi");
    let third = started(&world, keyed("hello")).await;
    assert!(third.replayed);
    assert_eq!(joined(&third.reader.whole().await.unwrap().0), "Hi");
    assert_eq!(
        super::refused(&world, keyed("another")).await.code,
        ErrorCode::IdempotencyMismatch
    );
    assert_eq!(provider.asked().len(), 2);
    expect_order(&world).await;
    world.end().await;
}

/// Waits until no call runs here any more.
async fn wait_until_none_runs(world: &tests::World) {
    while !world.engine.inner.calls.ids().is_empty() {
        tokio::task::yield_now().await;
    }
}
