//! What runs beside the answer: the title of a new conversation and the summaries of long texts. It never
//! delays the first byte, and its failure never fails the turn.

use super::{
    calls::Served,
    prompt::{self, clean_title},
};
use chatai_llm::Request;
use chatai_store::ops::turns::ModelCall;
use chatai_types::{Clock, Scope};
use serde_json::Value;
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{
    task::{Id, JoinSet},
    time::Instant,
};

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
    pub(crate) title: Option<String>,
    pub(crate) question_summary: Option<String>,
    pub(crate) answer_summary: Option<String>,
    pub(crate) calls: Vec<ModelCall>,
}

/// The calls under way; dropping this ends them.
pub(crate) struct SideWork {
    tasks: JoinSet<(Task, Option<(String, ModelCall)>)>,
    /// What each call is for and whom it asks, until it has ended.
    open: HashMap<Id, (Scope, Served)>,
    clock: Arc<dyn Clock>,
}

impl SideWork {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            tasks: JoinSet::new(),
            open: HashMap::new(),
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

    fn start(&mut self, task: Task, scope: Scope, model: Served, request: Request) {
        let clock = Arc::clone(&self.clock);
        let asked = model.clone();
        let handle = self.tasks.spawn(async move {
            let done = match model.complete(request.clone()).await {
                Ok(done) => done,
                Err(error) => {
                    tracing::warn!(%scope, model = %model.model.name, %error, "a call beside the answer failed");
                    return (task, None);
                }
            };
            let call = model.record(scope, done.usage, &request, &done.text, clock.now());
            (task, Some((done.text, call)))
        });
        self.open.insert(handle.id(), (scope, asked));
    }

    /// Waits for what is under way, but no longer than `patience`. A call that is ended then is recorded without
    /// tokens: nobody knows what it used.
    pub(crate) async fn finish(mut self, patience: Duration) -> SideResults {
        let deadline = Instant::now() + patience;
        let mut results = SideResults::default();
        loop {
            let (id, done) = match tokio::time::timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(Some(Ok((id, done)))) => (id, done),
                Ok(Some(Err(error))) => {
                    tracing::error!(%error, "a call beside the answer broke down");
                    self.open.remove(&error.id());
                    continue;
                }
                Ok(None) => return results,
                Err(_) => break,
            };
            self.open.remove(&id);
            if let (task, Some((text, call))) = done {
                results.take(task, &text, call);
            }
        }
        tracing::warn!(
            open = self.open.len(),
            "calls beside the answer took too long and were ended"
        );
        for (scope, asked) in self.open.into_values() {
            results.calls.push(asked.record_unknown(scope, self.clock.now()));
        }
        results
    }
}

impl SideResults {
    fn take(&mut self, task: Task, text: &str, call: ModelCall) {
        let text = text.trim();
        let summary = || (!text.is_empty()).then(|| text.to_owned());
        match task {
            Task::Title => self.title = title_of(text),
            Task::QuestionSummary => self.question_summary = summary(),
            Task::AnswerSummary => self.answer_summary = summary(),
        }
        self.calls.push(call);
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
