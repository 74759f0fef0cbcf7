//! Kept calls: written before they are shown, read by anybody of their owner's at any time, ended, deleted, gone on from.

use super::{expect_order, joined, kept, keyed, script, script::Scripted, started, text, world, world_with};
use crate::{
    KeepCall, Told,
    chat::tests,
    direct::{DirectCall, Piece},
    leases::{self, Swept},
};
use chatai_store::ops::direct;
use chatai_types::{ErrorCode, TurnStatus};
use futures_util::future::join_all;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

#[tokio::test]
async fn readers_that_come_at_any_time_see_the_same() {
    let gate = Arc::new(Semaphore::new(0));
    let mut said = script().reasons("let me see");
    for number in 0..20 {
        said = said.says(&format!("piece {number} é")).waits(&gate);
    }
    let provider = Scripted::new([said.calls("c1", "look", "{\"a\":1}").ends_using(5, 40)]);
    let world = world(&provider).await;
    let mut first = started(&world, kept("hello")).await;
    let id = first.about.public_id.clone();
    let mut readers = Vec::new();
    let mut seen = Vec::new();
    for number in 0..20 {
        // A reader that comes after each piece.
        let wanted = format!("piece {number} é");
        while !joined(&seen).ends_with(&wanted) {
            match first.reader.next().await.unwrap() {
                Told::Pieces(pieces) => seen.extend(pieces),
                Told::Ended(outcome) => panic!("{outcome:?}"),
            }
        }
        let (_, reader) = world.engine.read_kept(&world.caller, &id).await.unwrap();
        readers.push(reader);
        let here = world.engine.kept_call(&world.caller, &id).await.unwrap();
        assert_eq!((here.pieces, here.outcome.is_none()), (seen.clone(), true));
        gate.add_permits(1);
    }
    let (rest, _) = first.reader.whole().await.unwrap();
    seen.extend(rest);
    assert_eq!(seen.first(), Some(&Piece::Reasoning("let me see".to_owned())));
    assert!(matches!(seen.last(), Some(Piece::ToolCall { name, .. }) if name == "look"));
    for reader in readers {
        let (pieces, outcome) = reader.whole().await.unwrap();
        assert_eq!((&pieces, outcome.status), (&seen, TurnStatus::Complete));
    }
    // After the end, and after a restart.
    let (_, reader) = world.engine.read_kept(&world.caller, &id).await.unwrap();
    assert_eq!(reader.whole().await.unwrap().0, seen);
    let next = tests::start(
        &world.store,
        &world.clock,
        tests::settings(0),
        super::CATALOG,
        None,
    )
    .await;
    let (about, reader) = next.read_kept(&world.caller, &id).await.unwrap();
    assert_eq!((about.model.as_str(), about.input.as_str()), ("m", "\"hello\""));
    let (pieces, outcome) = reader.whole().await.unwrap();
    assert_eq!((pieces, outcome.tokens.output), (seen, 40));
    expect_order(&world).await;
    next.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_shown_was_written() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([script().says("one").waits(&gate).says("two").ends()]);
    let world = world(&provider).await;
    let mut started = started(&world, kept("hello")).await;
    assert!(matches!(started.reader.next().await, Some(Told::Pieces(pieces)) if pieces == [text("one")]));
    let (owner, id) = (world.caller.user_id, started.about.public_id.clone());
    let row = world
        .store
        .read(move |tx| direct::kept_by_id(tx, owner, &id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((row.pieces.as_str(), row.end), (r#"[{"t":"one"}]"#, None));
    gate.add_permits(1);
    started.reader.whole().await.unwrap();
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_kept_call_goes_on_without_readers_and_is_followed_from_elsewhere() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([script().says("one").waits(&gate).says("two").ends_using(1, 1)]);
    let world = world(&provider).await;
    // As an instance that shares the database.
    let other = tests::start(
        &world.store,
        &world.clock,
        tests::settings(0),
        super::CATALOG,
        None,
    )
    .await;
    let mut first = started(&world, kept("hello")).await;
    let id = first.about.public_id.clone();
    assert!(matches!(first.reader.next().await, Some(Told::Pieces(_))));
    drop(first);
    let (_, mut reader) = other.read_kept(&world.caller, &id).await.unwrap();
    assert!(matches!(reader.next().await, Some(Told::Pieces(pieces)) if pieces == [text("one")]));
    gate.add_permits(1);
    let (rest, outcome) = reader.whole().await.unwrap();
    assert_eq!((rest, outcome.status), (vec![text("two")], TurnStatus::Complete));
    assert_eq!(provider.asked().len(), 1);
    expect_order(&world).await;
    other.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn an_instance_that_ends_lets_its_followers_go() {
    let provider = Scripted::new([script().says("one").hangs()]);
    let world = world(&provider).await;
    let other = tests::start(
        &world.store,
        &world.clock,
        tests::settings(0),
        super::CATALOG,
        None,
    )
    .await;
    let first = started(&world, kept("hello")).await;
    let (_, reader) = other
        .read_kept(&world.caller, &first.about.public_id)
        .await
        .unwrap();
    other.shutdown(Duration::ZERO).await;
    assert!(reader.whole().await.is_none());
    world
        .engine
        .cancel_kept(&world.caller, &first.about.public_id)
        .await
        .unwrap();
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_call_is_ended_from_wherever_its_owner_is() {
    let provider = Scripted::new([
        script().says("four letters").hangs(),
        script().says("four letters").hangs(),
    ]);
    let world = world(&provider).await;
    let other = tests::start(
        &world.store,
        &world.clock,
        tests::settings(0),
        super::CATALOG,
        None,
    )
    .await;
    for (number, engine) in [&world.engine, &other].into_iter().enumerate() {
        let mut started = started(&world, kept("hello")).await;
        let id = started.about.public_id.clone();
        assert!(matches!(started.reader.next().await, Some(Told::Pieces(_))));
        let cancelling = engine.cancel_kept(&world.caller, &id);
        let obeying = async {
            // What the background does every second where there are other instances.
            while number == 1 && !world.engine.inner.calls.ids().is_empty() {
                leases::stop_those_asked_for(&world.engine.inner).await;
            }
        };
        let (ended, ()) = tokio::join!(cancelling, obeying);
        let ended = ended.unwrap();
        let outcome = ended.outcome.unwrap();
        assert_eq!(
            (joined(&ended.pieces).as_str(), outcome.status),
            ("four letters", TurnStatus::Stopped)
        );
        assert!(outcome.error.is_none() && outcome.tokens.output == 3);
        provider.let_go(number + 1).await;
        let again = engine.cancel_kept(&world.caller, &id).await.unwrap();
        assert_eq!(again.outcome.unwrap().status, TurnStatus::Stopped);
    }
    expect_order(&world).await;
    other.shutdown(Duration::ZERO).await;
    world.end().await;
}

#[tokio::test]
async fn fifty_of_one_key_are_one_call() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([script().says("one").waits(&gate).says("two").ends_using(1, 1)]);
    let mut settings = tests::settings(0);
    settings.limits.concurrent_turns = 50;
    let world = world_with(&provider, settings).await;
    let calls = join_all((0..50).map(|_| started(&world, keyed("hello")))).await;
    assert_eq!(calls.iter().filter(|started| !started.replayed).count(), 1);
    gate.add_permits(1);
    for started in calls {
        let (pieces, outcome) = started.reader.whole().await.unwrap();
        assert_eq!(
            (joined(&pieces).as_str(), outcome.status),
            ("onetwo", TurnStatus::Complete)
        );
    }
    assert_eq!(provider.asked().len(), 1);
    let report = world
        .engine
        .usage(&world.caller, crate::UsageQuery::default())
        .await
        .unwrap();
    assert_eq!(report.total.calls, 1);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_deleted_is_gone_for_everybody() {
    let provider = Scripted::new([
        script().says("Hi").ends_using(1, 1),
        script().says("Half").hangs(),
    ]);
    let world = world(&provider).await;
    let ended = started(&world, kept("hello")).await;
    let id = ended.about.public_id.clone();
    ended.reader.whole().await.unwrap();
    world.engine.delete_kept(&world.caller, &id).await.unwrap();
    for error in [
        world
            .engine
            .kept_call(&world.caller, &id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world
            .engine
            .read_kept(&world.caller, &id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world
            .engine
            .cancel_kept(&world.caller, &id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world.engine.delete_kept(&world.caller, &id).await.unwrap_err(),
        world
            .engine
            .kept_chain(&world.caller, &id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world
            .engine
            .kept_call(&world.caller, "never \0 such")
            .await
            .map(|_| ())
            .unwrap_err(),
    ] {
        assert_eq!(error.code, ErrorCode::ResponseNotFound);
    }
    // One that runs is ended.
    let mut running = started(&world, kept("hello")).await;
    assert!(matches!(running.reader.next().await, Some(Told::Pieces(_))));
    world
        .engine
        .delete_kept(&world.caller, &running.about.public_id)
        .await
        .unwrap();
    let (_, outcome) = running.reader.whole().await.unwrap();
    assert_eq!(outcome.status, TurnStatus::Stopped);
    provider.let_go(2).await;
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn another_account_finds_nothing() {
    let provider = Scripted::new([script().says("Hi").waits(&Arc::new(Semaphore::new(0))).ends()]);
    let world = world(&provider).await;
    let started = started(&world, kept("hello")).await;
    let id = &started.about.public_id;
    let stranger = crate::NewAccount {
        email: "bob@example.com".to_owned(),
        password: "secret".to_owned(),
        display_name: None,
    };
    let origin = crate::Origin {
        address: std::net::Ipv4Addr::LOCALHOST.into(),
        user_agent: None,
    };
    let token = world.engine.register(stranger, origin).await.unwrap().token;
    let stranger = world.engine.authenticate(&token).await.unwrap();
    for error in [
        world
            .engine
            .kept_call(&stranger, id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world
            .engine
            .read_kept(&stranger, id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world
            .engine
            .cancel_kept(&stranger, id)
            .await
            .map(|_| ())
            .unwrap_err(),
        world.engine.delete_kept(&stranger, id).await.unwrap_err(),
        world
            .engine
            .kept_chain(&stranger, id)
            .await
            .map(|_| ())
            .unwrap_err(),
    ] {
        assert_eq!(error.code, ErrorCode::ResponseNotFound);
    }
    assert!(
        world
            .engine
            .kept_call(&world.caller, id)
            .await
            .unwrap()
            .outcome
            .is_none()
    );
    world.engine.cancel_kept(&world.caller, id).await.unwrap();
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_chain_leads_back_to_its_first() {
    let provider = Scripted::new((0..3).map(|_| script().says("Hi").ends_using(1, 1)));
    let world = world(&provider).await;
    let mut previous_id = None;
    let mut ids = Vec::new();
    for number in 0..3 {
        let call = DirectCall {
            keep: Some(KeepCall {
                is_stored: true,
                previous_id: previous_id.take(),
                face: "{}".to_owned(),
                input: number.to_string(),
            }),
            ..kept("hello")
        };
        let started = started(&world, call).await;
        ids.push(started.about.public_id.clone());
        previous_id = Some(started.about.public_id.clone());
        started.reader.whole().await.unwrap();
    }
    let chain = world.engine.kept_chain(&world.caller, &ids[2]).await.unwrap();
    let inputs: Vec<&str> = chain.iter().map(|view| view.about.input.as_str()).collect();
    assert_eq!(inputs, ["0", "1", "2"]);
    world.engine.delete_kept(&world.caller, &ids[0]).await.unwrap();
    let broken = world.engine.kept_chain(&world.caller, &ids[2]).await.unwrap_err();
    assert_eq!(broken.code, ErrorCode::ResponseNotFound);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_old_is_forgotten() {
    const DAY: i64 = 24 * 60 * 60;
    let provider = Scripted::new((0..2).map(|_| script().says("Hi").ends_using(1, 1)));
    let world = world(&provider).await;
    let (response, repeated) = (
        started(&world, kept("hello")).await,
        started(&world, keyed("hello")).await,
    );
    let ids = [response.about.public_id.clone(), repeated.about.public_id.clone()];
    response.reader.whole().await.unwrap();
    repeated.reader.whole().await.unwrap();
    let mut found = Vec::new();
    for days in [0, 2, 29] {
        world.clock.advance_secs(days * DAY);
        leases::forget_old(&world.engine.inner).await;
        for id in &ids {
            found.push(world.engine.kept_call(&world.caller, id).await.is_ok());
        }
    }
    assert_eq!(found, [true, true, true, false, false, false]);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn leases_are_renewed_and_those_that_ran_out_are_settled() {
    let provider = Scripted::new([script().says("Half").hangs()]);
    let world = world(&provider).await;
    let mut started = started(&world, kept("hello")).await;
    assert!(matches!(started.reader.next().await, Some(Told::Pieces(_))));
    for _ in 0..5 {
        world.clock.advance_secs(50);
        leases::renew(&world.engine.inner).await;
    }
    let (owner, id) = (world.caller.user_id, started.about.public_id.clone());
    let status = || {
        let id = id.clone();
        let row = world.store.read(move |tx| direct::kept_by_id(tx, owner, &id));
        async { row.await.unwrap().unwrap().end.map(|end| end.status) }
    };
    assert_eq!(status().await, None);
    // An instance that was held up for too long: another one sweeps.
    world.clock.advance_secs(61);
    let now = world.engine.inner.clock.now();
    let swept = leases::sweep(&world.store, now, now).await.unwrap();
    assert_eq!(swept, Swept { turns: 0, calls: 1 });
    assert_eq!(status().await, Some(TurnStatus::Interrupted));
    let ended = world.engine.cancel_kept(&world.caller, &id).await.unwrap();
    assert_eq!(ended.outcome.unwrap().status, TurnStatus::Stopped);
    assert_eq!(status().await, Some(TurnStatus::Stopped));
    expect_order(&world).await;
    world.end().await;
}
