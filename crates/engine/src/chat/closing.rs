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
use chatai_store::{
    StoreError,
    ops::turns::{self, CloseTurn, ModelCall, NewEvent, OpenedTurn},
};
use chatai_types::{ErrorCode, Money, Role, Scope, TokenCounts, TurnStatus};
use std::{sync::Arc, time::Duration};

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
    let (status, error) = status_of(ended, !answer.text.is_empty());
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
        log.last_events(&rest),
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
    let mut wait = FIRST_WAIT;
    for _ in 0..QUICK_TRIES {
        match store_end(inner, &row).await {
            Ok(stored) => {
                if stored && status == TurnStatus::Complete {
                    inner.turns.remember(plan, &row);
                }
                return log.finish(told(error, true), rest);
            }
            Err(store_error) if !passes(&store_error) => {
                return log.finish(told(Some(lost(ids, store_error)), false), Vec::new());
            }
            Err(_) => tokio::time::sleep(wait).await,
        }
        wait *= 2;
    }
    let late = StoreError::Unavailable("a turn could not be closed in time".to_owned());
    log.finish(told(Some(late.into()), false), Vec::new());
    keep_trying(inner, &row, wait).await;
}

/// Tries until the end is stored, or the service ends.
async fn keep_trying(inner: &Inner, row: &Arc<CloseTurn>, mut wait: Duration) {
    let answer = row.ids.response_message_id;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = inner.turns.ending.cancelled() => {
                tracing::error!(%answer, "a turn was given up: the database is out of reach");
                return;
            }
        }
        wait = (wait * 2).min(LONGEST_WAIT);
        match store_end(inner, row).await {
            Ok(_) => return,
            Err(error) if !passes(&error) => {
                lost(row.ids, error);
                return;
            }
            Err(error) => tracing::error!(%error, %answer, "a turn is still open"),
        }
    }
}

fn status_of(ended: Ended, has_text: bool) -> (TurnStatus, Option<EngineError>) {
    match ended {
        Ended::Complete => (TurnStatus::Complete, None),
        Ended::Stopped => (TurnStatus::Stopped, None),
        Ended::Failed(cause) => {
            let error = failure(cause);
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
        tokens,
        price,
        calls,
    }
}

async fn store_end(inner: &Inner, row: &Arc<CloseTurn>) -> Result<bool, StoreError> {
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

fn lost(ids: OpenedTurn, error: StoreError) -> EngineError {
    tracing::error!(%error, answer = %ids.response_message_id, "a turn could not be closed");
    error.into()
}

fn failure(failure: Failure) -> EngineError {
    match failure {
        Failure::Provider(error) => refusal(&error),
        Failure::Store(error) => error.into(),
        Failure::NoText => EngineError::new(
            ErrorCode::ProviderError,
            "The model ended without an answer; ask differently or choose another model",
        ),
        Failure::Panic => EngineError::internal("a turn panicked"),
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
