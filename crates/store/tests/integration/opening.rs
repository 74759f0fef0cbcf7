//! Opening, refusing to open, and closing.

use crate::{
    common::{Place, TestStore, conformance, run},
    raw::meddle,
};
use chatai_store::{Backend, OpenError, PostgresOptions, SqliteOptions, Store, StoreError};
use std::{os::unix::fs::PermissionsExt, path::Path};

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

conformance! {
    async fn an_opened_store_answers(store: TestStore) {
        assert_eq!(store.ping().await, Ok(()));
        assert!(store.schema_version() >= 1);
        let expected = match store.place {
            Place::Sqlite(_) => Backend::Sqlite,
            Place::Postgres(_) => Backend::Postgres,
        };
        assert_eq!(store.backend(), expected);
    }

    async fn a_closed_store_says_so(store: TestStore) {
        store.close().await;
        store.close().await;
        assert_eq!(store.ping().await, Err(StoreError::Closed));
        let written: Result<(), StoreError> = store.write(|_| Ok(())).await;
        assert_eq!(written, Err(StoreError::Closed));
    }

    async fn opening_again_finds_the_same_schema(store: TestStore) {
        let version = store.schema_version();
        store.close().await;
        for _ in 0..3 {
            let again = store.place.try_open().await.unwrap();
            assert_eq!(again.schema_version(), version);
            again.close().await;
        }
    }

    async fn a_newer_schema_is_refused(store: TestStore) {
        let known = store.schema_version();
        store.close().await;
        let newer = known + 1;
        let sql = format!("insert into schema_migrations (version, name, applied_at) values ({newer}, 'x', 0)");
        meddle(&store.place, &sql).await;
        let error = store.place.try_open().await.unwrap_err();
        assert!(matches!(error, OpenError::Newer { found, known: ours } if found == newer && ours == known));
        assert!(error.hint().is_some());
    }

    async fn a_history_that_is_not_ours_is_refused(store: TestStore) {
        store.close().await;
        meddle(&store.place, "update schema_migrations set name = 'other' where version = 1").await;
        let error = store.place.try_open().await.unwrap_err();
        assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    }

    async fn another_program_s_migrations_are_refused(store: TestStore) {
        store.close().await;
        meddle(
            &store.place,
            "drop table schema_migrations; create table schema_migrations (version text primary key)",
        )
        .await;
        let error = store.place.try_open().await.unwrap_err();
        assert!(matches!(error, OpenError::Foreign(_)), "{error}");
    }
}

async fn refuses_a_foreign_database(place: Place) {
    meddle(&place, "create table users (id integer primary key, email text)").await;
    let error = place.try_open().await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a chatai database: it holds the tables of another program: users"
    );
    assert!(error.hint().unwrap().contains("chatai import"));
    // Nothing was changed: it can still be used by its owner, and is refused again.
    meddle(&place, "insert into users (id, email) values (1, 'a')").await;
    assert!(place.try_open().await.is_err());
}

#[test]
fn a_foreign_file_is_refused_and_left_alone() {
    run(async {
        let place = Place::sqlite();
        refuses_a_foreign_database(place).await;
    });
}

#[test]
fn a_foreign_server_database_is_refused_and_left_alone() {
    run(async { refuses_a_foreign_database(Place::postgres().await).await });
}

#[test]
fn the_original_s_file_keeps_its_journal_mode() {
    run(async {
        let place = Place::sqlite();
        meddle(&place, "create table users (id integer primary key)").await;
        let before = std::fs::read(place.path()).unwrap();
        assert!(place.try_open().await.is_err());
        assert_eq!(std::fs::read(place.path()).unwrap(), before);
    });
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    run(async {
        let place = Place::sqlite();
        let text = "these are my notes, not a database\n".repeat(100);
        std::fs::write(place.path(), &text).unwrap();
        let error = place.try_open().await.unwrap_err();
        assert!(matches!(error, OpenError::Foreign(_)), "{error}");
        assert_eq!(std::fs::read_to_string(place.path()).unwrap(), text);
    });
}

#[test]
fn a_second_store_on_the_file_is_refused_until_the_first_closes() {
    run(async {
        let first = TestStore::sqlite().await;
        let error = first.place.try_open().await.unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        assert!(error.to_string().contains("in use by another process"));
        // By another name too.
        let link = first.place.path().with_file_name("link.db");
        std::os::unix::fs::symlink(first.place.path(), &link).unwrap();
        let error = Store::open_sqlite(SqliteOptions::new(&link)).await.unwrap_err();
        assert!(matches!(error, OpenError::InUse { .. }), "{error}");
        first.close().await;
        first.place.try_open().await.unwrap();
    });
}

#[test]
fn dropping_the_last_handle_lets_go_of_the_file() {
    run(async {
        let place = Place::sqlite();
        let store = place.open().await;
        let other = store.clone();
        drop(store);
        assert_eq!(other.ping().await, Ok(()));
        drop(other);
        place.try_open().await.unwrap();
    });
}

#[test]
fn folders_and_files_are_private() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("some/deep/folder/chatai.db");
        let store = Store::open_sqlite(SqliteOptions::new(&path)).await.unwrap();
        let made = path.parent().unwrap();
        assert_eq!((mode(made), mode(made.parent().unwrap())), (0o700, 0o700));
        let mut names: Vec<_> = std::fs::read_dir(made)
            .unwrap()
            .map(|entry| {
                let path = entry.unwrap().path();
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                path.file_name().unwrap().to_owned().into_string().unwrap()
            })
            .collect();
        names.sort();
        assert_eq!(
            names,
            ["chatai.db", "chatai.db-shm", "chatai.db-wal", "chatai.db.lock"]
        );
        store.close().await;
        assert_eq!(
            std::fs::metadata(path.with_file_name("chatai.db-wal"))
                .unwrap()
                .len(),
            0
        );
    });
}

#[test]
fn places_that_cannot_be_used_are_named() {
    run(async {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "").unwrap();
        for path in [
            folder.path().join("file/chatai.db"),
            folder.path().to_owned(),
            "/proc/chatai.db".into(),
        ] {
            let error = Store::open_sqlite(SqliteOptions::new(&path)).await.unwrap_err();
            assert!(
                matches!(error, OpenError::File { .. }),
                "{}: {error}",
                path.display()
            );
            assert!(error.hint().is_some());
        }
    });
}

#[test]
fn a_server_that_is_not_there_is_one_clear_error() {
    run(async {
        // Bound, then released: nobody listens on it.
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let url = format!("postgres://someone:secret@127.0.0.1:{port}/chatai");
        let error = Store::open_postgres(PostgresOptions::new(url)).await.unwrap_err();
        let text = error.to_string();
        assert!(matches!(error, OpenError::Connect(_)), "{text}");
        assert!(text.contains("refused") && !text.contains("secret"), "{text}");
    });
}

#[test]
fn instances_that_start_together_migrate_once() {
    run(async {
        let place = Place::postgres().await;
        let (a, b, c, d) = tokio::join!(
            place.try_open(),
            place.try_open(),
            place.try_open(),
            place.try_open()
        );
        for store in [a, b, c, d] {
            assert_eq!(store.unwrap().ping().await, Ok(()));
        }
    });
}
