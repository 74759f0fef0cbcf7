//! What turns write, noted by the database: a write that is none of the steps is one that no fault was tried at.

use super::steps::STEPS;
use crate::support::{Rows, text};
use chatai_testkit::app::TestApp;

/// What is written meanwhile and is of no turn, and which rows of it.
const BESIDE: &[(&str, &str, &str)] = &[
    // At each start the prices are compared, one instance after another.
    ("update", "settings", ""),
    // When they were used last.
    ("update", "sessions", ""),
    ("update", "api_keys", ""),
    // Leases are renewed.
    (
        "update",
        "messages",
        "new.status = 'running' and old.status = 'running' and new.lease_until is distinct from old.lease_until",
    ),
    // Taken into the index of words, by whoever comes first: the turn that gives the title, which writes it anew, or the
    // work behind the scenes.
    ("delete", "search_new_titles", ""),
    ("delete", "search_new_messages", ""),
];

const SQLITE_TABLES: &str = "select name from sqlite_master where type = 'table' and sql not like 'create virtual%' \
     and name not like 'sqlite!_%' escape '!' and name not like 'search!_titles!_%' escape '!' \
     and name not like 'search!_messages!_%' escape '!' and name not like 'test!_%' escape '!' order by name";
const POSTGRES_TABLES: &str = "select table_name::text from information_schema.tables \
     where table_schema = current_schema() and table_type = 'BASE TABLE' and table_name not like 'test!_%' escape '!' \
     order by table_name";

/// From now on the database notes every write that is no step of a turn.
pub(super) fn note(rows: &Rows, app: &TestApp) {
    let is_server = app.database().url().is_some();
    let tables = rows.column(if is_server { POSTGRES_TABLES } else { SQLITE_TABLES });
    assert!(tables.len() > 20, "{tables:?}");
    rows.change("create table test_writes (what text not null)");
    if is_server {
        rows.change(
            "create function test_note() returns trigger language plpgsql as \
             'begin insert into test_writes values (tg_argv[0]); return null; end'",
        );
    }
    for table in tables.iter().map(text) {
        for on in ["insert", "update", "delete"] {
            let Some(mut unknown) = unknown(is_server, on, table) else {
                continue;
            };
            if on == "update" {
                let is_change = match is_server {
                    true => "old.* is distinct from new.*".to_owned(),
                    false => any_column_changes(rows, table),
                };
                unknown = format!("({is_change}) and {unknown}");
            }
            let what = match is_server {
                true => format!("execute function test_note('{on} {table}')"),
                false => format!("begin insert into test_writes values ('{on} {table}'); end"),
            };
            rows.change(&format!(
                "create trigger test_write_{on}_{table} after {on} on {table} for each row when ({unknown}) {what}"
            ));
        }
    }
}

/// That a row is of no step; `None` where every row is of one.
fn unknown(is_server: bool, on: &str, table: &str) -> Option<String> {
    let steps = STEPS
        .iter()
        .filter(|step| step.is_of(is_server) && step.table == table && step.on.contains(&on))
        .map(|step| step.when);
    let beside = BESIDE
        .iter()
        .filter(|beside| beside.0 == on && beside.1 == table)
        .map(|beside| beside.2);
    let known: Vec<&str> = steps.chain(beside).collect();
    if known.contains(&"") {
        return None;
    }
    let known: Vec<String> = known
        .iter()
        .map(|when| format!("coalesce({when}, false)"))
        .collect();
    Some(match known.is_empty() {
        true => "true".to_owned(),
        false => format!("not ({})", known.join(" or ")),
    })
}

fn any_column_changes(rows: &Rows, table: &str) -> String {
    let columns = rows.column(&format!("select name from pragma_table_info('{table}')"));
    let changes: Vec<String> = columns
        .iter()
        .map(|column| format!("new.{0} is not old.{0}", text(column)))
        .collect();
    changes.join(" or ")
}

/// The program must have been stopped.
pub(super) fn expect_only_steps(rows: &Rows) {
    let unknown = rows.column("select distinct what from test_writes order by what");
    assert!(
        unknown.is_empty(),
        "writes of a turn that are no steps: {unknown:?}"
    );
}
