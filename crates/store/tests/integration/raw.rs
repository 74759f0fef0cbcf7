//! A look past the store, as another program would have it.

use crate::common::Place;
use rusqlite::Connection;
use tokio_postgres::{Client, NoTls};

/// Runs statements.
pub(crate) async fn meddle(place: &Place, sql: &str) {
    try_meddle(place, sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}

/// Runs statements, if the database takes them; else its words.
pub(crate) async fn try_meddle(place: &Place, sql: &str) -> Result<(), String> {
    match place {
        Place::Sqlite(_) => Connection::open(place.path())
            .unwrap()
            .execute_batch(sql)
            .map_err(|error| error.to_string()),
        Place::Postgres(_) => {
            let sql = sql.to_owned();
            connected(place, async move |client| {
                client.batch_execute(&sql).await.map_err(|error| {
                    error
                        .as_db_error()
                        .map_or(error.to_string(), |db| db.message().to_owned())
                })
            })
            .await
        }
    }
}

/// Does what the schema forbids: references are not looked at, and the ledger takes any change.
pub(crate) async fn damage(place: &Place, sql: &str) {
    let unbound = match place {
        Place::Sqlite(_) => {
            "pragma foreign_keys = off; drop trigger if exists ledger_no_update; \
             drop trigger if exists ledger_no_delete;"
        }
        // What the tables' owner may do, which is no administrator of the server.
        Place::Postgres(_) => {
            "do $$ declare reference record; begin \
             for reference in select conrelid::regclass as of, conname from pg_constraint \
             where contype = 'f' and connamespace = current_schema()::regnamespace loop \
             execute format('alter table %s drop constraint %I', reference.of, reference.conname); \
             end loop; end $$; alter table ledger disable trigger user;"
        }
    };
    meddle(place, &format!("{unbound} {sql}")).await;
}

/// The whole number that a query gives.
pub(crate) async fn number(place: &Place, sql: &str) -> i64 {
    match place {
        Place::Sqlite(_) => Connection::open(place.path())
            .unwrap()
            .query_row(sql, [], |row| row.get(0))
            .unwrap_or_else(|error| panic!("{sql}: {error}")),
        Place::Postgres(_) => {
            let sql = sql.to_owned();
            connected(place, async move |client| {
                let row = client.query_one(&sql, &[]).await;
                row.unwrap_or_else(|error| panic!("{sql}: {error}")).get(0)
            })
            .await
        }
    }
}

async fn connected<T>(place: &Place, work: impl AsyncFnOnce(&Client) -> T) -> T {
    let (client, connection) = tokio_postgres::connect(place.url(), NoTls).await.unwrap();
    let connection = tokio::spawn(connection);
    let outcome = work(&client).await;
    drop(client);
    connection.await.unwrap().unwrap();
    outcome
}
