//! The one owner of a turn: a task that drives the model, runs its tools and closes the turn, always.

use super::{
    calls::{Served, refusal, request_tokens},
    context::{Depth, Document, PastMessage, context, fit_documents, question},
    log::TurnLog,
    prompt,
    side::{LONG_ANSWER_CHARS, LONG_QUESTION_CHARS, PATIENCE, SideResults, SideWork},
    size::{MESSAGE_OVERHEAD, estimate_tokens},
    tools,
};
use crate::{EngineError, error::TurnIds, inner::Inner, views::Outcome};
use chatai_llm::{Event, Format, Item, LlmError, Part, Request, StopReason, ToolCall};
use chatai_store::{
    StoreError,
    ops::turns::{self, CloseTurn, ModelCall, OpenedTurn},
};
use chatai_types::{ErrorCode, Money, Role, Scope, TokenCounts, TurnStatus, UserId};
use futures_util::{FutureExt, StreamExt};
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::sync::OwnedSemaphorePermit;

/// How often closing is tried when the store is busy or out of reach, doubling the wait from the first.
const CLOSE_TRIES: u32 = 6;
const FIRST_CLOSE_WAIT: Duration = Duration::from_millis(100);

/// Everything a turn needs, gathered before it was opened.
pub(crate) struct Plan {
    pub(crate) owner: UserId,
    pub(crate) answering: Served,
    /// Makes titles and summaries for this turn.
    pub(crate) titling: Served,
    pub(crate) summarising: Served,
    /// Decides how much context is needed; `None` leaves it to the local rule.
    pub(crate) intent: Option<Served>,
    pub(crate) history: Arc<Vec<PastMessage>>,
    pub(crate) text: String,
    /// The question's files, whole.
    pub(crate) documents: Vec<Document>,
    /// Tokens of the model's window that are left for them.
    pub(crate) document_tokens: i64,
    /// Tokens of earlier messages that may be given.
    pub(crate) context_tokens: i64,
    /// Set for a new conversation.
    pub(crate) provisional_title: Option<String>,
    pub(crate) size_tokens: i64,
    pub(crate) tokens_before: i64,
}

