//! What readers of a turn see of it. The turn itself belongs to its `TurnTask`: a reader that leaves drops a
//! reader, nothing else.
//!
//! A log holds what was *written* (or, at the end, stored) and nothing else, so that a crash loses nothing anyone has
//! read. Readers are positions in it: a slow one costs nothing, any number of them share one copy.

use super::piece::{Beside, BesideKind, Found, FoundPart, Piece};
use crate::{EngineError, error::TurnIds, views::Outcome};
use chatai_store::{
    StoreError,
    ops::{
        budgets::Payer,
        turns::{EventKind, NewEvent},
    },
};
use chatai_types::{Timestamp, TurnStatus, UserId};
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Bytes that may wait to be written before the model's stream is read on.
const PENDING_BYTES: usize = 64 * 1024;

/// The log of one answer.
#[derive(Debug)]
pub(crate) struct TurnLog {
    pub(crate) owner: UserId,
    /// For whom it runs.
    pub(crate) payer: Payer,
    pub(crate) ids: TurnIds,
    pub(crate) model: String,
    /// Ends the turn: somebody wants it stopped, or its conversation is gone.
    pub(crate) stop: CancellationToken,
    state: Mutex<State>,
    /// Told of every change of what is shown.
    shown: watch::Sender<()>,
    /// Told when nothing is on its way to the database.
    settled: watch::Sender<()>,
    readers: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    /// The answer's text as far as it is shown.
    text: String,
    /// What is shown beside it, in order.
    beside: Vec<Beside>,
    /// The size of all of `beside`.
    beside_size: u64,
    /// What is not written yet.
    pending: Vec<Piece>,
    pending_bytes: usize,
    /// Whether the writer will look for pieces of this log.
    queued: bool,
    /// Whether it has some in its hands.
    in_flight: bool,
    /// Set when the database takes no more pieces: the turn's end has to bring them.
    held_back: bool,
    /// Set when this instance no longer follows a turn that runs elsewhere.
    left: bool,
    /// The number of the next event: to write, or to take over from another instance.
    number: i64,
    outcome: Option<Outcome>,
}

/// What of a log is to be written, and where it comes from.
#[derive(Debug)]
pub(crate) struct Unwritten {
    pub(crate) log: Arc<TurnLog>,
    pub(crate) events: Vec<NewEvent>,
    pieces: Vec<Piece>,
}

