//! A provider that does as it is told.

use async_trait::async_trait;
use chatai_llm::{
    Embeddings, Event, EventStream, Finished, LlmError, OfferedModel, Provider, Request, StopReason, ToolCall,
};
use chatai_types::TokenCounts;
use futures_util::{StreamExt, stream};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::sync::{Notify, Semaphore, watch};

/// What it does with one call, in order; without an end the stream breaks off.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Vec<Step>);

#[derive(Clone, Debug)]
enum Step {
    Say(Event),
    /// Waits until it may go on.
    Wait(Arc<Semaphore>),
    Fail(LlmError),
    Panic,
    /// Before the stream begins.
    Refuse(LlmError),
    RefusePanic,
    Never,
}

impl Script {
    fn then(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }

    pub(crate) fn says(self, text: &str) -> Self {
        self.then(Step::Say(Event::Text(text.to_owned())))
    }

    pub(crate) fn reasons(self, text: &str) -> Self {
        self.then(Step::Say(Event::Reasoning(text.to_owned())))
    }

    pub(crate) fn calls(self, id: &str, name: &str, arguments: &str) -> Self {
        self.then(Step::Say(Event::ToolCall(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        })))
    }

    pub(super) fn stops_at(self, text: &str) -> Self {
        self.then(Step::Say(Event::StoppedAt(text.to_owned())))
    }

    /// Goes on when the gate has let it.
    pub(crate) fn waits(self, gate: &Arc<Semaphore>) -> Self {
        self.then(Step::Wait(Arc::clone(gate)))
    }

    pub(crate) fn fails(self) -> Self {
        self.then(Step::Fail(LlmError::Failed("cut".to_owned())))
    }

    pub(crate) fn panics(self) -> Self {
        self.then(Step::Panic)
    }

    pub(crate) fn refuses(self, error: LlmError) -> Self {
        self.then(Step::Refuse(error))
    }

    pub(crate) fn panics_at_once(self) -> Self {
        self.then(Step::RefusePanic)
    }

    pub(crate) fn hangs(self) -> Self {
        self.then(Step::Never)
    }

    pub(crate) fn ends(self) -> Self {
        self.ends_with(None)
    }

    pub(crate) fn ends_using(self, fresh_input: i64, output: i64) -> Self {
        self.ends_with(Some(TokenCounts {
            fresh_input,
            output,
            ..TokenCounts::default()
        }))
    }

    fn ends_with(self, usage: Option<TokenCounts>) -> Self {
        self.then(Step::Say(Event::Finished(Finished {
            reason: StopReason::Stop,
            usage,
            response_id: None,
        })))
    }
}

/// The provider.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    scripts: Mutex<VecDeque<Script>>,
    /// What it was asked, in order.
    asked: Mutex<Vec<Request>>,
    /// Told of each request.
    pub(crate) was_asked: Notify,
    /// How many streams were let go.
    dropped: Arc<watch::Sender<usize>>,
    /// What embedding gives: numbers of each vector, and the tokens it reports.
    pub(crate) embeds: Mutex<Option<(Vec<f32>, Option<i64>)>>,
}

impl Scripted {
    pub(crate) fn new(scripts: impl IntoIterator<Item = Script>) -> Arc<Self> {
        Arc::new(Self {
            scripts: Mutex::new(scripts.into_iter().collect()),
            ..Self::default()
        })
    }

    pub(crate) fn asked(&self) -> Vec<Request> {
        self.asked.lock().unwrap().clone()
    }

    /// Waits until so many streams were let go.
    pub(crate) async fn let_go(&self, count: usize) {
        let mut dropped = self.dropped.subscribe();
        dropped.wait_for(|dropped| *dropped >= count).await.unwrap();
    }
}

/// Tells that a stream was let go.
struct Connection(Arc<watch::Sender<usize>>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.send_modify(|dropped| *dropped += 1);
    }
}

#[async_trait]
impl Provider for Scripted {
    fn name(&self) -> &'static str {
        "scripted"
    }

    async fn stream(&self, request: Request) -> Result<EventStream, LlmError> {
        self.asked.lock().unwrap().push(request);
        self.was_asked.notify_one();
        let script = self.scripts.lock().unwrap().pop_front();
        let Script(steps) = script.expect("no script is left for this call");
        match steps.first() {
            Some(Step::Refuse(error)) => return Err(error.clone()),
            Some(Step::RefusePanic) => panic!("a secret of the program"),
            _ => {}
        }
        let connection = Connection(Arc::clone(&self.dropped));
        let state = (connection, VecDeque::from(steps));
        let events = stream::unfold(state, |(connection, mut steps)| async move {
            loop {
                let event = match steps.pop_front()? {
                    Step::Say(event) => Ok(event),
                    Step::Wait(gate) => {
                        gate.acquire().await.unwrap().forget();
                        continue;
                    }
                    Step::Fail(error) | Step::Refuse(error) => Err(error),
                    Step::Panic | Step::RefusePanic => panic!("a secret of the program"),
                    Step::Never => std::future::pending().await,
                };
                return Some((event, (connection, steps)));
            }
        });
        Ok(events.boxed())
    }

    async fn embed(&self, _: &str, texts: &[String]) -> Result<Embeddings, LlmError> {
        self.was_asked.notify_one();
        let embeds = self.embeds.lock().unwrap().clone();
        let (vector, input_tokens) = embeds.ok_or_else(|| LlmError::Failed("no vectors".to_owned()))?;
        Ok(Embeddings {
            vectors: vec![vector; texts.len()],
            input_tokens,
        })
    }

    async fn models(&self) -> Result<Vec<OfferedModel>, LlmError> {
        Ok(Vec::new())
    }
}
