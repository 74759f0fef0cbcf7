//! The one owner of a turn: a task that drives the model, runs its tools and closes the turn, always.

use super::{
    calls::{Served, request_tokens, storable},
    closing::close,
    context::{Depth, Document, context, fit_documents, question},
    log::TurnLog,
    prompt,
    recent::Recent,
    side::{LONG_ANSWER_CHARS, LONG_QUESTION_CHARS, PATIENCE, SideWork},
    size::estimate_tokens,
    tools,
};
use crate::{inner::Inner, money::Allowance};
use chatai_llm::{Event, Format, Item, LlmError, Request, StopReason, ToolCall};
use chatai_store::ops::turns::{ModelCall, OpenedTurn};
use chatai_types::{MessageId, Scope, UserId};
use futures_util::{FutureExt, StreamExt};
use serde_json::json;
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, LazyLock},
    time::Duration,
};
use tokio::sync::OwnedSemaphorePermit;

/// How many tools are run in one round; models that ask for more are told so.
const CALLS_PER_ROUND: usize = 8;

/// Everything a turn needs, gathered before it was opened.
pub(crate) struct Plan {
    pub(crate) owner: UserId,
    pub(crate) answering: Served,
    /// Makes titles and summaries for this turn.
    pub(crate) titling: Served,
    pub(crate) summarising: Served,
    /// Decides how much context is needed; `None` leaves it to the local rule.
    pub(crate) intent: Option<Served>,
    pub(crate) recent: Recent,
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
    /// What was set aside for the answer, where a budget applies.
    pub(crate) allowance: Option<Allowance>,
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
pub(crate) struct Answer {
    pub(crate) text: String,
    pub(crate) calls: Vec<ModelCall>,
    /// The call that has not ended yet, and what it has put out.
    under_way: Option<(Request, String)>,
    pub(crate) failure: Option<Failure>,
}

/// Why a turn has no complete answer.
pub(crate) enum Failure {
    Provider(LlmError),
    /// The model ended, and said nothing.
    NoText,
    Panic,
    ShuttingDown,
}

/// A turn's place among those whose leases are renewed; left however the task ends.
struct Running<'a> {
    inner: &'a Inner,
    answer: MessageId,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.inner.turns.forget(self.answer);
    }
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
        let running = Running {
            inner: &inner,
            answer: ids.response_message_id,
        };
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
            Some(Ok(Ok(()))) if answer.text.trim().is_empty() => Some(Failure::NoText),
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
        close(&inner, &plan, ids, answer, side, log).await;
        drop((running, permit));
    }
}

/// Calls the model until it has answered, with the tools it asks for in between.
async fn drive(inner: &Inner, plan: &Plan, answer: &mut Answer) -> Result<(), LlmError> {
    let depth = depth(inner, plan, &mut answer.calls).await;
    let model = &plan.answering.model;
    let mut items = context(&plan.recent.messages, depth, plan.context_tokens, model.sees);
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
        if let Some(allowance) = &plan.allowance {
            let next = allowance.next_call(model, &answer.calls, &request);
            request.max_output_tokens = Some(next.output_tokens);
            if !next.may_use_tools {
                request.tools.clear();
            }
        }
        let asked = call(inner, plan, &request, answer).await?;
        if asked.is_empty() {
            return Ok(());
        }
        for (place, tool_call) in asked.into_iter().enumerate() {
            let output = if place < CALLS_PER_ROUND {
                tools::run(inner, plan, &tool_call, &mut answer.calls).await
            } else {
                json!({"error": "too many calls at once; ask again for what is still needed"}).to_string()
            };
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
                let text = storable(text);
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
    let (Some(intent), false) = (&plan.intent, plan.recent.messages.is_empty()) else {
        return Depth::Full;
    };
    let exchange: Vec<String> = plan
        .recent
        .messages
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

/// Whether a question alone is no more than a model takes.
pub(crate) fn fits_window(text: &str, window: i64) -> bool {
    fixed_tokens() + estimate_tokens(text) <= window
}

/// The size of what every request begins with.
pub(crate) fn fixed_tokens() -> i64 {
    static TOKENS: LazyLock<i64> = LazyLock::new(|| {
        request_tokens(&Request {
            system: prompt::SYSTEM.to_owned(),
            tools: tools::specs(),
            ..Request::default()
        })
    });
    *TOKENS
}
