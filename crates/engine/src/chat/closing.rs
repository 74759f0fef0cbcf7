//! The end of a turn: stored, whatever happened, and told to whoever waits.

use super::{
    calls::refusal,
    context::PastMessage,
    log::TurnLog,
    plan::Plan,
    side::SideResults,
    size::{MESSAGE_OVERHEAD, estimate_tokens},
    turn::{Answer, Ended, Failure},
};
use crate::{EngineError, inner::Inner, views::Outcome};
use chatai_llm::LlmError;
use chatai_store::{
    StoreError,
    ops::{
        messages::Times,
        turns::{self, CloseTurn, ModelCall, NewEvent, OpenedTurn},
    },
};
use chatai_types::{ErrorCode, Money, Role, Scope, Timestamp, TokenCounts, TurnStatus};
use std::{future::Future, sync::Arc, time::Duration};

/// How often closing is tried before the client is told, doubling the wait from the first.
const QUICK_TRIES: u32 = 5;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The longest wait between tries after that.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// Stores the end of the turn and tells it. When the store is out of reach the client is told so after some seconds,
/// and the end is kept and tried again until it is stored or the service ends: the calls have been made.
pub(crate) async fn close(
    inner: &Inner,
    plan: &Plan,
    ids: OpenedTurn,
    answer: Answer,
    ended: Ended,
    side: SideResults,
    log: &TurnLog,
) {
    let rest = log.take_rest().await;
    let (status, error) = status_of(ended, !answer.text.is_empty(), refusal);
    if let Some(error) = &error {
        let cause = error.cause.as_deref().unwrap_or_default();
        tracing::warn!(code = error.code.as_str(), cause, answer = %ids.response_message_id, "a turn failed");
    }
    let row = Arc::new(closing_row(
        plan,
        ids,
        answer,
        side,
        status,
        error.as_ref(),
        log.last_events(&rest, inner.clock.now()),
    ));
    let told = |error: Option<EngineError>, is_stored: bool| Outcome {
        status: if error.is_some() && status == TurnStatus::Complete {
            TurnStatus::Failed
        } else {
            status
        },
        answer: row.text.clone(),
        error: error.map(|error| EngineError {
            turn: Some(log.ids),
            ..error
        }),
        tokens: row.tokens,
        price: row.price,
        is_stored,
    };
    let tell = |stored: Result<bool, EngineError>| match stored {
        Ok(stored) => {
            if stored && status == TurnStatus::Complete {
                inner.turns.remember(plan, &row);
            }
            log.finish(told(error, true), rest);
        }
        Err(store_error) => log.finish(told(Some(store_error), false), Vec::new()),
    };
    let answer = ids.response_message_id;
    store_end(inner, "turn", answer.0, || store_row(inner, &row), tell).await;
}

/// Stores an end, and tells once how that went: whether there was still something to end, or why it is not stored. What
/// could not be stored in some seconds is tried again after that has been told, until it is stored or the service ends.
pub(crate) async fn store_end<F>(
    inner: &Inner,
    what: &'static str,
    id: i64,
    store: impl Fn() -> F,
    tell: impl FnOnce(Result<bool, EngineError>),
) where
    F: Future<Output = Result<bool, StoreError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 0..QUICK_TRIES {
        match store().await {
            Ok(stored) => return tell(Ok(stored)),
            Err(error) if !passes(&error) => return tell(Err(lost(what, id, error))),
            Err(_) => tokio::time::sleep(wait).await,
        }
        wait *= 2;
    }
    tell(Err(StoreError::Unavailable(format!(
        "a {what} could not be closed in time"
    ))
    .into()));
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = inner.turns.ending.cancelled() => {
                tracing::error!(id, "a {what} was given up: the database is out of reach");
                return;
            }
        }
        wait = (wait * 2).min(LONGEST_WAIT);
        match store().await {
            Ok(_) => return,
            Err(error) if !passes(&error) => {
                lost(what, id, error);
                return;
            }
            Err(error) => tracing::error!(%error, id, "a {what} is still open"),
        }
    }
}

/// How something ended, and why, in the words that `refuse` has for a provider's failure.
pub(crate) fn status_of(
    ended: Ended,
    has_text: bool,
    refuse: impl FnOnce(&LlmError) -> EngineError,
) -> (TurnStatus, Option<EngineError>) {
    match ended {
        Ended::Complete => (TurnStatus::Complete, None),
        Ended::Stopped => (TurnStatus::Stopped, None),
        Ended::Failed(cause) => {
            let error = failure(cause, refuse);
            let broke_off = error.code == ErrorCode::Interrupted || has_text;
            let status = if broke_off {
                TurnStatus::Interrupted
            } else {
                TurnStatus::Failed
            };
            (status, Some(error))
        }
    }
}

