//! What runs beside the answer: the title of a new conversation and the summaries of long texts. It never
//! delays the first byte, and its failure never fails the turn.

use super::{
    calls::{Partial, Served},
    prompt::{self, clean_title},
};
use chatai_llm::Request;
use chatai_store::ops::turns::ModelCall;
use chatai_types::{Clock, Scope};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc, time::Duration};
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

/// A call under way: what it is for, whom it asks, and what it has given so far.
struct Open {
    scope: Scope,
    asked: Served,
    request: Request,
    partial: Partial,
}

/// The calls under way; dropping this ends them.
pub(crate) struct SideWork {
    tasks: JoinSet<(Task, Option<String>, Option<ModelCall>)>,
    /// Each call until it has ended.
    open: HashMap<Id, Open>,
    results: SideResults,
    clock: Arc<dyn Clock>,
}

impl SideWork {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            tasks: JoinSet::new(),
            open: HashMap::new(),
            results: SideResults::default(),
            clock,
        }
    }

    pub(crate) fn title(&mut self, model: Served, question: &str) {
        let request = prompt::title(&model.model.name, question);
        self.start(Task::Title, Scope::Title, model, request);
    }

    pub(crate) fn question_summary(&mut self, model: Served, question: &str) {
        let request = prompt::summary(&model.model.name, question);
        self.start(Task::QuestionSummary, Scope::Summary, model, request);
    }

    pub(crate) fn answer_summary(&mut self, model: Served, answer: &str) {
        let request = prompt::summary(&model.model.name, answer);
        self.start(Task::AnswerSummary, Scope::Summary, model, request);
    }

    fn start(&mut self, task: Task, scope: Scope, asked: Served, request: Request) {
        let open = Open {
            scope,
            asked: asked.clone(),
            request: request.clone(),
            partial: Partial::default(),
        };
        let (clock, partial) = (Arc::clone(&self.clock), open.partial.clone());
        let handle = self.tasks.spawn(async move {
            match asked.complete(request.clone(), &partial).await {
                Ok(done) => {
                    let call = asked.record(scope, done.usage, &request, &done.text, clock.now());
                    (task, Some(done.text), Some(call))
                }
                Err(error) => {
                    tracing::warn!(%scope, model = %asked.model.name, %error, "a call beside the answer failed");
                    (task, None, asked.record_partial(scope, &request, &partial, clock.now()))
                }
            }
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
        let now = self.clock.now();
        for open in std::mem::take(&mut self.open).into_values() {
            let known = open
                .asked
                .record_partial(open.scope, &open.request, &open.partial, now);
            let call = known.unwrap_or_else(|| open.asked.record_unknown(open.scope, now));
            self.results.calls.push(call);
        }
        self.results
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
