//! Readers of event streams: the service's, through `/chat/` or `/v1`, and the provider's own, thousands of them on one
//! thread.
//!
//! Every token says when it was sent and which one it is, so a reader knows how long each took and that none is
//! missing, none comes twice and none changes place, however they were put together in events.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::http;
use super::load::{histogram, record};
use super::paced::{self, TOKEN_CHARS, now_ns};

/// A stream in which nothing comes for this long is a failure of the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// How often it is looked whether all have begun.
const BETWEEN_LOOKS: Duration = Duration::from_millis(2);

/// What one stream brought.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// The answer's id, where the stream names it.
    pub(super) answer: Option<i64>,
    /// When the request left, and when the first token was there.
    pub(super) asked_ns: u64,
    pub(super) first_ns: u64,
    /// All text.
    pub(super) text: String,
    /// Events with text.
    pub(super) events: usize,
    /// When each token was sent and was there.
    pub(super) tokens: Vec<(u64, u64)>,
    /// Whether the end came.
    pub(super) ended: bool,
}

/// How long tokens took.
#[derive(Debug)]
pub(super) struct Times {
    /// From the provider's sending to the reader's having it.
    pub(super) delay: Histogram<u64>,
    /// By how much the pause before a token grew on its way; none where it shrank.
    pub(super) growth: Histogram<u64>,
}

impl Times {
    /// Those of many streams.
    pub(super) fn of(received: &[Received]) -> Self {
        let (mut delay, mut growth) = (histogram(), histogram());
        for stream in received {
            let mut before: Option<(u64, u64)> = None;
            for (sent, there) in &stream.tokens {
                record(&mut delay, Duration::from_nanos(there.saturating_sub(*sent)));
                if let Some((sent_before, there_before)) = before {
                    let grown = (there - there_before).saturating_sub(sent.saturating_sub(sent_before));
                    record(&mut growth, Duration::from_nanos(grown));
                }
                before = Some((*sent, *there));
            }
        }
        Self { delay, growth }
    }
}

/// Streams that are read in the background, on one thread.
#[derive(Debug)]
pub(super) struct Streams {
    runtime: Runtime,
    begun: Arc<AtomicUsize>,
    /// Of each stream, once it has named it.
    answers: Vec<Arc<AtomicI64>>,
    tasks: Vec<JoinHandle<Result<Received, String>>>,
}