impl TurnLog {
    pub(crate) fn new(payer: impl Into<Payer>, ids: TurnIds, model: String) -> Self {
        let payer = payer.into();
        Self {
            owner: payer.owner,
            payer,
            ids,
            model,
            stop: CancellationToken::new(),
            state: Mutex::default(),
            shown: watch::channel(()).0,
            settled: watch::channel(()).0,
            readers: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds something to be written and then shown. True when the log has to be queued for the writer.
    pub(crate) fn push(&self, piece: Piece) -> bool {
        if piece.is_nothing() {
            return false;
        }
        let mut state = self.lock();
        state.pending_bytes += piece.bytes();
        match (state.pending.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(more))
            | (Some(Piece::Reasoning(before)), Piece::Reasoning(more)) => before.push_str(&more),
            (_, piece) => state.pending.push(piece),
        }
        !state.held_back && !std::mem::replace(&mut state.queued, true)
    }

    /// Queues it again after a failure; false when there is nothing to queue, or it is queued already.
    pub(crate) fn requeue(&self) -> bool {
        let mut state = self.lock();
        !state.held_back && !state.pending.is_empty() && !std::mem::replace(&mut state.queued, true)
    }

    /// Nothing more is written before the turn's end.
    pub(crate) fn hold_back(&self) {
        self.lock().held_back = true;
        self.settled.send_replace(());
    }

    /// Waits until no more than a bounded amount waits to be written.
    pub(crate) async fn room(&self) {
        let mut settled = self.settled.subscribe();
        while self.is_full() {
            if settled.changed().await.is_err() {
                return;
            }
        }
    }

    fn is_full(&self) -> bool {
        let state = self.lock();
        state.pending_bytes > PENDING_BYTES && !state.held_back
    }

    /// Whether somebody waits for every piece.
    pub(crate) fn is_watched(&self) -> bool {
        self.readers.load(Ordering::Relaxed) > 0
    }

    /// What is to be written now; `None` when that is nothing.
    pub(crate) fn take_unwritten(self: &Arc<Self>, now: Timestamp) -> Option<Unwritten> {
        let mut state = self.lock();
        state.queued = false;
        if state.pending.is_empty() || state.held_back || state.outcome.is_some() {
            return None;
        }
        state.in_flight = true;
        let pieces = std::mem::take(&mut state.pending);
        state.pending_bytes = 0;
        let events = self.events_of(&mut state, &pieces, now);
        Some(Unwritten {
            log: Arc::clone(self),
            events,
            pieces,
        })
    }

    /// The pieces that the turn's end writes itself: nobody else has them when this returns.
    pub(crate) async fn take_rest(&self) -> Vec<Piece> {
        let mut settled = self.settled.subscribe();
        loop {
            {
                let mut state = self.lock();
                if !state.in_flight {
                    state.pending_bytes = 0;
                    return std::mem::take(&mut state.pending);
                }
            }
            if settled.changed().await.is_err() {
                return Vec::new();
            }
        }
    }

    /// As events of the database, the text apart.
    pub(crate) fn last_events(&self, rest: &[Piece], now: Timestamp) -> Vec<NewEvent> {
        let mut state = self.lock();
        let mut events = self.events_of(&mut state, rest, now);
        events.retain(|event| event.kind != EventKind::Text);
        events
    }

    fn events_of(&self, state: &mut State, pieces: &[Piece], now: Timestamp) -> Vec<NewEvent> {
        let mut text_offset = state.text.len();
        let mut events = Vec::with_capacity(pieces.len());
        for piece in pieces {
            let mut titled = None;
            let (kind, data) = match piece {
                Piece::Text(text) => (EventKind::Text, text),
                Piece::Reasoning(text) => (EventKind::Reasoning, text),
                Piece::Tool(json) => (EventKind::Tool, json),
                Piece::Title { title, provisional } => {
                    titled = Some((self.owner, self.ids.conversation_id, provisional.clone()));
                    (EventKind::Title, title)
                }
            };
            events.push(NewEvent {
                number: state.number,
                kind,
                text_offset: i64::try_from(text_offset).unwrap_or(i64::MAX),
                data: data.clone(),
                written_at: now,
                titled,
            });
            state.number += 1;
            if kind == EventKind::Text {
                text_offset += data.len();
            }
        }
        events
    }

    /// The end, after it was stored: the whole text, and what is shown beside it.
    pub(crate) fn finish(&self, outcome: Outcome, rest: Vec<Piece>) {
        self.finish_with(outcome, |_, _, _| rest);
    }

    /// The same, where what is left to show depends on how much of the text is shown, in bytes, and on the number of the
    /// first event that is not.
    pub(crate) fn finish_with(
        &self,
        outcome: Outcome,
        rest: impl FnOnce(&Outcome, usize, i64) -> Vec<Piece>,
    ) {
        let mut state = self.lock();
        for piece in rest(&outcome, state.text.len(), state.number) {
            state.show(piece);
        }
        // Of a turn that could not be stored, what was not written is not shown.
        if outcome.answer.starts_with(&state.text) && outcome.is_stored {
            state.text.clone_from(&outcome.answer);
        }
        state.outcome = Some(outcome);
        drop(state);
        self.shown.send_replace(());
    }

    /// Shows what another instance wrote, by the events' numbers; what is shown already is left out, so that anybody who
    /// has looked may bring what it found.
    pub(crate) fn take_over(&self, events: Vec<(i64, Piece)>) {
        let mut state = self.lock();
        // The end has brought everything.
        if state.outcome.is_some() {
            return;
        }
        for (number, piece) in events {
            if number >= state.number {
                state.show(piece);
                state.number = number + 1;
            }
        }
        drop(state);
        self.shown.send_replace(());
    }

    /// The number of the next event.
    pub(crate) fn next_number(&self) -> i64 {
        self.lock().number
    }

    /// Whether the turn has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// How the turn ended, once it has.
    fn outcome(&self) -> Option<Outcome> {
        self.lock().outcome.clone()
    }

    /// Waits for the end, or until this instance can no longer follow: then the turn is told as running.
    pub(crate) async fn finished(&self) -> Outcome {
        let mut shown = self.shown.subscribe();
        loop {
            if let Some(outcome) = self.outcome() {
                return outcome;
            }
            if self.is_left() {
                return self.untold(TurnStatus::Running, StoreError::Closed.into());
            }
            // The log outlives this call, so its sender does.
            if shown.changed().await.is_err() {
                return self.broken();
            }
        }
    }

    /// What is told of a turn whose task went without a word: the runtime is ending.
    pub(crate) fn broken(&self) -> Outcome {
        let error = EngineError::internal("the turn's task ended without closing it");
        self.untold(TurnStatus::Interrupted, error)
    }

    fn untold(&self, status: TurnStatus, error: EngineError) -> Outcome {
        Outcome {
            status,
            answer: String::new(),
            error: Some(EngineError {
                turn: Some(self.ids),
                ..error
            }),
            tokens: None,
            price: None,
            is_stored: false,
        }
    }

    /// A reader's ear for changes; until it is dropped, pieces are written as they come.
    pub(crate) fn listen(self: &Arc<Self>) -> Listener {
        self.readers.fetch_add(1, Ordering::Relaxed);
        Listener {
            shown: self.shown.subscribe(),
            log: Arc::clone(self),
        }
    }

    /// Whether a position can have been given out: it lies within what is shown, between two characters, and what is
    /// told of the text fits what is told beside it.
    pub(crate) fn holds(&self, text: usize, beside: u64) -> bool {
        let state = self.lock();
        if !state.text.is_char_boundary(text) || beside > state.beside_size {
            return false;
        }
        let untold = state.beside.partition_point(|part| part.start < beside);
        let (told, untold) = state.beside.split_at(untold);
        let next = match told.last() {
            None => untold.first(),
            Some(last) if text < last.text_offset || !last.is_cut(beside) => return false,
            // In the middle of reasoning no text comes.
            Some(last) if last.start + last.size() > beside => Some(last),
            Some(_) => untold.first(),
        };
        next.is_none_or(|next| text <= next.text_offset)
    }

    /// What is shown from a position on, until it amounts to `at_once` bytes.
    pub(crate) fn from(&self, mut text: usize, beside: u64, at_once: usize) -> Found {
        let state = self.lock();
        let mut found = Found::default();
        let mut left = at_once;
        let first = state
            .beside
            .partition_point(|part| part.start + part.size() <= beside);
        for part in &state.beside[first..] {
            if !found.add_text(&state.text, &mut text, part.text_offset, &mut left) {
                return found;
            }
            let mut part = part.clone();
            if let Some(read) = beside.checked_sub(part.start)
                && part.kind == BesideKind::Reasoning
            {
                let read = usize::try_from(read).unwrap_or(usize::MAX);
                part.data = part.data.get(read..).unwrap_or_default().to_owned();
                part.start = beside;
            }
            left = left.saturating_sub(part.data.len());
            found.parts.push(FoundPart::Beside(part));
            if left == 0 {
                return found;
            }
        }
        if found.add_text(&state.text, &mut text, state.text.len(), &mut left) {
            found.outcome.clone_from(&state.outcome);
        }
        found
    }

    /// Readers here go: the turn runs elsewhere, and this instance ends.
    pub(crate) fn leave(&self) {
        self.lock().left = true;
        self.shown.send_replace(());
    }

    pub(crate) fn is_left(&self) -> bool {
        self.lock().left
    }
}

impl State {
    fn show(&mut self, piece: Piece) {
        if piece.is_nothing() {
            return;
        }
        let (kind, data) = match piece {
            Piece::Text(text) => {
                self.text.push_str(&text);
                return;
            }
            Piece::Reasoning(text) => (BesideKind::Reasoning, text),
            Piece::Tool(json) => (BesideKind::Tool, json),
            Piece::Title { title, .. } => (BesideKind::Title, title),
        };
        let part = Beside {
            kind,
            text_offset: self.text.len(),
            start: self.beside_size,
            data,
        };
        self.beside_size += part.size();
        self.beside.push(part);
    }
}

impl Unwritten {
    /// They are written: they may be shown.
    pub(crate) fn written(self) {
        let mut state = self.log.lock();
        for piece in self.pieces {
            state.show(piece);
        }
        state.in_flight = false;
        drop(state);
        self.log.shown.send_replace(());
        self.log.settled.send_replace(());
    }

    /// They could not be written: they wait again, before what came meanwhile.
    pub(crate) fn failed(self) -> Arc<TurnLog> {
        let mut state = self.log.lock();
        let mut pieces = self.pieces;
        // Each piece is an event.
        let given_out = i64::try_from(pieces.len()).unwrap_or(0);
        pieces.append(&mut state.pending);
        state.pending_bytes = pieces.iter().map(Piece::bytes).sum();
        state.pending = pieces;
        // Their numbers are given out again.
        state.number -= given_out;
        state.in_flight = false;
        drop(state);
        self.log.settled.send_replace(());
        self.log
    }
}

/// Hears of changes of a log.
#[derive(Debug)]
pub(crate) struct Listener {
    pub(crate) log: Arc<TurnLog>,
    shown: watch::Receiver<()>,
}

impl Listener {
    /// Marks everything up to now as heard of.
    pub(crate) fn mark(&mut self) {
        self.shown.mark_unchanged();
    }

    /// Waits for the next change.
    pub(crate) async fn changed(&mut self) {
        // The log lives as long as this, and so does its sender.
        let _ = self.shown.changed().await;
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.log.readers.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
