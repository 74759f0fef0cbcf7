//! What runs beside the answer: the title of a new conversation and the summaries of long texts. It never
//! delays the first byte, and its failure never fails the turn.

use super::{
    books,
    calls::{Partial, Served, request_tokens},
    fallback,
    prompt::{self, clean_title},
    turn::Failure,
};
use crate::inner::Inner;
use chatai_llm::{LlmError, Request};
use chatai_store::ops::turns::{BegunCall, ModelCall};
use chatai_types::{MessageId, Scope, Timestamp};
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::task::{Id, JoinSet};

/// A question longer than this many code points gets a summary.
pub(crate) const LONG_QUESTION_CHARS: usize = 400;
/// An answer longer than this many code points gets a summary.
pub(crate) const LONG_ANSWER_CHARS: usize = 600;
/// How long the turn waits after the answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(2);

/// What a call beside the answer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    Title,
    QuestionSummary,
    AnswerSummary,
}

/// What came of it all.
#[derive(Debug, Default)]
pub(crate) struct SideResults {
    pub(crate) question_summary: Option<String>,
    pub(crate) answer_summary: Option<String>,
    pub(crate) calls: Vec<ModelCall>,
}

/// A call under way, shared with whoever may end it.
#[derive(Clone)]
struct Open(Arc<Mutex<Asking>>);

/// What is asked of whom, and what has come of it so far.
#[derive(Clone)]
struct Asking {
    scope: Scope,
    asked: Served,
    request: Request,
    partial: Partial,
    /// The model that was asked first, where another one is asked in its place.
    fallback_from: Option<String>,
}

/// The calls under way; dropping this ends them.
pub(crate) struct SideWork {
    inner: Arc<Inner>,
    answer: MessageId,
    /// Whether a budget applies, under which no model is asked whose price nobody knows.
    has_budget: bool,
    tasks: JoinSet<(Task, Option<String>, Option<ModelCall>)>,
    /// Each call until it has ended.
    open: HashMap<Id, Open>,
    results: SideResults,
}

impl SideWork {
    pub(crate) fn new(inner: Arc<Inner>, answer: MessageId, has_budget: bool) -> Self {
        Self {
            inner,
            answer,
            has_budget,
            tasks: JoinSet::new(),
            open: HashMap::new(),
            results: SideResults::default(),
        }
    }

    pub(crate) fn title(&mut self, model: Served, question: &str) {
        let request = prompt::title(&model.model.name, question);
        self.start(Task::Title, books::TITLE, Scope::Title, model, request);
    }

    pub(crate) fn question_summary(&mut self, model: Served, question: &str) {
        let request = prompt::summary(&model.model.name, question);
        self.start(
            Task::QuestionSummary,
            books::QUESTION_SUMMARY,
            Scope::Summary,
            model,
            request,
        );
    }

    /// The summary of an answer, a call that was written down under this number.
    pub(crate) fn answer_summary(&mut self, number: i64, model: Served, answer: &str) {
        let request = prompt::summary(&model.model.name, answer);
        self.start(Task::AnswerSummary, number, Scope::Summary, model, request);
    }

    fn start(&mut self, task: Task, number: i64, scope: Scope, asked: Served, request: Request) {
        let open = Open(Arc::new(Mutex::new(Asking {
            scope,
            asked,
            request,
            partial: Partial::default(),
            fallback_from: None,
        })));
        let (inner, answer, has_budget) = (Arc::clone(&self.inner), self.answer, self.has_budget);
        let asking = open.clone();
        let handle = self.tasks.spawn(async move {
            let (text, call) = asking.complete(&inner, answer, number, has_budget).await;
            (task, text, call)
        });
        self.open.insert(handle.id(), open);
    }

    /// Waits until one of them has ended; `None` when none is under way. A title is given back.
    pub(crate) async fn next(&mut self) -> Option<Option<String>> {
        match self.tasks.join_next_with_id().await? {
            Ok((id, (task, text, call))) => {
                self.open.remove(&id);
                self.results.calls.extend(call);
                Some(text.and_then(|text| self.results.take(task, &text)))
            }
            Err(error) => {
                tracing::error!(%error, "a call beside the answer broke down");
                self.open.remove(&error.id());
                Some(None)
            }
        }
    }

