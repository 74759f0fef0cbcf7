//! Moving the log back into the main file, in two phases so that the writer hardly waits.
//!
//! The checkpointer copies and syncs most of the log beside the running writer. The writer then copies the
//! short rest itself, between two groups: only when nothing is left can the log start again from its
//! beginning, and only the writer can bring that about.

use super::{connect::refused, failure::Failure, writer::Message};
use crate::{OpenError, StoreError};
use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use std::{fs::File, sync::Arc};

/// How far a checkpoint came, in frames of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) in_log: i64,
    pub(super) copied: i64,
}

/// Copies as much as readers allow, waiting for nobody. `None` when it has to be tried again later:
/// another checkpoint runs, or the disk is full (the log stays as it is, and valid). Any other error is a
/// failure of the disk, after which the log must not be trusted to be copied.
pub(super) fn passive(connection: &Connection) -> Result<Option<Progress>, rusqlite::Error> {
    let outcome = connection.query_row("pragma wal_checkpoint(passive)", [], |row| {
        Ok((
            row.get::<_, i64>(0)?,
            Progress {
                in_log: row.get(1)?,
                copied: row.get(2)?,
            },
        ))
    });
    match outcome {
        Ok((0, progress)) => Ok(Some(progress)),
        Ok(_) => Ok(None),
        Err(error) => match super::error::convert(&error) {
            StoreError::Busy | StoreError::Full => Ok(None),
            _ => Err(error),
        },
    }
}

/// Copies everything and empties the log, when all other connections are gone.
pub(super) fn truncate(connection: &Connection) -> Result<(), OpenError> {
    connection
        .query_row("pragma wal_checkpoint(truncate)", [], |row| row.get::<_, i64>(0))
        .map(drop)
        .map_err(|cause| refused(&cause))
}

pub(super) struct Checkpointer {
    pub(super) connection: Connection,
    /// The main file, for syncing it before the writer has to.
    pub(super) database: Arc<super::files::Claim>,
    pub(super) requests: Receiver<()>,
    pub(super) writer: Sender<Message>,
    pub(super) failure: Failure,
}

impl Checkpointer {
    /// Ends when the writer has gone.
    pub(super) fn run(self) {
        while self.requests.recv().is_ok() {
            if self.failure.is_set() {
                continue;
            }
            match passive(&self.connection)
                .map_err(|error| error.to_string())
                .and_then(|_| self.sync())
            {
                // The writer is told in any case: it decides when to ask again.
                Ok(()) => {
                    if self.writer.send(Message::FinishCheckpoint).is_err() {
                        return;
                    }
                }
                Err(reason) => self.failure.set(format!("cannot checkpoint: {reason}")),
            }
        }
    }

    fn sync(&self) -> Result<(), String> {
        File::sync_data(&self.database.database).map_err(|error| error.to_string())
    }
}
