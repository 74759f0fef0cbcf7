//! The scripted provider: a model vendor that says what a test tells it to, over real HTTP.
//!
//! It speaks the streams of OpenAI's Responses API, of chat completions, of Anthropic's Messages API and of Gemini
//! ([`Dialect`], told apart by the path), well or as badly as scripted, with each vendor's embeddings and lists of
//! models, and records what it was asked. What no vendor would take it refuses (`strict`). It is the only fake of
//! the test suites, and, by [`serve`], the benchmarks' provider. It knows nothing of the program under test.
//!
//! ```no_run
//! # async fn example() {
//! use chatai_testkit::provider::{Gate, Reply, ScriptedProvider};
//! let provider = ScriptedProvider::start().await;
//! let gate = Gate::new();
//! provider.push(Reply::text("Hello, world").deltas(2).gate_after(1, &gate).usage(12, 4, 2, 0));
//! // … start a turn against `provider.base_url()` …
//! gate.reached().await; // the first delta was written
//! gate.open();
//! provider.wait_for_calls(1).await;
//! assert_eq!(provider.calls()[0].last_user_text(), "hi");
//! # }
//! ```

mod asked;
pub mod concepts;
mod connection;
mod defaults;
mod dialect;
mod embeddings;
pub mod faults;
mod frames;
mod gate;
mod refusals;
mod reply;
mod request;
mod strict;
mod synonyms;
#[cfg(test)]
mod tests;

pub use dialect::Dialect;
pub use gate::Gate;
pub use reply::{Fault, Reply, ReportedUsage};
pub use request::RecordedRequest;

use connection::Handler;
use std::{
    collections::VecDeque,
    fmt,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{
    net::TcpListener,
    sync::watch,
    task::{JoinHandle, JoinSet},
};

/// Requests that are remembered; of longer runs only the numbers are kept.
const MAX_RECORDED: usize = 20_000;

/// Decides on the reply to a model call.
type Script = Arc<dyn Fn(&RecordedRequest) -> Reply + Send + Sync>;

/// Decides whether a pushed reply is meant for a request.
type Matcher = Box<dyn Fn(&RecordedRequest) -> bool + Send + Sync>;

/// A provider for one test. Dropping it closes the listener and every connection.
pub struct ScriptedProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that arrived whole.
    pub calls: usize,
    /// Replies sent to the end their script gives them.
    pub finished: usize,
    /// Replies the client left before their end.
    pub aborted: usize,
    /// Connections accepted.
    pub connections: usize,
    /// Connections that ended, from whichever side.
    pub connections_closed: usize,
}

/// One answer that was sent to its end, as the vendor would bill it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Billed {
    /// The request's number.
    pub index: u64,
    /// The response's id.
    pub response_id: String,
    /// The model asked for.
    pub model: String,
    /// What was reported.
    pub usage: ReportedUsage,
}

#[derive(Default)]
struct Shared {
    next_index: AtomicU64,
    /// How many numbers embeddings have, where a test says so; 0 for the usual number.
    dimension: AtomicUsize,
    counts: watch::Sender<Counts>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pushed: VecDeque<(Matcher, Reply)>,
    script: Option<Script>,
    calls: VecDeque<Arc<RecordedRequest>>,
    billed: VecDeque<Billed>,
    /// The models it says it has.
    models: Vec<String>,
}

