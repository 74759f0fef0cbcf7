//! Whole direct calls of an engine of its own, with a provider that does as it is told, step by step.

mod endings;
mod kept;
mod money;
pub(crate) mod script;
mod work;

use super::{CallKey, DirectCall, KeepCall, Piece, StartedCall};
use crate::{
    EngineError, Settings,
    chat::tests::{World, origin, settings},
};
use chatai_llm::{Item, Part, Request};
use chatai_store::ops::{budgets, direct, doctor};
use chatai_types::{BudgetPeriod, CallKind, Money, Timestamp};
use script::{Script, Scripted};
use std::sync::Arc;

/// A dollar a million tokens each way, so that a token costs a millionth.
const CATALOG: &str = r#"{"m": {"input": 1, "output": 1}, "n": {"input": 2, "output": 2},
    "v": {"input": 1, "output": 0, "capabilities": ["embedding"]},
    "c": {"input": 1, "output": 1, "capabilities": ["tools"]}}"#;

/// The pico-dollars of a token at that price.
const TOKEN: i64 = 1_000_000;

async fn world(provider: &Arc<Scripted>) -> World {
    world_with(provider, settings(0)).await
}

async fn world_with(provider: &Arc<Scripted>, settings: Settings) -> World {
    let provider = Arc::clone(provider) as Arc<dyn chatai_llm::Provider>;
    World::with(settings, CATALOG, Some(provider)).await
}

fn request(text: &str) -> Request {
    Request {
        items: vec![Item::User(vec![Part::Text(text.to_owned())])],
        ..Request::default()
    }
}

/// A call that nothing is kept of.
fn call(text: &str) -> DirectCall {
    DirectCall {
        kind: CallKind::Chat,
        model: Some("m".to_owned()),
        request: request(text),
        keep: None,
        key: None,
    }
}

/// A stored response.
fn kept(text: &str) -> DirectCall {
    DirectCall {
        kind: CallKind::Response,
        keep: Some(KeepCall {
            is_stored: true,
            previous_id: None,
            face: "{}".to_owned(),
            input: format!("\"{text}\""),
        }),
        ..call(text)
    }
}

/// One that may be repeated.
fn keyed(text: &str) -> DirectCall {
    DirectCall {
        key: Some(CallKey {
            key: "k".to_owned(),
            fingerprint: text.as_bytes().to_vec(),
        }),
        ..call(text)
    }
}

fn text(text: &str) -> Piece {
    Piece::Text(text.to_owned())
}

/// The text of pieces, however it was cut.
fn joined(pieces: &[Piece]) -> String {
    let texts = pieces.iter().filter_map(|piece| match piece {
        Piece::Text(text) => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

async fn started(world: &World, call: DirectCall) -> StartedCall {
    world.engine.call(&world.caller, &origin(), call).await.unwrap()
}

async fn refused(world: &World, call: DirectCall) -> EngineError {
    world
        .engine
        .call(&world.caller, &origin(), call)
        .await
        .unwrap_err()
}

async fn limit(world: &World, tokens: i64) {
    let owner = world.caller.user_id;
    let limit = Some(Money::from_pico(tokens * TOKEN));
    let set = world
        .store
        .write(move |tx| budgets::set(tx, owner, limit, BudgetPeriod::Total, Timestamp::from_micros(0)));
    assert!(set.await.unwrap());
}

/// What the account has spent and set aside, in tokens of `m`.
async fn money(world: &World) -> (i64, i64) {
    let budget = world.engine.budget(&world.caller).await.unwrap();
    (budget.spent.as_pico() / TOKEN, budget.reserved.as_pico() / TOKEN)
}

/// Nothing runs on, nothing is set aside, and the books are in order.
async fn expect_order(world: &World) {
    let findings = world.store.read(doctor::examine).await.unwrap();
    assert_eq!(findings, [] as [String; 0]);
    assert_eq!(money(world).await.1, 0, "something stays set aside");
    let swept = world.store.write(|tx| {
        let (now, far) = (Timestamp::from_micros(0), Timestamp::from_micros(i64::MAX));
        direct::sweep(tx, now, far, 10, |call| panic!("a call runs on: {call:?}"))
    });
    assert_eq!(swept.await.unwrap(), 0);
}

fn script() -> Script {
    Script::default()
}
