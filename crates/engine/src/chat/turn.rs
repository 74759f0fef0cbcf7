//! The one owner of a turn: a task that drives the model, runs its tools and closes the turn, always.

use super::{
    answer_text::AnswerText,
    books::{self, Books},
    calls::{Partial, Served, next_event, read_on, request_tokens, storable},
    closing::close,
    context::Depth,
    fallback::{request_of, tool_room},
    log::TurnLog,
    piece::Piece,
    plan::Plan,
    side::{LONG_ANSWER_CHARS, PATIENCE, SideWork},
    size::{TextSize, estimate_tokens},
    tools,
};
use crate::{inner::Inner, toolbox, views::ToolEvent};
use chatai_llm::{Event, Item, LlmError, Request, StopReason, ToolCall};
use chatai_store::{
    StoreError,
    ops::turns::{BegunCall, ModelCall, OpenedTurn},
};
use chatai_types::{Scope, Timestamp};
use futures_util::FutureExt;
use serde_json::json;
use std::{collections::VecDeque, panic::AssertUnwindSafe, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::OwnedSemaphorePermit,
    time::{Instant, timeout_at},
};

/// How many tools are run in one round; models that ask for more are told so.
const CALLS_PER_ROUND: usize = 8;

/// How long the intent model is waited for: the answer's first byte waits for it.
const INTENT_PATIENCE: Duration = Duration::from_secs(3);

/// A running turn.
pub(crate) struct TurnTask {
    pub(crate) inner: Arc<Inner>,
    pub(crate) plan: Plan,
    pub(crate) ids: OpenedTurn,
    pub(crate) log: Arc<TurnLog>,
    /// The place among the turns that may run at once.
    pub(crate) permit: OwnedSemaphorePermit,
}

/// How the model's part of a turn went.
pub(crate) struct Answer {
    pub(crate) text: AnswerText,
    /// What is shown beside the text and is output too: reasoning, and the calls of tools.
    beside: TextSize,
    pub(crate) books: Books,
    /// Who answers: the model that was asked, or one in its place.
    pub(crate) asked: Served,
    /// Those that may still answer in its place.
    pub(super) others: VecDeque<Served>,
    /// The model that was asked first, where another answers.
    pub(super) fallback_from: Option<String>,
    /// When its first piece came.
    pub(super) first_at: Option<Timestamp>,
    /// When nothing more of it came.
    pub(super) ended_at: Option<Timestamp>,
    /// The call that has not ended yet.
    pub(super) under_way: Option<UnderWay>,
}

/// A call that was made and has not ended.
pub(super) struct UnderWay {
    number: i64,
    request: Request,
    /// What it has put out, reasoning included; `None` until its provider has begun to answer.
    given: Option<TextSize>,
    /// Whether anything of the answer came.
    pub(super) has_given: bool,
}

/// Why a turn has no complete answer.
pub(crate) enum Failure {
    Provider(LlmError),
    /// A call could not be written down, so it was not made.
    Store(StoreError),
    /// The answer was deleted, so that no further call is made.
    Deleted,
    /// Its owner was taken for gone, and what it had used was charged. A further call could not be written down, so that
    /// none is made.
    Abandoned,
    /// The model ended, and said nothing.
    NoText,
    Panic,
    ShuttingDown,
}

/// How the model's part of a turn ended.
pub(crate) enum Ended {
    Complete,
    /// Its user wants it stopped, or it has nobody any more.
    Stopped,
    Failed(Failure),
}

