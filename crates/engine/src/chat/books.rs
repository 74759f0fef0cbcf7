//! The model calls of a turn, written down before they are made: after a crash nothing that a provider was asked is
//! missing from the books.

use super::{calls::Served, turn::Failure};
use crate::inner::Inner;
use chatai_store::{
    StoreError, Tx,
    ops::turns::{self, Appended, BegunCall, ModelCall},
};
use chatai_types::{MessageId, Scope};
use std::sync::Arc;

/// The numbers of calls that begin with the turn. The first call for the answer has the answer's own row.
pub(crate) const FIRST: i64 = 0;
pub(crate) const TITLE: i64 = 1;
pub(crate) const QUESTION_SUMMARY: i64 = 2;
pub(crate) const INTENT: i64 = 3;
const NEXT: i64 = 4;

/// The calls of a turn for its answer.
#[derive(Debug)]
pub(crate) struct Books {
    ended: Vec<(i64, ModelCall)>,
    /// How many of them were written down as ended.
    saved: usize,
    next: i64,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self {
            ended: Vec::new(),
            saved: 0,
            next: NEXT,
        }
    }

    /// Writes down a call that is about to be made, and those that have ended. Once the answer was deleted, or taken for
    /// abandoned, no call is made any more: nothing would say so. The built-in responder asks nobody.
    pub(crate) async fn begin(
        &mut self,
        inner: &Inner,
        answer: MessageId,
        asked: &Served,
        scope: Scope,
        request_tokens: i64,
        tokens_before: i64,
    ) -> Result<i64, Failure> {
        let number = self.next;
        self.next += 1;
        if asked.is_built_in() {
            return Ok(number);
        }
        let begun = begun(number, asked, scope, request_tokens, tokens_before);
        self.begin_again(inner, answer, begun).await?;
        Ok(number)
    }

    /// Writes down that another model is about to be asked in place of one that gave nothing, under the same number.
    pub(crate) async fn begin_again(
        &mut self,
        inner: &Inner,
        answer: MessageId,
        begun: BegunCall,
    ) -> Result<(), Failure> {
        write_down(inner, answer, self.ended[self.saved..].to_vec(), begun).await?;
        self.saved = self.ended.len();
        Ok(())
    }

    /// A call has ended.
    pub(crate) fn end(&mut self, number: i64, call: ModelCall) {
        self.ended.push((number, call));
    }

    /// The calls that have ended.
    pub(crate) fn ended(&self) -> impl Iterator<Item = &ModelCall> {
        self.ended.iter().map(|(_, call)| call)
    }

    pub(crate) fn into_calls(self) -> Vec<ModelCall> {
        self.ended.into_iter().map(|(_, call)| call).collect()
    }
}

/// Writes down a call that is about to be made, and those that have ended. It is not to be made where this fails.
pub(super) async fn write_down(
    inner: &Inner,
    answer: MessageId,
    ended: Vec<(i64, ModelCall)>,
    begun: BegunCall,
) -> Result<(), Failure> {
    let rows = Arc::new((ended, [begun]));
    let now = inner.clock.now();
    // Written is enough: it has to survive this process.
    let recording = move |tx: &mut Tx<'_>| -> Result<Appended, StoreError> {
        turns::record_calls(tx, answer, &rows.0, &rows.1, now)
    };
    let (recorded, _synced) = inner.store.write_staged(recording).await?;
    match recorded {
        Appended::Written => Ok(()),
        Appended::Closed => Err(Failure::Abandoned),
        Appended::Gone => Err(Failure::Deleted),
    }
}

/// A call about to be made.
pub(crate) fn begun(
    number: i64,
    asked: &Served,
    scope: Scope,
    request_tokens: i64,
    tokens_before: i64,
) -> BegunCall {
    BegunCall {
        number,
        scope,
        model: asked.model.name.clone(),
        price_version: asked.model.price_version,
        fallback_from: None,
        request_tokens,
        tokens_before,
    }
}
