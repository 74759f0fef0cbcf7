//! Values come back as they went in, on both databases alike.

use super::{
    common::{TestStore, conformance, run},
    exec,
};
use crate::{Store, StoreError, tx::params};
use chatai_types::{ConversationId, MessageId, Money, Rate, Role, Scope, Timestamp, TurnStatus, UserId};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

const TABLE: &str = "create table cells (id bigint primary key, n bigint, t text, b blob, f boolean, r real)";

async fn make_table(store: &Store) {
    match store.backend() {
        crate::Backend::Sqlite => exec(store, TABLE).await,
        crate::Backend::Postgres => {
            exec(
                store,
                "create table cells (id bigint primary key, n bigint, t text, b bytea, f boolean, r double precision)",
            )
            .await;
        }
    }
}

/// One row's columns.
type Cells = (
    Option<i64>,
    Option<String>,
    Option<Vec<u8>>,
    Option<bool>,
    Option<f64>,
);

async fn round_trip(store: &Store, cells: Cells) -> Result<Cells, StoreError> {
    store
        .write(move |tx| {
            let (n, t, b, f, r) = &cells;
            tx.exec("delete from cells", &[])?;
            tx.exec(
                "insert into cells (id, n, t, b, f, r) values (1, $1, $2, $3, $4, $5)",
                params![*n, t, b.as_deref(), *f, *r],
            )?;
            tx.query_one("select n, t, b, f, r from cells", &[], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?))
            })
        })
        .await
}

conformance! {
    async fn extremes_come_back(store: TestStore) {
        make_table(&store).await;
        let text = |text: &str| Some(text.to_owned());
        let cases: Vec<Cells> = vec![
            (None, None, None, None, None),
            (Some(i64::MIN), text(""), Some(vec![]), Some(false), Some(f64::MIN)),
            (Some(i64::MAX), text("\u{10FFFF} é 日本 🦀 \u{1}"), Some((0..=255).collect()), Some(true), Some(f64::MAX)),
            (Some(0), text("'; drop table cells; -- $1 ?1 % _ \\"), Some(vec![0; 1 << 20]), Some(true), Some(-0.0)),
            (Some(-1), Some("x".repeat(3 << 20)), Some(vec![255]), None, Some(f64::MIN_POSITIVE)),
            (Some(1), text(" \r\n\t"), None, Some(false), Some(f64::INFINITY)),
        ];
        for case in cases {
            assert!(round_trip(&store, case.clone()).await == Ok(case.clone()), "{:?}", case.0);
        }
    }

    async fn any_values_come_back(store: TestStore) {
        make_table(&store).await;
        let runtime = tokio::runtime::Handle::current();
        let cells = (
            any::<Option<i64>>(),
            proptest::option::of("[^\\x00]{0,40}"),
            any::<Option<Vec<u8>>>(),
            any::<Option<bool>>(),
            proptest::option::of(proptest::num::f64::NORMAL),
        );
        let outcome = tokio::task::block_in_place(|| {
            TestRunner::new(Config::with_cases(60)).run(&cells, |cells| {
                let found = runtime.block_on(round_trip(&store, cells.clone()));
                prop_assert_eq!(found, Ok(cells));
                Ok(())
            })
        });
        outcome.unwrap();
    }

    async fn what_one_database_would_not_take_neither_takes(store: TestStore) {
        make_table(&store).await;
        for cells in [
            (None, Some("a\0b".to_owned()), None, None, None),
            (None, None, None, None, Some(f64::NAN)),
        ] {
            let outcome = round_trip(&store, cells).await;
            assert!(matches!(outcome, Err(StoreError::Invalid(_))), "{outcome:?}");
        }
    }

    async fn a_column_of_another_type_is_an_error(store: TestStore) {
        make_table(&store).await;
        exec(&store, "insert into cells (id, n, t) values (1, 7, 'seven')").await;
        let cases: Vec<Result<(), StoreError>> = vec![
            store.read(|tx| tx.query_one("select t from cells", &[], |row| row.get::<i64>(0)).map(drop)).await,
            store.read(|tx| tx.query_one("select n from cells", &[], |row| row.get::<String>(0)).map(drop)).await,
            store.read(|tx| tx.query_one("select n from cells", &[], |row| row.get::<bool>(0)).map(drop)).await,
            store.read(|tx| tx.query_one("select b from cells", &[], |row| row.get::<Vec<u8>>(0)).map(drop)).await,
            store.read(|tx| tx.query_one("select t from cells", &[], |row| row.get::<Role>(0)).map(drop)).await,
        ];
        for outcome in cases {
            assert!(matches!(outcome, Err(StoreError::Corrupt(_))), "{outcome:?}");
        }
        let missing = store.read(|tx| tx.query_one("select n from cells", &[], |row| row.get::<i64>(1))).await;
        assert!(matches!(missing, Err(StoreError::Internal(_))), "{missing:?}");
    }

    async fn the_wrong_number_of_parameters_is_an_error(store: TestStore) {
        make_table(&store).await;
        for given in [params![1_i64].to_vec(), params![1_i64, 2_i64, 3_i64].to_vec()] {
            let outcome = store.write(move |tx| tx.exec("update cells set n = $1 where id = $2", &given)).await;
            assert!(matches!(outcome, Err(StoreError::Internal(_))), "{outcome:?}");
        }
    }

    async fn the_product_s_types_come_back(store: TestStore) {
        let read = |moment, money| {
            store.read(move |tx| {
                tx.query_one(
                    "select cast($1 as bigint), cast($2 as bigint), cast($3 as bigint), cast($4 as bigint), \
                     cast($5 as bigint), cast($6 as bigint), cast($7 as text), cast($8 as text), cast($9 as text)",
                    params![
                        UserId(1),
                        Some(ConversationId(2)),
                        None::<MessageId>,
                        Money::from_pico(money),
                        Rate::from_pico_per_token(5),
                        Timestamp::from_micros(moment),
                        Role::Assistant,
                        Scope::Final,
                        TurnStatus::Interrupted
                    ],
                    |row| {
                        let ids = (row.get(0)?, row.get(1)?, row.get(2)?);
                        let amounts = (row.get(3)?, row.get(4)?, row.get(5)?);
                        Ok((ids, amounts, (row.get(6)?, row.get(7)?, row.get(8)?)))
                    },
                )
            })
        };
        for (moment, money) in [(0, 0), (i64::MIN, i64::MAX), (i64::MAX, i64::MIN)] {
            let found: Result<_, StoreError> = read(moment, money).await;
            let expected = (
                (UserId(1), Some(ConversationId(2)), None::<MessageId>),
                (Money::from_pico(money), Rate::from_pico_per_token(5), Timestamp::from_micros(moment)),
                (Role::Assistant, Scope::Final, TurnStatus::Interrupted),
            );
            assert_eq!(found, Ok(expected));
        }
    }
}
