//! Whose database is it, which schema has it, and how it gets ours.

use super::{
    connect::refused,
    files::{create_private, publish, with_suffix},
};
use crate::{
    OpenError,
    migrate::{Applied, Migration, Upgrade, report, to_apply},
};
use chatai_types::{Clock, SystemClock};
use rusqlite::{Connection, params};
use std::path::Path;

/// What a file holds before we touch it.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// No table at all.
    Nothing,
    /// Our schema, up to some migration.
    Ours(Vec<Applied>),
}

/// Brings the schema up to date; a snapshot of an older one is kept beside the file. A database that is
/// not ours, or is newer than this program, is refused before anything in it is changed.
pub(super) fn prepare(
    connection: &Connection,
    path: &Path,
    all: &[Migration],
    upgrade: Upgrade,
    enter_wal: impl FnOnce(&Connection) -> Result<(), OpenError>,
) -> Result<(), OpenError> {
    let found = inspect(connection)?;
    let steps = match &found {
        Found::Nothing => to_apply(all, &[], upgrade)?,
        Found::Ours(applied) => to_apply(all, applied, upgrade)?,
    };
    enter_wal(connection)?;
    match (found, steps) {
        (_, []) => {}
        (Found::Nothing, steps) => apply(connection, steps)?,
        (Found::Ours(_), [next, ..]) => {
            snapshot(connection, path, next)?;
            for step in steps {
                apply(connection, std::slice::from_ref(step))?;
            }
        }
    }
    report(steps);
    Ok(())
}

fn inspect(connection: &Connection) -> Result<Found, OpenError> {
    let tables = connection
        .prepare(
            "select name from sqlite_schema where type = 'table' and name not like 'sqlite\\_%' escape '\\'",
        )
        .and_then(|mut statement| {
            statement
                .query_map([], |row| row.get::<_, String>(0))?
                .collect::<Result<Vec<_>, _>>()
        })
        .map_err(|cause| refused(&cause))?;
    if tables.is_empty() {
        return Ok(Found::Nothing);
    }
    if !tables.iter().any(|name| name == "schema_migrations") {
        let some: Vec<_> = tables.iter().take(5).map(String::as_str).collect();
        return Err(OpenError::Foreign(format!(
            "it holds the tables of another program: {}",
            some.join(", ")
        )));
    }
    connection
        .prepare("select version, name from schema_migrations where applied_at is not null order by version")
        .and_then(|mut statement| {
            statement
                .query_map([], |row| {
                    Ok(Applied {
                        version: row.get(0)?,
                        name: row.get(1)?,
                    })
                })?
                .collect::<Result<Vec<_>, _>>()
        })
        .map(Found::Ours)
        .map_err(|cause| OpenError::Foreign(format!("its table `schema_migrations` is not ours: {cause}")))
}

/// Copies the database to `<path>.before-NNNN`. The name appears when the copy is whole and on the disk.
fn snapshot(connection: &Connection, path: &Path, next: &Migration) -> Result<(), OpenError> {
    let target = with_suffix(path, &format!(".before-{:04}", next.version));
    let partial = with_suffix(&target, ".partial");
    create_private(&partial)?;
    let text = partial
        .to_str()
        .ok_or_else(|| OpenError::Database("a snapshot needs a path that is valid UTF-8".to_owned()))?;
    connection
        .execute("vacuum into ?1", [text])
        .map_err(|cause| refused(&cause))?;
    publish(&partial, &target)?;
    tracing::info!(snapshot = %target.display(), "kept the database as it was before the upgrade");
    Ok(())
}

/// Applies steps in one transaction, which an upgrade has for each: a new database has nothing in between to keep.
fn apply(connection: &Connection, steps: &[Migration]) -> Result<(), OpenError> {
    // Rebuilding a table would fire the actions of references to it; the check below takes their place.
    // Inside a transaction the switch would do nothing.
    connection
        .pragma_update(None, "foreign_keys", false)
        .map_err(|cause| refused(&cause))?;
    let outcome = apply_in_transaction(connection, steps);
    if !connection.is_autocommit() {
        connection
            .execute_batch("rollback")
            .map_err(|cause| refused(&cause))?;
    }
    connection
        .pragma_update(None, "foreign_keys", true)
        .map_err(|cause| refused(&cause))?;
    outcome
}

fn apply_in_transaction(connection: &Connection, steps: &[Migration]) -> Result<(), OpenError> {
    let say = |cause: rusqlite::Error| refused(&cause);
    connection.execute_batch("begin immediate").map_err(say)?;
    connection
        .execute_batch(
            "create table if not exists schema_migrations (version integer primary key not null, \
             name text not null, applied_at integer not null) strict",
        )
        .map_err(say)?;
    for step in steps {
        apply_step(connection, step).map_err(|reason| OpenError::Migration {
            version: step.version,
            name: step.name,
            reason,
        })?;
    }
    connection.execute_batch("commit").map_err(say)
}

fn apply_step(connection: &Connection, step: &Migration) -> Result<(), String> {
    let say = |cause: rusqlite::Error| cause.to_string();
    connection.execute_batch(step.sqlite).map_err(say)?;
    let now = SystemClock.now().as_micros();
    connection
        .execute(
            "insert into schema_migrations (version, name, applied_at) values (?1, ?2, ?3)",
            params![step.version, step.name, now],
        )
        .map_err(say)?;
    let broken = connection
        .query_row("select count(*) from pragma_foreign_key_check", [], |row| {
            row.get::<_, i64>(0)
        })
        .map_err(say)?;
    if broken > 0 {
        return Err(format!("{broken} rows would refer to nothing"));
    }
    Ok(())
}
