//! A server that sends what a test tells it to, byte for byte, and keeps what it was sent.

use serde_json::Value;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// What happens after the bytes of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    /// The body has its end, and the connection closes.
    End,
    /// The connection closes before the body's end.
    Cut,
    /// Nothing, until the client leaves.
    Hang,
}

/// One reply.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    bytes: Vec<u8>,
    then: Then,
}

impl Reply {
    /// A stream of events.
    pub(crate) fn stream(events: &[u8], then: Then) -> Self {
        let mut bytes =
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
                .to_vec();
        if !events.is_empty() {
            bytes.extend(format!("{:x}\r\n", events.len()).as_bytes());
            bytes.extend(events);
            bytes.extend(b"\r\n");
        }
        if then == Then::End {
            bytes.extend(b"0\r\n\r\n");
        }
        Self { bytes, then }
    }

    /// A status with a body of JSON and further header lines.
    pub(crate) fn status(status: u16, headers: &str, body: &str) -> Self {
        let head = format!(
            "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
             connection: close\r\n{headers}\r\n{body}",
            body.len()
        );
        Self {
            bytes: head.into_bytes(),
            then: Then::End,
        }
    }

    /// A refusal in the vendor's form.
    pub(crate) fn error(status: u16, headers: &str, kind: &str, message: &str) -> Self {
        let error = serde_json::json!({"type": kind, "message": message});
        let body = serde_json::json!({"type": "error", "error": error, "request_id": "req_1"});
        Self::status(status, headers, &body.to_string())
    }

    /// No byte at all.
    pub(crate) fn silence() -> Self {
        Self {
            bytes: Vec::new(),
            then: Then::Hang,
        }
    }
}

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Value,
}

impl Received {
    pub(crate) fn has_header(&self, line: &str) -> bool {
        self.head.lines().any(|found| found.eq_ignore_ascii_case(line))
    }
}

/// The server; dropping it closes the listener.
pub(crate) struct Server {
    pub(crate) url: String,
    received: Arc<Mutex<Vec<Received>>>,
    task: JoinHandle<()>,
}

impl Server {
    /// Gives these replies in order, and the last of them again and again.
    pub(crate) async fn start(replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&received);
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        let task = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let reply = if replies.len() > 1 {
                    replies.pop_front()
                } else {
                    replies.front().cloned()
                };
                tokio::spawn(serve(stream, reply.unwrap(), Arc::clone(&kept)));
            }
        });
        Self { url, received, task }
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, reply: Reply, received: Arc<Mutex<Vec<Received>>>) {
    let mut bytes = Vec::new();
    let request = loop {
        if let Some(request) = whole(&bytes) {
            break request;
        }
        if stream.read_buf(&mut bytes).await.unwrap() == 0 {
            return;
        }
    };
    received.lock().unwrap().push(request);
    stream.write_all(&reply.bytes).await.unwrap();
    if reply.then == Then::Hang {
        // A client that leaves ends this, properly or by a reset.
        let _ = stream.read_buf(&mut bytes).await;
    }
}

/// The request, once all of it is there.
fn whole(bytes: &[u8]) -> Option<Received> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length")
            .then(|| value.trim().parse().unwrap())
    });
    let length: usize = length.unwrap_or(0);
    if body.len() < length {
        return None;
    }
    Some(Received {
        head: head.to_owned(),
        body: serde_json::from_str(body).unwrap_or_default(),
    })
}
