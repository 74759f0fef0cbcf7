//! A price change rewrites nothing: whatever is charged and changed in whatever order, every row that was ever
//! written about money stays as it was written.

use super::common::{TestStore, conformance, run};
use crate::{
    Store, StoreError,
    ops::{
        accounts::{self, Added, NewAccount},
        administration, doctor,
        models::{self, ModelOverride},
        prices::{self, CurrentPrice},
        turns::{self, CloseTurn, ModelCall, OpenTurn, Opened, Parent, Question},
    },
};
use chatai_types::{
    Money, PriceVersionId, Rate, Rates, Scope, Timestamp, TokenCounts, TurnStatus, UsageSource, UserId,
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngSeed, TestRunner},
};

/// What must never change, by table, in order.
const ROWS: [&str; 5] = [
    "select id, amount, coalesce(price_version, 0), fresh_input + output, created_at from ledger order by id",
    "select id, price, coalesce(price_version, 0), fresh_input + output, created_at from usage_details order by id",
    "select id, coalesce(price, 0), 0, coalesce(fresh_input + output, 0), created_at from messages order by id",
    "select id, input, cache_read, output, created_at from price_versions order by id",
    "select day, cast(sum(amount) as bigint), cast(sum(calls) as bigint), 0, 0 from usage_days group by day order by day",
];

#[derive(Clone, Debug)]
enum Step {
    /// An administrator sets prices of a model.
    Price(usize, i64, i64),
    /// A turn is answered by a model, with so many tokens.
    Turn(usize, i64, i64),
    /// The pricing data is read again, as at a start.
    Start,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        2 => (0..2_usize, 0..9_000_000_i64, 0..9_000_000_i64).prop_map(|(m, i, o)| Step::Price(m, i, o)),
        4 => (0..2_usize, 0..100_000_i64, 0..10_000_i64).prop_map(|(m, i, o)| Step::Turn(m, i, o)),
        1 => Just(Step::Start),
    ];
    proptest::collection::vec(step, 1..25)
}

fn rate(pico: i64) -> Rate {
    Rate::from_pico_per_token(pico)
}

/// The prices now, with their versions, as the engine takes them over.
async fn current(store: &Store, now: Timestamp) -> Vec<(Rates, PriceVersionId)> {
    store
        .write(move |tx| {
            let set = models::overrides(tx)?;
            let prices: Vec<CurrentPrice> = ["m0", "m1"]
                .into_iter()
                .map(|model| {
                    let set = set.iter().find(|set| set.model == model).cloned();
                    let set = set.unwrap_or_else(|| ModelOverride::none(model));
                    let input = set.input.unwrap_or(rate(1_000_000));
                    let rates = Rates {
                        input,
                        cache_read: input,
                        cache_write: input,
                        output: set.output.unwrap_or(rate(2_000_000)),
                    };
                    CurrentPrice {
                        model: model.to_owned(),
                        label: None,
                        rates,
                    }
                })
                .collect();
            let versions = prices::sync(tx, &prices, now)?;
            Ok::<_, StoreError>(prices.iter().map(|price| price.rates).zip(versions).collect())
        })
        .await
        .unwrap()
}

async fn user(store: &Store) -> UserId {
    let new = NewAccount {
        email: "a@example.com".to_owned(),
        email_folded: "a@example.com".to_owned(),
        password_hash: "$argon2id$x".to_owned(),
        display_name: None,
        created_at: Timestamp::from_micros(0),
        only_as_first: false,
    };
    match store.write(move |tx| accounts::add(tx, &new)).await.unwrap() {
        Added::Account(account) => account.id,
        other => panic!("{other:?}"),
    }
}

