//! One connection to one server: made when it is first needed, kept by a task of its own, made again with growing
//! pauses after it was lost, ended with the program.

use crate::{
    http::{Client, MOST_CALLS},
    listing, result,
    server::{CallError, Listing, Output, Tool, ToolServer},
    settings::{Place, ServerSettings},
    stdio,
    words::told,
};
use async_trait::async_trait;
use chatai_llm::Secrets;
use rmcp::{
    ClientHandler, ClientLifecycleMode, ClientServiceExt, Peer, RoleClient, ServiceError,
    model::{
        CallToolRequestParams, CallToolResponse, ClientCapabilities, ClientConfig, Implementation,
        ProtocolVersion,
    },
    service::{NotificationContext, RunningService},
    transport::IntoTransport,
};
use serde_json::{Map, Value};
use std::{
    future::Future,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore, watch},
    time::{Instant, sleep_until, timeout, timeout_at},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// The pause after a connection was lost or not made; doubled each time until it is as long as the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// A connection that held so long was a good one: the next pause is the first again.
const GOOD: Duration = Duration::from_secs(60);
/// A call waits for further attempts that begin so soon; otherwise it is told at once that nobody is there.
const SHORT_WAIT: Duration = Duration::from_secs(2);
/// How often a server is asked for its tools, which also shows that it is alive.
const LIST_EVERY: Duration = Duration::from_secs(300);
/// How often at most, however often it says that they changed.
const LIST_AT_MOST_EVERY: Duration = Duration::from_secs(1);
/// How long a connection may take to be closed.
const CLOSE_TIME: Duration = Duration::from_secs(3);
/// A message carries the result as JSON, and images beside the text: this much more than the text may have.
const MESSAGE_SHARE: usize = 8;
const SMALLEST_MESSAGE: usize = 4 * 1024 * 1024;

/// A server by its settings. Dropping it leaves its connection to end with the runtime; [`ToolServer::close`] ends it
/// in order.
pub struct McpServer {
    shared: Arc<Shared>,
    /// The task that keeps the connection, once it was needed.
    tasks: TaskTracker,
    begun: OnceLock<Instant>,
    calls: Semaphore,
}

struct Shared {
    settings: ServerSettings,
    /// For a service; a program has none.
    client: Option<Client>,
    secrets: Secrets,
    state: watch::Sender<State>,
    /// Somebody needs the connection.
    wanted: Notify,
    closing: CancellationToken,
}

/// What callers see.
struct State {
    connection: Connection,
    /// As last listed, whatever became of the connection.
    tools: Arc<[Tool]>,
}

#[derive(Clone)]
enum Connection {
    /// Nobody has needed one yet, or the first is being made.
    Awaited,
    Up(Up),
    Down {
        why: Arc<str>,
        /// No attempt is made before.
        until: Instant,
    },
    Closed,
}

/// A connection that stands.
#[derive(Clone)]
struct Up {
    peer: Peer<RoleClient>,
    /// Cancelled by a call that finds that it does not.
    lost: CancellationToken,
}

impl Up {
    fn is_lost(&self) -> bool {
        self.lost.is_cancelled() || self.peer.is_transport_closed()
    }
}

/// What the server may tell us on its own: that its tools changed, and nothing else.
struct Events {
    changed: Arc<Notify>,
}

impl ClientHandler for Events {
    fn get_info(&self) -> ClientConfig {
        let us = Implementation::new("chatai", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), us)
    }

    async fn on_tool_list_changed(&self, _: NotificationContext<RoleClient>) {
        self.changed.notify_one();
    }
}

/// A connection that was made.
struct Made {
    service: RunningService<RoleClient, Events>,
    process: Option<stdio::Process>,
    tools: Arc<[Tool]>,
    /// The server says that its tools changed.
    changed: Arc<Notify>,
}