impl ScriptedProvider {
    /// Starts on a free port of 127.0.0.1.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await
    }

    /// Starts on a given address, e.g. to come back where another one was dropped.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("the address is free");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared::default());
        let server = tokio::spawn(accept(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            server,
        }
    }

    /// `http://127.0.0.1:PORT`, below which each vendor's API has its usual path.
    pub fn root_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `http://127.0.0.1:PORT/v1`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The reply to the next model call that asks for free text. Calls for structured output (titles, intents)
    /// do not use it up, because they run beside the answer in no fixed order.
    pub fn push(&self, reply: Reply) {
        self.push_when(
            |request| request.is_model_call() && request.schema_name().is_none(),
            reply,
        );
    }

    /// The reply to the next model call whose answer must fit the JSON schema of this name.
    pub fn push_for_schema(&self, name: &str, reply: Reply) {
        let name = name.to_owned();
        self.push_when(
            move |request| request.is_model_call() && request.schema_name() == Some(&name),
            reply,
        );
    }

    /// The reply to the next request for embeddings. An answer made by [`Reply::text`] stands for the usual
    /// vectors, so that gates and delays before the headers can be added to it.
    pub fn push_for_embeddings(&self, reply: Reply) {
        self.push_when(RecordedRequest::is_embeddings, reply);
    }

    /// The reply to the next request that `matches`. Of several pushed replies that match, the first is taken.
    pub fn push_when(
        &self,
        matches: impl Fn(&RecordedRequest) -> bool + Send + Sync + 'static,
        reply: Reply,
    ) {
        self.shared.state().pushed.push_back((Box::new(matches), reply));
    }

    /// Decides on the replies to all model calls for which none was pushed. [`Reply::echo`] is the default.
    pub fn script(&self, script: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static) {
        self.shared.state().script = Some(Arc::new(script));
    }

    /// The models it says it has from now on, to `GET …/models`; none at first.
    pub fn offer(&self, models: &[&str]) {
        self.shared.state().models = models.iter().map(|name| (*name).to_owned()).collect();
    }

    /// Goes back to the default replies.
    pub fn unscript(&self) {
        self.shared.state().script = None;
    }

    /// From now on embeddings have so many numbers, as after a change of the model behind a name.
    pub fn embed_in(&self, dimension: usize) {
        assert!(dimension > 0, "a vector has a direction");
        self.shared.dimension.store(dimension, Ordering::Relaxed);
    }

    /// How many pushed replies nobody asked for yet.
    pub fn unused(&self) -> usize {
        self.shared.state().pushed.len()
    }

    /// All requests so far, in order of arrival (the last 20,000).
    pub fn calls(&self) -> Vec<Arc<RecordedRequest>> {
        self.shared.state().calls.iter().cloned().collect()
    }

    /// The model calls so far that ask for free text: answers and tool rounds, not titles or intents.
    pub fn answer_calls(&self) -> Vec<Arc<RecordedRequest>> {
        let calls = self.calls().into_iter();
        calls
            .filter(|call| call.is_model_call() && call.schema_name().is_none())
            .collect()
    }

    /// The provider's own log: every answer with usage that was sent to its end (the last 20,000).
    pub fn billed(&self) -> Vec<Billed> {
        self.shared.state().billed.iter().cloned().collect()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        *self.shared.counts.borrow()
    }

    /// Waits until the counts are as a test needs them. There is no time limit: under tokio's paused time one
    /// would be over at once, so what hangs is ended by the test runner.
    pub async fn wait_until(&self, reached: impl FnMut(&Counts) -> bool) -> Counts {
        let mut counts = self.shared.counts.subscribe();
        *counts
            .wait_for(reached)
            .await
            .expect("the sender lives in `self`")
    }

    /// Waits until `count` requests arrived in all.
    pub async fn wait_for_calls(&self, count: usize) {
        self.wait_until(|counts| counts.calls >= count).await;
    }

    /// Waits until `count` connections ended in all, from whichever side.
    pub async fn wait_for_connections_closed(&self, count: usize) {
        self.wait_until(|counts| counts.connections_closed >= count).await;
    }

    /// Waits until clients left `count` replies before their end.
    pub async fn wait_for_aborted(&self, count: usize) {
        self.wait_until(|counts| counts.aborted >= count).await;
    }
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        // The task owns the listener and, in a set, every connection's task.
        self.server.abort();
    }
}

impl fmt::Debug for ScriptedProvider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ScriptedProvider")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

/// Serves `listener` until dropped: the provider of a benchmark. Nothing is recorded. Requests for embeddings
/// are answered with the usual vectors, model calls as `script` says.
pub async fn serve(
    listener: TcpListener,
    script: impl Fn(&RecordedRequest) -> Reply + Send + Sync + 'static,
) {
    accept(
        listener,
        Arc::new(Standalone {
            next_index: AtomicU64::new(0),
            script,
        }),
    )
    .await;
}

