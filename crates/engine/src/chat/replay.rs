//! Logs of turns that do not run here: finished ones from the database, and those of other instances, followed.

use super::{log::TurnLog, piece::Piece};
use crate::{
    EngineError,
    error::TurnIds,
    inner::Inner,
    leases,
    views::{Outcome, stored_error},
};
use chatai_store::{
    StoreError, Tx,
    ops::{
        messages::{self, Message},
        turns::{self, EventKind, StoredEvent},
    },
};
use chatai_types::{MessageId, Role, TurnStatus, UserId};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

/// How often a turn of another instance is looked at.
const LOOK: Duration = Duration::from_millis(150);

/// Logs of turns that other instances run and that somebody here reads.
#[derive(Debug, Default)]
pub(crate) struct Followed(Mutex<HashMap<MessageId, Weak<TurnLog>>>);

impl Followed {
    /// Forgets a log that nobody reads, but the one who asks knows.
    fn forget_unwatched(&self, log: &Arc<TurnLog>) -> bool {
        let mut followed = self.lock();
        let is_unwatched = Arc::strong_count(log) == 1;
        if is_unwatched {
            followed.remove(&log.ids.response_message_id);
        }
        is_unwatched
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, Weak<TurnLog>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log of an answer of the owner's, wherever it runs or ended.
pub(crate) async fn log_of(
    inner: &Arc<Inner>,
    owner: UserId,
    answer: MessageId,
) -> Result<Arc<TurnLog>, EngineError> {
    if let Some(log) = inner.turns.log(answer).filter(|log| log.owner == owner) {
        return Ok(log);
    }
    let (message, events) = read(inner, owner, answer, -1)
        .await?
        .ok_or_else(EngineError::message_not_found)?;
    // Whatever is told of it is safe from a power cut.
    inner.store.written_so_far().wait().await?;
    if message.status != TurnStatus::Running {
        return Ok(Arc::new(stored_log(owner, message, events)));
    }
    Ok(follow(inner, owner, &message, events))
}

/// An answer of the owner's, with its events after the one numbered `after`. One that nobody is left to close is settled
/// first, not only when a sweep comes by.
async fn read(
    inner: &Inner,
    owner: UserId,
    answer: MessageId,
    after: i64,
) -> Result<Option<(Message, Vec<StoredEvent>)>, StoreError> {
    let now = inner.clock.now();
    let job = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
        let found = messages::get(tx, owner, answer)?.filter(|message| message.role == Role::Assistant);
        let Some(message) = found else { return Ok(None) };
        let is_abandoned = message.status == TurnStatus::Running && turns::is_abandoned(tx, answer, now)?;
        let events = turns::events(tx, answer, after)?;
        Ok(Some((message, events, is_abandoned)))
    };
    let mut found = inner.store.read(job).await?;
    if matches!(found, Some((_, _, true))) {
        leases::settle_abandoned(inner, owner, answer, now).await?;
        found = inner.store.read(job).await?;
    }
    Ok(found.map(|(message, events, _)| (message, events)))
}

fn new_log(owner: UserId, message: &Message) -> TurnLog {
    let ids = TurnIds {
        conversation_id: message.conversation_id,
        // An imported answer may have no question.
        request_message_id: message.request_id.unwrap_or(message.id),
        response_message_id: message.id,
    };
    TurnLog::new(owner, ids, message.model.clone().unwrap_or_default())
}

/// The log of a turn that has ended.
fn stored_log(owner: UserId, message: Message, events: Vec<StoredEvent>) -> TurnLog {
    let log = new_log(owner, &message);
    finish(&log, message, events);
    log
}

/// Tells the end of a turn that does not run here: its message, with the events that may not be shown yet.
fn finish(log: &TurnLog, message: Message, mut events: Vec<StoredEvent>) {
    log.finish_with(outcome(log, message), |outcome, told, number| {
        events.retain(|event| event.number >= number);
        // The pieces of the text are folded by now: what is missing of it comes from the message.
        interleaved(&outcome.answer, told, events)
    });
}

/// A finished text, but for what was `told` of it, and what is to be shown beside it, in order.
fn interleaved(text: &str, mut told: usize, events: Vec<StoredEvent>) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for event in events {
        let mut offset = usize::try_from(event.text_offset).unwrap_or(0).min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        if let Some(more) = text.get(told..offset).filter(|more| !more.is_empty()) {
            pieces.push(Piece::Text(more.to_owned()));
            told = offset;
        }
        if event.kind != EventKind::Text {
            pieces.push(piece(event));
        }
    }
    pieces.extend(text.get(told..).map(|rest| Piece::Text(rest.to_owned())));
    pieces
}

fn piece(event: StoredEvent) -> Piece {
    match event.kind {
        EventKind::Text => Piece::Text(event.data),
        EventKind::Reasoning => Piece::Reasoning(event.data),
        EventKind::Tool => Piece::Tool(event.data),
        EventKind::Title => Piece::Title {
            title: event.data,
            provisional: String::new(),
        },
    }
}

/// How a stored turn ended.
pub(crate) fn outcome(log: &TurnLog, message: Message) -> Outcome {
    Outcome {
        status: message.status,
        answer: message.text,
        error: stored_error(message.error).map(|(code, detail)| EngineError {
            turn: Some(log.ids),
            ..EngineError::new(code, detail)
        }),
        tokens: message.tokens,
        price: message.price,
        is_stored: true,
    }
}

/// A log that takes over what another instance writes, as long as somebody here reads it.
fn follow(inner: &Arc<Inner>, owner: UserId, message: &Message, events: Vec<StoredEvent>) -> Arc<TurnLog> {
    let mut followed = inner.turns.followed.lock();
    followed.retain(|_, log| log.strong_count() > 0);
    if let Some(log) = followed.get(&message.id).and_then(Weak::upgrade) {
        drop(followed);
        // A reader may know more from another instance than the last look has found.
        log.take_over(numbered(events));
        return log;
    }
    let log = Arc::new(new_log(owner, message));
    log.take_over(numbered(events));
    followed.insert(message.id, Arc::downgrade(&log));
    drop(followed);
    inner
        .turns
        .follow_tasks
        .spawn(keep_following(Arc::clone(inner), Arc::clone(&log)));
    log
}

fn numbered(events: Vec<StoredEvent>) -> Vec<(i64, Piece)> {
    events
        .into_iter()
        .map(|event| (event.number, piece(event)))
        .collect()
}

async fn keep_following(inner: Arc<Inner>, log: Arc<TurnLog>) {
    let answer = log.ids.response_message_id;
    loop {
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            () = inner.turns.leaving.cancelled() => return log.leave(),
        }
        if inner.turns.followed.forget_unwatched(&log) {
            return;
        }
        // It runs here after all: it was asked for between its opening and its start.
        if log.stop.is_cancelled()
            && let Some(here) = inner.turns.log(answer)
        {
            here.stop.cancel();
        }
        match read(&inner, log.owner, answer, log.next_number() - 1).await {
            Ok(Some((message, events))) if message.status == TurnStatus::Running => {
                if !events.is_empty() {
                    log.take_over(numbered(events));
                }
            }
            Ok(Some((message, events))) => return finish(&log, message, events),
            // Deleted meanwhile.
            Ok(None) => return log.finish(log.broken(), Vec::new()),
            Err(error) => {
                tracing::warn!(%error, %answer, "a turn of another instance could not be looked at")
            }
        }
    }
}