impl McpServer {
    /// A server that is not connected yet.
    ///
    /// # Errors
    /// In words: what of its settings cannot be used.
    pub fn new(settings: ServerSettings) -> Result<Self, String> {
        let most_bytes = most_bytes(&settings);
        let (client, secrets) = match &settings.place {
            Place::Program(program) => {
                // Paths are no secrets, and say what is wrong.
                let values = program.environment.iter().map(|(_, value)| value.as_str());
                let values = values.filter(|value| !value.starts_with('/'));
                (None, Secrets::new(values.map(Into::into)))
            }
            Place::Service(service) => {
                let values = service.headers.iter().map(|(_, value)| value.clone());
                let secrets = Secrets::new(values.chain([service.key.clone()]));
                (Some(Client::new(service, most_bytes)?), secrets)
            }
        };
        let state = State {
            connection: Connection::Awaited,
            tools: Arc::new([]),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                settings,
                client,
                secrets,
                state: watch::Sender::new(state),
                wanted: Notify::new(),
                closing: CancellationToken::new(),
            }),
            tasks: TaskTracker::new(),
            begun: OnceLock::new(),
            calls: Semaphore::new(MOST_CALLS),
        })
    }

    /// Begins to keep the connection, the first time this is called; since when it is kept.
    fn begin(&self) -> Instant {
        *self.begun.get_or_init(|| {
            self.tasks.spawn(keep(Arc::clone(&self.shared)));
            Instant::now()
        })
    }

    /// The connection for a call, made where there is none, by a moment at the latest. Where attempts have failed, the
    /// next one is waited for if it is near.
    async fn connection(&self, by: Instant) -> Connection {
        self.begin();
        let latest = by.min(Instant::now() + SHORT_WAIT);
        let mut state = self.shared.state.subscribe();
        loop {
            let current = state.borrow_and_update().connection.clone();
            match &current {
                Connection::Up(up) if !up.is_lost() => return current,
                Connection::Closed => return current,
                Connection::Down { until, .. } if *until > latest => return current,
                Connection::Down { until, .. } => {
                    sleep_until(*until).await;
                    self.shared.wanted.notify_one();
                }
                Connection::Awaited => self.shared.wanted.notify_one(),
                // Whoever keeps it is about to notice.
                Connection::Up(_) => {}
            }
            if !matches!(timeout_at(by, state.changed()).await, Ok(Ok(()))) {
                return current;
            }
        }
    }

    /// The connection for a list, as far as it is there. Only the first attempt is waited for, and only by those who come
    /// while it is young: a server that is not there must not hold up every turn.
    async fn first_connection(&self, patience: Duration) -> Connection {
        let by = self.begin() + patience;
        self.shared.wanted.notify_one();
        let mut state = self.shared.state.subscribe();
        let made = state.wait_for(|state| !matches!(state.connection, Connection::Awaited));
        // Whether it was made in time or not: what there is now is what there is.
        let _ = timeout_at(by, made).await;
        self.shared.state.borrow().connection.clone()
    }
}

#[async_trait]
impl ToolServer for McpServer {
    fn name(&self) -> &str {
        &self.shared.settings.name
    }

    async fn tools(&self, patience: Duration) -> Listing {
        let fault = match self.first_connection(patience).await {
            Connection::Up(_) => None,
            Connection::Down { why, .. } => Some(why),
            Connection::Awaited => Some("it is not connected yet".into()),
            Connection::Closed => Some("it was closed".into()),
        };
        let tools = Arc::clone(&self.shared.state.borrow().tools);
        Listing { tools, fault }
    }

