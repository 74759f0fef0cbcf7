//! What a job may rely on: all or nothing, alone, and seen by everyone afterwards.

use super::{
    common::{TestStore, conformance, run},
    exec, number,
};
use crate::{Backend, StoreError, tx::params};
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicU32, Ordering},
    mpsc,
};

conformance! {
    async fn a_read_sees_what_a_write_returned(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        for n in 1..=20_i64 {
            let written = store
                .write(move |tx| tx.exec("insert into counters (id, n) values ($1, $1)", params![n]))
                .await;
            assert_eq!(written, Ok(1));
            assert_eq!(number(&store, "select count(*) from counters").await, n);
        }
    }

    async fn an_error_undoes_the_whole_job(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        let outcome: Result<(), StoreError> = store
            .write(|tx| {
                tx.exec("insert into counters (id, n) values (1, 1)", &[])?;
                Err(StoreError::Invalid("changed my mind".to_owned()))
            })
            .await;
        assert_eq!(outcome, Err(StoreError::Invalid("changed my mind".to_owned())));
        assert_eq!(number(&store, "select count(*) from counters").await, 0);
    }

    async fn jobs_of_one_group_fail_apart(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        let jobs: Vec<_> = (0..200_i64)
            .map(|n| {
                let store = store.clone();
                tokio::spawn(async move {
                    store
                        .write(move |tx| {
                            tx.exec("insert into counters (id, n) values ($1, 0)", params![n])?;
                            match n % 4 {
                                0 => Ok(()),
                                1 => Err(StoreError::Invalid("refused".to_owned())),
                                2 => tx.exec("insert into counters (id, n) values ($1, 0)", params![n]).map(drop),
                                _ => panic!("in a job"),
                            }
                        })
                        .await
                })
            })
            .collect();
        for (n, job) in jobs.into_iter().enumerate() {
            let outcome = job.await.unwrap();
            match n % 4 {
                0 => assert_eq!(outcome, Ok(())),
                1 => assert_eq!(outcome, Err(StoreError::Invalid("refused".to_owned()))),
                2 => assert!(matches!(outcome, Err(StoreError::Duplicate(_))), "{outcome:?}"),
                _ => assert_eq!(
                    outcome,
                    Err(StoreError::Internal("panic in a database job: in a job".to_owned()))
                ),
            }
        }
        assert_eq!(number(&store, "select count(*) from counters").await, 50);
        assert_eq!(number(&store, "select count(*) from counters where id % 4 = 0").await, 50);
    }

    async fn a_panicking_read_harms_nobody(store: TestStore) {
        for _ in 0..20 {
            let outcome: Result<i64, StoreError> = store
                .read(|tx| tx.query_one("select 1", &[], |_| panic!("in a row")))
                .await;
            assert_eq!(outcome, Err(StoreError::Internal("panic in a database job: in a row".to_owned())));
        }
        assert_eq!(store.ping().await, Ok(()));
    }

    async fn a_swallowed_failure_still_bars_the_commit(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        let outcome: Result<(), StoreError> = store
            .write(|tx| {
                tx.exec("insert into counters (id, n) values (1, 1)", &[])?;
                drop(tx.exec("insert into counters (id, n) values (1, 1)", &[]));
                Ok(())
            })
            .await;
        assert!(matches!(outcome, Err(StoreError::Duplicate(_))), "{outcome:?}");
        assert_eq!(number(&store, "select count(*) from counters").await, 0);
    }

    async fn increments_from_many_tasks_are_all_counted(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        exec(&store, "insert into counters (id, n) values (1, 0)").await;
        let tasks: Vec<_> = (0..64)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    let mut seen = Vec::new();
                    for _ in 0..10 {
                        let next: Result<i64, StoreError> = store
                            .write(|tx| {
                                tx.query_one(
                                    "update counters set n = n + 1 where id = 1 returning n",
                                    &[],
                                    |row| row.get(0),
                                )
                            })
                            .await;
                        seen.push(next.unwrap());
                    }
                    seen
                })
            })
            .collect();
        let mut seen = Vec::new();
        for task in tasks {
            seen.extend(task.await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=640).collect::<Vec<_>>());
        assert_eq!(number(&store, "select n from counters").await, 640);
    }

    async fn a_read_is_one_moment(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        exec(&store, "insert into counters (id, n) values (1, 0)").await;
        let (has_read, wait_for_read) = tokio::sync::oneshot::channel();
        let (has_written, wait_for_write) = mpsc::channel();
        let (has_read, wait_for_write) = (Mutex::new(Some(has_read)), Mutex::new(wait_for_write));
        let reading = tokio::spawn({
            let store = store.clone();
            async move {
                store
                    .read(move |tx| {
                        let first: i64 = tx.query_one("select n from counters", &[], |row| row.get(0))?;
                        has_read.lock().unwrap().take().unwrap().send(()).unwrap();
                        wait_for_write.lock().unwrap().recv().unwrap();
                        let second: i64 = tx.query_one("select n from counters", &[], |row| row.get(0))?;
                        Ok::<_, StoreError>((first, second))
                    })
                    .await
            }
        });
        wait_for_read.await.unwrap();
        exec(&store, "update counters set n = 1").await;
        has_written.send(()).unwrap();
        assert_eq!(reading.await.unwrap(), Ok((0, 0)));
        assert_eq!(number(&store, "select n from counters").await, 1);
    }

    async fn a_read_cannot_write(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        let outcome: Result<u64, StoreError> =
            store.read(|tx| tx.exec("insert into counters (id, n) values (1, 1)", &[])).await;
        assert!(outcome.is_err(), "{outcome:?}");
        assert_eq!(number(&store, "select count(*) from counters").await, 0);
        exec(&store, "insert into counters (id, n) values (1, 1)").await;
    }

    async fn errors_are_told_apart(store: TestStore) {
        exec(&store, "create table parents (id bigint primary key, name text not null unique)").await;
        exec(
            &store,
            "create table children (id bigint primary key, parent bigint not null references parents (id), \
             n bigint not null check (n > 0))",
        )
        .await;
        exec(&store, "insert into parents (id, name) values (1, 'a')").await;
        exec(&store, "insert into children (id, parent, n) values (1, 1, 1)").await;
        type Expected = fn(&StoreError) -> bool;
        let cases: &[(&str, Expected)] = &[
            ("insert into parents (id, name) values (1, 'b')", |error| matches!(error, StoreError::Duplicate(_))),
            ("insert into parents (id, name) values (2, 'a')", |error| matches!(error, StoreError::Duplicate(_))),
            ("insert into children (id, parent, n) values (2, 9, 1)", |error| matches!(error, StoreError::Foreign(_))),
            ("delete from parents", |error| matches!(error, StoreError::Foreign(_))),
            ("insert into children (id, parent, n) values (2, 1, 0)", |error| matches!(error, StoreError::Internal(_))),
            ("insert into parents (id, name) values (3, null)", |error| matches!(error, StoreError::Internal(_))),
            ("this is no statement", |error| matches!(error, StoreError::Internal(_))),
        ];
        for (sql, expected) in cases {
            let error = store.write(move |tx| tx.exec_dynamic(sql, &[])).await.unwrap_err();
            assert!(expected(&error), "`{sql}`: {error:?}");
        }
    }

    async fn one_row_means_one_row(store: TestStore) {
        let none: Result<i64, StoreError> =
            store.read(|tx| tx.query_one("select 1 where 1 = 0", &[], |row| row.get(0))).await;
        assert!(matches!(none, Err(StoreError::Internal(_))), "{none:?}");
        let two: Result<Option<i64>, StoreError> =
            store.read(|tx| tx.query_opt("select 1 union all select 2", &[], |row| row.get(0))).await;
        assert!(matches!(two, Err(StoreError::Internal(_))), "{two:?}");
        let nothing: Result<Option<i64>, StoreError> =
            store.read(|tx| tx.query_opt("select 1 where 1 = 0", &[], |row| row.get(0))).await;
        assert_eq!(nothing, Ok(None));
    }

    async fn a_staged_write_is_seen_before_it_is_synced_and_synced_after(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key, n bigint not null)").await;
        let (rows, synced) = store
            .write_staged(|tx| tx.exec("insert into counters (id, n) values (1, 1)", &[]))
            .await
            .unwrap();
        assert_eq!(rows, 1);
        assert_eq!(number(&store, "select count(*) from counters").await, 1);
        assert_eq!(store.written_so_far().wait().await, Ok(()));
        assert_eq!(synced.wait().await, Ok(()));
        let refused = store
            .write_staged(|tx| tx.exec("insert into counters (id, n) values (1, 1)", &[]))
            .await;
        assert!(matches!(refused, Err(StoreError::Duplicate(_))));
    }

    async fn statements_of_one_text_keep_their_own_parameters(store: TestStore) {
        exec(&store, "create table names (id bigint primary key, name text)").await;
        for (id, name) in [(1_i64, Some("one")), (2, None), (3, Some("three"))] {
            let rows = store
                .write(move |tx| tx.exec("insert into names (name, id) values ($2, $1)", params![id, name]))
                .await;
            assert_eq!(rows, Ok(1));
        }
        let found: Result<Vec<(i64, Option<String>)>, StoreError> = store
            .read(|tx| {
                tx.query("select id, name from names order by id", &[], |row| Ok((row.get(0)?, row.get(1)?)))
            })
            .await;
        let expected =
            vec![(1, Some("one".to_owned())), (2, None), (3, Some("three".to_owned()))];
        assert_eq!(found, Ok(expected));
        let changed = store.write(|tx| tx.exec("update names set name = 'x' where id >= $1", params![2_i64])).await;
        assert_eq!(changed, Ok(2));
    }

    async fn a_job_runs_once_where_nothing_goes_wrong(store: TestStore) {
        let runs = Arc::new(AtomicU32::new(0));
        let counted = runs.clone();
        let outcome: Result<i64, StoreError> = store
            .write(move |tx| {
                counted.fetch_add(1, Ordering::SeqCst);
                tx.query_one("select 1", &[], |_| Ok(1))
            })
            .await;
        assert_eq!(outcome, Ok(1));
        assert_eq!(runs.load(Ordering::SeqCst), 1);
    }

    async fn the_backend_is_the_one_that_was_opened(store: TestStore) {
        let inside: Result<Backend, StoreError> = store.read(|tx| Ok(tx.backend())).await;
        assert_eq!(inside, Ok(store.backend()));
    }
}
