//! One connection of the scripted provider: HTTP/1.1, keep-alive, written by hand.
//!
//! By hand because half of what it sends is deliberately wrong (no HTTP library writes that), and because it is
//! the benchmark's provider on the same two cores: a reply is one buffer and one write. It reads what clients
//! of a JSON API send: a body with a length. Chunked request bodies are refused with 411.

use super::{
    RecordedRequest, concepts, embeddings,
    frames::{self, Segment},
    reply::{Content, Reply, ReportedUsage},
    request::header,
};
use bytes::BytesMut;
use std::{
    future::Future,
    io,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 64 * 1024 * 1024;

/// After this many bytes an endless reply gives up.
const MAX_ENDLESS: usize = 1 << 30;

/// What a connection needs of its server.
pub(super) trait Handler: Send + Sync {
    /// The next request's number.
    fn next_index(&self) -> u64;
    /// Decides on a reply, and may remember the request.
    fn reply(&self, request: &Arc<RecordedRequest>) -> Reply;
    /// A reply was sent to its end; `usage` is what it reported.
    fn finished(&self, request: &RecordedRequest, usage: Option<ReportedUsage>);
    /// The client left before the reply's end.
    fn aborted(&self, request: &RecordedRequest);
    /// How many numbers an embedding has.
    fn embedding_dimension(&self) -> usize {
        concepts::DIMENSION
    }
}

/// Why a connection ends.
enum End {
    /// The client closed it or broke the protocol, or the network failed.
    Gone,
    /// The script says so.
    Closed,
}

impl From<io::Error> for End {
    fn from(_: io::Error) -> Self {
        // Nobody is left to be told; tests see it as an aborted call.
        Self::Gone
    }
}

/// Serves requests until the client leaves.
pub(super) async fn serve(stream: TcpStream, number: u64, handler: &impl Handler) {
    let mut connection = Connection {
        stream,
        buffer: BytesMut::with_capacity(16 * 1024),
        number,
    };
    while let Ok(Some(request)) = connection.request(handler).await {
        let request = Arc::new(request);
        let reply = handler.reply(&request);
        match connection
            .answer(&request, &reply, handler.embedding_dimension())
            .await
        {
            Ok(usage) => handler.finished(&request, usage),
            Err(End::Gone) => return handler.aborted(&request),
            Err(End::Closed) => {
                handler.finished(&request, None);
                return connection.close().await;
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    /// Bytes received and not yet used.
    buffer: BytesMut,
    number: u64,
}

impl Connection {
    /// The next request; `None` when the client is done.
    async fn request(&mut self, handler: &impl Handler) -> Result<Option<RecordedRequest>, End> {
        let head_length = loop {
            if let Some(at) = self.buffer.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            if self.buffer.len() > MAX_HEAD {
                self.refuse("431 Request Header Fields Too Large").await?;
                return Ok(None);
            }
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        };
        let head = self.buffer.split_to(head_length).freeze();
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let line = String::from_utf8_lossy(line).into_owned();
        let mut words = line.split(' ');
        let (Some(method), Some(path), Some("HTTP/1.1")) = (words.next(), words.next(), words.next()) else {
            self.refuse("400 Bad Request").await?;
            return Ok(None);
        };
        if header(&head, "transfer-encoding").is_some() {
            self.refuse("411 Length Required").await?;
            return Ok(None);
        }
        let length = header(&head, "content-length").map_or(Ok(0), str::parse::<usize>);
        let Some(length) = length.ok().filter(|length| *length <= MAX_BODY) else {
            self.refuse("413 Content Too Large").await?;
            return Ok(None);
        };
        if self.buffer.len() < length {
            if header(&head, "expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
                self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
            }
            self.buffer.reserve(length - self.buffer.len());
        }
        while self.buffer.len() < length {
            if self.stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
        let body = self.buffer.split_to(length).freeze();
        Ok(Some(RecordedRequest {
            index: handler.next_index(),
            connection: self.number,
            at: Instant::now(),
            method: method.to_owned(),
            path: path.to_owned(),
            head,
            body,
            json: OnceLock::new(),
            asked: OnceLock::new(),
        }))
    }

    async fn refuse(&mut self, status: &str) -> Result<(), End> {
        let text = format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
        self.stream.write_all(text.as_bytes()).await?;
        Ok(())
    }

    async fn answer(
        &mut self,
        request: &RecordedRequest,
        reply: &Reply,
        dimension: usize,
    ) -> Result<Option<ReportedUsage>, End> {
        for wait in &reply.before_headers {
            self.unless_gone(frames::wait(wait)).await?;
        }
        let pause = reply.byte_pause;
        match &reply.content {
            Content::Silence => Err(self
                .unless_gone(std::future::pending())
                .await
                .err()
                .unwrap_or(End::Gone)),
            Content::NotHttp(bytes) => {
                self.stream.write_all(bytes).await?;
                Err(End::Closed)
            }
            Content::Plain {
                status,
                headers,
                body,
            } => {
                self.plain(*status, headers, body, pause).await?;
                Ok(None)
            }
            Content::Refused(refused) => {
                let (status, headers, body) = refused.by(request.vendor());
                self.plain(status, &headers, &body, pause).await?;
                Ok(None)
            }
            Content::Answer(_) if request.is_embeddings() => {
                let body = embeddings::answer(request, dimension);
                let headers = [("content-type".to_owned(), "application/json".to_owned())];
                self.plain(200, &headers, &body, pause).await?;
                Ok(None)
            }
            Content::Answer(answer) => {
                let rendered = frames::render(answer, request);
                let mut head = String::from(
                    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                     cache-control: no-cache\r\ntransfer-encoding: chunked\r\nx-request-id: req_",
                );
                head.push_str(&format!("{:016x}\r\n\r\n", request.index));
                self.stream_body(head.into_bytes(), rendered.segments, pause)
                    .await?;
                Ok(rendered.usage)
            }
        }
    }

    async fn plain(
        &mut self,
        status: u16,
        headers: &[(String, String)],
        body: &[u8],
        pause: Option<Duration>,
    ) -> Result<(), End> {
        let mut bytes = format!("HTTP/1.1 {status} Scripted\r\ncontent-length: {}\r\n", body.len());
        for (name, value) in headers {
            bytes.extend([name, ": ", value, "\r\n"]);
        }
        bytes.push_str("\r\n");
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(body);
        match pause {
            Some(pause) => self.write_slowly(&bytes, pause).await,
            None => Ok(self.stream.write_all(&bytes).await?),
        }
    }

    /// Writes a chunked body; `out` begins with the head, so that head and first events are one write.
    async fn stream_body(
        &mut self,
        mut out: Vec<u8>,
        segments: Vec<Segment>,
        pause: Option<Duration>,
    ) -> Result<(), End> {
        for segment in segments {
            match segment {
                Segment::Bytes(bytes) => match pause {
                    Some(pause) => {
                        self.flush(&mut out).await?;
                        for byte in bytes {
                            self.write_slowly(&[b'1', b'\r', b'\n', byte, b'\r', b'\n'], Duration::ZERO)
                                .await?;
                            self.unless_gone(pause_for(pause)).await?;
                        }
                    }
                    None => push_chunk(&mut out, &bytes),
                },
                Segment::Wait(wait) => {
                    self.flush(&mut out).await?;
                    self.unless_gone(frames::wait(&wait)).await?;
                }
                Segment::Hang => {
                    self.flush(&mut out).await?;
                    self.unless_gone(std::future::pending()).await?;
                }
                Segment::Cut => {
                    self.flush(&mut out).await?;
                    return Err(End::Closed);
                }
                Segment::Endless(bytes) => {
                    for _ in 0..MAX_ENDLESS / bytes.len() {
                        push_chunk(&mut out, bytes);
                        self.flush(&mut out).await?;
                    }
                    return Err(End::Closed);
                }
            }
        }
        out.extend_from_slice(b"0\r\n\r\n");
        self.flush(&mut out).await
    }

    async fn flush(&mut self, out: &mut Vec<u8>) -> Result<(), End> {
        self.stream.write_all(out).await?;
        out.clear();
        Ok(())
    }

    async fn write_slowly(&mut self, bytes: &[u8], pause: Duration) -> Result<(), End> {
        for byte in bytes {
            self.stream.write_all(std::slice::from_ref(byte)).await?;
            self.unless_gone(pause_for(pause)).await?;
        }
        Ok(())
    }

    /// Waits for `done`, or ends when the client closes the connection before.
    async fn unless_gone(&mut self, done: impl Future<Output = ()>) -> Result<(), End> {
        let Self { stream, buffer, .. } = self;
        let gone = async {
            // A client may send its next request early; an unbounded number of them it may not.
            while buffer.len() <= MAX_HEAD {
                match stream.read_buf(buffer).await {
                    Ok(0) | Err(_) => return,
                    Ok(_) => {}
                }
            }
        };
        tokio::select! {
            biased;
            () = done => Ok(()),
            () = gone => Err(End::Gone),
        }
    }

    /// Closes in order: what was written arrives before the end.
    async fn close(mut self) {
        // A client that is gone already has nothing left to receive.
        let _ = self.stream.shutdown().await;
    }
}

/// Lets other tasks run, so that bytes leave one by one, and takes `pause`.
async fn pause_for(pause: Duration) {
    if pause.is_zero() {
        tokio::task::yield_now().await;
    } else {
        tokio::time::sleep(pause).await;
    }
}

fn push_chunk(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(format!("{:x}\r\n", bytes.len()).as_bytes());
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}
