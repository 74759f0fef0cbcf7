//! PostgreSQL.

use crate::{OpenError, StoreError, job::Job, row::Cell};

/// How a PostgreSQL database is opened.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PostgresOptions {
    /// The connection URL.
    pub url: String,
    /// Threads with a connection each.
    pub workers: usize,
    /// Jobs that may wait.
    pub queue: usize,
}

impl PostgresOptions {
    /// Options with the usual values.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), workers: 16, queue: 4096 }
    }
}

#[derive(Debug)]
pub(crate) struct Engine;

impl Engine {
    pub(crate) fn open(options: PostgresOptions) -> Result<Self, OpenError> {
        Err(OpenError::Url(options.url))
    }
    pub(crate) fn schema_version(&self) -> i64 {
        0
    }
    pub(crate) fn read(&self, _: Box<dyn Job>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
    pub(crate) fn write(&self, _: Box<dyn Job>) -> Result<(), StoreError> {
        Err(StoreError::Closed)
    }
    pub(crate) fn close(&self) {}
}

pub(crate) fn cell(_: &tokio_postgres::Row, index: usize) -> Result<Cell<'_>, StoreError> {
    Err(StoreError::Corrupt(format!("column {index}")))
}