impl Streams {
    /// Starts the thread.
    pub(super) fn new() -> Result<Self, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("readers")
            .enable_all()
            .build()
            .map_err(|error| format!("cannot start the readers: {error}"))?;
        Ok(Self {
            runtime,
            begun: Arc::default(),
            answers: Vec::new(),
            tasks: Vec::new(),
        })
    }

    /// Sends each request on a connection of its own, one after the other, and reads what comes.
    pub(super) fn open(&mut self, address: SocketAddr, requests: &[Vec<u8>]) -> Result<(), String> {
        for request in requests {
            let connect = async {
                let socket = TcpStream::connect(address).await?;
                socket.set_nodelay(true)?;
                Ok(socket)
            };
            let socket = self.runtime.block_on(connect);
            let mut socket =
                socket.map_err(|error: std::io::Error| format!("cannot connect to {address}: {error}"))?;
            let (request, begun, answer) = (request.clone(), Arc::clone(&self.begun), Arc::default());
            self.answers.push(Arc::clone(&answer));
            self.tasks.push(self.runtime.spawn(async move {
                let begin = move |id: Option<i64>| {
                    answer.store(id.unwrap_or_default(), Ordering::Release);
                    begun.fetch_add(1, Ordering::Release);
                };
                read(&mut socket, &request, begin).await
            }));
        }
        Ok(())
    }

    /// Waits until every stream has brought a token.
    pub(super) fn all_begun(&self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while self.begun.load(Ordering::Acquire) < self.tasks.len() {
            if Instant::now() > deadline || self.tasks.iter().any(JoinHandle::is_finished) {
                let (begun, all) = (self.begun.load(Ordering::Acquire), self.tasks.len());
                return Err(format!(
                    "{begun} of {all} streams have begun, and some are over or stuck"
                ));
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
        Ok(())
    }

    /// The ids of the answers of all that have begun, in order.
    pub(super) fn answers(&self) -> Vec<i64> {
        let answers = self.answers.iter();
        answers.map(|answer| answer.load(Ordering::Acquire)).collect()
    }

    /// Reads all streams to their ends. Fails where one breaks off, or has not every one of `tokens`.
    pub(super) fn whole(self, tokens: usize) -> Result<Vec<Received>, String> {
        let received = self.rest()?;
        for stream in &received {
            if !stream.ended || stream.tokens.len() != tokens {
                return Err(format!(
                    "a stream brought {} of {tokens} tokens, its end: {}",
                    stream.tokens.len(),
                    stream.ended
                ));
            }
        }
        Ok(received)
    }

    /// What came until each stream's end, whatever ended it.
    pub(super) fn rest(self) -> Result<Vec<Received>, String> {
        let Self { runtime, tasks, .. } = self;
        runtime.block_on(async {
            let mut received = Vec::with_capacity(tasks.len());
            for task in tasks {
                let stream = task.await.map_err(|error| format!("a reader broke: {error}"))?;
                received.push(stream?);
            }
            Ok(received)
        })
    }
}

/// Sends a request and reads the stream that answers it, to the end or until the connection breaks.
pub(super) async fn read(
    socket: &mut TcpStream,
    request: &[u8],
    begin: impl FnOnce(Option<i64>),
) -> Result<Received, String> {
    let failed = |error: std::io::Error| format!("a stream failed: {error}");
    let mut stream = Stream::default();
    let mut begin = Some(begin);
    stream.received.asked_ns = now_ns();
    socket.write_all(request).await.map_err(failed)?;
    while !stream.over {
        let read = tokio::time::timeout(PATIENCE, socket.read_buf(&mut stream.raw)).await;
        match read.map_err(|_| format!("a stream is silent for {PATIENCE:?}"))? {
            Ok(0) => break,
            Ok(_) => stream.take(now_ns())?,
            // As when the service is killed.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => break,
            Err(error) => return Err(failed(error)),
        }
        if !stream.received.tokens.is_empty()
            && let Some(begin) = begin.take()
        {
            begin(stream.received.answer);
        }
    }
    Ok(stream.received)
}

/// A stream as far as it was read.
#[derive(Debug, Default)]
struct Stream {
    /// Bytes as they came, those that were used taken away.
    raw: Vec<u8>,
    has_head: bool,
    /// The body, whole events taken away.
    body: Vec<u8>,
    over: bool,
    received: Received,
}

impl Stream {
    /// Uses what is there.
    fn take(&mut self, now_ns: u64) -> Result<(), String> {
        if !self.has_head {
            let Some(frame) = http::frame(&self.raw)? else {
                return Ok(());
            };
            if frame.status != 200 || frame.body.is_some() {
                return Err(format!("no stream: {}", String::from_utf8_lossy(&self.raw)));
            }
            self.raw.drain(..frame.head);
            self.has_head = true;
        }
        self.take_chunks()?;
        let body = std::mem::take(&mut self.body);
        let mut rest = body.as_slice();
        while let Some(end) = rest.windows(2).position(|window| window == b"\n\n") {
            let event = std::str::from_utf8(&rest[..end]).map_err(|error| format!("not text: {error}"))?;
            self.event(event, now_ns)?;
            rest = &rest[end + 2..];
        }
        self.body = rest.to_vec();
        Ok(())
    }

    /// Moves whole chunks to the body.
    fn take_chunks(&mut self) -> Result<(), String> {
        let mut used = 0;
        loop {
            let rest = &self.raw[used..];
            let Some(end) = rest.windows(2).position(|window| window == b"\r\n") else {
                break;
            };
            let size = std::str::from_utf8(&rest[..end]).ok();
            let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
            let size = size.ok_or("not a chunk")?;
            let Some(chunk) = rest.get(end + 2..end + 4 + size) else {
                break;
            };
            self.over |= size == 0;
            self.body.extend_from_slice(&chunk[..size]);
            used += end + 4 + size;
        }
        self.raw.drain(..used);
        Ok(())
    }

    fn event(&mut self, event: &str, now_ns: u64) -> Result<(), String> {
        let mut name = "";
        let mut data = "";
        for line in event.lines() {
            match line.split_once(": ") {
                Some(("event", value)) => name = value,
                Some(("data", value)) => data = value,
                _ => {}
            }
        }
        match name {
            // Chunks of chat completions have no names.
            "" => self.chunk(data, now_ns),
            "turn" => {
                let turn: serde_json::Value =
                    serde_json::from_str(data).map_err(|error| format!("not JSON: {error}: {data}"))?;
                self.received.answer = turn["response_message_id"].as_i64();
                Ok(())
            }
            "delta" => self.text(between(data, "{\"text\":\"")?, now_ns),
            "response.output_text.delta" => self.text(between(data, "\"delta\":\"")?, now_ns),
            "done" if !data.contains("\"status\":\"complete\"") => {
                Err(format!("an answer ended badly: {data}"))
            }
            "done" | "response.completed" => {
                self.received.ended = true;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn chunk(&mut self, data: &str, now_ns: u64) -> Result<(), String> {
        if data == "[DONE]" {
            self.received.ended = true;
            return Ok(());
        }
        if data.starts_with("{\"error\"") {
            return Err(format!("an answer ended badly: {data}"));
        }
        // The first chunk may say who speaks, and the last why it ended, with no text or an empty one.
        match between(data, "\"content\":\"") {
            Ok("") | Err(_) => Ok(()),
            Ok(text) => self.text(text, now_ns),
        }
    }

    fn text(&mut self, text: &str, now_ns: u64) -> Result<(), String> {
        let received = &mut self.received;
        if received.tokens.is_empty() {
            received.first_ns = now_ns;
        }
        received.events += 1;
        received.text.push_str(text);
        while let Some(token) = received
            .text
            .get(received.tokens.len() * TOKEN_CHARS..(received.tokens.len() + 1) * TOKEN_CHARS)
        {
            let expected = received.tokens.len();
            match paced::read_token(token) {
                Some((sent, number)) if number == expected => received.tokens.push((sent, now_ns)),
                _ => return Err(format!("`{token}` in the place of token {expected}")),
            }
        }
        Ok(())
    }
}

/// The text behind a beginning, up to the next quote: tokens need no escapes.
fn between<'t>(data: &'t str, begin: &str) -> Result<&'t str, String> {
    let text = data.split_once(begin).and_then(|(_, rest)| rest.split_once('"'));
    let (text, _) = text.ok_or_else(|| format!("no text: {data}"))?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::paced::{Pace, Paced};

    #[test]
    fn readers_get_every_token_in_order_and_its_time() {
        let provider = Paced::start(Pace {
            before_first: Duration::from_millis(5),
            between: Duration::from_millis(2),
            tokens: 20,
        })
        .unwrap();
        for path in ["/v1/responses", "/v1/chat/completions"] {
            let request = http::request("POST", path, "", "application/json", b"{}");
            let mut streams = Streams::new().unwrap();
            streams.open(provider.address, &vec![request; 10]).unwrap();
            streams.all_begun().unwrap();
            let received = streams.whole(20).unwrap();
            assert_eq!(received.len(), 10);
            let times = Times::of(&received);
            assert_eq!((times.delay.len(), times.growth.len()), (200, 190));
            assert!(received[0].first_ns - received[0].asked_ns >= 5_000_000);
        }
    }

    #[test]
    fn a_stream_cut_anywhere_is_the_same() {
        let head = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n";
        let event = "id: 3-0-0\nevent: delta\ndata: {\"text\":\"000000000000000.000000000100001.\"}\n\n";
        let done = "id: 3-end\nevent: done\ndata: {\"status\":\"complete\"}\n\n";
        let bytes = format!(
            "{head}{:x}\r\n{event}\r\n{:x}\r\n{done}\r\n0\r\n\r\n",
            event.len(),
            done.len()
        );
        for cut in 0..bytes.len() {
            let mut stream = Stream::default();
            for part in [&bytes[..cut], &bytes[cut..]] {
                stream.raw.extend_from_slice(part.as_bytes());
                stream.take(9).unwrap();
            }
            assert!(stream.over && stream.received.ended, "{cut}");
            assert_eq!(stream.received.tokens, [(0, 9), (1_000, 9)], "{cut}");
        }
    }
}
