//! What readers of a kept call see of it: what was *written*, and at the end what was stored.
//!
//! Readers are positions. The call's own task pushes pieces and writes them; another instance's call is followed, and a
//! finished one is filled from its row.

use super::piece::{CallOutcome, Piece};
use crate::EngineError;
use chatai_types::{CallId, CallKind, Timestamp, UserId};
use std::sync::{
    Arc, Mutex, MutexGuard, OnceLock, PoisonError,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

/// Bytes that may wait to be written before the model's stream is read on.
const UNWRITTEN_BYTES: usize = 64 * 1024;

/// What is known of a kept call from its beginning.
#[derive(Clone, Debug)]
pub struct CallAbout {
    /// The name it is read by, without an interface's prefix.
    pub public_id: String,
    /// The interface it came through.
    pub kind: CallKind,
    /// The model that was asked.
    pub model: String,
    /// The response that it goes on from.
    pub previous_id: Option<String>,
    /// What was asked for beside the input, in the interface's words.
    pub face: String,
    /// The input, in the interface's words.
    pub input: String,
    /// When it began.
    pub created_at: Timestamp,
    /// The model that answers: known once it has given something, or has ended.
    pub answered_by: OnceLock<String>,
}

impl CallAbout {
    /// The model that answers, as far as that is known: the one that was asked, or one in its place. From the first piece
    /// on it stays the same.
    pub fn answering(&self) -> &str {
        self.answered_by.get().unwrap_or(&self.model)
    }

    /// Says who answers. Nobody takes over from a model that has given something, so the first word counts.
    pub(super) fn is_answered_by(&self, model: &str) {
        self.answered_by.get_or_init(|| model.to_owned());
    }
}

/// The log of one kept call.
#[derive(Debug)]
pub(crate) struct CallLog {
    pub(crate) id: CallId,
    pub(crate) owner: UserId,
    pub(crate) about: Arc<CallAbout>,
    /// Ends the call.
    pub(crate) stop: CancellationToken,
    state: Mutex<State>,
    /// Told of every change of what is shown.
    shown: watch::Sender<()>,
    /// Told when there is something to write.
    pub(super) unwritten: Notify,
    readers: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    pieces: Vec<Piece>,
    /// How many of them are shown.
    shown: usize,
    /// How many of them the writer has taken: these stay as they are.
    taken: usize,
    unwritten_bytes: usize,
    end: Option<CallOutcome>,
    /// Set when this instance no longer follows a call that runs elsewhere.
    left: bool,
}

/// What a reader finds.
#[derive(Debug)]
pub(crate) enum Found {
    Pieces(Vec<Piece>),
    End(Box<CallOutcome>),
    /// Nothing yet.
    Nothing,
    /// This instance can no longer follow.
    Left,
}

impl CallLog {
    pub(crate) fn new(id: CallId, owner: UserId, about: Arc<CallAbout>, stop: CancellationToken) -> Self {
        Self {
            id,
            owner,
            about,
            stop,
            state: Mutex::default(),
            shown: watch::channel(()).0,
            unwritten: Notify::new(),
            readers: AtomicUsize::new(0),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a piece, to be shown when it is written.
    pub(super) fn push(&self, piece: Piece) {
        let mut state = self.lock();
        state.unwritten_bytes += piece.bytes();
        let is_open = state.pieces.len() > state.taken;
        match (state.pieces.last_mut().filter(|_| is_open), piece) {
            (Some(Piece::Text(before)), Piece::Text(more))
            | (Some(Piece::Reasoning(before)), Piece::Reasoning(more)) => before.push_str(&more),
            (_, piece) => state.pieces.push(piece),
        }
        drop(state);
        self.unwritten.notify_one();
    }

    /// Waits until no more than a bounded amount waits to be written.
    pub(super) async fn room(&self) {
        let mut shown = self.shown.subscribe();
        while self.lock().unwritten_bytes > UNWRITTEN_BYTES {
            // The log outlives this call, and so does its sender.
            if shown.changed().await.is_err() {
                return;
            }
        }
    }

    /// What is to be written now, as it is stored, and the number of its first piece.
    pub(super) fn take_unwritten(&self) -> (i64, Vec<String>) {
        let mut state = self.lock();
        let first = state.shown;
        state.taken = state.pieces.len();
        (
            first as i64,
            state.pieces[first..].iter().map(Piece::to_json).collect(),
        )
    }

    /// So many more pieces are written: they may be shown.
    pub(super) fn written(&self, count: usize) {
        let mut state = self.lock();
        state.shown = (state.shown + count).min(state.pieces.len());
        state.unwritten_bytes = state.pieces[state.shown..].iter().map(Piece::bytes).sum();
        drop(state);
        self.shown.send_replace(());
    }

    /// Shows what another instance wrote.
    pub(super) fn show(&self, pieces: Vec<Piece>) {
        let mut state = self.lock();
        state.pieces.extend(pieces);
        state.shown = state.pieces.len();
        drop(state);
        self.shown.send_replace(());
    }

    /// All pieces, a JSON array, as they are stored at the end.
    pub(super) fn output(&self) -> String {
        let state = self.lock();
        serde_json::to_string(&state.pieces).expect("texts and numbers can be written as JSON")
    }

    /// The end. Of a call that could not be stored, what was not written is not shown.
    pub(super) fn finish(&self, end: CallOutcome, is_stored: bool) {
        let mut state = self.lock();
        if is_stored {
            state.shown = state.pieces.len();
        }
        state.unwritten_bytes = 0;
        state.end = Some(end);
        drop(state);
        self.shown.send_replace(());
    }

    /// The task is gone: whoever still waits is told so.
    pub(super) fn break_off(&self) {
        if !self.has_ended() {
            let broken = EngineError::internal("a call's task is gone");
            self.finish(
                CallOutcome::lost(&self.about.model, self.about.created_at, broken),
                false,
            );
        }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// How many pieces are shown.
    pub(super) fn shown(&self) -> usize {
        self.lock().shown
    }

    /// Readers here go: the call runs elsewhere, and this instance ends.
    pub(super) fn leave(&self) {
        self.lock().left = true;
        self.shown.send_replace(());
    }

    /// What is shown after the first `position` pieces, so many at once.
    pub(super) fn from(&self, position: usize, at_once: usize) -> Found {
        let state = self.lock();
        if position < state.shown {
            let to = state.shown.min(position + at_once);
            return Found::Pieces(state.pieces[position..to].to_vec());
        }
        match &state.end {
            Some(end) => Found::End(Box::new(end.clone())),
            None if state.left => Found::Left,
            None => Found::Nothing,
        }
    }

    /// Everything that is shown, and the end where it has come.
    pub(super) fn snapshot(&self) -> (Vec<Piece>, Option<CallOutcome>) {
        let state = self.lock();
        (state.pieces[..state.shown].to_vec(), state.end.clone())
    }

    /// Whether somebody waits for every piece.
    pub(super) fn is_watched(&self) -> bool {
        self.readers.load(Ordering::Relaxed) > 0
    }

    pub(super) fn listen(&self) -> watch::Receiver<()> {
        self.readers.fetch_add(1, Ordering::Relaxed);
        self.shown.subscribe()
    }

    pub(super) fn unlisten(&self) {
        self.readers.fetch_sub(1, Ordering::Relaxed);
    }
}