/// A running turn.
pub(crate) struct TurnTask {
    pub(crate) inner: Arc<Inner>,
    pub(crate) plan: Plan,
    pub(crate) ids: OpenedTurn,
    pub(crate) log: TurnLog,
    /// The place among the turns that may run at once.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// How the model's part of a turn went.
#[derive(Default)]
struct Answer {
    text: String,
    calls: Vec<ModelCall>,
    /// The call that has not ended yet, and what it has put out.
    under_way: Option<(Request, String)>,
    failure: Option<Failure>,
}

enum Failure {
    Provider(LlmError),
    Panic,
    ShuttingDown,
}

impl TurnTask {
    /// Runs the turn to its end. Whatever happens in between, it is closed.
    pub(crate) async fn run(self) {
        let Self {
            inner,
            plan,
            ids,
            log,
            permit,
        } = self;
        let mut answer = Answer::default();
        let mut side = SideWork::new(Arc::clone(&inner.clock));
        if plan.provisional_title.is_some() {
            side.title(plan.titling.clone(), &plan.text);
        }
        if plan.text.chars().count() > LONG_QUESTION_CHARS {
            side.question_summary(plan.summarising.clone(), &plan.text);
        }
        let ended = tokio::select! {
            ended = AssertUnwindSafe(drive(&inner, &plan, &mut answer)).catch_unwind() => Some(ended),
            () = inner.turns.ending.cancelled() => None,
        };
        answer.failure = match ended {
            Some(Ok(Ok(()))) => None,
            Some(Ok(Err(error))) => Some(Failure::Provider(error)),
            Some(Err(_)) => Some(Failure::Panic),
            None => Some(Failure::ShuttingDown),
        };
        if let Some((request, output)) = answer.under_way.take()
            && !output.is_empty()
        {
            // It broke off: what it gave is kept, and billed by estimate since the provider bills it too.
            let at = inner.clock.now();
            answer
                .calls
                .push(plan.answering.record(Scope::Final, None, &request, &output, at));
        }
        answer.text = answer.text.trim().to_owned();
        if answer.failure.is_none() && answer.text.chars().count() > LONG_ANSWER_CHARS {
            side.answer_summary(plan.summarising.clone(), &answer.text);
        }
        let patience = match answer.failure {
            Some(Failure::ShuttingDown) => Duration::ZERO,
            _ => PATIENCE,
        };
        let side = side.finish(patience).await;
        let outcome = close(&inner, &plan, ids, answer, side).await;
        inner.turns.forget(ids.response_message_id);
        log.finish(outcome);
        drop(permit);
    }
}

/// Calls the model until it has answered, with the tools it asks for in between.
async fn drive(inner: &Inner, plan: &Plan, answer: &mut Answer) -> Result<(), LlmError> {
    let depth = depth(inner, plan, &mut answer.calls).await;
    let model = &plan.answering.model;
    let mut items = context(&plan.history, depth, plan.context_tokens, model.sees);
    let mut documents = plan.documents.clone();
    fit_documents(&mut documents, plan.document_tokens);
    items.push(Item::User(question(&plan.text, &documents, model.sees)));
    let mut request = Request {
        model: model.name.clone(),
        system: prompt::SYSTEM.to_owned(),
        items,
        tools: if model.calls_tools {
            tools::specs()
        } else {
            Vec::new()
        },
        format: Format::Text,
        max_output_tokens: None,
        cache_key: Some(format!("user-{}", plan.owner)),
    };
    for round in 0..=inner.settings.limits.tool_rounds {
        if round == inner.settings.limits.tool_rounds {
            // The last round has to answer.
            request.tools.clear();
        }
        let asked = call(inner, plan, &request, answer).await?;
        if asked.is_empty() {
            return Ok(());
        }
        for tool_call in asked {
            let output = tools::run(inner, plan, &tool_call, &mut answer.calls).await;
            let call_id = tool_call.id.clone();
            request.items.push(Item::ToolCall(tool_call));
            request.items.push(Item::ToolResult { call_id, output });
        }
    }
    Err(LlmError::Failed(
        "the model kept calling tools that were no longer offered".to_owned(),
    ))
}

/// One model call: its text goes to the answer, its usage to the calls, its tool calls back.
async fn call(
    inner: &Inner,
    plan: &Plan,
    request: &Request,
    answer: &mut Answer,
) -> Result<Vec<ToolCall>, LlmError> {
    let mut stream = plan.answering.provider.stream(request.clone()).await?;
    if !answer.text.is_empty() {
        answer.text.push_str("\n\n");
    }
    let mut tool_calls = Vec::new();
    let mut end = None;
    let (_, output) = answer.under_way.insert((request.clone(), String::new()));
    // Read on after the last event, so that the connection can be used again.
    while let Some(event) = stream.next().await {
        match event? {
            Event::Text(text) => {
                answer.text.push_str(&text);
                output.push_str(&text);
            }
            Event::Reasoning(_) => {}
            Event::ToolCall(tool_call) => {
                output.push_str(&tool_call.arguments);
                tool_calls.push(tool_call);
            }
            Event::Finished(finished) => end = Some(finished),
        }
    }
    let end = end.ok_or_else(|| LlmError::Failed("the stream ended before its end".to_owned()))?;
    if end.reason == StopReason::Refusal {
        tracing::info!(model = %plan.answering.model.name, "the model refused to answer");
    }
    let scope = if tool_calls.is_empty() {
        Scope::Final
    } else {
        Scope::Tool
    };
    let call = plan
        .answering
        .record(scope, end.usage, request, output, inner.clock.now());
    answer.calls.push(call);
    answer.under_way = None;
    Ok(tool_calls)
}

/// How much context the turn is given: by the intent model where one is set, else all that fits.
async fn depth(inner: &Inner, plan: &Plan, calls: &mut Vec<ModelCall>) -> Depth {
    let (Some(intent), false) = (&plan.intent, plan.history.is_empty()) else {
        return Depth::Full;
    };
    let exchange: Vec<String> = plan
        .history
        .iter()
        .rev()
        .take(2)
        .rev()
        .map(|message| {
            format!(
                "{}: {}",
                message.role,
                message.summary.as_ref().unwrap_or(&message.text)
            )
        })
        .collect();
    let request = prompt::intent(&intent.model.name, &exchange.join("\n"), &plan.text);
    match intent.complete(request.clone()).await {
        Ok(done) => {
            calls.push(intent.record(Scope::Intent, done.usage, &request, &done.text, inner.clock.now()));
            let decided = serde_json::from_str::<serde_json::Value>(&done.text).ok();
            match decided.as_ref().and_then(|decided| decided["context"].as_str()) {
                Some("none") => Depth::None,
                Some("last_message") => Depth::LastMessage,
                _ => Depth::Full,
            }
        }
        Err(error) => {
            tracing::warn!(model = %intent.model.name, %error, "the intent model failed; all context is given");
            Depth::Full
        }
    }
}

/// Stores the end of the turn and says how it ended.
async fn close(inner: &Inner, plan: &Plan, ids: OpenedTurn, answer: Answer, side: SideResults) -> Outcome {
    let turn_ids = TurnIds {
        conversation_id: ids.conversation_id,
        request_message_id: ids.request_message_id,
        response_message_id: ids.response_message_id,
    };
    let mut calls = answer.calls;
    calls.extend(side.calls);
    calls.sort_by_key(|call| Scope::ALL.iter().position(|scope| *scope == call.scope));
    let mut error = answer.failure.map(|failure| match failure {
        Failure::Provider(error) => refusal(&error),
        Failure::Panic => EngineError::internal("a turn panicked"),
        Failure::ShuttingDown => EngineError::new(
            ErrorCode::Interrupted,
            "The service ended before the answer was complete",
        ),
    });
    let status = match &error {
        None => TurnStatus::Complete,
        Some(error) if error.code == ErrorCode::Interrupted || !answer.text.is_empty() => {
            TurnStatus::Interrupted
        }
        Some(_) => TurnStatus::Failed,
    };
    let (tokens, price) = sums(&calls);
    let size_tokens = MESSAGE_OVERHEAD + estimate_tokens(&answer.text);
    let title = plan.provisional_title.clone().zip(side.title);
    let row = Arc::new(CloseTurn {
        owner: plan.owner,
        ids,
        status,
        text: answer.text,
        size_tokens,
        answer_summary: side.answer_summary,
        question_summary: side.question_summary,
        title,
        error: error.as_ref().map(|error| (error.code, error.detail.to_string())),
        tokens,
        price,
        calls,
    });
    match store_end(inner, &row).await {
        Ok(still_running) => {
            if still_running && status == TurnStatus::Complete {
                inner.turns.remember(plan, ids, &row);
            }
        }
        Err(store_error) => {
            // The lease runs out and a sweep marks the turn; the client must not take it for stored.
            tracing::error!(error = %store_error, answer = %ids.response_message_id, "a turn could not be closed");
            error = Some(store_error.into());
        }
    }
    if let Some(error) = &mut error {
        error.turn = Some(turn_ids);
    }
    let status = if error.is_some() && status == TurnStatus::Complete {
        TurnStatus::Failed
    } else {
        status
    };
    Outcome {
        status,
        answer: row.text.clone(),
        error,
    }
}

async fn store_end(inner: &Inner, row: &Arc<CloseTurn>) -> Result<bool, StoreError> {
    let mut wait = FIRST_CLOSE_WAIT;
    for attempt in 1.. {
        let end = Arc::clone(row);
        match inner.store.write(move |tx| turns::close(tx, &end)).await {
            Err(StoreError::Busy | StoreError::Unavailable(_)) if attempt < CLOSE_TRIES => {
                tokio::time::sleep(wait).await;
                wait *= 2;
            }
            result => return result,
        }
    }
    Err(StoreError::Busy)
}

/// The sums over all calls; `None` where there was none.
fn sums(calls: &[ModelCall]) -> (Option<TokenCounts>, Option<Money>) {
    if calls.is_empty() {
        return (None, None);
    }
    let tokens = calls
        .iter()
        .try_fold(TokenCounts::default(), |sum, call| sum.checked_add(&call.tokens));
    let price = calls
        .iter()
        .filter_map(|call| call.price)
        .try_fold(Money::ZERO, |sum, price| sum.checked_add(price));
    if tokens.is_none() || price.is_none() {
        tracing::error!("a turn's sums overflow");
    }
    (tokens, price)
}

/// The two messages of a closed turn, as the next turn's history holds them.
pub(crate) fn past_messages(plan: &Plan, row: &CloseTurn) -> [PastMessage; 2] {
    [
        PastMessage {
            role: Role::User,
            text: plan.text.clone(),
            summary: row.question_summary.clone(),
            size_tokens: plan.size_tokens,
            tokens_before: plan.tokens_before,
            documents: plan.documents.clone(),
        },
        PastMessage {
            role: Role::Assistant,
            text: row.text.clone(),
            summary: row.answer_summary.clone(),
            size_tokens: row.size_tokens,
            tokens_before: plan.tokens_before + plan.size_tokens,
            documents: Vec::new(),
        },
    ]
}

/// Whether a question alone is more than a model takes.
pub(crate) fn fits_window(text: &str, window: i64) -> bool {
    let alone = Request {
        system: prompt::SYSTEM.to_owned(),
        items: vec![Item::User(vec![Part::Text(text.to_owned())])],
        tools: tools::specs(),
        ..Request::default()
    };
    request_tokens(&alone) <= window
}
