//! What PostgreSQL's workers do about conflicts and lost connections.

use super::{
    common::{Place, TestStore, run},
    exec, number,
};
use crate::{PostgresOptions, Store, StoreError, tx::params};
use std::sync::{
    Arc, Barrier,
    atomic::{AtomicU32, Ordering},
};

const TABLE: &str = "create table counters (id bigint primary key, n bigint not null)";

/// Ends every other session of the database, as a restart of the server would.
const KILL_OTHERS: &str = "select count(pg_terminate_backend(pid)) from pg_stat_activity \
    where datname = current_database() and pid <> pg_backend_pid()";

async fn one_worker(place: &Place) -> Store {
    let mut options = PostgresOptions::new(place.url());
    options.workers = 1;
    Store::open_postgres(options).await.unwrap()
}

#[test]
fn jobs_that_deadlock_are_run_again() {
    run(async {
        let store = TestStore::postgres().await;
        exec(&store, TABLE).await;
        exec(&store, "insert into counters (id, n) values (1, 0), (2, 0)").await;
        // Both hold their first row before either asks for its second: one of them has to give way.
        let (both_hold_one, runs) = (Arc::new(Barrier::new(2)), Arc::new(AtomicU32::new(0)));
        let job = |first: i64, second: i64| {
            let (both_hold_one, runs, tries) = (both_hold_one.clone(), runs.clone(), AtomicU32::new(0));
            store.write(move |tx| {
                tx.exec("update counters set n = n + 1 where id = $1", params![first])?;
                runs.fetch_add(1, Ordering::SeqCst);
                if tries.fetch_add(1, Ordering::SeqCst) == 0 {
                    both_hold_one.wait();
                }
                tx.exec("update counters set n = n + 1 where id = $1", params![second])
            })
        };
        assert_eq!(tokio::join!(job(1, 2), job(2, 1)), (Ok(1), Ok(1)));
        assert_eq!(runs.load(Ordering::SeqCst), 3);
        assert_eq!(
            number(&store, "select cast(sum(n) as bigint) from counters").await,
            4
        );
    });
}

#[test]
fn a_reference_that_vanished_meanwhile_is_looked_at_again() {
    run(async {
        let store = TestStore::postgres().await;
        exec(&store, TABLE).await;
        exec(
            &store,
            "create table children (parent bigint not null references counters (id))",
        )
        .await;
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        // As a job does that finds the parent gone when it looks again.
        let outcome: Result<&str, StoreError> = store
            .write(move |tx| {
                if counted.fetch_add(1, Ordering::SeqCst) > 0 {
                    return Ok("not found");
                }
                tx.exec("insert into children (parent) values (1)", &[])?;
                Ok("added")
            })
            .await;
        assert_eq!(outcome, Ok("not found"));
        let counted = runs.clone();
        let outcome = store
            .write(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                tx.exec("insert into children (parent) values (1)", &[])
            })
            .await;
        assert!(matches!(outcome, Err(StoreError::Foreign(_))), "{outcome:?}");
        assert_eq!(runs.load(Ordering::SeqCst), 4, "twice each, then it is an error");
    });
}

#[test]
fn connections_lost_between_jobs_are_made_anew() {
    run(async {
        let place = Place::postgres().await;
        let (store, killer) = (one_worker(&place).await, one_worker(&place).await);
        exec(&store, TABLE).await;
        for n in 1..=3_i64 {
            assert!(number(&killer, KILL_OTHERS).await >= 1);
            let written = store
                .write(move |tx| tx.exec("insert into counters (id, n) values ($1, 0)", params![n]))
                .await;
            assert_eq!(written, Ok(1));
            assert!(number(&killer, KILL_OTHERS).await >= 1);
            assert_eq!(number(&store, "select count(*) from counters").await, n);
        }
    });
}

#[test]
fn a_connection_lost_in_a_job_runs_it_again() {
    run(async {
        let place = Place::postgres().await;
        let store = one_worker(&place).await;
        exec(&store, TABLE).await;
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let outcome = store
            .write(move |tx| {
                tx.exec("insert into counters (id, n) values (1, 0)", &[])?;
                if counted.fetch_add(1, Ordering::SeqCst) == 0 {
                    tx.exec("select pg_terminate_backend(pg_backend_pid())", &[])?;
                }
                tx.exec("update counters set n = 1", &[])
            })
            .await;
        assert_eq!((outcome, runs.load(Ordering::SeqCst)), (Ok(1), 2));
        assert_eq!(number(&store, "select count(*) from counters").await, 1);
        // Not for ever.
        let outcome = store
            .write(|tx| tx.exec("select pg_terminate_backend(pg_backend_pid())", &[]))
            .await;
        assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        assert_eq!(store.ping().await, Ok(()));
    });
}

#[test]
fn a_connection_lost_in_the_commit_is_no_success_and_not_run_again() {
    run(async {
        let place = Place::postgres().await;
        let store = one_worker(&place).await;
        exec(&store, TABLE).await;
        exec(
            &store,
            "create function die() returns trigger language plpgsql as \
             'begin perform pg_terminate_backend(pg_backend_pid()); return null; end'",
        )
        .await;
        exec(
            &store,
            "create constraint trigger dying after insert on counters deferrable initially deferred \
             for each row execute function die()",
        )
        .await;
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let outcome = store
            .write(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                tx.exec("insert into counters (id, n) values (1, 0)", &[])
            })
            .await;
        assert!(
            matches!(&outcome, Err(StoreError::Unavailable(reason)) if reason.contains("may have happened")),
            "{outcome:?}"
        );
        assert_eq!(runs.load(Ordering::SeqCst), 1);
        assert_eq!(number(&store, "select count(*) from counters").await, 0);
    });
}

#[test]
fn a_statement_of_an_older_schema_is_prepared_anew() {
    run(async {
        let place = Place::postgres().await;
        let (store, other) = (one_worker(&place).await, one_worker(&place).await);
        exec(&store, TABLE).await;
        exec(&store, "insert into counters (id, n) values (1, 0)").await;
        let read = || store.read(|tx| tx.query_one("select * from counters", &[], |row| row.get::<i64>(0)));
        assert_eq!(read().await, Ok(1));
        exec(&other, "alter table counters add column name text").await;
        assert_eq!(read().await, Ok(1));
    });
}