async fn turn(store: &Store, owner: UserId, call: ModelCall) {
    let turn = move |tx: &mut crate::Tx<'_>| {
        let open = OpenTurn {
            payer: owner.into(),
            question: Question::New {
                conversation: None,
                parent: Parent::Head,
                provisional_title: String::new(),
                text: "?".to_owned(),
                size_tokens: 1,
                attachments: Vec::new(),
            },
            model: call.model.clone(),
            price_version: None,
            request_tokens: 1,
            calls: Vec::new(),
            repeatable: None,
            now: call.at,
            lease_until: call.at,
            worst_case: Money::ZERO,
        };
        let Opened::Turn(ids) = turns::open(tx, &open)? else {
            panic!("there is no limit");
        };
        let close = CloseTurn {
            payer: owner.into(),
            ids,
            status: TurnStatus::Complete,
            model: "m".to_owned(),
            text: "!".to_owned(),
            size_tokens: 1,
            answer_summary: None,
            question_summary: None,
            events: Vec::new(),
            error: None,
            times: crate::ops::messages::Times::default(),
            tokens: Some(call.tokens),
            price: call.price,
            calls: vec![call.clone()],
        };
        turns::close(tx, &close)
    };
    assert!(store.write(turn).await.unwrap());
}

async fn rows(store: &Store) -> Vec<Vec<[i64; 5]>> {
    store
        .read(|tx| {
            ROWS.iter()
                .map(|sql| {
                    tx.query_dynamic(sql, &[], |row| {
                        Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?])
                    })
                })
                .collect::<Result<_, StoreError>>()
        })
        .await
        .unwrap()
}

async fn follow(store: &Store, owner: UserId, steps: &[Step], mut now: Timestamp) -> Timestamp {
    let mut current_prices = current(store, now).await;
    for step in steps {
        // A day for each step, so that sums by day are of one step each and must not change either.
        now = now.plus_secs(86_400);
        let before = rows(store).await;
        match *step {
            Step::Price(model, input, output) => {
                let name = ["m0", "m1"][model];
                let change = move |set: &mut ModelOverride| {
                    (set.input, set.output) = (Some(rate(input)), Some(rate(output)));
                };
                store
                    .write(move |tx| administration::change_model(tx, name, change, now))
                    .await
                    .unwrap();
                current_prices = current(store, now).await;
                assert_eq!(current_prices[model].0.input, rate(input));
            }
            Step::Start => assert_eq!(current(store, now).await, current_prices, "nothing has changed"),
            Step::Turn(model, input, output) => {
                let (rates, version) = current_prices[model];
                let tokens = TokenCounts::from_inclusive(input, 0, output, 0).unwrap();
                let call = ModelCall {
                    scope: Scope::Final,
                    model: ["m0", "m1"][model].to_owned(),
                    tokens,
                    source: UsageSource::Provider,
                    price: Some(rates.charge(&tokens).unwrap()),
                    price_version: Some(version),
                    fallback_from: None,
                    at: now,
                };
                turn(store, owner, call).await;
            }
        }
        for (before, after) in before.iter().zip(rows(store).await) {
            assert!(
                after.starts_with(before),
                "{step:?} of {steps:?}: {before:?} became {after:?}"
            );
        }
    }
    now
}

conformance! {
    async fn a_price_change_rewrites_nothing(store: TestStore) {
        let seed = 20_251_125;
        let mut runner = TestRunner::new(ProptestConfig { rng_seed: RngSeed::Fixed(seed), ..ProptestConfig::default() });
        let owner = user(&store).await;
        let mut now = Timestamp::from_micros(1_700_000_000_000_000);
        for _ in 0..8 {
            let steps = steps().new_tree(&mut runner).unwrap().current();
            now = follow(&store, owner, &steps, now).await;
        }
        // Each charge is the product of its own version.
        let wrong = crate::tests::number(
            &store,
            "select count(*) from ledger l join price_versions p on p.id = l.price_version \
             where l.model <> p.model or l.amount <> l.fresh_input * p.input + l.output * p.output",
        );
        assert_eq!(wrong.await, 0);
        assert_eq!(store.read(doctor::examine).await.unwrap(), Vec::<String>::new());
    }
}