    async fn call(&self, tool: &str, arguments: Map<String, Value>) -> Result<Output, CallError> {
        let settings = &self.shared.settings;
        let by = Instant::now() + settings.timeout;
        let Ok(Ok(_place)) = timeout_at(by, self.calls.acquire()).await else {
            return Err(CallError::Busy);
        };
        let up = match self.connection(by).await {
            Connection::Up(up) if !up.is_lost() => up,
            _ => return Err(CallError::Unavailable),
        };
        if !self
            .shared
            .state
            .borrow()
            .tools
            .iter()
            .any(|known| known.name == tool)
        {
            return Err(CallError::NoSuchTool);
        }
        let call = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
        let answered = timeout_at(by, up.peer.call_tool_once(call)).await;
        match answered {
            Err(_) => Err(CallError::Timeout(settings.timeout)),
            Ok(Ok(CallToolResponse::Complete(result))) => {
                Ok(result::output(&result, settings.max_result_bytes))
            }
            Ok(Err(ServiceError::McpError(error))) => {
                Err(CallError::Refused(self.shared.secrets.scrub(&error.message)))
            }
            Ok(Err(error @ (ServiceError::TransportSend(_) | ServiceError::TransportClosed))) => {
                let error = self.shared.secrets.scrub(&told(&error));
                tracing::warn!(server = settings.name, tool, error, "a tool's call broke off");
                up.lost.cancel();
                Err(CallError::Lost)
            }
            // It wants more to be told, or asked again later: nobody here can.
            Ok(Ok(_) | Err(_)) => Err(CallError::NoResult),
        }
    }

    async fn close(&self) {
        self.shared.closing.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.shared
            .state
            .send_modify(|state| state.connection = Connection::Closed);
    }
}

/// Keeps the connection from when it is first wanted until the server is closed.
async fn keep(shared: Arc<Shared>) {
    let mut failures = 0;
    while !shared.closing.is_cancelled() {
        tokio::select! {
            () = shared.closing.cancelled() => break,
            () = shared.wanted.notified() => {}
        }
        let begun = Instant::now();
        let why = match connect(&shared).await {
            Ok(made) => hold(&shared, made).await,
            Err(why) => why,
        };
        if shared.closing.is_cancelled() {
            break;
        }
        failures = if begun.elapsed() > GOOD { 0 } else { failures + 1 };
        let pause = pause_after(failures);
        let why = shared.secrets.scrub(&why);
        tracing::warn!(
            server = shared.settings.name,
            why,
            pause_s = pause.as_secs_f64(),
            "a tool server is not connected"
        );
        let until = Instant::now() + pause;
        shared.set(Connection::Down {
            why: why.into(),
            until,
        });
        tokio::select! {
            () = shared.closing.cancelled() => {}
            () = sleep_until(until) => {}
        }
    }
    shared.set(Connection::Closed);
}

fn pause_after(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    (FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)
}

impl Shared {
    fn set(&self, connection: Connection) {
        self.state.send_modify(|state| state.connection = connection);
    }

    /// A step of making a connection, in its time, and given up when the server is closed meanwhile.
    async fn step<T, E: std::error::Error>(
        &self,
        step: impl Future<Output = Result<T, E>>,
    ) -> Result<T, String> {
        tokio::select! {
            () = self.closing.cancelled() => Err("it was closed".to_owned()),
            done = timeout(self.settings.timeout, step) => match done {
                Ok(done) => done.map_err(|error| told(&error)),
                Err(_) => Err(format!("it did not answer within {:?}", self.settings.timeout)),
            }
        }
    }
}

/// Makes a connection and lists the tools. Where that fails, nothing is left of it.
async fn connect(shared: &Shared) -> Result<Made, String> {
    match (&shared.settings.place, &shared.client) {
        (Place::Service(_), Some(client)) => greet(shared, client.transport()).await,
        (Place::Service(_), None) => Err("it has no client".to_owned()),
        (Place::Program(program), _) => {
            let settings = &shared.settings;
            let (process, pipes) = stdio::start(&settings.name, program, most_bytes(settings))
                .map_err(|error| format!("its process cannot be started: {error}"))?;
            match greet(shared, pipes).await {
                Ok(made) => Ok(Made {
                    process: Some(process),
                    ..made
                }),
                Err(why) => Err(with_last_words(why, &process.end().await)),
            }
        }
    }
}

