//! A thread that owns a connection and runs jobs on it, again where the server asks for it.

use super::{
    connect::Connector,
    error::Trouble,
    session::{Begin, Connection, PostgresSession},
};
use crate::{StoreError, Tx, job::Failed, job::Job};
use crossbeam_channel::Receiver;
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};
use tokio::runtime::Runtime;

/// How often a job is run at most, for each reason to run it again.
const CONFLICT_ATTEMPTS: u32 = 8;
const REFERENCE_ATTEMPTS: u32 = 2;
const CONNECTION_ATTEMPTS: u32 = 2;

/// What lies in the workers' common queue.
pub(super) struct Request {
    pub(super) job: Box<dyn Job>,
    pub(super) begin: Begin,
}

pub(super) struct Worker {
    pub(super) runtime: Runtime,
    pub(super) connector: Arc<Connector>,
    pub(super) requests: Receiver<Request>,
}

/// What became of one run of a job.
enum Run {
    /// Its outcome stands. What is left of the transaction is to be ended by this statement, if by any.
    Stands(Option<&'static str>),
    /// The server or the network gave it up.
    Again(Trouble),
    /// The commit was sent and nobody knows whether it arrived.
    Unknown(StoreError),
}

impl Worker {
    /// Ends when all senders are gone and every job is answered.
    pub(super) fn run(self) {
        // Early, so that the first request need not wait; a failure shows again where it matters.
        let mut connection = self.connector.connect_patiently(&self.runtime).ok();
        while let Ok(Request { job, begin }) = self.requests.recv() {
            if begin == Begin::Read && job.is_abandoned() {
                continue;
            }
            // A fault of ours costs this job, whose caller hears that it is gone, not the worker.
            if catch_unwind(AssertUnwindSafe(|| self.answer(job, begin, &mut connection))).is_err() {
                connection = None;
            }
        }
    }

    fn answer(&self, mut job: Box<dyn Job>, begin: Begin, slot: &mut Option<Connection>) {
        let mut attempt = 0;
        loop {
            attempt += 1;
            let connection = match self.connection(slot) {
                Ok(connection) => connection,
                Err(error) => {
                    job.refuse(error);
                    return job.reply();
                }
            };
            match run(&self.runtime, connection, begin, &mut *job) {
                Run::Stands(end) => {
                    // The caller need not wait for the end of a transaction that keeps nothing.
                    job.reply();
                    return self.end(slot, end);
                }
                Run::Unknown(error) => {
                    *slot = None;
                    job.refuse(error);
                    return job.reply();
                }
                Run::Again(trouble) => {
                    if trouble == Trouble::Connection {
                        *slot = None;
                    } else {
                        self.end(slot, Some("rollback"));
                    }
                    if attempt >= attempts(trouble) {
                        return job.reply();
                    }
                    if trouble == Trouble::Conflict {
                        // The one we lost against goes first.
                        std::thread::sleep(Duration::from_millis(1 << attempt.min(5)));
                    }
                }
            }
        }
    }

    fn connection<'s>(&self, slot: &'s mut Option<Connection>) -> Result<&'s mut Connection, StoreError> {
        match slot {
            Some(connection) => Ok(connection),
            None => Ok(slot.insert(self.connector.connect_patiently(&self.runtime)?)),
        }
    }

    fn end(&self, slot: &mut Option<Connection>, statement: Option<&'static str>) {
        let (Some(connection), Some(statement)) = (slot.as_ref(), statement) else {
            return;
        };
        let ended = self.runtime.block_on(async {
            tokio::time::timeout(
                Duration::from_secs(30),
                connection.client.batch_execute(statement),
            )
            .await
        });
        if !matches!(ended, Ok(Ok(()))) {
            *slot = None;
        }
    }
}

fn run(runtime: &Runtime, connection: &mut Connection, begin: Begin, job: &mut dyn Job) -> Run {
    let mut session = PostgresSession::new(runtime, connection, begin);
    let outcome = job.run(Tx::new(&mut session));
    let again = session.trouble().filter(|trouble| *trouble != Trouble::Final);
    match (outcome, begin) {
        (Err(Failed::Statement(_)), _) if again.is_some() => Run::Again(again.unwrap_or(Trouble::Final)),
        (Ok(()), Begin::Write) => commit(session, job),
        _ => Run::Stands(session.has_begun().then_some("rollback")),
    }
}

fn commit(session: PostgresSession<'_>, job: &mut dyn Job) -> Run {
    let Err(failure) = session.end("commit") else {
        return Run::Stands(None);
    };
    let trouble = failure.trouble();
    let error = failure.into_error();
    match trouble {
        Trouble::Connection => Run::Unknown(StoreError::Unavailable(format!(
            "the connection was lost during the commit, which may have happened: {error}"
        ))),
        Trouble::Final => {
            job.refuse(error);
            Run::Stands(Some("rollback"))
        }
        again => {
            job.refuse(error);
            Run::Again(again)
        }
    }
}

fn attempts(trouble: Trouble) -> u32 {
    match trouble {
        Trouble::Conflict => CONFLICT_ATTEMPTS,
        Trouble::Reference => REFERENCE_ATTEMPTS,
        Trouble::Connection => CONNECTION_ATTEMPTS,
        Trouble::Final => 1,
    }
}
