//! What a database of an earlier version holds is taken over by the steps that build on it.

use super::{
    common::{Place, run},
    exec,
    migrations::open,
    number,
};
use crate::{
    StoreError,
    migrate::{self, Migration},
    ops::{doctor, ledger},
};
use chatai_types::Day;

/// The steps before the one of this name.
fn before(name: &str) -> &'static [Migration] {
    let all = migrate::all();
    let at = all.iter().position(|step| step.name == name);
    &all[..at.expect("there is such a step")]
}

const ROWS: &[&str] = &[
    "insert into users (email, email_folded, password_hash, role, created_at) values ('a', 'a', 'x', 'user', 0), ('b', 'b', 'x', 'user', 0)",
    "insert into budgets (user_id) select id from users",
    "insert into conversations (user_id, created_at) values (1, 0)",
];

/// Lines of two accounts on the days around the ends of months and years, leap days, and before 1970; their sums by day.
const LINES: &[&str] = &[
    "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, cache_write, output, \
     reasoning, usage_source, amount, created_at) \
     select u.id, 1, 1, s.scope, m.model, d.day + 40000, 3, 2, 7, 1, 'provider', 5, d.day * 86400000000 + 3 \
     from users u cross join (select 'final' as scope union all select 'title') s \
     cross join (select 'm' as model union all select 'n') m \
     cross join (select 0 as day union all select -1 union all select -32 union all select -31 union all select 30 \
     union all select 31 union all select 58 union all select 59 union all select 789 union all select 790 \
     union all select 19781 union all select 19782 union all select 19783 union all select 20088 union all select 20089 \
     union all select -25509 union all select -25508) d",
    "insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, reasoning, amount) \
     select user_id, (created_at - ((created_at % 86400000000 + 86400000000) % 86400000000)) / 86400000000, model, scope, \
     count(*), sum(fresh_input), sum(cache_read), sum(cache_write), sum(output), sum(reasoning), sum(amount) \
     from ledger group by 1, 2, 3, 4",
];

async fn days_of_before_are_closed(place: Place) {
    let store = open(&place, before("usage_sums")).await.unwrap();
    for sql in ROWS.iter().chain(LINES) {
        exec(&store, sql).await;
    }
    store.close().await;
    let store = open(&place, migrate::all()).await.unwrap();
    let last = Day::from_number(20_089);
    loop {
        let closing: Result<bool, StoreError> = store.write(move |tx| ledger::close_day(tx, last)).await;
        if !closing.unwrap() {
            break;
        }
    }
    let findings: Result<Vec<String>, StoreError> = store.read(doctor::examine).await;
    assert_eq!(findings.unwrap(), [] as [String; 0]);
    // December 1969, January to March 1970, February and March 1972 and 2024, December 2024, January 2025, 1900.
    let months = "select count(distinct month) from all_usage_months";
    assert_eq!(number(&store, months).await, 13);
    let calls = "select cast(sum(calls) as bigint) from all_usage_months";
    assert_eq!(number(&store, calls).await, 17 * 8);
}

#[test]
fn days_of_before_are_closed_on_sqlite() {
    run(days_of_before_are_closed(Place::sqlite()));
}

#[test]
fn days_of_before_are_closed_on_postgres() {
    run(async { days_of_before_are_closed(Place::postgres().await).await });
}

/// A reservation of an answer that is gone, and one of a running answer.
const HELD: &[&str] = &[
    "insert into messages (conversation_id, user_id, role, status, text, model, lease_until, created_at) values \
     (1, 1, 'assistant', 'running', '', 'm', 99, 30)",
    "insert into reservations (message_id, user_id, amount, created_at) values (1, 1, 5, 0), (77, 1, 9, 0)",
    "update budgets set reserved = 14 where user_id = 1",
];

async fn what_deleted_answers_held_is_given_back(place: Place) {
    let store = open(&place, before("settling")).await.unwrap();
    for sql in ROWS.iter().chain(HELD) {
        exec(&store, sql).await;
    }
    store.close().await;
    let store = open(&place, migrate::all()).await.unwrap();
    assert_eq!(
        number(&store, "select reserved from budgets where user_id = 1").await,
        5
    );
    assert_eq!(number(&store, "select count(*) from reservations").await, 1);
}

#[test]
fn what_deleted_answers_held_is_given_back_on_sqlite() {
    run(what_deleted_answers_held_is_given_back(Place::sqlite()));
}

#[test]
fn what_deleted_answers_held_is_given_back_on_postgres() {
    run(async { what_deleted_answers_held_is_given_back(Place::postgres().await).await });
}

/// Of two versions of a running answer's model the one is older than it, and a third came later.
const RUNNING: &[&str] = &[
    "insert into price_versions (model, input, cache_read, cache_write, output, created_at) values \
     ('m', 1, 1, 1, 1, 10), ('m', 2, 2, 2, 2, 20), ('m', 3, 3, 3, 3, 40), ('n', 4, 4, 4, 4, 20)",
    "insert into messages (conversation_id, user_id, role, status, text, model, lease_until, created_at) values \
     (1, 1, 'assistant', 'running', '', 'm', 99, 30), (1, 1, 'assistant', 'running', '', 'o', 99, 30), \
     (1, 1, 'assistant', 'complete', '', 'm', null, 30)",
];

