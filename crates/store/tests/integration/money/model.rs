//! Budgets of accounts and keys against a model of the rules.

use super::{
    NotOpened, PERIODS, at, budget, close, entry, expect_sound, key, limit, limit_key, open, pico, user,
};
use crate::common::{TestStore, conformance, run};
use chatai_store::{
    Store, Tx,
    ops::budgets::{self, Admission, Budget, Held, Payer},
};
use chatai_types::{BudgetPeriod, Day, MessageId, Money, Scope, Timestamp, UserId};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{RngAlgorithm, TestRng, TestRunner},
};
use std::collections::BTreeMap;

/// One thing that happens to the money of an account and its key.
#[derive(Clone, Debug)]
enum Step {
    /// A turn wants so much, with the key or without.
    Open(i64, bool),
    /// One of the open turns ends, having used so much, in the end of the turn or some time before it.
    Close {
        which: usize,
        used: i64,
        secs_ago: i64,
    },
    Limit(Option<i64>, BudgetPeriod),
    KeyLimit(Option<i64>, BudgetPeriod),
    /// The clock moves, or is set back.
    Clock(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..400_i64, any::<bool>()).prop_map(|(amount, with_key)| Step::Open(amount, with_key)),
        4 => (any::<usize>(), 0..500_i64, 0..100_000_i64)
            .prop_map(|(which, used, secs_ago)| Step::Close { which, used, secs_ago }),
        1 => (proptest::option::of(0..2_000_i64), 0..3_usize)
            .prop_map(|(limit, period)| Step::Limit(limit, PERIODS[period])),
        1 => (proptest::option::of(0..2_000_i64), 0..3_usize)
            .prop_map(|(limit, period)| Step::KeyLimit(limit, PERIODS[period])),
        2 => prop_oneof![
            0..50_000_i64, Just(86_400), Just(-86_400), Just(31_536_000), Just(-31_536_000),
        ].prop_map(Step::Clock),
    ]
}

/// The rules, as simply as they can be said.
struct Model {
    now: Timestamp,
    account: Purse,
    key: Purse,
}

/// One budget.
struct Purse {
    limit: Option<i64>,
    period: BudgetPeriod,
    reserved: BTreeMap<i64, i64>,
    lines: Vec<(Timestamp, i64)>,
}

impl Purse {
    fn new() -> Self {
        Self {
            limit: None,
            period: BudgetPeriod::Month,
            reserved: BTreeMap::new(),
            lines: Vec::new(),
        }
    }

    fn spent(&self, now: Timestamp) -> i64 {
        let window = self.period.window(now);
        self.lines
            .iter()
            .filter(|(at, _)| (window.from..window.to).contains(&Day::of(*at)))
            .map(|(_, amount)| amount)
            .sum()
    }

    /// What a turn sets aside; `None` when it does not fit.
    fn takes(&self, amount: i64, now: Timestamp) -> Option<i64> {
        let taken = self.spent(now) + self.reserved.values().sum::<i64>();
        match self.limit {
            None => Some(0),
            Some(limit) => (taken + amount <= limit).then_some(amount),
        }
    }

    fn budget(&self, now: Timestamp) -> Budget {
        Budget {
            limit: self.limit.map(pico),
            period: self.period,
            spent: pico(self.spent(now)),
            reserved: pico(self.reserved.values().sum()),
        }
    }
}

impl Model {
    fn admits(&self, amount: i64, with_key: bool) -> Result<Admission, NotOpened> {
        if amount == 0 {
            return Ok(Admission::Unlimited);
        }
        let Some(of_account) = self.account.takes(amount, self.now) else {
            return Err(NotOpened::Refused(Admission::OverBudget));
        };
        let of_key = if with_key {
            self.key.takes(amount, self.now)
        } else {
            Some(0)
        };
        let Some(of_key) = of_key else {
            return Err(NotOpened::Refused(Admission::OverKeyBudget));
        };
        Ok(if of_account + of_key == 0 {
            Admission::Unlimited
        } else {
            Admission::Reserved(Held {
                of_account: pico(of_account),
                of_key: pico(of_key),
            })
        })
    }
}

