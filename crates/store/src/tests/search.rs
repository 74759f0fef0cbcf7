//! What a database holds from before the index of words is found after the upgrade.

use super::{
    common::{Place, run},
    exec,
};
use crate::{
    PostgresOptions, SqliteOptions, Store, StoreError,
    migrate::{self, Migration},
    ops::search::{self, Bounds, Sought},
};
use chatai_types::UserId;

async fn open(place: &Place, migrations: &'static [Migration]) -> Store {
    match place {
        Place::Sqlite(_) => {
            let mut options = SqliteOptions::new(place.path());
            options.migrations = migrations;
            Store::open_sqlite(options).await.unwrap()
        }
        Place::Postgres(_) => {
            let mut options = PostgresOptions::new(place.url());
            (options.migrations, options.workers) = (migrations, 1);
            Store::open_postgres(options).await.unwrap()
        }
    }
}

async fn older_rows_are_found(place: Place) {
    let before = migrate::all()
        .iter()
        .position(|step| step.name == "search")
        .unwrap();
    let store = open(&place, &migrate::all()[..before]).await;
    for sql in [
        "insert into users (id, email, email_folded, password_hash, role, created_at) values (7, 'a', 'a', '', 'user', 0)",
        "insert into conversations (id, user_id, title, created_at) values (1, 7, 'Sea stories', 0), (2, 7, null, 0)",
        "insert into messages (id, conversation_id, user_id, role, status, text, created_at) \
         values (1, 1, 7, 'user', 'complete', 'By the Café', 0), (2, 1, 7, 'assistant', 'running', '', 0)",
    ] {
        exec(&store, sql).await;
    }
    store.close().await;
    let store = open(&place, migrate::all()).await;
    exec(&store, "update messages set text = 'the lighthouse' where id = 2").await;
    for (word, expected) in [
        ("sea", 1),
        ("cafe", 1),
        ("lighthouse", 1),
        ("the", 2),
        ("ship", 0),
    ] {
        let sought = Sought {
            words: vec![word.to_owned()],
            beginning: None,
        };
        let bounds = Bounds {
            titles: 9,
            messages: 9,
            bytes: 9_999,
            below: search::Place::NEWEST,
        };
        let found: Result<_, StoreError> = store
            .read(move |tx| search::find(tx, UserId(7), &sought, bounds))
            .await;
        assert_eq!(found.unwrap().len(), expected, "{word}");
    }
}

#[test]
fn older_rows_are_found_on_sqlite() {
    run(older_rows_are_found(Place::sqlite()));
}

#[test]
fn older_rows_are_found_on_postgres() {
    run(async { older_rows_are_found(Place::postgres().await).await });
}
