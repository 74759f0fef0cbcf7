//! Whose database is it, which schema has it, and how it gets ours.

use super::{error::message, session::Connection};
use crate::{
    OpenError,
    migrate::{Applied, Migration, Upgrade, report, to_apply},
};
use chatai_types::{Clock, SystemClock};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error};

/// Instances that start together migrate one after the other. "chatai" in ASCII.
const LOCK: i64 = 0x6368_6174_6169;

/// Tables of the current schema that no extension brought along.
const TABLES: &str = "\
    select relname::text from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    where n.nspname = current_schema() and c.relkind in ('r', 'p') and not exists \
    (select 1 from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e') \
    order by relname";

/// Brings the schema up to date. A database that is not ours, or is newer than this program, is refused
/// before anything in it is changed.
pub(super) fn prepare(
    runtime: &Runtime,
    connection: &Connection,
    all: &'static [Migration],
    upgrade: Upgrade,
) -> Result<(), OpenError> {
    runtime.block_on(async {
        let client = &connection.client;
        check_server(client).await?;
        // A migration may take its time, and another instance's too.
        client
            .batch_execute("set statement_timeout = 0; set lock_timeout = 600000")
            .await
            .map_err(|error| refused(&error))?;
        client
            .execute("select pg_advisory_lock($1)", &[&LOCK])
            .await
            .map_err(|error| {
                OpenError::Database(format!("another instance is migrating: {}", message(&error)))
            })?;
        // The lock ends with this connection, which is used for nothing else.
        let steps = to_apply(all, &inspect(client).await?, upgrade)?;
        for step in steps {
            apply(client, step).await?;
        }
        report(steps);
        Ok(())
    })
}

async fn check_server(client: &Client) -> Result<(), OpenError> {
    let row = client
        .query_one(
            "select current_setting('server_encoding'), current_setting('fsync'), current_schema()::text",
            &[],
        )
        .await
        .map_err(|error| refused(&error))?;
    let (encoding, fsync, schema): (String, String, Option<String>) = (row.get(0), row.get(1), row.get(2));
    if encoding != "UTF8" {
        return Err(OpenError::Database(format!(
            "its encoding is {encoding}, it must be UTF8"
        )));
    }
    if schema.is_none() {
        return Err(OpenError::Database(
            "no schema of its search path exists".to_owned(),
        ));
    }
    if fsync == "off" {
        tracing::warn!(
            "the database server runs with fsync = off: a power cut there loses acknowledged data"
        );
    }
    Ok(())
}

async fn inspect(client: &Client) -> Result<Vec<Applied>, OpenError> {
    let rows = client.query(TABLES, &[]).await.map_err(|error| refused(&error))?;
    let tables: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    if tables.is_empty() {
        return Ok(Vec::new());
    }
    if !tables.iter().any(|name| name == "schema_migrations") {
        let some = tables.iter().take(5).cloned().collect::<Vec<_>>().join(", ");
        return Err(OpenError::Foreign(format!(
            "it holds the tables of another program: {some}"
        )));
    }
    let rows = client
        .query(
            "select version::bigint, name::text from schema_migrations where applied_at is not null order by version",
            &[],
        )
        .await
        .map_err(|error| {
            OpenError::Foreign(format!("its table `schema_migrations` is not ours: {}", message(&error)))
        })?;
    Ok(rows
        .iter()
        .map(|row| Applied {
            version: row.get(0),
            name: row.get(1),
        })
        .collect())
}

async fn apply(client: &Client, step: &Migration) -> Result<(), OpenError> {
    // Where it fails, the connection is dropped next, and the transaction with it.
    apply_in_transaction(client, step)
        .await
        .map_err(|error| OpenError::Migration {
            version: step.version,
            name: step.name,
            reason: message(&error),
        })
}

async fn apply_in_transaction(client: &Client, step: &Migration) -> Result<(), Error> {
    client.batch_execute("begin").await?;
    client
        .batch_execute(
            "create table if not exists schema_migrations (version bigint primary key, \
             name text not null, applied_at bigint not null)",
        )
        .await?;
    client.batch_execute(step.postgres).await?;
    client
        .execute(
            "insert into schema_migrations (version, name, applied_at) values ($1, $2, $3)",
            &[&step.version, &step.name, &SystemClock.now().as_micros()],
        )
        .await?;
    client.batch_execute("commit").await
}

fn refused(error: &Error) -> OpenError {
    OpenError::Database(message(error))
}