impl From<LlmError> for Failure {
    fn from(error: LlmError) -> Self {
        Self::Provider(error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A turn's place among those whose leases are renewed; left however the task ends.
struct Running<'a> {
    inner: &'a Inner,
    log: &'a TurnLog,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.inner.turns.forget(self.log.ids.response_message_id);
        // Nobody waits for a task that is gone.
        if !self.log.has_ended() {
            self.log.finish(self.log.broken(), Vec::new());
        }
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
            log: &log,
        };
        let mut answer = Answer {
            text: plan.begun.as_deref().map(AnswerText::begun).unwrap_or_default(),
            beside: TextSize::default(),
            books: Books::new(),
            asked: plan.answering.clone(),
            others: plan.answering.alternatives.iter().cloned().collect(),
            fallback_from: None,
            first_at: None,
            ended_at: None,
            under_way: None,
        };
        if !answer.text.is_empty() {
            let begun = Piece::Text(answer.text.text().to_owned());
            inner.turns.writer.push(&log, begun);
        }
        let mut side = SideWork::new(
            Arc::clone(&inner),
            ids.response_message_id,
            plan.allowance.is_some(),
        );
        if plan.provisional_title.is_some() {
            side.title(plan.titling.clone(), &plan.text);
        }
        if plan.summarises_question {
            side.question_summary(plan.summarising.clone(), &plan.text);
        }
        let ended = answer_while(&inner, &plan, &log, &mut answer, &mut side).await;
        answer.ended_at = Some(inner.clock.now());
        let ended_by_us = matches!(ended, Ended::Stopped | Ended::Failed(Failure::ShuttingDown));
        answer.settle(&inner, ended_by_us);
        if matches!(ended, Ended::Complete) && answer.text.text().chars().count() > LONG_ANSWER_CHARS {
            summarise_answer(&inner, &plan, &log, &mut answer, &mut side).await;
        }
        let deadline = match ended {
            Ended::Failed(Failure::ShuttingDown) | Ended::Stopped => Instant::now(),
            _ => Instant::now() + PATIENCE,
        };
        while let Ok(Some(title)) = timeout_at(deadline, side.next()).await {
            show_title(&inner, &plan, &log, title);
        }
        close(&inner, &plan, ids, answer, ended, side.end(), &log).await;
        drop((running, permit));
    }
}

/// Lets the model answer, and takes what comes of the calls beside it, until there is an answer or an end to it.
async fn answer_while(
    inner: &Inner,
    plan: &Plan,
    log: &Arc<TurnLog>,
    answer: &mut Answer,
    side: &mut SideWork,
) -> Ended {
    let ended = {
        let mut driving = pin!(AssertUnwindSafe(drive(inner, plan, log, answer)).catch_unwind());
        loop {
            tokio::select! {
                biased;
                () = log.stop.cancelled() => return Ended::Stopped,
                () = inner.turns.ending.cancelled() => return Ended::Failed(Failure::ShuttingDown),
                ended = &mut driving => break ended,
                Some(title) = side.next() => show_title(inner, plan, log, title),
            }
        }
    };
    match ended {
        Ok(Ok(())) if answer.text.is_empty() || answer.text.is_just_begun() => Ended::Failed(Failure::NoText),
        Ok(Ok(())) => Ended::Complete,
        Ok(Err(Failure::Deleted)) => Ended::Stopped,
        Ok(Err(failure)) => Ended::Failed(failure),
        Err(_) => Ended::Failed(Failure::Panic),
    }
}

fn show_title(inner: &Inner, plan: &Plan, log: &Arc<TurnLog>, title: Option<String>) {
    if let Some((title, provisional)) = title.zip(plan.provisional_title.clone()) {
        inner.turns.writer.push(log, Piece::Title { title, provisional });
    }
}

impl Answer {
    /// The estimated tokens of all that was put out so far, by the measure of [`super::settle`]: what a call finds there
    /// is not its own.
    fn output_tokens(&self) -> i64 {
        TextSize::of(self.text.text()).with(self.beside).tokens()
    }

    /// A call that broke off after it gave something, or that we ended: it is billed by estimate, since the provider
    /// bills it too. Of one that we ended before its provider had begun to answer nobody knows what it used.
    fn settle(&mut self, inner: &Inner, ended_by_us: bool) {
        let Some(call) = self.under_way.take() else { return };
        let now = inner.clock.now();
        let known = match call.given {
            Some(given) if ended_by_us || !given.is_empty() => {
                self.asked.record(Scope::Final, None, &call.request, given, now)
            }
            None if ended_by_us => self.asked.record_unknown(Scope::Final, now),
            _ => return,
        };
        let fallback_from = self.fallback_from.clone();
        self.books.end(
            call.number,
            ModelCall {
                fallback_from,
                ..known
            },
        );
    }
}

