//! Logs of kept calls that do not run here: finished ones from the database, and those of other instances, followed.

use super::{CallAbout, CallOutcome, Piece, log::CallLog};
use crate::{EngineError, inner::Inner};
use chatai_store::ops::direct::{self, KeptCall};
use chatai_types::{CallId, UserId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// How often a call of another instance is looked at.
const LOOK: Duration = Duration::from_millis(150);

/// Logs of calls that other instances run and that somebody here reads.
#[derive(Debug, Default)]
pub(super) struct Followed(Mutex<HashMap<CallId, Weak<CallLog>>>);

impl Followed {
    /// Forgets a log that nobody reads, but the one who asks knows.
    fn forget_unwatched(&self, log: &Arc<CallLog>) -> bool {
        let mut followed = self.lock();
        let is_unwatched = Arc::strong_count(log) == 1;
        if is_unwatched {
            followed.remove(&log.id);
        }
        is_unwatched
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CallId, Weak<CallLog>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is known of a kept call from its beginning.
pub(super) fn about(call: &KeptCall) -> Arc<CallAbout> {
    let kept = &call.kept;
    Arc::new(CallAbout {
        public_id: kept.public_id.clone(),
        kind: kept.kind,
        model: kept.model.clone(),
        previous_id: kept.previous_id.clone(),
        face: kept.face.clone(),
        input: kept.input.clone(),
        created_at: kept.created_at,
        answered_by: OnceLock::new(),
    })
}

/// Says who answers, once that is certain: as long as nothing came, another may still be asked.
pub(super) fn name_who_answers(about: &CallAbout, call: &KeptCall, pieces: &[Piece]) {
    if call.end.is_some() || !pieces.is_empty() {
        about.is_answered_by(&call.kept.answering);
    }
}

/// The log of a call as it is stored; one that runs is followed.
pub(super) fn log_of(
    inner: &Arc<Inner>,
    owner: UserId,
    call: &KeptCall,
) -> Result<Arc<CallLog>, EngineError> {
    let id = call.kept.id;
    let pieces = Piece::parse_all(&call.pieces)?;
    let about = about(call);
    name_who_answers(&about, call, &pieces);
    let log = Arc::new(CallLog::new(id, owner, about, CancellationToken::new()));
    if let Some(end) = &call.end {
        log.show(pieces);
        log.finish(CallOutcome::stored(end, &call.kept.answering), true);
        return Ok(log);
    }
    let mut followed = inner.calls.followed.lock();
    followed.retain(|_, log| log.strong_count() > 0);
    if let Some(log) = followed.get(&id).and_then(Weak::upgrade) {
        return Ok(log);
    }
    log.show(pieces);
    followed.insert(id, Arc::downgrade(&log));
    drop(followed);
    inner
        .turns
        .follow_tasks
        .spawn(keep_following(Arc::clone(inner), Arc::clone(&log)));
    Ok(log)
}

async fn keep_following(inner: Arc<Inner>, log: Arc<CallLog>) {
    let (owner, id) = (log.owner, log.id);
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = inner.turns.leaving.cancelled() => return log.leave(),
        }
        if inner.calls.followed.forget_unwatched(&log) {
            return;
        }
        // It runs here after all: it was asked for between its opening and its start.
        if log.stop.is_cancelled() {
            inner.calls.stop(id);
        }
        let shown = log.shown();
        let found = inner
            .store
            .read(move |tx| direct::kept_after(tx, owner, id, shown as i64))
            .await;
        let call = match found {
            Ok(Some(call)) => call,
            Ok(None) => {
                let gone = EngineError::response_not_found();
                return log.finish(
                    CallOutcome::lost(&log.about.model, inner.clock.now(), gone),
                    false,
                );
            }
            Err(error) => {
                tracing::warn!(%error, call = %id, "a call of another instance could not be looked at");
                continue;
            }
        };
        match (Piece::parse_all(&call.pieces), &call.end) {
            (Ok(pieces), None) => {
                name_who_answers(&log.about, &call, &pieces);
                log.show(pieces);
            }
            (Ok(mut pieces), Some(end)) => {
                name_who_answers(&log.about, &call, &pieces);
                log.show(pieces.split_off(shown.min(pieces.len())));
                return log.finish(CallOutcome::stored(end, &call.kept.answering), true);
            }
            (Err(error), _) => {
                return log.finish(
                    CallOutcome::lost(&log.about.model, inner.clock.now(), error),
                    false,
                );
            }
        }
    }
}
