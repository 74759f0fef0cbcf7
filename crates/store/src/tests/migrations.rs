//! The schema's steps: each whole or not at all, once, and after a snapshot.

use super::{
    common::{Place, run},
    number,
};
use crate::{OpenError, PostgresOptions, SqliteOptions, Store, migrate::Migration};
use rusqlite::Connection;
use std::{os::unix::fs::PermissionsExt, path::Path};

const FIRST: Migration = Migration {
    version: 1,
    name: "first",
    sqlite: "create table parents (id integer primary key not null) strict;
        create table children (id integer primary key not null, parent integer not null references parents (id)
            on delete cascade) strict;
        insert into parents (id) values (1); insert into children (id, parent) values (1, 1);",
    postgres: "create table parents (id bigint primary key);
        create table children (id bigint primary key, parent bigint not null references parents (id)
            on delete cascade);
        insert into parents (id) values (1); insert into children (id, parent) values (1, 1);",
};

/// Rebuilds a table that others refer to, which must not touch them.
const SECOND: Migration = Migration {
    version: 2,
    name: "second",
    sqlite: "create table new_parents (id integer primary key not null, name text) strict;
        insert into new_parents (id) select id from parents;
        drop table parents; alter table new_parents rename to parents;",
    postgres: "alter table parents add column name text;",
};

const BROKEN: Migration = Migration {
    version: 2,
    name: "second",
    sqlite: "create table half (id integer primary key) strict; insert into half values (1); insert into nowhere values (1);",
    postgres: "create table half (id bigint primary key); insert into half values (1); insert into nowhere values (1);",
};

const ORPHANING: Migration = Migration {
    version: 2,
    name: "second",
    sqlite: "delete from parents;",
    postgres: "select 1 / 0;",
};

static ONE: &[Migration] = &[FIRST];
static TWO: &[Migration] = &[FIRST, SECOND];
static TWO_BROKEN: &[Migration] = &[FIRST, BROKEN];
static TWO_ORPHANING: &[Migration] = &[FIRST, ORPHANING];

pub(super) async fn open(place: &Place, migrations: &'static [Migration]) -> Result<Store, OpenError> {
    match place {
        Place::Sqlite(_) => {
            let mut options = SqliteOptions::new(place.path());
            options.migrations = migrations;
            Store::open_sqlite(options).await
        }
        Place::Postgres(_) => {
            let mut options = PostgresOptions::new(place.url());
            (options.migrations, options.workers) = (migrations, 1);
            Store::open_postgres(options).await
        }
    }
}

async fn steps_are_atomic_and_run_once(place: Place) {
    let store = open(&place, ONE).await.unwrap();
    assert_eq!(store.schema_version(), 1);
    store.close().await;
    for broken in [TWO_BROKEN, TWO_ORPHANING] {
        for _ in 0..2 {
            let error = open(&place, broken).await.unwrap_err();
            assert!(
                matches!(
                    error,
                    OpenError::Migration {
                        version: 2,
                        name: "second",
                        ..
                    }
                ),
                "{error}"
            );
        }
        let store = open(&place, ONE).await.unwrap();
        assert_eq!(number(&store, "select count(*) from schema_migrations").await, 1);
        assert_eq!(number(&store, "select count(*) from parents").await, 1);
        let half = store
            .read(|tx| tx.query_one("select count(*) from half", &[], |row| row.get::<i64>(0)))
            .await;
        assert!(half.is_err(), "{half:?}");
        store.close().await;
    }
    for _ in 0..2 {
        let store = open(&place, TWO).await.unwrap();
        assert_eq!(store.schema_version(), 2);
        assert_eq!(number(&store, "select count(*) from schema_migrations").await, 2);
        assert_eq!(
            number(&store, "select count(*) from parents where name is null").await,
            1
        );
        assert_eq!(number(&store, "select count(*) from children").await, 1);
        store.close().await;
    }
    let error = open(&place, ONE).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Newer { found: 2, known: 1 }),
        "{error}"
    );
}

#[test]
fn steps_are_atomic_and_run_once_on_sqlite() {
    run(steps_are_atomic_and_run_once(Place::sqlite()));
}

#[test]
fn steps_are_atomic_and_run_once_on_postgres() {
    run(async { steps_are_atomic_and_run_once(Place::postgres().await).await });
}

#[test]
fn references_hold_again_after_a_migration() {
    run(async {
        let store = open(&Place::sqlite(), TWO).await.unwrap();
        let orphan = store
            .write(|tx| tx.exec("insert into children (id, parent) values (2, 99)", &[]))
            .await;
        assert!(matches!(orphan, Err(crate::StoreError::Foreign(_))), "{orphan:?}");
    });
}

/// Restores a snapshot the way a person would, and opens it with the older program.
async fn restore(snapshot: &Path, place: &Place) -> Store {
    let target = place.path();
    std::fs::copy(snapshot, &target).unwrap();
    open(place, ONE).await.unwrap()
}

#[test]
fn a_snapshot_from_before_the_upgrade_can_be_restored() {
    run(async {
        let place = Place::sqlite();
        let store = open(&place, ONE).await.unwrap();
        super::exec(&store, "insert into parents (id) values (2)").await;
        store.close().await;
        let snapshot = place.path().with_file_name("chatai.db.before-0002");
        assert!(!snapshot.exists(), "a fresh database needs none");
        assert!(open(&place, TWO_BROKEN).await.is_err());
        let store = open(&place, TWO).await.unwrap();
        super::exec(&store, "insert into parents (id) values (3)").await;
        assert_eq!(
            std::fs::metadata(&snapshot).unwrap().permissions().mode() & 0o777,
            0o600
        );
        assert!(
            !place
                .path()
                .with_file_name("chatai.db.before-0002.partial")
                .exists()
        );
        let elsewhere = Place::sqlite();
        let restored = restore(&snapshot, &elsewhere).await;
        assert_eq!(number(&restored, "select count(*) from parents").await, 2);
        // Opening an up-to-date database again makes no snapshot.
        store.close().await;
        std::fs::remove_file(&snapshot).unwrap();
        open(&place, TWO).await.unwrap();
        assert!(!snapshot.exists());
    });
}

#[test]
fn a_first_start_that_died_before_its_schema_is_begun_anew() {
    run(async {
        let place = Place::sqlite();
        Connection::open(place.path())
            .unwrap()
            .pragma_update(None, "journal_mode", "wal")
            .unwrap();
        std::fs::write(
            place.path().with_file_name("chatai.db.before-0002.partial"),
            "half",
        )
        .unwrap();
        let store = open(&place, TWO).await.unwrap();
        assert_eq!(store.schema_version(), 2);
    });
}