/// Starts the summary of a long answer. Without it the answer is as good.
async fn summarise_answer(
    inner: &Inner,
    plan: &Plan,
    log: &TurnLog,
    answer: &mut Answer,
    side: &mut SideWork,
) {
    let text = answer.text.text();
    let tokens = estimate_tokens(text);
    let answer_id = log.ids.response_message_id;
    let begun = answer
        .books
        .begin(inner, answer_id, &plan.summarising, Scope::Summary, tokens, 0)
        .await;
    match begun {
        Ok(number) => side.answer_summary(number, plan.summarising.clone(), answer.text.text()),
        Err(Failure::Store(error)) => tracing::warn!(%error, "a long answer goes without its summary"),
        // Nobody is going to read it.
        Err(_) => {}
    }
}

/// Calls the model until it has answered, with the tools it asks for in between.
async fn drive(inner: &Inner, plan: &Plan, log: &Arc<TurnLog>, answer: &mut Answer) -> Result<(), Failure> {
    let depth = depth(inner, plan, &mut answer.books).await;
    let mut rounds = Vec::new();
    let answer_id = log.ids.response_message_id;
    for round in 0..=inner.settings.limits.tool_rounds {
        // The last round has to answer.
        let is_last = round == inner.settings.limits.tool_rounds;
        let mut request = request_of(plan, answer, depth, &rounds, is_last);
        let mut number = books::FIRST;
        if round > 0 {
            let tokens = (request_tokens(&request), answer.output_tokens());
            number = answer
                .books
                .begin(inner, answer_id, &answer.asked, Scope::Final, tokens.0, tokens.1)
                .await?;
        }
        let asked = loop {
            let error = match call(inner, log, &request, number, answer).await {
                Err(Failure::Provider(error)) if answer.may_be_anothers(&error) => error,
                ended => break ended?,
            };
            if !answer.fall_back(plan, depth, &rounds, &error) {
                return Err(error.into());
            }
            request = request_of(plan, answer, depth, &rounds, is_last);
            let tokens = (request_tokens(&request), answer.output_tokens());
            let first = answer.fallback_from.clone();
            // Under the number of the call that gave nothing: this one stands in its place.
            let begun = books::begun(number, &answer.asked, Scope::Final, tokens.0, tokens.1);
            let begun = BegunCall {
                fallback_from: first,
                ..begun
            };
            answer.books.begin_again(inner, answer_id, begun).await?;
        };
        let calls: Vec<ToolCall> = asked.iter().filter_map(tool_call_of).cloned().collect();
        if calls.is_empty() {
            return Ok(());
        }
        // The round stands as the model made it: its calls together, each behind the reasoning that led to it.
        rounds.extend(asked);
        let mut room = tool_room(plan, answer, depth, &rounds);
        for (place, tool_call) in calls.into_iter().enumerate() {
            let output = run_tool(inner, plan, log, answer, (place, room), &tool_call).await?;
            room -= estimate_tokens(&output);
            let call_id = tool_call.id;
            rounds.push(Item::ToolResult { call_id, output });
        }
    }
    Err(Failure::Provider(LlmError::Failed(
        "the model kept calling tools that were no longer offered".to_owned(),
    )))
}

/// Runs a tool, and shows that it runs and what came of it. It is the call of this place in its round, and what comes
/// from outside may have so many tokens.
async fn run_tool(
    inner: &Inner,
    plan: &Plan,
    log: &Arc<TurnLog>,
    answer: &mut Answer,
    (place, room): (usize, i64),
    call: &ToolCall,
) -> Result<String, Failure> {
    let show = |event: ToolEvent| inner.turns.writer.push(log, Piece::Tool(event.to_json()));
    let running = ToolEvent::running(call);
    answer.beside.add(&running.arguments);
    show(running);
    let output = match plan.offered.get(&call.name) {
        _ if place >= CALLS_PER_ROUND => {
            json!({"error": "too many calls at once; ask again for what is still needed"}).to_string()
        }
        Some(offered) => toolbox::call(inner, log.owner, offered, call, room).await,
        None => tools::run(inner, plan, call, log.ids.response_message_id, &mut answer.books).await?,
    };
    show(ToolEvent::ended(call, &output));
    Ok(output)
}