async fn running_answers_keep_their_prices(place: Place) {
    let store = open(&place, before("settling")).await.unwrap();
    for sql in ROWS.iter().chain(RUNNING) {
        exec(&store, sql).await;
    }
    store.close().await;
    let store = open(&place, migrate::all()).await.unwrap();
    for (sql, version) in [
        ("select price_version from messages where id = 1", 2),
        ("select count(price_version) from messages where id <> 1", 0),
    ] {
        assert_eq!(number(&store, sql).await, version, "{sql}");
    }
}

#[test]
fn running_answers_keep_their_prices_on_sqlite() {
    run(running_answers_keep_their_prices(Place::sqlite()));
}

#[test]
fn running_answers_keep_their_prices_on_postgres() {
    run(async { running_answers_keep_their_prices(Place::postgres().await).await });
}

/// Answers and a program's call whose price is unknown, one of which was taken back and charged again, one that is free,
/// and one that is gone; days of these are closed.
const UNPRICED: &[&str] = &[
    "insert into messages (conversation_id, user_id, role, status, text, model, created_at) values \
     (1, 1, 'assistant', 'complete', '', 'm', 0), (1, 1, 'assistant', 'complete', '', 'm', 0)",
    "insert into usage_details (message_id, conversation_id, user_id, scope, model, fresh_input, cache_read, cache_write, \
     output, reasoning, usage_source, price, created_at) values \
     (1, 1, 1, 'final', 'm', 1, 0, 0, 1, 0, 'provider', null, 3), (1, 1, 1, 'title', 'n', 1, 0, 0, 1, 0, 'provider', 0, 3), \
     (2, 1, 1, 'final', 'm', 1, 0, 0, 1, 0, 'provider', null, 3)",
    "insert into direct_calls (user_id, kind, model, status, request_tokens, usage_source, price, created_at) values \
     (1, 'chat', 'm', 'complete', 1, 'provider', null, 3)",
    "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, cache_write, output, \
     reasoning, usage_source, amount, calls, created_at) values \
     (1, 1, 1, 'final', 'm', 1, 0, 0, 1, 0, 'provider', 0, 1, 3), (1, 1, 1, 'title', 'n', 1, 0, 0, 1, 0, 'provider', 0, 1, 3), \
     (1, 1, 2, 'final', 'm', 1, 0, 0, 1, 0, 'provider', 0, 1, 3), (1, 1, 2, 'final', 'm', -1, 0, 0, -1, 0, 'provider', 0, -1, 3), \
     (1, 1, 2, 'final', 'm', 1, 0, 0, 1, 0, 'provider', 0, 1, 3), (1, 1, 77, 'final', 'm', 1, 0, 0, 1, 0, 'provider', 0, 1, 3), \
     (1, 0, -1, 'direct', 'm', 1, 0, 0, 1, 0, 'provider', 0, 1, 3)",
    "insert into usage_days (user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, reasoning, amount) \
     select user_id, 0, model, scope, sum(calls), sum(fresh_input), 0, 0, sum(output), 0, 0 from ledger group by 1, 3, 4",
];

/// The calls without a price in a table: of answers in hundreds, of programs in tens.
macro_rules! unpriced {
    ($table:literal) => {
        concat!(
            "select cast(sum(unpriced * case scope when 'final' then 100 when 'direct' then 10 else 1 end) as bigint) from ",
            $table
        )
    };
}

async fn calls_without_a_price_are_counted(place: Place) {
    let store = open(&place, before("unpriced")).await.unwrap();
    for sql in ROWS.iter().chain(UNPRICED) {
        exec(&store, sql).await;
    }
    exec(
        &store,
        "insert into usage_months select user_id, day, model, scope, calls, fresh_input, cache_read, cache_write, output, \
         reasoning, amount from usage_days",
    )
    .await;
    exec(&store, "update closed_days set through = 0").await;
    store.close().await;
    let store = open(&place, migrate::all()).await.unwrap();
    let closing = async || -> Result<bool, StoreError> {
        store
            .write(move |tx| ledger::close_day(tx, Day::from_number(0)))
            .await
    };
    while closing().await.unwrap() {}
    // Two answers, one program's call, no title.
    for sql in [
        unpriced!("ledger"),
        unpriced!("usage_days"),
        unpriced!("usage_months"),
        unpriced!("all_usage_days"),
        unpriced!("all_usage_months"),
    ] {
        assert_eq!(number(&store, sql).await, 210, "{sql}");
    }
    let findings: Result<Vec<String>, StoreError> = store.read(doctor::examine).await;
    let findings = findings.unwrap();
    assert!(
        !findings.iter().any(|finding| finding.starts_with("sums")),
        "{findings:?}"
    );
}

#[test]
fn calls_without_a_price_are_counted_on_sqlite() {
    run(calls_without_a_price_are_counted(Place::sqlite()));
}

#[test]
fn calls_without_a_price_are_counted_on_postgres() {
    run(async { calls_without_a_price_are_counted(Place::postgres().await).await });
}
