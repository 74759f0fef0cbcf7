//! Both schemas are the same but for their dialects: tables, columns, classes of types, what may be null, defaults,
//! primary keys, indexes with their conditions, what refers to what, what values are allowed, and what sets triggers
//! off. What a trigger does is not compared; that is for tests of behaviour.

mod postgres;
mod sqlite;

use super::common::{Place, run};
use crate::{Backend, Store, StoreError};
use std::collections::{BTreeMap, BTreeSet};

/// What both databases must agree on.
#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    columns: BTreeMap<String, Column>,
    primary_key: Vec<String>,
    indexes: BTreeSet<Index>,
    /// Columns, table, columns there, what deleting does.
    references: BTreeSet<(Vec<String>, String, Vec<String>, String)>,
    checks: BTreeSet<Check>,
    /// When and on what: `before delete`.
    triggers: BTreeSet<String>,
}

#[derive(Debug, PartialEq, Eq)]
struct Column {
    class: &'static str,
    nullable: bool,
    default: Option<String>,
}

#[derive(Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Index {
    columns: Vec<String>,
    is_unique: bool,
    /// Of a partial one.
    condition: Option<String>,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Check {
    /// A column and the texts it may hold.
    OneOf(String, BTreeSet<String>),
    /// Any other, as [`plain`] has it.
    Other(String),
}

/// A condition without what the dialects write differently: case, parentheses, casts of texts.
fn plain(condition: &str) -> String {
    let condition = condition
        .replace("::text", "")
        .replace(['(', ')'], " ")
        .to_lowercase();
    condition.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What stands between single quotes.
fn quoted(list: &str) -> BTreeSet<String> {
    list.split('\'').skip(1).step_by(2).map(str::to_owned).collect()
}

type Tables = BTreeMap<String, Table>;

async fn rows(store: &Store, sql: String, columns: usize) -> Vec<Vec<String>> {
    let found: Result<_, StoreError> = store
        .read(move |tx| {
            tx.query_dynamic(&sql, &[], |row| {
                (0..columns).map(|index| row.get(index)).collect()
            })
        })
        .await;
    found.unwrap()
}

/// A reference's columns arrive one by one, under its name.
fn references(rows: Vec<Vec<String>>) -> BTreeSet<(Vec<String>, String, Vec<String>, String)> {
    let mut found = BTreeMap::<String, (Vec<String>, String, Vec<String>, String)>::new();
    for row in rows {
        let [name, table, from, to, on_delete] = <[String; 5]>::try_from(row).unwrap();
        let entry = found
            .entry(name)
            .or_insert_with(|| (vec![], table, vec![], on_delete.to_lowercase()));
        entry.0.push(from);
        entry.2.push(to);
    }
    found.into_values().collect()
}

#[test]
fn both_schemas_are_one() {
    run(async {
        let (sqlite, postgres) = (Place::sqlite(), Place::postgres().await);
        let (sqlite, postgres) = (sqlite.open().await, postgres.open().await);
        assert_eq!(
            (sqlite.backend(), postgres.backend()),
            (Backend::Sqlite, Backend::Postgres)
        );
        let (ours, theirs) = (sqlite::tables(&sqlite).await, postgres::tables(&postgres).await);
        assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
        // Else nothing was found on either side.
        assert!(ours.values().any(|table| !table.triggers.is_empty()));
        assert!(ours.values().any(|table| !table.checks.is_empty()));
        assert!(
            ours.values()
                .any(|table| table.indexes.iter().any(|index| index.condition.is_some()))
        );
        assert!(
            ours.values()
                .any(|table| table.columns.values().any(|column| column.default.is_some()))
        );
        for (name, table) in &ours {
            assert_eq!(table, &theirs[name], "`{name}`, SQLite on the left");
        }
    });
}