pub(super) fn tool_call_of(item: &Item) -> Option<&ToolCall> {
    match item {
        Item::ToolCall(call) => Some(call),
        _ => None,
    }
}

/// One model call: its text goes to the answer, its usage to the books, its tool calls back, with what the model
/// needs to know again when it is given their results.
async fn call(
    inner: &Inner,
    log: &Arc<TurnLog>,
    request: &Request,
    number: i64,
    answer: &mut Answer,
) -> Result<Vec<Item>, Failure> {
    let Answer {
        text,
        beside,
        under_way,
        books,
        asked: answering,
        fallback_from,
        first_at,
        ..
    } = answer;
    let call = under_way.insert(UnderWay {
        number,
        request: request.clone(),
        given: None,
        has_given: false,
    });
    let mut stream = answering.provider.stream(request.clone()).await?;
    let given = call.given.insert(TextSize::default());
    let mut is_apart = text.is_empty() || text.is_just_begun();
    let mut asked = Vec::new();
    let end = loop {
        let event = next_event(&mut stream).await?;
        call.has_given = true;
        if matches!(event, Event::Text(_) | Event::Reasoning(_)) {
            first_at.get_or_insert_with(|| inner.clock.now());
        }
        match event {
            Event::Text(more) => {
                let more = storable(more);
                given.add(&more);
                if !std::mem::replace(&mut is_apart, true) {
                    text.push("\n\n");
                }
                if let Some(more) = text.push(&more) {
                    inner.turns.writer.push(log, Piece::Text(more.to_owned()));
                    log.room().await;
                }
            }
            Event::Reasoning(more) => {
                let more = storable(more);
                given.add(&more);
                beside.add(&more);
                inner.turns.writer.push(log, Piece::Reasoning(more));
                log.room().await;
            }
            Event::ToolCall(tool_call) => {
                given.add(&tool_call.arguments);
                asked.push(Item::ToolCall(tool_call));
            }
            Event::State(state) => asked.push(Item::Reasoning(state)),
            // A turn has no texts to end at.
            Event::StoppedAt(_) => {}
            Event::Finished(finished) => break finished,
        }
    };
    if end.reason == StopReason::Refusal {
        tracing::info!(model = %answering.model.name, "the model refused to answer");
    }
    let scope = if asked.iter().any(|item| tool_call_of(item).is_some()) {
        Scope::Tool
    } else {
        Scope::Final
    };
    let call = ModelCall {
        fallback_from: fallback_from.clone(),
        ..answering.record(scope, end.usage, request, *given, inner.clock.now())
    };
    books.end(number, call);
    *under_way = None;
    read_on(stream);
    Ok(asked)
}

/// How much context the turn is given: by the intent model where one is set and answers soon, else all that fits.
async fn depth(inner: &Inner, plan: &Plan, books: &mut Books) -> Depth {
    let Some((intent, request)) = plan.intent_request() else {
        return Depth::Full;
    };
    let partial = Partial::default();
    let asked = tokio::time::timeout(INTENT_PATIENCE, intent.complete(request.clone(), &partial)).await;
    let now = || inner.clock.now();
    let failed = match asked {
        Ok(Ok(done)) => {
            let call = intent.record(Scope::Intent, done.usage, &request, done.given, now());
            books.end(books::INTENT, call);
            let decided = serde_json::from_str::<serde_json::Value>(&done.text).ok();
            return match decided.as_ref().and_then(|decided| decided["context"].as_str()) {
                Some("none") => Depth::None,
                Some("last_message") => Depth::LastMessage,
                _ => Depth::Full,
            };
        }
        Ok(Err(error)) => error,
        Err(_) => LlmError::Timeout(INTENT_PATIENCE),
    };
    tracing::warn!(model = %intent.model.name, error = %failed, "the intent model failed; all context is given");
    if let Some(call) = intent.record_partial(Scope::Intent, &request, &partial, now()) {
        books.end(books::INTENT, call);
    }
    Depth::Full
}
