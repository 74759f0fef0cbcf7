//! Readers of a direct call. Of a kept one there are any number, and leaving drops a reader; any other has one, who
//! asked, and leaving ends the call, since nobody can read it any more.

use super::{
    log::{CallAbout, CallLog, Found},
    piece::{CallOutcome, Piece},
};
use crate::EngineError;
use std::sync::Arc;
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
    Own {
        pieces: mpsc::Receiver<Piece>,
        end: oneshot::Receiver<CallOutcome>,
        about: Arc<CallAbout>,
        ended: bool,
    },
    Kept(Listener),
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
    ) -> Self {
        Self(Source::Own {
            pieces,
            end,
            about,
            ended: false,
        })
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
            Source::Own {
                pieces,
                end,
                about,
                ended,
            } => {
                if *ended {
                    return None;
                }
                let mut some = Vec::new();
                if pieces.recv_many(&mut some, AT_ONCE).await > 0 {
                    return Some(Told::Pieces(some));
                }
                let outcome = end.await;
                *ended = true;
                let outcome = outcome.unwrap_or_else(|_| {
                    let gone = EngineError::internal("a call's task is gone");
                    CallOutcome::lost(&about.model, about.created_at, gone)
                });
                Some(Told::Ended(Box::new(outcome)))
            }
            Source::Kept(listener) => listener.next().await,
        }
    }

    /// Reads to the end: everything, and the outcome; `None` when this instance can no longer follow.
    pub async fn whole(mut self) -> Option<(Vec<Piece>, CallOutcome)> {
        let mut all = Vec::new();
        while let Some(told) = self.next().await {
            match told {
                Told::Pieces(pieces) => all.extend(pieces),
                Told::Ended(outcome) => return Some((all, *outcome)),
            }
        }
        None
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
