//! Tests of the layer itself, on both databases, with SQL of their own. They lie inside the crate because
//! no SQL leaves it; what is public is tested from outside, in `tests/`.

#[path = "../../tests/common/mod.rs"]
mod common;

mod crash;
mod durability;
mod encryption;
mod migrations;
mod parity;
mod prices;
mod queues;
mod recovery;
mod search;
mod transactions;
mod upgrades;
mod values;

use crate::{Store, StoreError};

/// Runs one statement of a test.
async fn exec(store: &Store, sql: &'static str) {
    store
        .write(move |tx| tx.exec_dynamic(sql, &[]))
        .await
        .unwrap_or_else(|error| panic!("`{sql}`: {error}"));
}

/// The integer that a statement of a test gives.
async fn number(store: &Store, sql: &'static str) -> i64 {
    let found: Result<i64, StoreError> = store
        .read(move |tx| tx.query_one(sql, &[], |row| row.get(0)))
        .await;
    found.unwrap_or_else(|error| panic!("`{sql}`: {error}"))
}
