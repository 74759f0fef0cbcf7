//! What the doctor finds: each damage is made past the store.

use crate::{
    common::{Place, TestStore, conformance, run},
    raw::{damage, meddle},
    support::{account, at, call, close, end, expect_sound, open, read, turn, turn_with, write},
};
use chatai_store::ops::{doctor, ledger};
use chatai_types::{Day, Scope, UserId};

/// Takes away the rows of a case, damaged or not.
const CLEAR: &str = "delete from ledger; delete from usage_details; delete from attachments; \
    delete from extracted_texts; delete from blobs; delete from turn_events; delete from turn_calls; \
    delete from messages; delete from conversations; delete from imported_rows; \
    delete from usage_days; delete from usage_months; delete from all_usage_days; delete from all_usage_months; \
    update closed_days set through = -200000000; \
    delete from reservations; delete from budgets; \
    delete from search_titles; delete from search_messages; \
    insert into budgets (user_id) select id from users;";

const CHARGES: &str = "messages whose usage rows are not what the ledger charges for them: 1";
const SUMS: &str = "sums by day that are not those of the ledger: 1";
const SUMS_ALONE: &str = "sums by day without a line in the ledger: 1";
const MONTHS: &str = "sums by month that are not those of their days: 1";
const ALL_DAYS: &str = "sums of all accounts by day that are not those of each: 1";
const ALL_MONTHS: &str = "sums of all accounts by month that are not those of each: 1";
const PRICE: &str = "answers whose price is not the sum of their usage rows: 1";
const CONTENT: &str = "attachments whose content is missing or of another size: 1";
const LEASE: &str = "messages that are running without a lease, or have one and are not running: 1";

/// What is done to an answered question with a file and to a running answer, and what is found. The answer was
/// charged for two rounds of tools alike and a final one.
const DAMAGES: &[(&str, &[&str])] = &[
    ("delete from ledger where scope = 'tool'", &[CHARGES, SUMS_ALONE]),
    (
        "delete from ledger where id = (select min(id) from ledger)",
        &[CHARGES, SUMS],
    ),
    (
        "update ledger set amount = amount + 1 where scope = 'final'",
        &[CHARGES, SUMS],
    ),
    (
        "update usage_days set amount = amount + 1 where scope = 'final'",
        &[SUMS, MONTHS, ALL_DAYS],
    ),
    (
        "delete from usage_days where scope = 'final'",
        &[SUMS, MONTHS, ALL_DAYS],
    ),
    (
        "update usage_months set output = output + 1 where scope = 'final'",
        &[MONTHS, ALL_MONTHS],
    ),
    (
        "update usage_months set month = month + 1 where scope = 'final'",
        &[
            "sums by month that are not those of their days: 2",
            "sums of all accounts by month that are not those of each: 2",
        ],
    ),
    (
        "update all_usage_days set calls = 0 where scope = 'final'",
        &[ALL_DAYS],
    ),
    (
        "delete from all_usage_months where scope = 'final'",
        &[ALL_MONTHS],
    ),
    (
        "update budgets set spent = 1",
        &["budgets whose spent amount is not the sum of their window: 1"],
    ),
    (
        "update budgets set reserved = 1",
        &["budgets whose reserved amount is not the sum of their reservations: 1"],
    ),
    (
        "insert into reservations (message_id, user_id, amount, created_at) values ({answer}, {owner}, 0, 0)",
        &["reservations of answers that are not running: 1"],
    ),
    ("delete from budgets", &["accounts without a budget: 1"]),
    (
        "insert into ledger (user_id, conversation_id, message_id, scope, model, fresh_input, cache_read, \
         cache_write, output, reasoning, usage_source, amount, created_at) \
         select user_id, conversation_id, message_id, 'intent', 'another', 0, 0, 0, 0, 0, 'none', 0, 0 \
         from ledger where scope = 'final'",
        &[CHARGES, SUMS],
    ),
    ("delete from usage_details", &[CHARGES, PRICE]),
    (
        "delete from usage_details where id = (select min(id) from usage_details)",
        &[CHARGES, PRICE],
    ),
    (
        "update usage_details set price = price + 1 where scope = 'final'",
        &[CHARGES, PRICE],
    ),
    (
        "update messages set price = price + 1 where price is not null",
        &[PRICE],
    ),
    ("update messages set price = null", &[PRICE]),
    ("update messages set price = 1 where id = {running}", &[PRICE]),
    (
        "update usage_details set message_id = 999; update ledger set message_id = 999",
        &[CHARGES, PRICE, "usage rows of no message: 3"],
    ),
    (
        "delete from blobs",
        &[CONTENT, "extracted texts of no content: 1"],
    ),
    ("delete from blobs; delete from extracted_texts", &[CONTENT]),
    ("update blobs set bytes = {nothing}", &[CONTENT]),
    ("update blobs set size = 1", &[CONTENT]),
    (
        "delete from attachments",
        &["contents that no attachment refers to: 1"],
    ),
    (
        "delete from messages where id = {question}",
        &[
            "answers whose question is missing: 1",
            "messages that follow one that is missing, elsewhere or younger: 1",
        ],
    ),
    (
        "update conversations set head_id = {running} where id = {conversation}",
        &["conversations whose last message is not theirs: 1"],
    ),
    (
        "update conversations set head_id = null where id = {conversation}",
        &["conversations whose last message is not theirs: 1"],
    ),
    (
        "update messages set parent_id = {running} where id = {answer}",
        &["messages that follow one that is missing, elsewhere or younger: 1"],
    ),
    (
        "update messages set parent_id = null where id = {answer}",
        &["conversations that branch and count as one line: 1"],
    ),
    (
        "update messages set tokens_before = tokens_before + 1 where id = {answer}",
        &["messages whose sum of tokens before them is not that of the one they follow: 1"],
    ),
    ("{forget}", &["titles and messages that no search finds: 1"]),
    ("{remember}", &["words in the index of no title or message: 1"]),
    (
        "update conversations set user_id = 999 where id = {conversation}",
        &["messages whose owner is not their conversation's: 2"],
    ),
    (
        "update messages set lease_until = null where id = {running}",
        &[LEASE],
    ),
    (
        "update messages set lease_until = 5 where id = {answer}",
        &[LEASE],
    ),
    (
        "{event}({answer}, 1, 'text', 0, 'an')",
        &["pieces of text of answers that are not running: 1"],
    ),
    (
        "{event}(999, 1, 'text', 0, 'an')",
        &["pieces of text of answers that are not running: 1"],
    ),
    ("{event}(999, 1, 'tool', 0, 'an')", &["events of no message: 1"]),
    (
        "{call}({answer}, 1, {columns})",
        &["open calls of answers that are not running: 1"],
    ),
    (
        "{call}(999, 1, {columns})",
        &["open calls of answers that are not running: 1"],
    ),
];

