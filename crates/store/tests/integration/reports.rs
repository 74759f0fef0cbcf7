//! Reports against a recount of the lines, on both databases.

use super::money::{at, entry, expect_sound, user};
use crate::common::{TestStore, conformance, run};
use chatai_store::{
    StoreError,
    ops::{
        ledger::{self, Entry},
        reports::{self, GroupBy, Key, Scope as Period, Sum},
    },
};
use chatai_types::{Day, Scope, Timestamp, UserId};
use std::collections::BTreeMap;

const MODELS: [&str; 2] = ["m", "n"];
const SCOPES: [Scope; 2] = [Scope::Title, Scope::Final];

/// Lines at random moments of a few days, some of them before 1970.
fn lines(owners: [UserId; 2]) -> Vec<(UserId, i64, &'static str, Scope, i64, Timestamp)> {
    let mut state = 7_u64;
    let mut next = move |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    (0..400)
        .map(|number| {
            let base = [at("2025-02-27 00:00:00"), at("1969-12-30 00:00:00")][usize::from(next(8) == 0)];
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
        let rows = all.clone();
        store
            .write(move |tx| {
                for page in rows.chunks(37) {
                    let entries: Vec<Entry<'_>> = page
                        .iter()
                        .map(|(owner, message, model, scope, amount, at)| entry(*owner, *message, model, *scope, *amount, *at))
                        .collect();
                    ledger::append(tx, &entries)?;
                }
                Ok::<_, StoreError>(())
            })
            .await
            .unwrap();
        expect_sound(&store).await;
        let borders = [
            (None, None),
            (Some("2025-02-28 00:00:00"), None),
            (None, Some("2025-03-01 00:00:00")),
            (Some("2025-02-27 00:00:00"), Some("2025-02-28 00:00:00")),
            (Some("2025-02-27 06:00:00"), Some("2025-02-27 07:00:00")),
            (Some("2025-02-27 06:00:00"), Some("2025-03-01 06:00:00.5")),
            (Some("1969-12-30 12:00:00"), Some("1970-01-02 12:00:00")),
            (Some("2025-03-01 00:00:00"), Some("2025-02-01 00:00:00")),
            (Some("2026-01-01 00:00:00"), None),
        ];
        for (from, to) in borders {
            for bits in 0..32_u8 {
                let by = GroupBy {
                    user: bits & 1 > 0,
                    day: bits & 2 > 0,
                    model: bits & 4 > 0,
                    scope: bits & 8 > 0,
                    conversation: bits & 16 > 0,
                };
                for owner in [None, Some(owners[0])] {
                    let period = Period { owner, from: from.map(at), to: to.map(at) };
                    let found = store.read(move |tx| reports::report(tx, &period, by)).await.unwrap().unwrap();
                    assert_eq!(found, recount(&all, &period, by), "{period:?} {by:?}");
                }
            }
        }
    }
}

/// The report, line by line.
fn recount(
    lines: &[(UserId, i64, &'static str, Scope, i64, Timestamp)],
    period: &Period,
    by: GroupBy,
) -> BTreeMap<Key, Sum> {
    let mut sums = BTreeMap::<Key, Sum>::new();
    for (owner, message, model, scope, amount, moment) in lines {
        if period.owner.is_some_and(|wanted| wanted != *owner)
            || period.from.is_some_and(|from| *moment < from)
            || period.to.is_some_and(|to| *moment >= to)
        {
            continue;
        }
        let line = entry(*owner, *message, model, *scope, *amount, *moment);
        let key = Key {
            user: by.user.then_some(*owner),
            day: by.day.then(|| Day::of(*moment)),
            model: by.model.then(|| (*model).to_owned()),
            scope: by.scope.then(|| scope.as_str().to_owned()),
            conversation: by.conversation.then_some(line.conversation_id),
        };
        let sum = Sum {
            calls: 1,
            tokens: line.tokens,
            amount: line.amount,
        };
        let known = sums.entry(key).or_default();
        *known = known.checked_add(&sum).unwrap();
    }
    sums
}
