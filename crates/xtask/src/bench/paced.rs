//! A provider that streams: one token after another at a steady pace, to thousands at once, and each says when it was
//! sent.
//!
//! The scripted provider renders every answer anew and keeps a timer for each; at fifty thousand tokens a second that
//! would be what is measured. Here the events around the tokens are rendered once, by the scripted provider, and one
//! thread writes what is due each millisecond. What the last events repeat of the text is one sign, not the whole.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::completions;
use super::http;
use super::provider;

/// How often it is looked what is due.
const TICK: Duration = Duration::from_millis(1);

/// Characters of a token: the moment in microseconds, its number, both in base 16, and a stop.
pub(super) const TOKEN_CHARS: usize = 16;

/// The sign in the place of a token in what is rendered once.
const PLACE: &str = "~";

/// How fast tokens come, and how many.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    /// From the whole request to the first token.
    pub(super) before_first: Duration,
    /// Between two tokens.
    pub(super) between: Duration,
    /// Tokens of an answer.
    pub(super) tokens: usize,
}

/// Nanoseconds since this was first asked.
pub(super) fn now_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let since = START.get_or_init(Instant::now).elapsed();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads the moment and the number of a token; `None` for anything else.
pub(super) fn read_token(token: &str) -> Option<(u64, usize)> {
    let moment_us = u64::from_str_radix(token.get(..10)?, 16).ok()?;
    let number = usize::from_str_radix(token.get(10..15)?, 16).ok()?;
    (token.get(15..) == Some(".")).then_some((moment_us * 1_000, number))
}

fn write_token(at_ns: u64, number: usize) -> String {
    format!("{:010x}{number:05x}.", at_ns / 1_000)
}

/// A running provider; it ends when dropped.
#[derive(Debug)]
pub(super) struct Paced {
    /// Where it listens.
    pub(super) address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
    ticker: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    /// In the words of responses, and of chat completions.
    responses: Arc<Frames>,
    chunks: Arc<Frames>,
    pace: Mutex<Pace>,
    running: Mutex<Vec<Running>>,
    ended: AtomicBool,
    /// From the last request's arrival to its first token, in nanoseconds.
    took_ns: AtomicU64,
}

/// The parts of an answer, as chunks of its body but for the token.
#[derive(Debug)]
struct Frames {
    begin: Vec<u8>,
    before_token: String,
    after_token: String,
    end: Vec<u8>,
}

/// An answer under way.
#[derive(Debug)]
struct Running {
    socket: Arc<TcpStream>,
    frames: Arc<Frames>,
    pace: Pace,
    arrived_ns: u64,
    due_ns: u64,
    sent: usize,
    /// Told when the answer is over, so that the next request is read.
    over: oneshot::Sender<()>,
}