fn with_last_words(why: String, last_words: &str) -> String {
    match last_words {
        "" => why,
        said => format!("{why}; it said: {said}"),
    }
}

/// Agrees on a version, and lists the tools.
async fn greet<T, E, A>(shared: &Shared, transport: T) -> Result<Made, String>
where
    T: IntoTransport<RoleClient, E, A>,
    E: std::error::Error + Send + Sync + 'static,
{
    let changed = Arc::new(Notify::new());
    let events = Events {
        changed: Arc::clone(&changed),
    };
    // Asks in the newest way and falls back to the handshake of older servers.
    let lifecycle = ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::LATEST],
        legacy_version: Some(ProtocolVersion::LATEST_WITH_INITIALIZE),
    };
    let mut service = shared
        .step(events.serve_with_lifecycle(transport, lifecycle))
        .await?;
    match shared.step(listing::list(service.peer(), &shared.settings)).await {
        Ok(tools) => Ok(Made {
            service,
            process: None,
            tools,
            changed,
        }),
        Err(why) => {
            if let Err(error) = service.close_with_timeout(CLOSE_TIME).await {
                tracing::warn!(%error, "a tool server's connection was not closed in order");
            }
            Err(format!("its tools cannot be listed: {why}"))
        }
    }
}

/// Keeps a connection until it is lost or the server closed, and tells why it ended. Nothing is left of it then.
async fn hold(shared: &Shared, made: Made) -> String {
    let Made {
        service,
        process,
        tools,
        changed,
    } = made;
    let (peer, lost) = (service.peer().clone(), CancellationToken::new());
    tracing::info!(
        server = shared.settings.name,
        tools = tools.len(),
        "a tool server is connected"
    );
    shared.state.send_modify(|state| {
        state.tools = tools;
        state.connection = Connection::Up(Up {
            peer: peer.clone(),
            lost: lost.clone(),
        });
    });
    let ending = service.cancellation_token();
    let mut waiting = pin!(service.waiting());
    let mut has_ended = false;
    let (mut listed_at, mut list_at) = (Instant::now(), Instant::now() + LIST_EVERY);
    let why = loop {
        tokio::select! {
            () = shared.closing.cancelled() => break "it was closed".to_owned(),
            () = lost.cancelled() => break "a call broke off".to_owned(),
            _ = &mut waiting => {
                has_ended = true;
                break "it ended the connection".to_owned();
            }
            () = changed.notified() => list_at = list_at.min(listed_at + LIST_AT_MOST_EVERY),
            () = sleep_until(list_at) => {
                match shared.step(listing::list(&peer, &shared.settings)).await {
                    Ok(tools) => shared.state.send_modify(|state| state.tools = tools),
                    Err(why) => break format!("its tools cannot be listed: {why}"),
                }
                listed_at = Instant::now();
                list_at = listed_at + LIST_EVERY;
            }
        }
    };
    // From here on nobody calls it; who does so at this moment is told that it broke off.
    lost.cancel();
    ending.cancel();
    if !has_ended && timeout(CLOSE_TIME, &mut waiting).await.is_err() {
        tracing::warn!(
            server = shared.settings.name,
            "a tool server's connection was not closed in order"
        );
    }
    match process {
        None => why,
        Some(process) => with_last_words(why, &process.end().await),
    }
}

/// The largest message that is taken.
fn most_bytes(settings: &ServerSettings) -> usize {
    settings
        .max_result_bytes
        .saturating_mul(MESSAGE_SHARE)
        .max(SMALLEST_MESSAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_bound() {
        assert_eq!(pause_after(0), FIRST_PAUSE);
        assert_eq!(pause_after(1), FIRST_PAUSE);
        assert_eq!(pause_after(2), 2 * FIRST_PAUSE);
        for failures in 12..100 {
            assert_eq!(pause_after(failures), LONGEST_PAUSE);
        }
    }
}
