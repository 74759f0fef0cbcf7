//! SQLite's two levels of durability: what *synced* means, a sync that fails, a disk that is full, and a
//! log that does not grow for ever.

use super::{
    common::{Place, run},
    exec, number,
};
use crate::{SqliteOptions, Store, StoreError, db::Synced, sqlite::SyncLog, tx::params};
use futures_util::poll;
use std::{
    fs::File,
    io,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc,
    },
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

const TABLE: &str = "create table entries (id integer primary key autoincrement, payload blob)";

async fn open_with(place: &Place, sync: impl Fn(&File) -> io::Result<()> + Send + Sync + 'static) -> Store {
    let mut options = SqliteOptions::new(place.path());
    options.sync = SyncLog(Arc::new(sync));
    Store::open_sqlite(options).await.unwrap()
}

async fn add_staged(store: &Store) -> Result<((), Synced), StoreError> {
    store
        .write_staged(|tx| {
            tx.exec("insert into entries (payload) values (null)", &[])
                .map(drop)
        })
        .await
}

fn assert_sound(place: &Place) {
    let connection = rusqlite::Connection::open(place.path()).unwrap();
    let verdict: String = connection
        .query_row("pragma integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(verdict, "ok");
    let orphans: i64 = connection
        .query_row("select count(*) from pragma_foreign_key_check", [], |row| {
            row.get(0)
        })
        .unwrap();
    assert_eq!(orphans, 0);
}

/// A disk that syncs when it is told to. Each sync is announced, then waits.
struct SlowDisk {
    is_slow: Arc<AtomicBool>,
    began: UnboundedReceiver<()>,
    go_on: mpsc::Sender<()>,
}

async fn open_on_slow_disk(place: &Place) -> (Store, SlowDisk) {
    let (announce, began) = unbounded_channel();
    let (go_on, told) = mpsc::channel();
    let (told, is_slow) = (Mutex::new(told), Arc::new(AtomicBool::new(false)));
    let slow = is_slow.clone();
    let store = open_with(place, move |log| {
        if slow.load(Ordering::SeqCst) {
            announce.send(()).unwrap();
            told.lock().unwrap().recv().unwrap();
        }
        log.sync_data()
    })
    .await;
    exec(&store, TABLE).await;
    is_slow.store(true, Ordering::SeqCst);
    (
        store,
        SlowDisk {
            is_slow,
            began,
            go_on,
        },
    )
}

#[test]
fn a_group_that_arrives_during_a_sync_waits_for_the_next() {
    run(async {
        let place = Place::sqlite();
        let (store, mut disk) = open_on_slow_disk(&place).await;
        let mut first =
            Box::pin(store.write(|tx| tx.exec("insert into entries (payload) values (null)", &[])));
        assert!(poll!(&mut first).is_pending());
        disk.began.recv().await.unwrap();
        // Written while the disk is at work, so the sync may have missed it.
        let ((), second) = add_staged(&store).await.unwrap();
        let mut second = Box::pin(second.wait());
        assert!(poll!(&mut second).is_pending());
        disk.go_on.send(()).unwrap();
        tokio::select! {
            _ = disk.began.recv() => {}
            _ = &mut second => panic!("synced by a sync that may have missed it"),
        }
        assert_eq!(first.await, Ok(1));
        assert!(poll!(&mut second).is_pending());
        disk.go_on.send(()).unwrap();
        assert_eq!(second.await, Ok(()));
        disk.is_slow.store(false, Ordering::SeqCst);
    });
}

/// A turn that opens and closes at once costs one sync, not two.
#[test]
fn what_nobody_waits_for_is_synced_with_what_comes_next() {
    run(async {
        let place = Place::sqlite();
        let syncs = Arc::new(AtomicUsize::new(0));
        let counted = syncs.clone();
        let store = open_with(&place, move |log| {
            counted.fetch_add(1, Ordering::SeqCst);
            log.sync_data()
        })
        .await;
        exec(&store, TABLE).await;
        let before = syncs.load(Ordering::SeqCst);
        for _ in 0..50 {
            drop(add_staged(&store).await.unwrap());
            let add = |tx: &mut crate::Tx<'_>| tx.exec("insert into entries (payload) values (null)", &[]);
            assert_eq!(store.write(add).await, Ok(1));
        }
        let paired = syncs.load(Ordering::SeqCst) - before;
        assert!((50..100).contains(&paired), "{paired} syncs for 50 pairs");
        // Nobody comes after it, and nobody waits: it is synced all the same.
        drop(add_staged(&store).await.unwrap());
        store.close().await;
        assert!(syncs.load(Ordering::SeqCst) > before + paired);
    });
}

#[test]
fn a_write_returns_after_its_sync_and_others_are_written_meanwhile() {
    run(async {
        let place = Place::sqlite();
        let (store, mut disk) = open_on_slow_disk(&place).await;
        let mut write =
            Box::pin(store.write(|tx| tx.exec("insert into entries (payload) values (null)", &[])));
        assert!(poll!(&mut write).is_pending());
        disk.began.recv().await.unwrap();
        for _ in 0..10 {
            drop(add_staged(&store).await.unwrap());
        }
        assert_eq!(number(&store, "select count(*) from entries").await, 11);
        assert!(poll!(&mut write).is_pending());
        disk.is_slow.store(false, Ordering::SeqCst);
        disk.go_on.send(()).unwrap();
        assert_eq!(write.await, Ok(1));
    });
}

#[test]
fn an_answer_from_reads_can_wait_for_what_it_saw() {
    run(async {
        let place = Place::sqlite();
        let (store, mut disk) = open_on_slow_disk(&place).await;
        assert_eq!(
            poll!(Box::pin(store.written_so_far().wait())),
            std::task::Poll::Ready(Ok(()))
        );
        drop(add_staged(&store).await.unwrap());
        disk.began.recv().await.unwrap();
        assert_eq!(number(&store, "select count(*) from entries").await, 1);
        let mut seen = Box::pin(store.written_so_far().wait());
        assert!(poll!(&mut seen).is_pending());
        disk.is_slow.store(false, Ordering::SeqCst);
        disk.go_on.send(()).unwrap();
        assert_eq!(seen.await, Ok(()));
    });
}

#[test]
fn a_failed_sync_is_never_a_success() {
    run(async {
        let place = Place::sqlite();
        let is_broken = Arc::new(AtomicBool::new(false));
        let broken = is_broken.clone();
        let store = open_with(&place, move |log| {
            if broken.load(Ordering::SeqCst) {
                Err(io::Error::from_raw_os_error(5))
            } else {
                log.sync_data()
            }
        })
        .await;
        exec(&store, TABLE).await;
        let mut failed = Box::pin(store.failed());
        assert!(poll!(&mut failed).is_pending());
        is_broken.store(true, Ordering::SeqCst);
        let ((), synced) = add_staged(&store).await.unwrap();
        assert!(matches!(synced.wait().await, Err(StoreError::Unavailable(_))));
        assert!(failed.await.contains("cannot sync the write-ahead log"));
        // The disk pretends to be well again, as disks do: it is too late.
        is_broken.store(false, Ordering::SeqCst);
        let later = store
            .write(|tx| tx.exec("insert into entries (payload) values (null)", &[]))
            .await;
        assert!(matches!(later, Err(StoreError::Unavailable(_))), "{later:?}");
        assert!(matches!(store.ping().await, Err(StoreError::Unavailable(_))));
        assert!(store.written_so_far().wait().await.is_err());
        store.close().await;
        // The next start reads what the disk really holds.
        let again = place.open().await;
        assert!(number(&again, "select count(*) from entries").await <= 1);
        exec(&again, "insert into entries (payload) values (null)").await;
        again.close().await;
        assert_sound(&place);
    });
}

#[test]
fn a_failed_sync_refuses_every_write_that_waits_for_it() {
    run(async {
        let place = Place::sqlite();
        let is_broken = Arc::new(AtomicBool::new(false));
        let broken = is_broken.clone();
        let store = open_with(&place, move |_| {
            if broken.load(Ordering::SeqCst) {
                Err(io::Error::from_raw_os_error(5))
            } else {
                Ok(())
            }
        })
        .await;
        exec(&store, TABLE).await;
        is_broken.store(true, Ordering::SeqCst);
        let writes: Vec<_> = (0..50)
            .map(|_| {
                let store = store.clone();
                tokio::spawn(async move {
                    store
                        .write(|tx| tx.exec("insert into entries (payload) values (null)", &[]))
                        .await
                })
            })
            .collect();
        for write in writes {
            let outcome = write.await.unwrap();
            assert!(matches!(outcome, Err(StoreError::Unavailable(_))), "{outcome:?}");
        }
    });
}

#[test]
fn a_start_whose_sync_fails_is_no_start() {
    run(async {
        let place = Place::sqlite();
        place.open().await.close().await;
        let mut options = SqliteOptions::new(place.path());
        options.sync = SyncLog(Arc::new(|_| Err(io::Error::from_raw_os_error(5))));
        let error = Store::open_sqlite(options).await.unwrap_err();
        assert!(error.to_string().contains("chatai.db-wal"), "{error}");
        place.open().await;
    });
}

/// A statement with a result, on the writer's connection.
async fn on_writer(store: &Store, sql: &'static str) -> i64 {
    let found: Result<Vec<i64>, StoreError> = store
        .write(move |tx| tx.query_dynamic(sql, &[], |row| row.get(0)))
        .await;
    found.unwrap()[0]
}

#[test]
fn a_full_disk_refuses_writes_keeps_reads_and_recovers() {
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        exec(&store, TABLE).await;
        let pages = on_writer(&store, "pragma page_count").await;
        let limit: &'static str = format!("pragma max_page_count = {}", pages + 40).leak();
        on_writer(&store, limit).await;
        let mut kept = Vec::new();
        let mut refused = 0;
        for round in 0..30_i64 {
            // The writer is held, so that the jobs behind it form one group: small ones around a large one.
            let (open, gate) = mpsc::channel::<()>();
            let gate = Mutex::new(gate);
            let mut holding = Box::pin(store.write(move |_| {
                gate.lock().unwrap().recv().unwrap();
                Ok::<_, StoreError>(())
            }));
            assert!(poll!(&mut holding).is_pending());
            let mut jobs: Vec<_> = [10, 30_000, 10, 60_000, 10]
                .into_iter()
                .enumerate()
                .map(|(place, size)| {
                    let id = round * 10 + place as i64;
                    let job = store.write(move |tx| {
                        tx.exec(
                            "insert into entries (id, payload) values ($1, zeroblob($2))",
                            params![id, i64::from(size)],
                        )
                    });
                    (id, Box::pin(job))
                })
                .collect();
            for (_, job) in &mut jobs {
                assert!(poll!(job).is_pending());
            }
            open.send(()).unwrap();
            // In the group or before it: a full disk undoes the whole group.
            assert!(matches!(holding.await, Ok(()) | Err(StoreError::Full)));
            for (id, job) in jobs {
                match job.await {
                    Ok(rows) => {
                        assert_eq!(rows, 1);
                        kept.push(id);
                    }
                    Err(error) => {
                        assert_eq!(error, StoreError::Full);
                        refused += 1;
                    }
                }
            }
            let found: Vec<i64> = store
                .read(|tx| tx.query("select id from entries order by id", &[], |row| row.get(0)))
                .await
                .map_err(|error: StoreError| error)
                .unwrap();
            assert_eq!(
                found, kept,
                "what was acknowledged is there, what was refused is not"
            );
        }
        assert!(refused > 30, "the disk was full: {refused}");
        on_writer(&store, "pragma max_page_count = 1000000").await;
        exec(&store, "insert into entries (payload) values (zeroblob(1000000))").await;
        store.close().await;
        assert_sound(&place);
    });
}

#[test]
fn the_log_starts_again_after_a_checkpoint() {
    run(async {
        let place = Place::sqlite();
        let mut options = SqliteOptions::new(place.path());
        options.checkpoint_frames = 20;
        let store = Store::open_sqlite(options).await.unwrap();
        exec(&store, TABLE).await;
        let payload = vec![7_u8; 20_000];
        for _ in 0..400 {
            let payload = payload.clone();
            let written = store
                .write(move |tx| tx.exec("insert into entries (payload) values ($1)", params![&payload]))
                .await;
            assert_eq!(written, Ok(1));
        }
        let log = std::fs::metadata(place.path().with_file_name("chatai.db-wal"))
            .unwrap()
            .len();
        assert!(log < 4 << 20, "8 MB were written, the log has {log} bytes");
        assert_eq!(
            number(&store, "select sum(length(payload)) from entries").await,
            400 * 20_000
        );
        store.close().await;
        assert_sound(&place);
    });
}
