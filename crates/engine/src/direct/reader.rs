//! Readers of a direct call. Of a kept one there are any number, and leaving drops a reader; any other has one, who
//! asked, and leaving ends the call, since nobody can read it any more.

use super::{
    log::{CallAbout, CallLog, Found},
    piece::{CallOutcome, Piece},
};
use crate::EngineError;
use chatai_store::{StoreError, Synced};
use futures_util::future::BoxFuture;
use std::{fmt, sync::Arc};
use tokio::sync::{mpsc, oneshot, watch};

/// Pieces that are given to a reader at once.
const AT_ONCE: usize = 64;

/// Something a reader is told.
#[derive(Clone, Debug)]
pub enum Told {
    /// More of the output.
    Pieces(Vec<Piece>),
    /// The end; always last.
    Ended(Box<CallOutcome>),
}

/// A reader of a call.
#[derive(Debug)]
pub struct CallReader(Source);

#[derive(Debug)]
enum Source {
    Own(Own),
    Kept(Listener),
}

struct Own {
    /// Until the call's record is synced: nothing is told before. It is asked for while the model is.
    synced: Option<BoxFuture<'static, Result<(), StoreError>>>,
    pieces: mpsc::Receiver<Piece>,
    end: oneshot::Receiver<CallOutcome>,
    about: Arc<CallAbout>,
    ended: bool,
}

#[derive(Debug)]
struct Listener {
    log: Arc<CallLog>,
    shown: watch::Receiver<()>,
    position: usize,
    ended: bool,
}

impl CallReader {
    pub(super) fn own(
        pieces: mpsc::Receiver<Piece>,
        end: oneshot::Receiver<CallOutcome>,
        about: Arc<CallAbout>,
        synced: Synced,
    ) -> Self {
        Self(Source::Own(Own {
            synced: Some(Box::pin(synced.wait())),
            pieces,
            end,
            about,
            ended: false,
        }))
    }

    pub(super) fn kept(log: &Arc<CallLog>) -> Self {
        Self(Source::Kept(Listener {
            shown: log.listen(),
            log: Arc::clone(log),
            position: 0,
            ended: false,
        }))
    }

    /// Waits for what comes next. `None` after the end, or when this instance can no longer follow. Whoever stops waiting
    /// has missed nothing.
    pub async fn next(&mut self) -> Option<Told> {
        match &mut self.0 {
            Source::Own(own) => own.next().await,
            Source::Kept(listener) => listener.next().await,
        }
    }

    /// Reads to the end: everything, and the outcome; `None` when this instance can no longer follow.
    pub async fn whole(mut self) -> Option<(Vec<Piece>, CallOutcome)> {
        let mut all = Vec::new();
        if let Source::Own(own) = &mut self.0 {
            // The end is synced behind the beginning, and nothing is told before it.
            own.synced = None;
        }
        while let Some(told) = self.next().await {
            match told {
                Told::Pieces(pieces) => all.extend(pieces),
                Told::Ended(outcome) => return Some((all, *outcome)),
            }
        }
        None
    }
}

impl Own {
    async fn next(&mut self) -> Option<Told> {
        if self.ended {
            return None;
        }
        if let Some(synced) = &mut self.synced {
            let outcome = synced.await;
            self.synced = None;
            if let Err(error) = outcome {
                return Some(self.lost(error.into()));
            }
        }
        let mut some = Vec::new();
        if self.pieces.recv_many(&mut some, AT_ONCE).await > 0 {
            return Some(Told::Pieces(some));
        }
        match (&mut self.end).await {
            Ok(outcome) => {
                self.ended = true;
                Some(Told::Ended(Box::new(outcome)))
            }
            Err(_) => Some(self.lost(EngineError::internal("a call's task is gone"))),
        }
    }

    fn lost(&mut self, error: EngineError) -> Told {
        self.ended = true;
        let outcome = CallOutcome::lost(&self.about.model, self.about.created_at, error);
        Told::Ended(Box::new(outcome))
    }
}

impl fmt::Debug for Own {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Own")
            .field("about", &self.about)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

impl Listener {
    async fn next(&mut self) -> Option<Told> {
        loop {
            if self.ended {
                return None;
            }
            self.shown.mark_unchanged();
            match self.log.from(self.position, AT_ONCE) {
                Found::Pieces(pieces) => {
                    self.position += pieces.len();
                    return Some(Told::Pieces(pieces));
                }
                Found::End(outcome) => {
                    self.ended = true;
                    return Some(Told::Ended(outcome));
                }
                Found::Left => return None,
                // The log lives as long as this, and so does its sender.
                Found::Nothing => self.shown.changed().await.ok()?,
            }
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.log.unlisten();
    }
}
