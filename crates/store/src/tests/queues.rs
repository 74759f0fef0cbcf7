//! Queues have an end, closing loses nothing that was handed over, and reads have a limit.

use super::{
    common::{Place, TestStore, conformance, run},
    exec, number,
};
use crate::{PostgresOptions, SqliteOptions, Store, StoreError};
use std::{
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

/// A store with one thread per kind of work and a queue of one.
async fn narrow(place: &Place) -> Store {
    match place {
        Place::Sqlite(_) => {
            let mut options = SqliteOptions::new(place.path());
            (options.readers, options.queue, options.group_size) = (1, 1, 1);
            Store::open_sqlite(options).await
        }
        Place::Postgres(_) => {
            let mut options = PostgresOptions::new(place.url());
            (options.workers, options.queue) = (1, 1);
            Store::open_postgres(options).await
        }
    }
    .unwrap()
}

/// A job that says when it runs and goes on when it is told to.
struct Gate {
    running: Mutex<Option<tokio::sync::oneshot::Sender<()>>>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Gate {
    fn new() -> (Arc<Self>, tokio::sync::oneshot::Receiver<()>, mpsc::Sender<()>) {
        let (running, is_running) = tokio::sync::oneshot::channel();
        let (open, go_on) = mpsc::channel();
        (
            Arc::new(Self {
                running: Mutex::new(Some(running)),
                go_on: Mutex::new(go_on),
            }),
            is_running,
            open,
        )
    }

    fn pass(&self) {
        if let Some(running) = self.running.lock().unwrap().take() {
            running.send(()).unwrap();
        }
        self.go_on.lock().unwrap().recv().unwrap();
    }
}

async fn a_full_queue_is_busy(place: Place, write: bool) {
    let store = narrow(&place).await;
    let submit = |gate: Option<Arc<Gate>>| {
        let store = store.clone();
        async move {
            let job = move |_: &mut crate::Tx<'_>| {
                if let Some(gate) = &gate {
                    gate.pass();
                }
                Ok::<_, StoreError>(())
            };
            if write {
                store.write(job).await
            } else {
                store.read(job).await
            }
        }
    };
    let (gate, running, open) = Gate::new();
    let first = tokio::spawn(submit(Some(gate)));
    running.await.unwrap();
    // One fits into the queue, the next does not: polled in this order, `join` hands them over in it.
    let mut second = Box::pin(submit(None));
    assert!(futures_util::poll!(&mut second).is_pending());
    assert_eq!(submit(None).await, Err(StoreError::Busy));
    open.send(()).unwrap();
    assert_eq!(first.await.unwrap(), Ok(()));
    assert_eq!(second.await, Ok(()));
    assert_eq!(submit(None).await, Ok(()));
}

#[test]
fn a_full_queue_of_writes_is_busy_on_sqlite() {
    run(a_full_queue_is_busy(Place::sqlite(), true));
}

#[test]
fn a_full_queue_of_reads_is_busy_on_sqlite() {
    run(a_full_queue_is_busy(Place::sqlite(), false));
}

#[test]
fn a_full_queue_is_busy_on_postgres() {
    run(async { a_full_queue_is_busy(Place::postgres().await, true).await });
}

conformance! {
    async fn closing_finishes_what_was_handed_over(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key)").await;
        let (gate, running, open) = Gate::new();
        let first = tokio::spawn({
            let store = store.clone();
            async move { store.write(move |_| { gate.pass(); Ok::<_, StoreError>(()) }).await }
        });
        running.await.unwrap();
        let mut jobs: Vec<_> = (0..100_i64)
            .map(|n| {
                Box::pin(store.write(move |tx| {
                    tx.exec("insert into counters (id) values ($1)", crate::tx::params![n])
                }))
            })
            .collect();
        for job in &mut jobs {
            assert!(futures_util::poll!(job).is_pending());
        }
        let mut closing = Box::pin(store.close());
        assert!(futures_util::poll!(&mut closing).is_pending());
        open.send(()).unwrap();
        closing.await;
        assert_eq!(first.await.unwrap(), Ok(()));
        for job in jobs {
            assert_eq!(job.await, Ok(1));
        }
        let again = store.place.open().await;
        assert_eq!(number(&again, "select count(*) from counters").await, 100);
    }

    async fn a_job_may_hold_the_last_handle(store: TestStore) {
        let TestStore { store, place } = store;
        {
            let (gate, running, open) = Gate::new();
            let held = store.clone();
            let (ended, has_ended) = mpsc::channel();
            let job = move |_: &mut crate::Tx<'_>| {
                gate.pass();
                ended.send(held.backend()).unwrap();
                Ok::<_, StoreError>(())
            };
            let waiting = tokio::spawn(async move { store.write(job).await });
            running.await.unwrap();
            waiting.abort();
            assert!(waiting.await.unwrap_err().is_cancelled());
            open.send(()).unwrap();
            tokio::task::spawn_blocking(move || has_ended.recv().unwrap()).await.unwrap();
        }
        // On SQLite this succeeds only when the threads have let go of the file.
        let mut tries = 0;
        while let Err(error) = place.try_open().await {
            assert!(matches!(error, crate::OpenError::InUse { .. }), "{error}");
            tries += 1;
            assert!(tries < 100_000);
        }
    }

    async fn a_caller_that_leaves_harms_nobody(store: TestStore) {
        exec(&store, "create table counters (id bigint primary key)").await;
        for n in 0..50_i64 {
            let mut job = Box::pin(store.write(move |tx| {
                tx.exec("insert into counters (id) values ($1)", crate::tx::params![n])
            }));
            assert!(futures_util::poll!(&mut job).is_pending());
            drop(job);
            let mut job = Box::pin(store.ping());
            drop(futures_util::poll!(&mut job));
            drop(job);
        }
        let place = &store.place;
        store.close().await;
        let again = place.open().await;
        assert_eq!(number(&again, "select count(*) from counters").await, 50);
    }
}

#[test]
fn a_read_beyond_the_limit_is_broken_off() {
    run(async {
        let place = Place::sqlite();
        let mut options = SqliteOptions::new(place.path());
        options.read_limit = Duration::from_millis(20);
        let store = Store::open_sqlite(options).await.unwrap();
        let endless: Result<i64, StoreError> = store
            .read(|tx| {
                tx.query_one(
                    "with recursive n (i) as (select 1 union all select i + 1 from n) select count(*) from n",
                    &[],
                    |row| row.get(0),
                )
            })
            .await;
        assert!(matches!(endless, Err(StoreError::Unavailable(_))), "{endless:?}");
        assert_eq!(store.ping().await, Ok(()));
    });
}