    /// Ends what is still under way, and gives what came of the rest.
    pub(crate) fn end(mut self) -> SideResults {
        if !self.open.is_empty() {
            tracing::warn!(
                open = self.open.len(),
                "calls beside the answer took too long and were ended"
            );
        }
        let now = self.inner.clock.now();
        for open in std::mem::take(&mut self.open).into_values() {
            let asking = open.now();
            let call = asking.broken_off(now).unwrap_or_else(|| asking.unknown(now));
            self.results.calls.push(call);
        }
        self.results
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, Asking> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Asking {
        self.lock().clone()
    }

    /// Asks until somebody has answered: the model, or those in its place where its provider fails before its first
    /// word. Gives the text, and the call that is to be charged.
    async fn complete(
        &self,
        inner: &Inner,
        answer: MessageId,
        number: i64,
        has_budget: bool,
    ) -> (Option<String>, Option<ModelCall>) {
        let mut others: VecDeque<Served> = self.lock().asked.alternatives.iter().cloned().collect();
        loop {
            let asking = self.now();
            let error = match asking
                .asked
                .complete(asking.request.clone(), &asking.partial)
                .await
            {
                Ok(done) => {
                    let (request, now) = (&asking.request, inner.clock.now());
                    let call = asking
                        .asked
                        .record(asking.scope, done.usage, request, done.given, now);
                    return (Some(done.text), Some(asking.noted(call)));
                }
                Err(error) => error,
            };
            let (scope, model) = (asking.scope, &asking.asked.model.name);
            let next = asking.next(&mut others, &error, has_budget);
            let Some(next) = next else {
                tracing::warn!(%scope, %model, %error, "a call beside the answer failed");
                return (None, asking.broken_off(inner.clock.now()));
            };
            tracing::warn!(%scope, from = %model, to = %next.asked.model.name, %error, "another model is asked");
            match next.write_down(inner, answer, number).await {
                Ok(()) => *self.lock() = next,
                Err(failure) => {
                    // Where the answer was deleted there is nothing to tell of.
                    if let Failure::Store(error) = failure {
                        tracing::warn!(%scope, %error, "a call beside the answer was not made");
                    }
                    return (None, None);
                }
            }
        }
    }
}

impl Asking {
    /// The same of the next model that may be asked in this one's place; `None` where the request was at fault,
    /// something came already, or nobody is left.
    fn next(&self, others: &mut VecDeque<Served>, error: &LlmError, has_budget: bool) -> Option<Self> {
        if self.partial.has_given() || !fallback::is_the_providers(error) {
            return None;
        }
        let tokens = request_tokens(&self.request);
        let may = |other: &Served| fallback::fits(&other.model, tokens, has_budget);
        let place = others.iter().position(may)?;
        let asked = others.drain(..=place).next_back()?;
        Some(Self {
            scope: self.scope,
            request: Request {
                model: asked.model.name.clone(),
                ..self.request.clone()
            },
            asked,
            partial: Partial::default(),
            fallback_from: Some(
                self.fallback_from
                    .clone()
                    .unwrap_or_else(|| self.asked.model.name.clone()),
            ),
        })
    }

    /// Writes the call down before it is made, under the number of the one that gave nothing. The built-in responder
    /// asks nobody.
    async fn write_down(&self, inner: &Inner, answer: MessageId, number: i64) -> Result<(), Failure> {
        if self.asked.is_built_in() {
            return Ok(());
        }
        let begun = books::begun(number, &self.asked, self.scope, request_tokens(&self.request), 0);
        let begun = BegunCall {
            fallback_from: self.fallback_from.clone(),
            ..begun
        };
        books::write_down(inner, answer, Vec::new(), begun).await
    }

    fn noted(&self, call: ModelCall) -> ModelCall {
        ModelCall {
            fallback_from: self.fallback_from.clone(),
            ..call
        }
    }

    /// The call, where its provider had begun to answer.
    fn broken_off(&self, now: Timestamp) -> Option<ModelCall> {
        let call = self
            .asked
            .record_partial(self.scope, &self.request, &self.partial, now)?;
        Some(self.noted(call))
    }

    /// The call, where nobody can say what it used.
    fn unknown(&self, now: Timestamp) -> ModelCall {
        self.noted(self.asked.record_unknown(self.scope, now))
    }
}

impl SideResults {
    fn take(&mut self, task: Task, text: &str) -> Option<String> {
        let text = text.trim();
        let summary = || (!text.is_empty()).then(|| text.to_owned());
        match task {
            Task::Title => return title_of(text),
            Task::QuestionSummary => self.question_summary = summary(),
            Task::AnswerSummary => self.answer_summary = summary(),
        }
        None
    }
}

/// The title in a structured answer; a model that ignored the structure is taken at its word.
fn title_of(text: &str) -> Option<String> {
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(object)) => object.get("title").and_then(Value::as_str).and_then(clean_title),
        _ => clean_title(text.lines().next().unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_read_structured_or_plain() {
        assert_eq!(
            title_of(r#"{"title": "Sea novels"}"#).as_deref(),
            Some("Sea novels")
        );
        assert_eq!(title_of("Sea novels\nand more").as_deref(), Some("Sea novels"));
        assert_eq!(title_of(r#"{"name": "x"}"#), None);
    }
}
