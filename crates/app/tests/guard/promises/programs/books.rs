//! The books after all kills, read from the database past the program.

use super::{FIRST_INPUT, client::Program};
use crate::{promises::mark_of, support::Rows};
use chatai_testkit::{
    app::{TestApp, User},
    provider::ScriptedProvider,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Provider's log, records, ledger, sums, budgets and report are the same; nothing is held, nothing runs.
pub(super) async fn expect_exact(
    app: &mut TestApp,
    admin: &User,
    programs: &[Program],
    provider: &ScriptedProvider,
) {
    let admin = admin.at(&app.base_url());
    let (status, report) = admin.get("/admin/usage").await;
    assert_eq!(status, 200, "{report}");
    assert!(app.terminate().await.success(), "{}", app.log());
    let rows = Rows::of(app);
    rows.expect_sound();
    for (what, query) in NEVER {
        assert_eq!(rows.count(query), 0, "{what}");
    }
    let amounts: BTreeMap<&str, i64> = SUMS.iter().map(|(what, sql)| (*what, rows.count(sql))).collect();
    let ledger = amounts["ledger"];
    assert!(ledger > 0);
    assert!(amounts.values().all(|amount| *amount == ledger), "{amounts:?}");
    let reported = report["total"]["price_exact"].as_str().expect("an amount");
    assert_eq!(pico(reported), ledger, "the report");
    let charged = rows.count("select cast(sum(calls) as bigint) from ledger");
    assert_eq!(report["total"]["calls"], charged);
    expect_calls(&rows, programs, provider);
    let examined = app.command(&["doctor"]).output().expect("the command runs");
    let said = String::from_utf8_lossy(&examined.stdout);
    assert!(said.contains("nothing amiss"), "{said}");
}

/// What must be nowhere: each query counts what is wrong.
const NEVER: &[(&str, &str)] = &[
    ("something is set aside", "select count(*) from reservations"),
    (
        "a budget has something set aside",
        "select count(*) from budgets where reserved <> 0",
    ),
    (
        "a call runs",
        "select count(*) from direct_calls where status = 'running'",
    ),
    (
        "a piece waits for the end of its call",
        "select count(*) from kept_pieces",
    ),
    (
        "a call that was answered is not on the books",
        "select count(*) from direct_calls where usage_source is null and status in ('complete', 'interrupted')",
    ),
    (
        "a call costs something else than its tokens",
        "select count(*) from direct_calls where price <> (fresh_input + cache_read + output) * 1000000",
    ),
    (
        "a call of which nobody knows anything costs something",
        "select count(*) from direct_calls where usage_source = 'none' and price <> 0",
    ),
    (
        "a call was charged otherwise than it is recorded",
        "select count(*) from direct_calls c where coalesce(c.price, 0) <> \
         (select coalesce(sum(l.amount), 0) from ledger l where l.message_id = -c.id) \
         or case when c.usage_source is null then 0 else 1 end <> \
         (select coalesce(sum(l.calls), 0) from ledger l where l.message_id = -c.id)",
    ),
];

/// Everything that adds up what was charged.
const SUMS: &[(&str, &str)] = &[
    ("ledger", "select cast(sum(amount) as bigint) from ledger"),
    ("records", "select cast(sum(price) as bigint) from direct_calls"),
    ("days", "select cast(sum(amount) as bigint) from usage_days"),
    ("budgets", "select cast(sum(spent) as bigint) from budgets"),
];

/// Each call that the provider was asked has one record, made before it, and what it said it took is what was charged.
fn expect_calls(rows: &Rows, programs: &[Program], provider: &ScriptedProvider) {
    let (mut known, mut deleted) = (BTreeSet::new(), 0);
    for program in programs {
        let (marks, count) = program.marks();
        known.extend(marks);
        deleted += count;
    }
    assert!(deleted > 0, "nothing was deleted");
    let recorded =
        rows.column("select i.key from idempotency_keys i join direct_calls c on c.id = i.call_id");
    let recorded: BTreeSet<String> = recorded.iter().map(|key| text(key).to_owned()).collect();
    assert_eq!(recorded, known, "keys");
    let records = rows.count("select count(*) from direct_calls");
    assert_eq!(records, (known.len() + deleted) as i64, "records");

    let mut asked = BTreeMap::<String, usize>::new();
    let mut numbers = BTreeSet::new();
    for call in provider.answer_calls() {
        *asked
            .entry(mark_of(&call.last_user_text()).to_owned())
            .or_default() += 1;
        numbers.insert(FIRST_INPUT + call.index as i64);
    }
    let twice: Vec<_> = asked.iter().filter(|(_, count)| **count > 1).collect();
    assert!(twice.is_empty(), "asked twice: {twice:?}");
    assert!(asked.len() > programs.len(), "{}", asked.len());
    assert!(asked.len() as i64 <= records, "calls without a record");
    let unrecorded: Vec<_> = asked.keys().filter(|mark| !known.contains(*mark)).collect();
    assert!(unrecorded.len() <= deleted, "calls of no record: {unrecorded:?}");

    let billed: BTreeMap<i64, i64> = provider
        .billed()
        .iter()
        .map(|billed| (billed.usage.input, billed.usage.output))
        .collect();
    let charged = rows.column(
        "select fresh_input || ' ' || output from direct_calls where usage_source = 'provider' order by fresh_input",
    );
    assert!(!charged.is_empty());
    let mut seen = BTreeSet::new();
    for line in &charged {
        let (input, output) = text(line).split_once(' ').expect("two numbers");
        let (input, output): (i64, i64) = (
            input.parse().expect("a number"),
            output.parse().expect("a number"),
        );
        assert!(
            numbers.contains(&input) && seen.insert(input),
            "nobody's, or twice: {line}"
        );
        if let Some(said) = billed.get(&input) {
            assert_eq!(*said, output, "{line}");
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Pico-dollars of an exact amount of dollars.
fn pico(dollars: &str) -> i64 {
    let (whole, rest) = dollars.split_once('.').unwrap_or((dollars, ""));
    format!("{whole}{rest:0<12}").parse().expect("an amount")
}