impl Paced {
    /// Starts it: one thread reads requests, another one writes.
    pub(super) fn start(pace: Pace) -> Result<Self, String> {
        let failed = |error: std::io::Error| format!("cannot start the provider: {error}");
        let shared = Arc::new(Shared {
            responses: Arc::new(Frames::of_responses()?),
            chunks: Arc::new(Frames::of_chat_completions(pace.tokens)?),
            pace: Mutex::new(pace),
            running: Mutex::new(Vec::new()),
            ended: AtomicBool::new(false),
            took_ns: AtomicU64::new(0),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("provider")
            .enable_all()
            .build()
            .map_err(failed)?;
        let listener = runtime
            .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
            .map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let accepting = Arc::clone(&shared);
        runtime.spawn(async move {
            while let Ok((socket, _)) = listener.accept().await {
                let shared = Arc::clone(&accepting);
                tokio::spawn(async move {
                    // A caller that leaves ends its connection, nothing else.
                    let _ = serve(socket, &shared).await;
                });
            }
        });
        let ticking = Arc::clone(&shared);
        let ticker = std::thread::spawn(move || ticking.tick());
        Ok(Self {
            address,
            shared,
            runtime: Some(runtime),
            ticker: Some(ticker),
        })
    }

    /// How answers come from now on.
    pub(super) fn set(&self, pace: Pace) {
        *lock(&self.shared.pace) = pace;
    }

    /// How long it took from the arrival of the last request to its first token.
    pub(super) fn took_ns(&self) -> u64 {
        self.shared.took_ns.load(Ordering::Acquire)
    }
}

impl Drop for Paced {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
        if let Some(ticker) = self.ticker.take() {
            // It has no way to fail but by a panic, which has been told then.
            let _ = ticker.join();
        }
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Frames {
    fn of_responses() -> Result<Self, String> {
        let stream = provider::rendered(PLACE, 1)?;
        let name = "event: response.output_text.delta\n";
        let at = stream.find(name).ok_or("the rendered answer has no token")?;
        let (begin, rest) = stream.split_at(at);
        let end = rest.find("\n\n").ok_or("the rendered answer breaks off")? + 2;
        let (token, end) = rest.split_at(end);
        Self::new(begin, token, end)
    }

    /// What they say of the tokens used is of the pace at the start.
    fn of_chat_completions(tokens: usize) -> Result<Self, String> {
        let end = completions::end(tokens);
        Self::new(&completions::begin(), &completions::token(PLACE), &end)
    }

    fn new(begin: &str, token: &str, end: &str) -> Result<Self, String> {
        let (before, after) = token.split_once(PLACE).ok_or("the rendered token has no text")?;
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n";
        let length = before.len() + TOKEN_CHARS + after.len();
        Ok(Self {
            begin: [head.as_bytes(), &chunk(begin)].concat(),
            before_token: format!("{length:x}\r\n{before}"),
            after_token: format!("{after}\r\n"),
            end: [chunk(end), b"0\r\n\r\n".to_vec()].concat(),
        })
    }
}

fn chunk(text: &str) -> Vec<u8> {
    format!("{:x}\r\n{text}\r\n", text.len()).into_bytes()
}

impl Shared {
    /// The words that a request is to be answered in; `None` where it is no call of a model.
    fn frames_for(&self, request: &[u8]) -> Option<&Arc<Frames>> {
        let line = request.split(|byte| *byte == b'\r').next()?;
        let path = line.strip_prefix(b"POST ")?.strip_suffix(b" HTTP/1.1")?;
        if path.ends_with(b"/responses") {
            return Some(&self.responses);
        }
        path.ends_with(b"/chat/completions").then_some(&self.chunks)
    }

    /// Writes what is due, until the end.
    fn tick(&self) {
        let mut waiting: BinaryHeap<Reverse<Due>> = BinaryHeap::new();
        let mut buffer = Vec::with_capacity(1_024);
        let mut next = Instant::now();
        while !self.ended.load(Ordering::Relaxed) {
            let arrived = std::mem::take(&mut *lock(&self.running));
            waiting.extend(arrived.into_iter().map(|running| Reverse(Due(running))));
            let now = now_ns();
            while waiting
                .peek()
                .is_some_and(|Reverse(Due(running))| running.due_ns <= now)
            {
                let Some(Reverse(Due(running))) = waiting.pop() else {
                    break;
                };
                waiting.extend(
                    self.send(running, &mut buffer)
                        .map(|running| Reverse(Due(running))),
                );
            }
            next += TICK;
            let left = next.saturating_duration_since(Instant::now());
            if left.is_zero() {
                // Late: what was missed is not caught up with.
                next = Instant::now();
            }
            std::thread::sleep(left);
        }
    }

    /// Sends one token, and the end after the last; gives the answer back while it goes on.
    fn send(&self, mut running: Running, buffer: &mut Vec<u8>) -> Option<Running> {
        buffer.clear();
        let now = now_ns();
        if running.sent == 0 {
            buffer.extend_from_slice(&running.frames.begin);
            self.took_ns.store(now - running.arrived_ns, Ordering::Release);
        }
        buffer.extend_from_slice(running.frames.before_token.as_bytes());
        buffer.extend_from_slice(write_token(now, running.sent).as_bytes());
        buffer.extend_from_slice(running.frames.after_token.as_bytes());
        running.sent += 1;
        let is_last = running.sent == running.pace.tokens;
        if is_last {
            buffer.extend_from_slice(&running.frames.end);
        }
        // It fits the socket's buffer, unless the reader has stopped to read.
        if !matches!(running.socket.try_write(buffer), Ok(written) if written == buffer.len()) {
            // Its reader, or the service, tells of an answer that breaks off.
            return None;
        }
        if is_last {
            let Running { socket, over, .. } = running;
            // Whoever is told has the socket to itself.
            drop(socket);
            // Nobody waits for it when the connection has ended meanwhile.
            let _ = over.send(());
            return None;
        }
        running.due_ns += nanoseconds(running.pace.between);
        Some(running)
    }
}

/// An answer in order of when its next token is due.
struct Due(Running);

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.0.due_ns == other.0.due_ns
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.due_ns.cmp(&other.0.due_ns)
    }
}

async fn serve(socket: TcpStream, shared: &Shared) -> Result<(), String> {
    let failed = |error: std::io::Error| error.to_string();
    socket.set_nodelay(true).map_err(failed)?;
    let mut socket = Arc::new(socket);
    let mut buffer = Vec::with_capacity(4 * 1024);
    loop {
        while !http::frame(&buffer)?.is_some_and(|frame| frame.is_whole(&buffer)) {
            let reader = Arc::get_mut(&mut socket).ok_or("the last answer is not over")?;
            if reader.read_buf(&mut buffer).await.map_err(failed)? == 0 {
                return Ok(());
            }
        }
        let arrived_ns = now_ns();
        let frames = shared.frames_for(&buffer).map(Arc::clone);
        buffer.clear();
        let Some(frames) = frames else {
            let writer = Arc::get_mut(&mut socket).ok_or("the last answer is not over")?;
            let refusal = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n";
            writer.write_all(refusal).await.map_err(failed)?;
            continue;
        };
        // Until then the runtime does not know that it may be written to.
        socket.writable().await.map_err(failed)?;
        let pace = *lock(&shared.pace);
        let (over, heard) = oneshot::channel();
        lock(&shared.running).push(Running {
            socket: Arc::clone(&socket),
            frames,
            pace,
            arrived_ns,
            due_ns: arrived_ns + nanoseconds(pace.before_first),
            sent: 0,
            over,
        });
        heard.await.map_err(|_| "the answer broke off".to_owned())?;
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::http::Connection;

    #[test]
    fn tokens_read_back() {
        let token = write_token(1_234_567_890, 77);
        assert_eq!(token.len(), TOKEN_CHARS);
        assert_eq!(read_token(&token), Some((1_234_567_000, 77)));
        assert_eq!(read_token("hello"), None);
    }

    #[test]
    fn it_sends_every_token_and_takes_the_next_request() {
        let provider = Paced::start(Pace {
            before_first: Duration::ZERO,
            between: Duration::from_millis(1),
            tokens: 3,
        })
        .unwrap();
        let mut connection = Connection::open(provider.address).unwrap();
        for (path, token, end) in [
            (
                "/v1/responses",
                "event: response.output_text.delta",
                "event: response.completed",
            ),
            ("/v1/chat/completions", ".\"},\"logprobs\"", "data: [DONE]"),
        ] {
            let request = http::request("POST", path, "", "application/json", b"{}");
            for _ in 0..2 {
                connection.succeed(&request).unwrap();
                let stream = String::from_utf8(http::dechunked(connection.body()).unwrap()).unwrap();
                assert_eq!(stream.matches(token).count(), 3);
                assert!(stream.contains(end));
            }
        }
    }
}