fn closing_row(
    plan: &Plan,
    ids: OpenedTurn,
    answer: Answer,
    side: SideResults,
    status: TurnStatus,
    error: Option<&EngineError>,
    events: Vec<NewEvent>,
) -> CloseTurn {
    // Clocks are set back now and then.
    let took = |until: Timestamp| (until.as_micros() - plan.opened_at.as_micros()).max(0) / 1_000;
    let times = Times {
        first_ms: answer.first_at.map(took),
        total_ms: answer.ended_at.map(took),
    };
    let model = answer.asked.model.name;
    let mut calls = answer.books.into_calls();
    calls.extend(side.calls);
    calls.sort_by_key(|call| Scope::ALL.iter().position(|scope| *scope == call.scope));
    let (tokens, price) = sums(&calls);
    let text = answer.text.text().to_owned();
    CloseTurn {
        payer: plan.payer,
        ids,
        status,
        model,
        size_tokens: MESSAGE_OVERHEAD + estimate_tokens(&text),
        text,
        answer_summary: side.answer_summary,
        question_summary: side.question_summary,
        events,
        error: error.map(|error| (error.code, error.detail.to_string())),
        times,
        tokens,
        price,
        calls,
    }
}

async fn store_row(inner: &Inner, row: &Arc<CloseTurn>) -> Result<bool, StoreError> {
    let end = Arc::clone(row);
    inner.store.write(move |tx| turns::close(tx, &end)).await
}

/// Whether trying again can help.
fn passes(error: &StoreError) -> bool {
    matches!(
        error,
        StoreError::Busy | StoreError::Full | StoreError::Unavailable(_)
    )
}

fn lost(what: &str, id: i64, error: StoreError) -> EngineError {
    tracing::error!(%error, id, "a {what} could not be closed");
    error.into()
}

fn failure(failure: Failure, refuse: impl FnOnce(&LlmError) -> EngineError) -> EngineError {
    match failure {
        Failure::Provider(error) => refuse(&error),
        Failure::Store(error) => error.into(),
        Failure::NoText => EngineError::new(
            ErrorCode::ProviderError,
            "The model ended without an answer; ask differently or choose another model",
        ),
        Failure::Deleted => EngineError::message_not_found(),
        Failure::Abandoned => EngineError::new(
            ErrorCode::Interrupted,
            "The service was out of reach for so long that the answer was given up before it was complete",
        ),
        Failure::Panic => EngineError::internal("a model call or its turn panicked"),
        Failure::ShuttingDown => EngineError::new(
            ErrorCode::Interrupted,
            "The service ended before the answer was complete",
        ),
    }
}

/// The sums over all calls; `None` where there was none. A call whose price nobody knows leaves the sum unknown.
pub(crate) fn sums(calls: &[ModelCall]) -> (Option<TokenCounts>, Option<Money>) {
    if calls.is_empty() {
        return (None, None);
    }
    let tokens = calls
        .iter()
        .try_fold(TokenCounts::default(), |sum, call| sum.checked_add(&call.tokens));
    let is_priced = calls.iter().all(|call| call.price.is_some());
    let price = calls
        .iter()
        .filter_map(|call| call.price)
        .try_fold(Money::ZERO, |sum, price| sum.checked_add(price));
    if tokens.is_none() || price.is_none() {
        tracing::error!("a turn's sums overflow");
    }
    (tokens, price.filter(|_| is_priced))
}

/// The two messages of a closed turn, as the next turn's history holds them.
pub(crate) fn past_messages(plan: &Plan, row: &CloseTurn) -> [Arc<PastMessage>; 2] {
    [
        Arc::new(PastMessage {
            role: Role::User,
            text: plan.text.clone(),
            summary: row
                .question_summary
                .clone()
                .or_else(|| plan.question_summary.clone()),
            size_tokens: plan.size_tokens,
            tokens_before: plan.tokens_before,
            documents: plan.documents.clone(),
        }),
        Arc::new(PastMessage {
            role: Role::Assistant,
            text: row.text.clone(),
            summary: row.answer_summary.clone(),
            size_tokens: row.size_tokens,
            tokens_before: plan.tokens_before + plan.size_tokens,
            documents: Vec::new(),
        }),
    ]
}