async fn accept<H: Handler + Connections + 'static>(listener: TcpListener, handler: Arc<H>) {
    let mut connections = JoinSet::new();
    let mut number = 0;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Out of handles, mostly: wait for one to come back rather than spin.
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        // Without it a second small write waits for the first one's acknowledgement.
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        while connections.try_join_next().is_some() {}
        let handler = Arc::clone(&handler);
        handler.opened();
        connections.spawn(async move {
            let closing = Closing(&*handler);
            connection::serve(stream, number, closing.0).await;
        });
        number += 1;
    }
}

/// Tells of a connection's end, also when its task is ended.
struct Closing<'a, H: Connections>(&'a H);

impl<H: Connections> Drop for Closing<'_, H> {
    fn drop(&mut self) {
        self.0.closed();
    }
}

/// What a server hears of its connections.
trait Connections: Send + Sync {
    fn opened(&self);
    fn closed(&self);
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of a test's own script must not hide behind a second one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Connections for Shared {
    fn opened(&self) {
        self.counts.send_modify(|counts| counts.connections += 1);
    }

    fn closed(&self) {
        self.counts.send_modify(|counts| counts.connections_closed += 1);
    }
}

impl Handler for Shared {
    fn next_index(&self) -> u64 {
        self.next_index.fetch_add(1, Ordering::Relaxed)
    }

    fn reply(&self, request: &Arc<RecordedRequest>) -> Reply {
        // Whatever a test has pushed is for a call that a vendor would take.
        let unfit = request
            .dialect()
            .and_then(|dialect| strict::check(dialect, request).err());
        let (pushed, script) = {
            let mut state = self.state();
            if state.calls.len() == MAX_RECORDED {
                state.calls.pop_front();
            }
            state.calls.push_back(Arc::clone(request));
            if let Some(what) = unfit {
                drop(state);
                self.counts.send_modify(|counts| counts.calls += 1);
                return Reply::bad_request(&what);
            }
            let place = state.pushed.iter().position(|(matches, _)| matches(request));
            (
                place.and_then(|place| state.pushed.remove(place)),
                state.script.clone(),
            )
        };
        self.counts.send_modify(|counts| counts.calls += 1);
        match (pushed, script) {
            (Some((_, reply)), _) => reply,
            (None, Some(script)) if request.is_model_call() => script(request),
            (None, _) if request.asks_for_models() => defaults::offered(&self.state().models, request),
            (None, _) => defaults::reply(request),
        }
    }

    fn finished(&self, request: &RecordedRequest, usage: Option<ReportedUsage>) {
        if let Some(usage) = usage {
            let mut state = self.state();
            if state.billed.len() == MAX_RECORDED {
                state.billed.pop_front();
            }
            let (index, response_id) = (request.index, request.response_id());
            state.billed.push_back(Billed {
                index,
                response_id,
                model: request.model().into_owned(),
                usage,
            });
        }
        self.counts.send_modify(|counts| counts.finished += 1);
    }

    fn aborted(&self, _: &RecordedRequest) {
        self.counts.send_modify(|counts| counts.aborted += 1);
    }

    fn embedding_dimension(&self) -> usize {
        match self.dimension.load(Ordering::Relaxed) {
            0 => concepts::DIMENSION,
            dimension => dimension,
        }
    }
}

/// The handler of [`serve`].
struct Standalone<S> {
    next_index: AtomicU64,
    script: S,
}

impl<S: Send + Sync> Connections for Standalone<S> {
    fn opened(&self) {}

    fn closed(&self) {}
}

impl<S: Fn(&RecordedRequest) -> Reply + Send + Sync> Handler for Standalone<S> {
    fn next_index(&self) -> u64 {
        self.next_index.fetch_add(1, Ordering::Relaxed)
    }

    fn reply(&self, request: &Arc<RecordedRequest>) -> Reply {
        if request.is_model_call() {
            (self.script)(request)
        } else {
            defaults::reply(request)
        }
    }

    fn finished(&self, _: &RecordedRequest, _: Option<ReportedUsage>) {}

    fn aborted(&self, _: &RecordedRequest) {}
}
