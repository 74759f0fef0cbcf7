//! The way of an answer's pieces to its readers: written together for all running turns, then shown.
//!
//! A lone stream is written as it comes; under load the cycles grow and take more at once.

use super::{
    log::{TurnLog, Unwritten},
    piece::Piece,
};
use crate::inner::Inner;
use chatai_store::{
    StoreError, Tx,
    ops::turns::{self, Appended, NewEvent},
};
use chatai_types::{MessageId, Timestamp};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval},
};

/// How often what nobody watches is written: for a crash, not for a reader.
const UNWATCHED: Duration = Duration::from_millis(250);
/// How long a failed writing waits before it is tried again.
const WAIT: Duration = Duration::from_millis(200);

/// Logs with pieces to write.
#[derive(Debug, Default)]
pub(crate) struct EventWriter {
    queue: Mutex<Vec<Arc<TurnLog>>>,
    wake: Notify,
}

impl EventWriter {
    /// Adds a piece to a log. It is shown when it is written.
    pub(crate) fn push(&self, log: &Arc<TurnLog>, piece: Piece) {
        if log.push(piece) {
            self.lock().push(Arc::clone(log));
        }
        if log.is_watched() {
            self.wake.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<TurnLog>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, now: Timestamp) -> Vec<Unwritten> {
        let logs = std::mem::take(&mut *self.lock());
        logs.iter().filter_map(|log| log.take_unwritten(now)).collect()
    }
}

/// Writes and shows what comes, until the end.
pub(crate) async fn write_events(inner: Arc<Inner>) {
    let mut ticks = interval(UNWATCHED);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = inner.turns.writer.wake.notified() => {}
            _ = ticks.tick() => {}
            () = inner.turns.stopped.cancelled() => return,
        }
        let batch = inner.turns.writer.take(inner.clock.now());
        if !batch.is_empty() && !write(&inner, batch).await {
            tokio::time::sleep(WAIT).await;
        }
    }
}

/// False when it has to be tried again.
async fn write(inner: &Inner, mut batch: Vec<Unwritten>) -> bool {
    let rows: Vec<(MessageId, Vec<NewEvent>)> = batch
        .iter_mut()
        .map(|unwritten| {
            let events = std::mem::take(&mut unwritten.events);
            (unwritten.log.ids.response_message_id, events)
        })
        .collect();
    let job = move |tx: &mut Tx<'_>| -> Result<Vec<Appended>, StoreError> {
        rows.iter()
            .map(|(answer, events)| turns::append(tx, *answer, events))
            .collect()
    };
    // Written is enough to be shown: the answer is acknowledged when it is closed, which is synced.
    match inner.store.write_staged(job).await {
        Ok((outcomes, _synced)) => {
            for (unwritten, outcome) in batch.into_iter().zip(outcomes) {
                match outcome {
                    Appended::Written => unwritten.written(),
                    // Another instance took the answer for abandoned. Its end is still ours to tell.
                    Appended::Closed => unwritten.failed().hold_back(),
                    Appended::Gone => {
                        let log = unwritten.failed();
                        log.hold_back();
                        log.stop.cancel();
                    }
                }
            }
            true
        }
        Err(error) => {
            tracing::warn!(%error, turns = batch.len(), "pieces of answers could not be written; they wait");
            for unwritten in batch {
                let log = unwritten.failed();
                if log.requeue() {
                    inner.turns.writer.lock().push(log);
                }
            }
            false
        }
    }
}