async fn follow(store: &Store, owner: UserId, steps: &[Step], first_message: i64) {
    let mut model = Model {
        now: at("2025-02-27 12:00:00"),
        account: Purse::new(),
        key: Purse::new(),
    };
    let key = key(store, owner).await;
    let mut running = Vec::new();
    let mut message = first_message;
    for step in steps {
        let now = model.now;
        match *step {
            Step::Open(amount, with_key) => {
                message += 1;
                let asked = message;
                let payer = Payer {
                    owner,
                    key: with_key.then_some(key),
                };
                let admission = store.write(move |tx| open(tx, payer, asked, amount, now)).await;
                assert_eq!(admission, model.admits(amount, with_key), "{step:?} of {steps:?}");
                if let Ok(Admission::Reserved(held)) = admission {
                    model.account.reserved.insert(message, held.of_account.as_pico());
                    model.key.reserved.insert(message, held.of_key.as_pico());
                }
                if admission.is_ok() {
                    running.push((message, payer));
                }
            }
            Step::Close {
                which,
                used,
                secs_ago,
            } if !running.is_empty() => {
                let (ended, payer) = running.remove(which % running.len());
                let then = now.plus_secs(-secs_ago);
                // Twice, since a commit whose outcome was unknown is tried again.
                for _ in 0..2 {
                    store
                        .write(move |tx| {
                            let mut used = [
                                entry(owner, ended, "m", Scope::Title, used / 3, then),
                                entry(owner, ended, "m", Scope::Final, used - used / 3, now),
                            ];
                            used.iter_mut().for_each(|line| line.key = payer.key);
                            close(tx, owner, ended, &used)
                        })
                        .await
                        .unwrap();
                }
                let lines = [(then, used / 3), (now, used - used / 3)];
                model.account.reserved.remove(&ended);
                model.account.lines.extend(lines);
                model.key.reserved.remove(&ended);
                if payer.key.is_some() {
                    model.key.lines.extend(lines);
                }
            }
            Step::Close { .. } => {}
            Step::Limit(amount, period) => {
                limit(store, owner, amount, period, now).await;
                (model.account.limit, model.account.period) = (amount, period);
            }
            Step::KeyLimit(amount, period) => {
                limit_key(store, owner, key, amount.map(|amount| (amount, period)), now).await;
                (model.key.limit, model.key.period) = (amount, period);
            }
            Step::Clock(secs) => model.now = now.plus_secs(secs),
        }
        let seen = budget(store, owner, model.now).await;
        assert_eq!(
            seen,
            model.account.budget(model.now),
            "after {step:?} of {steps:?}"
        );
        let now = model.now;
        let of_key = store.read(move |tx| budgets::of_key(tx, key, now)).await.unwrap();
        let expected = model.key.limit.map(|_| model.key.budget(now));
        assert_eq!(of_key, expected, "after {step:?} of {steps:?}");
    }
    // Nothing is set aside for longer than its answer runs.
    for (message, _) in running {
        let giving_back = move |tx: &mut Tx<'_>| budgets::release(tx, owner, MessageId(message));
        store.write(giving_back).await.unwrap();
    }
    assert_eq!(budget(store, owner, model.now).await.reserved, Money::ZERO);
}

/// The runner of a test, by its own seed or the one that is to be repeated.
fn seeded(default_seed: u64) -> TestRunner {
    let seed = std::env::var("CHATAI_TEST_SEED")
        .map_or(default_seed, |text| text.parse().expect("a seed is a number"));
    println!("CHATAI_TEST_SEED={seed}");
    let bytes: Vec<u8> = seed.to_le_bytes().repeat(4);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    TestRunner::new_with_rng(ProptestConfig::default(), rng)
}

conformance! {
    async fn budgets_follow_the_model(store: TestStore) {
        let steps = proptest::collection::vec(step(), 1..40);
        let mut runner = seeded(61);
        for case in 0..24_i64 {
            let steps = steps.new_tree(&mut runner).unwrap().current();
            let owner = user(&store, &format!("u{case}@example.com")).await;
            follow(&store, owner, &steps, case * 1_000).await;
        }
        expect_sound(&store).await;
    }
}
