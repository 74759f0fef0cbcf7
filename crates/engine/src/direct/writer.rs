//! The way of a kept call's pieces to its readers: written, then shown.

use super::log::CallLog;
use crate::inner::Inner;
use chatai_store::ops::{direct, turns::Appended};
use std::{sync::Arc, time::Duration};

/// How long what nobody watches may wait to be written: it is for a crash, not for a reader.
const UNWATCHED: Duration = Duration::from_millis(250);
/// How long a failed writing waits before it is tried again.
const WAIT: Duration = Duration::from_millis(200);

/// Writes and shows what comes, as long as the call is this instance's; returns when it is gone.
pub(super) async fn write_pieces(inner: &Inner, log: &Arc<CallLog>) {
    loop {
        log.unwritten.notified().await;
        if !log.is_watched() {
            tokio::time::sleep(UNWATCHED).await;
        }
        match write(inner, log).await {
            Appended::Written => {}
            // Another instance took the call for abandoned. Its end is still ours to tell.
            Appended::Closed => std::future::pending().await,
            Appended::Gone => return,
        }
    }
}

/// Writes what there is, in one transaction, however often that takes.
async fn write(inner: &Inner, log: &Arc<CallLog>) -> Appended {
    let (first, pieces) = log.take_unwritten();
    if pieces.is_empty() {
        return Appended::Written;
    }
    let (id, count, pieces) = (log.id, pieces.len(), Arc::new(pieces));
    loop {
        let pieces = Arc::clone(&pieces);
        let job = move |tx: &mut chatai_store::Tx<'_>| direct::append(tx, id, first, &pieces);
        // Written is enough to be shown: the call is acknowledged when it is closed, which is synced.
        match inner.store.write_staged(job).await {
            Ok((Appended::Written, _synced)) => {
                log.written(count);
                return Appended::Written;
            }
            Ok((other, _synced)) => return other,
            Err(error) => {
                tracing::warn!(%error, call = %id, "pieces of a call could not be written; they wait");
                tokio::time::sleep(WAIT).await;
            }
        }
    }
}
