//! Budgets and the ledger, on both databases: against a model of the rules, and under concurrency.

mod model;

use crate::common::{TestStore, conformance, run};
use chatai_store::{
    Store, StoreError, Tx,
    ops::{
        accounts::{self, Added, NewAccount},
        budgets::{self, Admission, Budget, Held, Payer},
        doctor,
        keys::{self, KeyChange, NewKey},
        ledger::{self, Entry},
        reports::{self, GroupBy, Key, Scope as Period, Sum},
    },
};
use chatai_types::{
    ApiKeyId, BudgetPeriod, ConversationId, MessageId, Money, Scope, Timestamp, TokenCounts, UsageSource,
    UserId,
};
use std::{collections::BTreeMap, sync::Arc};

const PERIODS: [BudgetPeriod; 3] = [BudgetPeriod::Day, BudgetPeriod::Month, BudgetPeriod::Total];

pub(crate) fn at(text: &str) -> Timestamp {
    Timestamp::parse_wire(text).unwrap()
}

fn pico(amount: i64) -> Money {
    Money::from_pico(amount)
}

pub(crate) async fn user(store: &Store, email: &str) -> UserId {
    let new = NewAccount {
        email: email.to_owned(),
        email_folded: email.to_owned(),
        password_hash: "$argon2id$x".to_owned(),
        display_name: None,
        created_at: at("2025-01-01 00:00:00"),
        only_as_first: false,
    };
    match store.write(move |tx| accounts::add(tx, &new)).await.unwrap() {
        Added::Account(account) => account.id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn entry(
    owner: UserId,
    message: i64,
    model: &str,
    scope: Scope,
    amount: i64,
    at: Timestamp,
) -> Entry<'_> {
    Entry {
        owner,
        key: None,
        conversation_id: ConversationId(message % 3),
        message_id: MessageId(message),
        scope,
        model,
        tokens: TokenCounts::from_disjoint(amount % 7, amount % 5, amount % 3, amount % 11, 0).unwrap(),
        source: UsageSource::Provider,
        amount: Some(pico(amount)),
        price_version: None,
        at,
    }
}

/// Why a turn was not opened; whoever is refused rolls back.
#[derive(Debug, PartialEq)]
enum NotOpened {
    Refused(Admission),
    Store(StoreError),
}

impl From<StoreError> for NotOpened {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Reserves for an answer, as opening a turn does.
fn open(
    tx: &mut Tx<'_>,
    payer: impl Into<Payer>,
    message: i64,
    amount: i64,
    now: Timestamp,
) -> Result<Admission, NotOpened> {
    let payer = payer.into();
    let admission = budgets::reserve(tx, payer, pico(amount), now)?;
    match admission {
        Admission::Unlimited => {}
        Admission::Reserved(held) => budgets::hold(tx, payer, MessageId(message), held, now)?,
        Admission::OverBudget | Admission::OverKeyBudget => return Err(NotOpened::Refused(admission)),
    }
    Ok(admission)
}

/// What a turn that came without a key set aside.
fn held(amount: i64) -> Result<Admission, NotOpened> {
    Ok(Admission::Reserved(Held {
        of_account: pico(amount),
        of_key: Money::ZERO,
    }))
}

/// Settles an answer, as closing a turn does.
fn close(tx: &mut Tx<'_>, owner: UserId, message: i64, used: &[Entry<'_>]) -> Result<(), StoreError> {
    budgets::release(tx, owner, MessageId(message))?;
    if !ledger::is_charged(tx, MessageId(message))? {
        ledger::append(tx, used)?;
    }
    Ok(())
}

async fn budget(store: &Store, owner: UserId, now: Timestamp) -> Budget {
    store
        .read(move |tx| budgets::get(tx, owner, now))
        .await
        .unwrap()
        .unwrap()
}

async fn limit(store: &Store, owner: UserId, limit: Option<i64>, period: BudgetPeriod, now: Timestamp) {
    let limit = limit.map(pico);
    assert!(
        store
            .write(move |tx| budgets::set(tx, owner, limit, period, now))
            .await
            .unwrap()
    );
}

pub(crate) async fn expect_sound(store: &Store) {
    assert_eq!(store.read(doctor::examine).await.unwrap(), Vec::<String>::new());
}

async fn key(store: &Store, owner: UserId) -> ApiKeyId {
    let new = NewKey {
        name: "one".to_owned(),
        prefix: "sk-1".to_owned(),
        hash: format!("of {owner}"),
        created_at: at("2025-01-01 00:00:00"),
        expires_at: None,
        models: None,
        limit: None,
    };
    store
        .write(move |tx| keys::add(tx, owner, &new))
        .await
        .unwrap()
        .unwrap()
        .id
}

async fn limit_key(
    store: &Store,
    owner: UserId,
    key: ApiKeyId,
    limit: Option<(i64, BudgetPeriod)>,
    now: Timestamp,
) {
    let change = KeyChange {
        limit: Some(limit.map(|(amount, period)| (pico(amount), period))),
        ..KeyChange::default()
    };
    let changed = store.write(move |tx| keys::change(tx, owner, key, &change, now));
    assert!(changed.await.unwrap().is_some());
}

conformance! {
    async fn parallel_reservations_never_exceed_the_limit(store: TestStore) {
        let owner = user(&store, "a@example.com").await;
        let now = at("2025-03-01 00:00:00");
        limit(&store, owner, Some(1_000), BudgetPeriod::Day, now).await;
        // Half of them settle at once with less than was set aside, so that others fit after them; the clock of one
        // half is a day behind.
        let store = Arc::new(store);
        let turns: Vec<_> = (0..400_i64)
            .map(|message| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    let now = now.plus_secs(-86_400 * (message % 2));
                    loop {
                        match store.write(move |tx| open(tx, owner, message, 100, now)).await {
                            Err(NotOpened::Store(StoreError::Busy)) => tokio::task::yield_now().await,
                            Err(NotOpened::Refused(Admission::OverBudget)) => return false,
                            Err(error) => panic!("{error:?}"),
                            Ok(_) => break,
                        }
                    }
                    while let Err(error) = store
                        .write(move |tx| close(tx, owner, message, &[entry(owner, message, "m", Scope::Final, 100, now)]))
                        .await
                    {
                        assert_eq!(error, StoreError::Busy);
                        tokio::task::yield_now().await;
                    }
                    true
                })
            })
            .collect();
        let mut admitted = 0;
        for turn in turns {
            admitted += usize::from(turn.await.unwrap());
        }
        // Ten in each of the two days.
        assert!((1..=20).contains(&admitted), "{admitted}");
        for now in [now, now.plus_secs(-86_400)] {
            let budget = budget(&store, owner, now).await;
            assert!(budget.spent <= pico(1_000), "{budget:?}");
            assert_eq!(budget.reserved, Money::ZERO);
        }
        expect_sound(&store).await;
    }

    async fn parallel_reservations_with_keys_never_exceed_either_limit(store: TestStore) {
        let owner = user(&store, "a@example.com").await;
        let now = at("2025-03-01 00:00:00");
        limit(&store, owner, Some(1_500), BudgetPeriod::Day, now).await;
        let key = key(&store, owner).await;
        limit_key(&store, owner, key, Some((1_000, BudgetPeriod::Month)), now).await;
        let store = Arc::new(store);
        let turns: Vec<_> = (0..200_i64)
            .map(|message| {
                let store = Arc::clone(&store);
                let payer = Payer { owner, key: (message % 4 != 0).then_some(key) };
                tokio::spawn(async move {
                    if message % 40 == 7 {
                        limit_key(&store, owner, key, Some((1_000, PERIODS[message as usize % 3])), now).await;
                    }
                    let opened = loop {
                        match store.write(move |tx| open(tx, payer, message, 100, now)).await {
                            Err(NotOpened::Store(StoreError::Busy)) => tokio::task::yield_now().await,
                            Err(NotOpened::Refused(_)) => break false,
                            Err(error) => panic!("{error:?}"),
                            Ok(_) => break true,
                        }
                    };
                    if opened && message % 2 == 0 {
                        let mut line = entry(owner, message, "m", Scope::Final, 90, now);
                        line.key = payer.key;
                        store.write(move |tx| close(tx, owner, message, std::slice::from_ref(&line))).await.unwrap();
                    }
                })
            })
            .collect();
        for turn in turns {
            turn.await.unwrap();
        }
        let of_account = budget(&store, owner, now).await;
        let of_key = store.read(move |tx| budgets::of_key(tx, key, now)).await.unwrap().unwrap();
        for (budget, limit) in [(of_account, 1_500), (of_key, 1_000)] {
            let taken = budget.spent.checked_add(budget.reserved).unwrap();
            assert!(taken > Money::ZERO && taken <= pico(limit), "{budget:?}");
        }
        store.write(move |tx| budgets::release_ended(tx, now.plus_secs(1))).await.unwrap();
        let of_key = store.read(move |tx| budgets::of_key(tx, key, now)).await.unwrap().unwrap();
        assert_eq!((budget(&store, owner, now).await.reserved, of_key.reserved), (Money::ZERO, Money::ZERO));
        expect_sound(&store).await;
    }

    async fn a_limit_set_while_turns_end_counts_them_all(store: TestStore) {
        let owner = user(&store, "a@example.com").await;
        let now = at("2025-03-01 00:00:00");
        let store = Arc::new(store);
        let ending: Vec<_> = (0..100_i64)
            .map(|message| {
                let store = Arc::clone(&store);
                tokio::spawn(async move {
                    if message % 10 == 9 {
                        limit(&store, owner, Some(1_000_000), PERIODS[message as usize / 10 % 3], now).await;
                    }
                    store
                        .write(move |tx| close(tx, owner, message, &[entry(owner, message, "m", Scope::Final, 10, now)]))
                        .await
                        .unwrap();
                })
            })
            .collect();
        for task in ending {
            task.await.unwrap();
        }
        assert_eq!(budget(&store, owner, now).await.spent, pico(1_000));
        expect_sound(&store).await;
    }

    async fn what_ended_without_settling_is_given_back(store: TestStore) {
        let owner = user(&store, "a@example.com").await;
        let now = at("2025-03-01 00:00:00");
        limit(&store, owner, Some(1_000), BudgetPeriod::Month, now).await;
        // Answers that were deleted while they ran.
        for message in [1, 2] {
            let then = now.plus_secs(message * 100);
            assert_eq!(store.write(move |tx| open(tx, owner, message, 400, then)).await, held(400));
        }
        assert_eq!(store.write(move |tx| open(tx, owner, 3, 400, now)).await, Err(NotOpened::Refused(Admission::OverBudget)));
        let released = store.write(move |tx| budgets::release_ended(tx, now.plus_secs(150))).await.unwrap();
        assert_eq!((released, budget(&store, owner, now).await.reserved), (1, pico(400)));
        store.write(move |tx| budgets::release(tx, UserId(99), MessageId(2))).await.unwrap();
        assert_eq!(budget(&store, owner, now).await.reserved, pico(400), "another's reservation");
        store.write(move |tx| budgets::release(tx, owner, MessageId(2))).await.unwrap();
        store.write(move |tx| budgets::release(tx, owner, MessageId(2))).await.unwrap();
        assert_eq!(budget(&store, owner, now).await.reserved, Money::ZERO);
    }

    async fn absurd_counts_and_amounts_never_stop_the_ledger(store: TestStore) {
        let owner = user(&store, "a@example.com").await;
        let now = at("2025-03-01 00:00:00");
        for (message, value) in [(1, i64::MAX), (2, i64::MAX), (3, i64::MIN), (4, -1)] {
            store
                .write(move |tx| {
                    let tokens = TokenCounts { fresh_input: value, output: value, ..TokenCounts::default() };
                    let line = entry(owner, message, "m", Scope::Final, 0, now);
                    ledger::append(tx, &[Entry { tokens, amount: Some(pico(value)), ..line }])
                })
                .await
                .unwrap();
        }
        expect_sound(&store).await;
    }

    async fn what_is_taken_back_is_as_if_it_had_never_been(store: TestStore) {
        let owner = user(&store, "a@example.com").await;
        let now = at("2025-03-01 00:00:00");
        limit(&store, owner, Some(1_000), BudgetPeriod::Day, now).await;
        let charge = move |tx: &mut Tx<'_>, amount: Option<i64>, model: &'static str| {
            let line = entry(owner, 1, model, Scope::Final, amount.unwrap_or(7), now);
            ledger::append(tx, &[Entry { amount: amount.map(pico), ..line }])
        };
        let by = GroupBy { model: true, ..GroupBy::default() };
        // Estimated by a sweep, taken back, charged by the one who knows; and again, by a second sweep.
        for (model, amount) in [("m", Some(300)), ("n", None), ("m", Some(100))] {
            store
                .write(move |tx| {
                    ledger::reverse(tx, owner, MessageId(1))?;
                    ledger::reverse(tx, UserId(99), MessageId(1))?;
                    charge(tx, amount, model)
                })
                .await
                .unwrap();
            let report = store.read(move |tx| reports::report(tx, &Period::default(), by)).await.unwrap().unwrap();
            let shown = |(key, sum): (Key, Sum)| (key.model.unwrap(), sum.calls, sum.unpriced, sum.amount);
            let sums: Vec<_> = report.into_iter().map(shown).collect();
            let charged = pico(amount.unwrap_or(0));
            assert_eq!(sums, [(model.to_owned(), 1, i64::from(amount.is_none()), charged)]);
            assert_eq!(budget(&store, owner, now).await.spent, charged);
        }
        // All of it at once: nothing is left.
        for _ in 0..2 {
            store.write(move |tx| ledger::reverse(tx, owner, MessageId(1))).await.unwrap();
            let all = store.read(move |tx| reports::report(tx, &Period::default(), GroupBy::default())).await;
            assert_eq!(all.unwrap().unwrap(), BTreeMap::new());
        }
        expect_sound(&store).await;
    }
}
