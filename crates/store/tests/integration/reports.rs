//! Reports against a recount of the lines, on both databases.

use super::money::{at, entry, expect_sound, user};
use crate::{
    common::{TestStore, conformance, run},
    raw::number,
    support::{other_instance, write},
};
use chatai_store::{
    Store, StoreError,
    ops::{
        ledger::{self, Entry},
        reports::{self, Every, GroupBy, Key, Scope as Period, Sum},
    },
};
use chatai_types::{Day, Scope, Timestamp, UserId};
use futures_util::future::join;
use std::collections::BTreeMap;

const MODELS: [&str; 2] = ["m", "n"];
const SCOPES: [Scope; 2] = [Scope::Title, Scope::Final];

/// Lines at random moments of a few days in several months, some of them before 1970.
fn lines(owners: [UserId; 2]) -> Vec<Charge> {
    let mut state = 7_u64;
    let mut next = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..400)
        .map(|number| {
            let base = match next(8) {
                0 => at("1969-12-30 00:00:00"),
                1 => at("2025-01-15 00:00:00"),
                2 => at("2025-04-29 00:00:00"),
                _ => at("2025-02-27 00:00:00"),
            };
            // Often exactly at a day's border.
            let moment = match next(4) {
                0 => base.plus_secs(86_400 * next(4) as i64),
                _ => Timestamp::from_micros(base.as_micros() + next(86_400_000_000 * 4) as i64),
            };
            (
                owners[next(2) as usize],
                number,
                MODELS[next(2) as usize],
                SCOPES[next(2) as usize],
                next(1_000_000) as i64,
                moment,
            )
        })
        .collect()
}

conformance! {
    async fn reports_equal_the_recount(store: TestStore) {
        let owners = [user(&store, "a@example.com").await, user(&store, "b@example.com").await];
        let all = lines(owners);
        // Before any day is closed, then with some closed, on which more is charged, and with all of them.
        let (early, late) = all.split_at(all.len() / 2);
        charge(&store, early).await;
        expect_reports(&store, owners[0], early).await;
        close_through(&store, "2025-02-28 00:00:00").await;
        expect_reports(&store, owners[0], early).await;
        charge(&store, late).await;
        expect_reports(&store, owners[0], &all).await;
        close_through(&store, "2025-06-01 00:00:00").await;
        expect_reports(&store, owners[0], &all).await;
        // Nothing is closed twice, or opened again.
        close_through(&store, "2025-02-28 00:00:00").await;
        expect_reports(&store, owners[0], &all).await;
    }

    /// Neither is an amount left out of a sum nor is it twice in it, whichever comes first.
    async fn a_day_is_closed_while_it_is_charged_on(store: TestStore) {
        let other = other_instance(&store).await;
        let owner = user(&store, "a@example.com").await;
        for round in 0..12 {
            let day = Day::from_number(20_000 + round);
            let one = move |message| [(owner, message, MODELS[0], SCOPES[0], 7, day.start().plus_secs(message))];
            charge(&store, &one(1)).await;
            let closing = write(&other, move |tx| ledger::close_day(tx, day));
            let charging = async {
                for message in 2..6 {
                    charge(&store, &one(message)).await;
                }
            };
            join(closing, charging).await;
        }
        expect_sound(&store).await;
        let calls = "select cast(sum(calls) as bigint) from all_usage_months";
        assert_eq!(number(&store.place, calls).await, 12 * 5);
    }
}

/// What is charged: to whom, for which answer, model and scope, how much and when.
type Charge = (UserId, i64, &'static str, Scope, i64, Timestamp);

async fn charge(store: &Store, charges: &[Charge]) {
    let rows = charges.to_vec();
    store
        .write(move |tx| {
            for page in rows.chunks(37) {
                let entries: Vec<Entry<'_>> = page
                    .iter()
                    .map(|(owner, message, model, scope, amount, at)| {
                        some_unpriced(entry(*owner, *message, model, *scope, *amount, *at))
                    })
                    .collect();
                ledger::append(tx, &entries)?;
            }
            Ok::<_, StoreError>(())
        })
        .await
        .unwrap();
}

/// Of every fifth answer nobody knows the price.
fn some_unpriced(line: Entry<'_>) -> Entry<'_> {
    let is_priced = line.message_id.0 % 5 != 0;
    Entry {
        amount: line.amount.filter(|_| is_priced),
        ..line
    }
}

async fn close_through(store: &Store, day: &str) {
    let day = Day::of(at(day));
    while write(store, move |tx| ledger::close_day(tx, day)).await {}
}

/// Every report is what its lines add up to.
async fn expect_reports(store: &Store, first: UserId, all: &[Charge]) {
    expect_sound(store).await;
    let borders = [
        (None, None),
        (Some("2025-02-28 00:00:00"), None),
        (None, Some("2025-03-01 00:00:00")),
        (Some("2025-02-27 00:00:00"), Some("2025-02-28 00:00:00")),
        (Some("2025-02-27 06:00:00"), Some("2025-02-27 07:00:00")),
        (Some("2025-02-27 06:00:00"), Some("2025-03-01 06:00:00.5")),
        (Some("2025-01-16 06:00:00"), Some("2025-05-01 12:00:00")),
        (Some("2025-02-01 00:00:00"), Some("2025-05-01 00:00:00")),
        (Some("2025-01-15 00:00:00"), Some("2025-02-15 00:00:00")),
        (Some("1969-12-30 12:00:00"), Some("1970-01-02 12:00:00")),
        (Some("2025-03-01 00:00:00"), Some("2025-02-01 00:00:00")),
        (Some("2026-01-01 00:00:00"), None),
    ];
    for (from, to) in borders {
        for bits in 0..48_u8 {
            let by = GroupBy {
                user: bits & 1 > 0,
                model: bits & 2 > 0,
                scope: bits & 4 > 0,
                conversation: bits & 8 > 0,
                every: [None, Some(Every::Day), Some(Every::Month)][usize::from(bits / 16)],
            };
            for owner in [None, Some(first)] {
                let period = Period {
                    owner,
                    from: from.map(at),
                    to: to.map(at),
                };
                let found = store
                    .read(move |tx| reports::report(tx, &period, by))
                    .await
                    .unwrap()
                    .unwrap();
                assert_eq!(found, recount(all, &period, by), "{period:?} {by:?}");
            }
        }
    }
}

/// The report, line by line.
fn recount(lines: &[Charge], period: &Period, by: GroupBy) -> BTreeMap<Key, Sum> {
    let mut sums = BTreeMap::<Key, Sum>::new();
    for (owner, message, model, scope, amount, moment) in lines {
        if period.owner.is_some_and(|wanted| wanted != *owner)
            || period.from.is_some_and(|from| *moment < from)
            || period.to.is_some_and(|to| *moment >= to)
        {
            continue;
        }
        let line = some_unpriced(entry(*owner, *message, model, *scope, *amount, *moment));
        let key = Key {
            user: by.user.then_some(*owner),
            day: by.every.map(|every| match every {
                Every::Day => Day::of(*moment),
                Every::Month => Day::of(*moment).month_start(),
            }),
            model: by.model.then(|| (*model).to_owned()),
            scope: by.scope.then(|| scope.as_str().to_owned()),
            conversation: by.conversation.then_some(line.conversation_id),
        };
        let sum = Sum {
            calls: 1,
            unpriced: i64::from(line.amount.is_none()),
            tokens: line.tokens,
            amount: line.amount.unwrap_or_default(),
        };
        let known = sums.entry(key).or_default();
        *known = known.checked_add(&sum).unwrap();
    }
    sums
}
