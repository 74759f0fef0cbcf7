//! One PostgreSQL connection with its prepared statements, inside a transaction.

use super::error::{Trouble, convert, trouble};
use crate::{
    Backend, StoreError,
    row::Row,
    tx::{EachRow, Session},
    value::Value,
};
use futures_util::{TryStreamExt, future::join};
use std::{collections::HashMap, future::Future, pin::pin, time::Duration};
use tokio::runtime::Runtime;
use tokio_postgres::{Client, Error, Statement, types::ToSql};

/// How long an answer may take. The server breaks statements off earlier; this is for a server that is gone.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(90);

/// A connection and what was prepared on it.
pub(super) struct Connection {
    pub(super) client: Client,
    /// By address and length of the static text.
    statements: HashMap<(usize, usize), Statement>,
}

impl Connection {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            statements: HashMap::new(),
        }
    }
}

/// The statement that begins a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Begin {
    Read,
    Write,
}

impl Begin {
    fn sql(self) -> &'static str {
        match self {
            Self::Read => "begin isolation level repeatable read read only",
            Self::Write => "begin isolation level read committed read write",
        }
    }
}

/// One transaction. It begins with its first statement, both in one round trip.
pub(super) struct PostgresSession<'c> {
    runtime: &'c Runtime,
    connection: &'c mut Connection,
    /// Not sent yet.
    begin: Option<Begin>,
    /// The first failure of a statement.
    trouble: Option<Trouble>,
}

impl<'c> PostgresSession<'c> {
    pub(super) fn new(runtime: &'c Runtime, connection: &'c mut Connection, begin: Begin) -> Self {
        Self {
            runtime,
            connection,
            begin: Some(begin),
            trouble: None,
        }
    }

    /// The first failure of a statement.
    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.trouble
    }

    /// Whether the server knows of the transaction.
    pub(super) fn has_begun(&self) -> bool {
        self.begin.is_none()
    }

    /// Ends the transaction, if it was begun.
    pub(super) fn end(self, sql: &'static str) -> Result<(), Failure> {
        if self.begin.is_some() {
            return Ok(());
        }
        self.runtime
            .block_on(in_time(self.connection.client.batch_execute(sql)))
    }

    fn prepared(&mut self, sql: &'static str) -> Result<Statement, Failure> {
        let key = (sql.as_ptr().addr(), sql.len());
        if let Some(statement) = self.connection.statements.get(&key) {
            return Ok(statement.clone());
        }
        let statement = self.prepare(sql)?;
        self.connection.statements.insert(key, statement.clone());
        Ok(statement)
    }

    fn prepare(&self, sql: &str) -> Result<Statement, Failure> {
        self.runtime
            .block_on(in_time(self.connection.client.prepare(sql)))
    }

    fn exec_prepared(&mut self, statement: &Statement, params: &[Value<'_>]) -> Result<u64, Failure> {
        let begin = self.begin.take();
        let client = &self.connection.client;
        let work = client.execute_raw(statement, parameters(params));
        self.runtime.block_on(in_time(after(client, begin, work)))
    }

    fn query_prepared(
        &mut self,
        statement: &Statement,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), Failure> {
        let begin = self.begin.take();
        let client = &self.connection.client;
        self.runtime.block_on(async {
            let work = client.query_raw(statement, parameters(params));
            let mut rows = pin!(in_time(after(client, begin, work)).await?);
            while let Some(row) = in_time(rows.try_next()).await? {
                each(&Row::Postgres(&row)).map_err(Failure::Reader)?;
            }
            Ok(())
        })
    }

    fn note<T>(&mut self, outcome: Result<T, Failure>) -> Result<T, StoreError> {
        outcome.map_err(|failure| {
            self.trouble.get_or_insert(failure.trouble());
            failure.into_error()
        })
    }
}

impl Session for PostgresSession<'_> {
    fn backend(&self) -> Backend {
        Backend::Postgres
    }

    fn exec(&mut self, sql: &'static str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = self
            .prepared(sql)
            .and_then(|statement| self.exec_prepared(&statement, params));
        self.note(outcome)
    }

    fn query(
        &mut self,
        sql: &'static str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        let outcome = self
            .prepared(sql)
            .and_then(|statement| self.query_prepared(&statement, params, each));
        self.note(outcome)
    }

    fn insert(
        &mut self,
        _sql: &'static str,
        returning: &'static str,
        params: &[Value<'_>],
    ) -> Result<Option<i64>, StoreError> {
        let mut id = None;
        self.query(returning, params, &mut |row| {
            id = Some(row.get(0)?);
            Ok(())
        })?;
        Ok(id)
    }

    fn exec_dynamic(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64, StoreError> {
        let outcome = self
            .prepare(sql)
            .and_then(|statement| self.exec_prepared(&statement, params));
        self.note(outcome)
    }

    fn query_dynamic(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        each: &mut EachRow<'_>,
    ) -> Result<(), StoreError> {
        let outcome = self
            .prepare(sql)
            .and_then(|statement| self.query_prepared(&statement, params, each));
        self.note(outcome)
    }
}

/// Why a statement gave nothing.
#[derive(Debug)]
pub(super) enum Failure {
    Driver(Error),
    /// No answer for too long: the connection cannot be used any more.
    Silence,
    /// The reader of the rows refused one.
    Reader(StoreError),
}

impl Failure {
    pub(super) fn trouble(&self) -> Trouble {
        match self {
            Self::Driver(error) => trouble(error),
            Self::Silence => Trouble::Connection,
            Self::Reader(_) => Trouble::Final,
        }
    }

    pub(super) fn into_error(self) -> StoreError {
        match self {
            Self::Driver(error) => convert(&error),
            Self::Silence => StoreError::Unavailable("the server does not answer".to_owned()),
            Self::Reader(error) => error,
        }
    }
}

/// Sends `begin`, where there is one, right before `work`, without waiting for it in between.
async fn after<T>(
    client: &Client,
    begin: Option<Begin>,
    work: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let Some(begin) = begin else { return work.await };
    // `join` polls in order, and a request is sent when it is first polled.
    let (begun, done) = join(client.batch_execute(begin.sql()), work).await;
    begun?;
    done
}

async fn in_time<T>(work: impl Future<Output = Result<T, Error>>) -> Result<T, Failure> {
    match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
        Ok(outcome) => outcome.map_err(Failure::Driver),
        Err(_) => Err(Failure::Silence),
    }
}

fn parameters<'p, 'v>(
    params: &'p [Value<'v>],
) -> impl ExactSizeIterator<Item = &'p (dyn ToSql + Sync)> + use<'p, 'v> {
    params.iter().map(|value| value as &(dyn ToSql + Sync))
}
