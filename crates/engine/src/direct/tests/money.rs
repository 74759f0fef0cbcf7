//! What direct calls cost, and what is refused because of it.

use super::{
    call, expect_order, joined, kept, keyed, limit, money, origin, refused, script, script::Scripted,
    started, world, world_with,
};
use crate::{EmbedCall, UsageGroup, UsageQuery, chat::tests::settings, direct::settle};
use chatai_llm::LlmError;
use chatai_store::{Tx, ops::direct};
use chatai_types::{ErrorCode, Money, Timestamp, TurnStatus, UsageSource};
use std::sync::Arc;
use tokio::sync::Semaphore;

#[tokio::test]
async fn what_was_reported_is_charged_and_counted() {
    let provider = Scripted::new([script().says("Hi").ends_using(10, 5)]);
    let world = world(&provider).await;
    let (pieces, outcome) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!(joined(&pieces), "Hi");
    assert_eq!(
        (outcome.status, outcome.source),
        (TurnStatus::Complete, UsageSource::Provider)
    );
    assert_eq!(outcome.price, Some(Money::from_pico(15_000_000)));
    let query = UsageQuery {
        group_by: vec![UsageGroup::Scope, UsageGroup::Conversation],
        ..UsageQuery::default()
    };
    let report = world.engine.usage(&world.caller, query).await.unwrap();
    assert_eq!(
        (report.total.calls, report.total.price.as_pico()),
        (1, 15_000_000)
    );
    let (key, _) = &report.groups[0];
    assert_eq!((key.scope.as_deref(), key.conversation), (Some("direct"), None));
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_call_that_does_not_fit_a_budget_writes_nothing_and_asks_nobody() {
    let provider = Scripted::new([script().says("Hi").ends_using(1, 1)]);
    let world = world(&provider).await;
    limit(&world, 8_000).await;
    for call in [call("hello"), kept("hello"), keyed("hello")] {
        assert_eq!(refused(&world, call).await.code, ErrorCode::BudgetExceeded);
    }
    assert!(provider.asked().is_empty());
    expect_order(&world).await;
    // The same with room for it. Under a budget the answer has a bound.
    limit(&world, 10_000).await;
    let (_, outcome) = started(&world, keyed("hello"))
        .await
        .reader
        .whole()
        .await
        .unwrap();
    assert_eq!(outcome.status, TurnStatus::Complete);
    assert_eq!(provider.asked()[0].max_output_tokens, Some(8_192));
    assert_eq!(money(&world).await, (2, 0));
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn an_answer_s_asked_length_is_what_is_set_aside() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([script().says("Hi").waits(&gate).ends_using(1, 1)]);
    let world = world(&provider).await;
    limit(&world, 1_000).await;
    let mut short = call("hello");
    short.request.max_output_tokens = Some(100);
    let started = started(&world, short).await;
    let (spent, reserved) = money(&world).await;
    assert!(spent == 0 && (100..200).contains(&reserved), "{reserved}");
    gate.add_permits(1);
    started.reader.whole().await.unwrap();
    assert_eq!(money(&world).await, (2, 0));
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_nobody_reports_is_estimated_and_what_gave_nothing_costs_nothing() {
    let provider = Scripted::new([
        script().says("four letters more").ends(),
        script().refuses(LlmError::Failed("down".to_owned())),
        script().says("half an answer").fails(),
    ]);
    let world = world(&provider).await;
    let (_, whole) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!((whole.source, whole.tokens.output), (UsageSource::Estimated, 5));
    assert!(whole.tokens.fresh_input > 0);
    let (_, none) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!((none.status, none.price), (TurnStatus::Failed, Some(Money::ZERO)));
    let error = none.error.unwrap();
    assert_eq!(error.code, ErrorCode::ProviderError);
    assert!(!error.detail.contains("kept"), "{}", error.detail);
    let (pieces, half) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!(joined(&pieces), "half an answer");
    assert_eq!(
        (half.status, half.source),
        (TurnStatus::Interrupted, UsageSource::Estimated)
    );
    let report = world
        .engine
        .usage(&world.caller, UsageQuery::default())
        .await
        .unwrap();
    assert_eq!(report.total.calls, 2);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_provider_s_refusal_of_the_request_is_the_program_s_to_mend() {
    let provider = Scripted::new([script().refuses(LlmError::Rejected("no such field".to_owned()))]);
    let world = world(&provider).await;
    let (_, outcome) = started(&world, keyed("hello"))
        .await
        .reader
        .whole()
        .await
        .unwrap();
    let error = outcome.error.unwrap();
    assert_eq!(
        (error.code, error.code.status()),
        (ErrorCode::RequestRejected, 400)
    );
    assert!(error.detail.contains("no such field"), "{}", error.detail);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn another_model_answers_and_it_is_written_down() {
    let provider = Scripted::new([
        script().refuses(LlmError::Failed("down".to_owned())),
        script().says("From n").ends_using(3, 4),
        script().says("Half").fails(),
    ]);
    let mut settings = settings(0);
    settings.models.fallbacks = vec![("m".to_owned(), vec!["v".to_owned(), "n".to_owned()])];
    let world = world_with(&provider, settings).await;
    let started_call = started(&world, kept("hello")).await;
    let id = started_call.about.public_id.clone();
    assert_eq!(started_call.about.model, "m");
    let (pieces, outcome) = started_call.reader.whole().await.unwrap();
    assert_eq!(joined(&pieces), "From n");
    assert_eq!(
        (outcome.model.as_str(), outcome.price),
        ("n", Some(Money::from_pico(14_000_000)))
    );
    let asked: Vec<String> = provider
        .asked()
        .into_iter()
        .map(|request| request.model)
        .collect();
    assert_eq!(asked, ["m", "n"]);
    let again = world.engine.kept_call(&world.caller, &id).await.unwrap();
    assert_eq!(
        (again.about.model.as_str(), again.outcome.unwrap().model.as_str()),
        ("m", "n")
    );
    // What has begun to answer is not asked again elsewhere.
    let (_, half) = started(&world, call("hello")).await.reader.whole().await.unwrap();
    assert_eq!((half.status, half.model.as_str()), (TurnStatus::Interrupted, "m"));
    expect_order(&world).await;
    world.end().await;
}

/// What another instance deletes: nobody here was told.
#[tokio::test]
async fn a_call_that_was_deleted_asks_no_other_model() {
    let gate = Arc::new(Semaphore::new(0));
    let provider = Scripted::new([script().waits(&gate).fails(), script().says("From n").ends()]);
    let mut settings = settings(0);
    settings.models.fallbacks = vec![("m".to_owned(), vec!["n".to_owned()])];
    let world = world_with(&provider, settings).await;
    let running = started(&world, kept("hello")).await;
    provider.was_asked.notified().await;
    let (owner, id) = (world.caller.user_id, running.about.public_id.clone());
    let deleting =
        move |tx: &mut Tx<'_>| direct::delete_kept(tx, owner, &id, Timestamp::from_micros(1), settle);
    assert!(world.store.write(deleting).await.unwrap().is_some());
    expect_order(&world).await;
    gate.add_permits(1);
    let (_, outcome) = running.reader.whole().await.unwrap();
    assert_eq!(outcome.status, TurnStatus::Stopped);
    assert_eq!(provider.asked().len(), 1);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn vectors_are_charged_as_any_call() {
    let provider = Scripted::new([]);
    let world = world(&provider).await;
    let embed = |model: Option<&str>, texts: &[&str]| {
        let call = EmbedCall {
            model: model.map(str::to_owned),
            texts: texts.iter().map(|text| (*text).to_owned()).collect(),
            key: None,
        };
        let (engine, caller) = (world.engine.clone(), world.caller.clone());
        async move { engine.embed(&caller, &origin(), call).await }
    };
    let failed = embed(Some("v"), &["a"]).await.unwrap_err();
    assert_eq!(failed.code, ErrorCode::ProviderError);
    *provider.embeds.lock().unwrap() = Some((vec![0.5, -1.0], Some(7)));
    let done = embed(Some("v"), &["a", "b"]).await.unwrap();
    assert_eq!(
        (done.model.as_str(), done.vectors),
        ("v", vec![vec![0.5, -1.0]; 2])
    );
    assert_eq!(done.tokens.fresh_input, 7);
    *provider.embeds.lock().unwrap() = Some((vec![f32::INFINITY], Some(1)));
    assert_eq!(
        embed(Some("v"), &["a"]).await.unwrap_err().code,
        ErrorCode::ProviderError
    );
    for (model, texts, code) in [
        (None, &["a"][..], ErrorCode::ModelUnavailable),
        (Some("built-in"), &["a"][..], ErrorCode::ModelUnavailable),
        (Some("c"), &["a"][..], ErrorCode::ModelUnavailable),
        (Some("?"), &["a"][..], ErrorCode::ModelUnknown),
        (Some("v"), &[][..], ErrorCode::Validation),
        (Some("v"), &["a", ""][..], ErrorCode::Validation),
        (Some("v"), &["a"; 2_049][..], ErrorCode::TooLarge),
    ] {
        assert_eq!(
            embed(model, texts).await.unwrap_err().code,
            code,
            "{model:?} {}",
            texts.len()
        );
    }
    let query = UsageQuery {
        group_by: vec![UsageGroup::Scope],
        ..UsageQuery::default()
    };
    let report = world.engine.usage(&world.caller, query).await.unwrap();
    assert_eq!(report.groups.len(), 1);
    assert_eq!(report.groups[0].0.scope.as_deref(), Some("embedding"));
    assert_eq!(report.total.price.as_pico(), 8_000_000);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn an_embedding_model_does_not_answer() {
    let provider = Scripted::new([]);
    let world = world(&provider).await;
    let mut asks = call("hello");
    asks.model = Some("v".to_owned());
    assert_eq!(refused(&world, asks).await.code, ErrorCode::ModelUnknown);
    let offered: Vec<String> = world
        .engine
        .offered_models(&world.caller)
        .into_iter()
        .map(|offer| offer.name)
        .collect();
    assert_eq!(offered, ["m", "n", "v", "c", "built-in"]);
    expect_order(&world).await;
    world.end().await;
}