/// What is as it should be.
const SOUND: &[&str] = &[
    "{event}({running}, 1, 'text', 0, 'an'); {call}({running}, 1, {columns})",
    // What is shown beside the text stays.
    "{event}({answer}, 1, 'tool', 0, 'found')",
    // The original's sums are its own.
    "insert into imported_rows (source, kind, source_id, local_id) values ('file', 'message', 7, {answer}); \
     update messages set price = price + 1 where price is not null",
];

/// The rows of a case, and a statement with their ids in the place of their names.
async fn prepared(store: &TestStore, owner: UserId, statement: &str) -> String {
    let answered = open(store, turn_with(owner, None, "content")).await;
    let calls = vec![call(Scope::Tool, 3), call(Scope::Tool, 3), call(Scope::Final, 5)];
    assert!(close(store, end(owner, answered, calls)).await);
    let running = open(store, turn(owner, None)).await;
    assert!(!write(store, |tx| ledger::close_day(tx, Day::of(at(30)))).await);
    expect_sound(store).await;
    let (nothing, no, forget, remember) = match store.place {
        Place::Sqlite(_) => (
            "x''",
            "0",
            "delete from search_new_messages where id = {answer}; delete from search_messages where rowid = {answer}",
            "insert into search_messages (rowid, terms) values (999, '1xword')",
        ),
        Place::Postgres(_) => (
            "''",
            "false",
            "delete from search_messages where id = {answer}",
            "insert into search_messages (user_id, id, terms) values ({owner}, 999, '')",
        ),
    };
    statement
        .replace("{forget}", forget)
        .replace("{remember}", remember)
        .replace("{columns}", "'final', 'm', 0, 0, 0, 0, 0, 'none', {no}, 0")
        .replace("{no}", no)
        .replace("{nothing}", nothing)
        .replace(
            "{event}",
            "insert into turn_events (message_id, number, kind, text_offset, data) values ",
        )
        .replace(
            "{call}",
            "insert into turn_calls (message_id, number, scope, model, fresh_input, cache_read, cache_write, \
             output, reasoning, usage_source, ended, created_at) values ",
        )
        .replace("{owner}", &owner.to_string())
        .replace("{conversation}", &answered.conversation_id.to_string())
        .replace("{question}", &answered.request_message_id.to_string())
        .replace("{answer}", &answered.response_message_id.to_string())
        .replace("{running}", &running.response_message_id.to_string())
}

conformance! {
    async fn every_damage_is_found(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        for (statement, findings) in DAMAGES {
            let statement = prepared(&store, owner, statement).await;
            damage(&store.place, &statement).await;
            assert_eq!(read(&store, doctor::examine).await, *findings, "{statement}");
            damage(&store.place, CLEAR).await;
        }
    }

    async fn what_is_in_order_is_not_reported(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        for statement in SOUND {
            let statement = prepared(&store, owner, statement).await;
            meddle(&store.place, &statement).await;
            assert_eq!(read(&store, doctor::examine).await, [] as [&str; 0], "{statement}");
            damage(&store.place, CLEAR).await;
        }
    }

    async fn the_ledger_outlives_what_it_charged_for(store: TestStore) {
        let owner = account(&store, "a@example.com").await;
        prepared(&store, owner, "").await;
        meddle(&store.place, "delete from conversations; delete from blobs").await;
        assert_eq!(read(&store, doctor::examine).await, [] as [&str; 0]);
    }
}
