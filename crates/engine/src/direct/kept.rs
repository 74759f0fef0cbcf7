//! What can be read again of a call, ended, deleted, and gone on from.

use super::{CallAbout, CallOutcome, CallReader, Piece, follow, log::CallLog, settle};
use crate::{
    Engine, EngineError,
    chat::{CANCEL_PATIENCE, not_ended_yet},
    inner::Inner,
    views::Caller,
};
use chatai_store::{
    Tx,
    ops::direct::{self, KeptCall},
};
use chatai_types::{CallId, ErrorCode, UserId};
use std::sync::Arc;
use tokio::time::timeout;

/// How many responses one may go on from, and how much they may have been given and have said together.
const LONGEST_CHAIN: usize = 200;
const LARGEST_CHAIN_BYTES: usize = 64 * 1024 * 1024;

/// A kept call as it stands.
#[derive(Clone, Debug)]
pub struct KeptView {
    /// What is known of it from its beginning.
    pub about: Arc<CallAbout>,
    /// What it has put out, as far as it was written.
    pub pieces: Vec<Piece>,
    /// How it ended; `None` while it runs.
    pub outcome: Option<CallOutcome>,
}

/// How a kept call is found.
pub(super) enum Which {
    Call(CallId),
    Named(String),
}

impl Engine {
    /// A kept call of the caller's, by the name it is read by.
    ///
    /// # Errors
    /// `response_not_found`.
    pub async fn kept_call(&self, caller: &Caller, public_id: &str) -> Result<KeptView, EngineError> {
        let (owner, which) = (caller.user_id, named(public_id)?);
        match running_here(&self.inner, owner, &which) {
            Some(log) => Ok(view_of_log(&log)),
            None => view(&stored(&self.inner, owner, which).await?),
        }
    }

    /// A reader of a kept call from its beginning, wherever it runs or ended.
    ///
    /// # Errors
    /// `response_not_found`.
    pub async fn read_kept(
        &self,
        caller: &Caller,
        public_id: &str,
    ) -> Result<(Arc<CallAbout>, CallReader), EngineError> {
        let log = log_of(&self.inner, caller.user_id, named(public_id)?).await?;
        Ok((Arc::clone(&log.about), CallReader::kept(&log)))
    }

    /// Ends a kept call, wherever it runs, and gives it as it ended; one that has ended stays as it is.
    ///
    /// # Errors
    /// `response_not_found`, `shutting_down` when this instance ends before the one that runs the call has ended it,
    /// `overloaded` where that takes long.
    pub async fn cancel_kept(&self, caller: &Caller, public_id: &str) -> Result<KeptView, EngineError> {
        let owner = caller.user_id;
        let log = log_of(&self.inner, owner, named(public_id)?).await?;
        log.stop.cancel();
        let id = log.id;
        if !log.has_ended() && self.inner.calls.log(id).is_none() {
            self.store()
                .write(move |tx| direct::request_cancel(tx, owner, id))
                .await?;
        }
        let whole = timeout(CANCEL_PATIENCE, CallReader::kept(&log).whole()).await;
        match whole.map_err(|_| not_ended_yet())? {
            Some((pieces, outcome)) => Ok(KeptView {
                about: Arc::clone(&log.about),
                pieces,
                outcome: Some(outcome),
            }),
            None => Err(EngineError::new(ErrorCode::ShuttingDown, "The service is ending")),
        }
    }

    /// Deletes what is kept of a call; one that runs is ended. What it cost stays in the ledger.
    ///
    /// # Errors
    /// `response_not_found`.
    pub async fn delete_kept(&self, caller: &Caller, public_id: &str) -> Result<(), EngineError> {
        let (owner, id, now) = (caller.user_id, name(public_id)?.to_owned(), self.now());
        let deleted = self
            .store()
            .write(move |tx| direct::delete_kept(tx, owner, &id, now, settle))
            .await?;
        let deleted = deleted.ok_or_else(EngineError::response_not_found)?;
        self.inner.calls.stop(deleted);
        Ok(())
    }

    /// A response of the caller's and those that it goes on from, the oldest first.
    ///
    /// # Errors
    /// `response_not_found` when it, or one that it goes on from, is missing; `context_too_long` when there are too many.
    pub async fn kept_chain(&self, caller: &Caller, public_id: &str) -> Result<Vec<KeptView>, EngineError> {
        let (owner, id) = (caller.user_id, name(public_id)?.to_owned());
        let reading =
            move |tx: &mut Tx<'_>| direct::lineage(tx, owner, &id, LONGEST_CHAIN, LARGEST_CHAIN_BYTES);
        let chain = self.read(reading).await?;
        let Some(oldest) = chain.last() else {
            return Err(EngineError::response_not_found());
        };
        if oldest.kept.previous_id.is_some() {
            let bytes: usize = chain
                .iter()
                .map(|call| call.kept.input.len() + call.pieces.len())
                .sum();
            if chain.len() == LONGEST_CHAIN || bytes >= LARGEST_CHAIN_BYTES {
                return Err(EngineError::new(
                    ErrorCode::ContextTooLong,
                    format!(
                        "The response goes on from more than {LONGEST_CHAIN} others, or from too much text; begin a new one"
                    ),
                ));
            }
            return Err(EngineError::response_not_found());
        }
        chain.iter().rev().map(view).collect()
    }
}

/// The log of a kept call of the owner's, wherever it runs or ended.
pub(super) async fn log_of(
    inner: &Arc<Inner>,
    owner: UserId,
    which: Which,
) -> Result<Arc<CallLog>, EngineError> {
    match running_here(inner, owner, &which) {
        Some(log) => Ok(log),
        None => follow::log_of(inner, owner, &stored(inner, owner, which).await?),
    }
}

fn running_here(inner: &Inner, owner: UserId, which: &Which) -> Option<Arc<CallLog>> {
    let log = match which {
        Which::Call(id) => inner.calls.log(*id),
        Which::Named(name) => inner.calls.log_named(name),
    };
    log.filter(|log| log.owner == owner)
}

async fn stored(inner: &Inner, owner: UserId, which: Which) -> Result<KeptCall, EngineError> {
    let reading = move |tx: &mut Tx<'_>| match &which {
        Which::Call(id) => direct::kept_by_call(tx, owner, *id),
        Which::Named(name) => direct::kept_by_id(tx, owner, name),
    };
    let found = inner.store.read(reading).await?;
    // Whatever is told of it is safe from a power cut.
    inner.store.written_so_far().wait().await?;
    found.ok_or_else(EngineError::response_not_found)
}

/// A name that a call can have; any other is nobody's.
fn name(public_id: &str) -> Result<&str, EngineError> {
    let is_name =
        (1..=64).contains(&public_id.len()) && public_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name
        .then_some(public_id)
        .ok_or_else(EngineError::response_not_found)
}

fn named(public_id: &str) -> Result<Which, EngineError> {
    Ok(Which::Named(name(public_id)?.to_owned()))
}

fn view(call: &KeptCall) -> Result<KeptView, EngineError> {
    let (about, pieces) = (follow::about(call), Piece::parse_all(&call.pieces)?);
    follow::name_who_answers(&about, call, &pieces);
    Ok(KeptView {
        about,
        pieces,
        outcome: call
            .end
            .as_ref()
            .map(|end| CallOutcome::stored(end, &call.kept.answering)),
    })
}

fn view_of_log(log: &CallLog) -> KeptView {
    let (pieces, outcome) = log.snapshot();
    KeptView {
        about: Arc::clone(&log.about),
        pieces,
        outcome,
    }
}
