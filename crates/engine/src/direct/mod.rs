//! Direct calls: model calls of an account and of no conversation, as programs make them.
//!
//! A call is opened as a turn is: its record, what it may cost and its key are one transaction, and the model is asked
//! after it. Most calls have one reader, and end when it leaves, since nobody could read them any more. A *kept* call (a
//! stored response, or one that its client may repeat) is written piece by piece before it is shown, has any number of
//! readers, and goes on without them.

mod accept;
mod call;
mod closing;
mod embed;
mod follow;
mod kept;
mod log;
mod piece;
mod progress;
mod reader;
mod running;
mod settle;
mod writer;

#[cfg(test)]
pub(crate) mod tests;

pub use embed::{EmbedCall, Embedded};
pub use kept::KeptView;
pub use log::CallAbout;
pub use piece::{CallOutcome, Piece};
pub use reader::{CallReader, Told};
pub(crate) use running::DirectCalls;
pub(crate) use settle::settle;

use crate::{
    Engine, EngineError,
    chat::request_tokens,
    views::{Caller, Origin},
};
use chatai_llm::Request;
use chatai_types::CallKind;
use std::sync::Arc;

/// A call to make.
#[derive(Clone, Debug)]
pub struct DirectCall {
    /// The interface it comes through.
    pub kind: CallKind,
    /// The model as the client names it; `None` for the default one.
    pub model: Option<String>,
    /// What is asked. Its `model` stays empty: the engine knows the vendor's name of it.
    pub request: Request,
    /// Set when it is to be read again.
    pub keep: Option<KeepCall>,
    /// Set when the client may repeat it. Such a call is kept for a day at least.
    pub key: Option<CallKey>,
}

/// What is kept of a call from its beginning, in its interface's words.
#[derive(Clone, Debug, Default)]
pub struct KeepCall {
    /// Whether its caller wants to read it again. One that is kept for its key alone goes with the key.
    pub is_stored: bool,
    /// The response that it goes on from.
    pub previous_id: Option<String>,
    /// What was asked for beside the input.
    pub face: String,
    /// The input.
    pub input: String,
}

/// A client's key for a request that it may repeat.
#[derive(Clone, Debug)]
pub struct CallKey {
    /// The key.
    pub key: String,
    /// What is asked: the same bytes for the same request, whatever form it came in.
    pub fingerprint: Vec<u8>,
}

/// A call that was written and is being made, or has been.
#[derive(Debug)]
pub struct StartedCall {
    /// What is known of it.
    pub about: Arc<CallAbout>,
    /// A reader from its beginning.
    pub reader: CallReader,
    /// Whether an earlier request of the same key made it.
    pub replayed: bool,
}

/// A model, or an alias, that a program may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelOffer {
    /// Its name.
    pub name: String,
    /// Who serves it, or the model that answers under it now.
    pub provider: String,
}

impl Engine {
    /// Makes a call: when this returns, its record is written and its model is being asked. A refusal has written
    /// nothing and asked no model.
    ///
    /// # Errors
    /// `model_unknown`, `model_unavailable`, `model_not_allowed`, `budget_exceeded`, `idempotency_mismatch`,
    /// `rate_limited`, `overloaded`, `shutting_down`.
    pub async fn call(
        &self,
        caller: &Caller,
        origin: &Origin,
        call: DirectCall,
    ) -> Result<StartedCall, EngineError> {
        accept::call(&self.inner, caller, origin, call).await
    }

    /// How many tokens a request is believed to be, to a model that the caller may name. No model is asked.
    ///
    /// # Errors
    /// `model_unknown`, `model_unavailable`, `model_not_allowed`.
    pub fn count_tokens(
        &self,
        caller: &Caller,
        model: Option<&str>,
        request: &Request,
    ) -> Result<i64, EngineError> {
        self.inner.models.resolve_for(caller, model)?;
        Ok(request_tokens(request))
    }

    /// What this caller may name: models, those that embed included, in the catalog's order, then aliases.
    pub fn offered_models(&self, caller: &Caller) -> Vec<ModelOffer> {
        self.inner.models.offers(caller)
    }
}
