//! A fault of our own within a turn reaches nobody: the turn is closed, its user told no more than that it failed, and the
//! next turn goes on. And a turn that is stopped before it has begun to run asks no model for its answer.

use super::{World, origin};
use crate::SendMessage;
use async_trait::async_trait;
use chatai_llm::{
    Embeddings, Event, EventStream, Finished, Format, LlmError, OfferedModel, Provider, Request, StopReason,
};
use chatai_store::ops::{doctor, turns};
use chatai_types::{ErrorCode, Timestamp, TurnStatus};
use futures_util::{StreamExt, stream};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

const SECRET: &str = "a secret of the program";

/// Where a vendor's adapter breaks down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Call,
    FirstEvent,
    AfterText,
    Title,
    Nowhere,
}

/// An adapter with a fault.
struct Faulty {
    at: At,
    /// How often it was asked for an answer.
    answers: Arc<AtomicUsize>,
}

fn finished() -> Event {
    Event::Finished(Finished {
        reason: StopReason::Stop,
        response_id: None,
        usage: None,
    })
}

#[async_trait]
impl Provider for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        let is_title = matches!(request.format, Format::JsonSchema { .. });
        self.answers.fetch_add(usize::from(!is_title), Ordering::SeqCst);
        let at = match (self.at, is_title) {
            (At::Title, true) => At::Call,
            (At::Title, false) | (_, true) => At::Nowhere,
            (at, false) => at,
        };
        assert_ne!(at, At::Call, "{SECRET}");
        let text = if is_title { r#"{"title": "T"}"# } else { "Half" };
        let events = stream::iter([0, 1, 2]).map(move |number| match (number, at) {
            (0, At::FirstEvent) | (1, At::AfterText) => panic!("{SECRET}"),
            (0, _) => Ok(Event::Text(text.to_owned())),
            (1, _) => Ok(Event::Text(String::new())),
            _ => Ok(finished()),
        });
        Ok(events.boxed())
    }

    async fn embed(&self, _: &str, _: &[String]) -> Result<Embeddings, LlmError> {
        Err(LlmError::Rejected("it has no vectors".to_owned()))
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        Ok(Vec::new())
    }
}

async fn faulty(at: At) -> (World, Arc<AtomicUsize>) {
    let answers = Arc::<AtomicUsize>::default();
    let vendor = Faulty {
        at,
        answers: Arc::clone(&answers),
    };
    (World::with_vendor(0, Some(Arc::new(vendor))).await, answers)
}

fn question(model: &str) -> SendMessage {
    SendMessage {
        model: Some(model.to_owned()),
        ..World::message(None, "ships?")
    }
}

/// Nothing runs on, and the books are in order.
pub(super) async fn expect_order(world: &World) {
    let findings = world.store.read(doctor::examine).await.unwrap();
    assert_eq!(findings, [] as [String; 0]);
    let far = Timestamp::from_micros(i64::MAX);
    let now = Timestamp::from_micros(0);
    let swept = world
        .store
        .write(move |tx| turns::sweep(tx, now, far, 10, |_| turns::Settled::default()))
        .await;
    assert_eq!(swept.unwrap(), 0, "a turn runs on");
}

#[tokio::test]
async fn a_panic_within_a_turn_reaches_nobody() {
    for (at, status, text) in [
        (At::Call, TurnStatus::Failed, ""),
        (At::FirstEvent, TurnStatus::Failed, ""),
        (At::AfterText, TurnStatus::Interrupted, "Half"),
    ] {
        let (world, _) = faulty(at).await;
        let turn = world
            .engine
            .send(&world.caller, &origin(), question("m"))
            .await
            .unwrap();
        let outcome = turn.finished().await;
        assert_eq!(
            (outcome.status, outcome.answer.as_str()),
            (status, text),
            "{at:?}"
        );
        assert!(outcome.is_stored, "{at:?}");
        let error = outcome.error.unwrap();
        assert_eq!(error.code, ErrorCode::Internal, "{at:?}");
        assert!(!error.detail.contains(SECRET), "{}", error.detail);
        let (_, next) = world.ask(None, "ships?").await;
        assert!(next.is_stored);
        expect_order(&world).await;
        world.end().await;
    }
}

#[tokio::test]
async fn a_panic_beside_the_answer_leaves_it_alone() {
    let (world, answers) = faulty(At::Title).await;
    let turn = world
        .engine
        .send(&world.caller, &origin(), question("m"))
        .await
        .unwrap();
    let outcome = turn.finished().await;
    assert_eq!(
        (outcome.status, outcome.answer.as_str()),
        (TurnStatus::Complete, "Half")
    );
    assert_eq!(answers.load(Ordering::SeqCst), 1);
    expect_order(&world).await;
    world.end().await;
}

#[tokio::test]
async fn a_turn_that_is_stopped_before_it_runs_asks_for_no_answer() {
    let (world, answers) = faulty(At::Nowhere).await;
    // Sending returns when the turn is open; on this one thread its task has not run.
    let turn = world
        .engine
        .send(&world.caller, &origin(), question("m"))
        .await
        .unwrap();
    let answer = turn.ids.response_message_id;
    let stopped = world.engine.cancel(&world.caller, answer).await.unwrap();
    assert_eq!(stopped, TurnStatus::Stopped);
    let outcome = turn.finished().await;
    assert_eq!(
        (outcome.status, outcome.answer.as_str()),
        (TurnStatus::Stopped, "")
    );
    assert_eq!(answers.load(Ordering::SeqCst), 0, "a model was asked for it");
    expect_order(&world).await;
    world.end().await;
}
