//! A PostgreSQL database of a benchmark's own, on the server that the tests use too.

use std::time::{SystemTime, UNIX_EPOCH};

use postgres::{Client, NoTls};

use crate::Outcome;
use crate::provision::PostgresServer;

/// A fresh database; dropped with this.
pub(super) struct Database {
    name: String,
    url: String,
    server: String,
    /// A server that was started for this ends with it.
    _provided: PostgresServer,
}

impl Database {
    /// Finds or starts a server and makes a database there.
    pub(super) fn make() -> Result<Self, String> {
        let provided = PostgresServer::provide()?;
        let server = provided.url().to_owned();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let name = format!("chatai_bench_{:x}_{}", since.as_micros(), std::process::id());
        execute(&server, &format!("create database {name}"))?;
        let (before, query) = server.split_once('?').unwrap_or((&server, ""));
        let (head, _) = before
            .rsplit_once('/')
            .ok_or_else(|| format!("not the URL of a database: {server}"))?;
        let query = if query.is_empty() {
            String::new()
        } else {
            format!("?{query}")
        };
        Ok(Self {
            url: format!("{head}/{name}{query}"),
            name,
            server,
            _provided: provided,
        })
    }

    /// What the service calls it.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    /// A connection past the service.
    pub(super) fn connect(&self) -> Result<Client, String> {
        Client::connect(&self.url, NoTls).map_err(|error| format!("cannot connect to PostgreSQL: {error}"))
    }

    /// Runs statements past the service.
    pub(super) fn execute(&self, statements: &str) -> Outcome {
        execute(&self.url, statements)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // One that stays behind is in nobody's way.
        let dropped = execute(
            &self.server,
            &format!("drop database if exists {} with (force)", self.name),
        );
        if let Err(error) = dropped {
            eprintln!("{error}");
        }
    }
}

/// Adds conversations to a user, each with a title and nothing in it; returns their ids.
pub(super) fn add_conversations(client: &mut Client, email: &str, count: usize) -> Result<Vec<i64>, String> {
    let count = i64::try_from(count).map_err(|error| error.to_string())?;
    let rows = client.query(
        "insert into conversations (user_id, title, created_at) \
         select id, 'Novels by the sea, and one by a river (' || number || ')', \
         cast(extract(epoch from now()) * 1000000 as bigint) \
         from users, generate_series(1, cast($2 as bigint)) number where email = $1 returning id",
        &[&email, &count],
    );
    let rows = rows.map_err(|error| format!("cannot add conversations: {}", said(&error)))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn execute(url: &str, statements: &str) -> Outcome {
    let run = || Client::connect(url, NoTls)?.batch_execute(statements);
    run().map_err(|error: postgres::Error| format!("{statements}: {}", said(&error)))
}

/// The driver's own words are no more than that it was an error of the server's.
fn said(error: &postgres::Error) -> String {
    error
        .as_db_error()
        .map_or_else(|| error.to_string(), ToString::to_string)
}
