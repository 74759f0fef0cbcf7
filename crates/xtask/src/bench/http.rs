//! HTTP/1.1 as a load generator needs it: requests as ready bytes, replies recognised by their length.
//!
//! Not a client library: it knows no redirects, no compression and no encryption, and takes chunked bodies only
//! as whole answers of the scripted provider.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A reply that takes longer is a failure of the run.
const PATIENCE: Duration = Duration::from_secs(60);

/// A reply that is longer is a failure of the run.
const MOST_BYTES: usize = 1 << 30;

/// A request as bytes.
pub(super) fn request(method: &str, path: &str, token: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n");
    if !token.is_empty() {
        head.push_str(&format!("authorization: Bearer {token}\r\n"));
    }
    if !content_type.is_empty() {
        head.push_str(&format!(
            "content-type: {content_type}\r\ncontent-length: {}\r\n",
            body.len()
        ));
    }
    head.push_str("\r\n");
    [head.as_bytes(), body].concat()
}

/// A GET as bytes; an empty token is none.
pub(super) fn get(path: &str, token: &str) -> Vec<u8> {
    request("GET", path, token, "", b"")
}

/// A POST of JSON as bytes.
pub(super) fn post(path: &str, token: &str, body: &Value) -> Vec<u8> {
    request(
        "POST",
        path,
        token,
        "application/json",
        body.to_string().as_bytes(),
    )
}

/// Where a message ends whose head has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// The reply's status; 0 for a request.
    pub(super) status: u16,
    /// Bytes of the head with its empty line.
    pub(super) head: usize,
    /// Bytes of the body; `None` when it comes in chunks.
    pub(super) body: Option<usize>,
}

impl Frame {
    /// Whether all of the message is there.
    pub(super) fn is_whole(&self, bytes: &[u8]) -> bool {
        match self.body {
            Some(body) => bytes.len() >= self.head + body,
            None => bytes.ends_with(b"\r\n0\r\n\r\n"),
        }
    }
}

/// Reads a message's head; `None` when it is not all there.
pub(super) fn frame(bytes: &[u8]) -> Result<Option<Frame>, String> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&bytes[..end]).map_err(|error| format!("a head is not text: {error}"))?;
    let mut lines = head.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = match first.strip_prefix("HTTP/1.1 ") {
        Some(rest) => rest.get(..3).and_then(|status| status.parse().ok()),
        None => Some(0),
    };
    let status = status.ok_or_else(|| format!("not a status line: {first}"))?;
    let mut body = Some(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            let length = value.trim().parse();
            body = Some(length.map_err(|_| format!("not a length: {value}"))?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            body = None;
        }
    }
    if body.is_some_and(|length| length > MOST_BYTES) {
        return Err(format!("a body is too long: {body:?}"));
    }
    Ok(Some(Frame {
        status,
        head: end + 4,
        body,
    }))
}

/// The target of a relation in a head's `Link` header.
fn linked(head: &str, relation: &str) -> Option<String> {
    let links = head.lines().filter_map(|line| line.split_once(": "));
    let (_, links) = links
        .into_iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("link"))?;
    let wanted = format!("; rel=\"{relation}\"");
    let target = links.split(", ").find_map(|link| link.strip_suffix(&wanted))?;
    Some(target.strip_prefix('<')?.strip_suffix('>')?.to_owned())
}

/// The content of a chunked body.
pub(super) fn dechunked(mut bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut content = Vec::with_capacity(bytes.len());
    loop {
        let end = bytes.windows(2).position(|window| window == b"\r\n");
        let size = end.and_then(|end| std::str::from_utf8(&bytes[..end]).ok());
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let (Some(end), Some(size)) = (end, size) else {
            return Err("not a chunk".to_owned());
        };
        if size == 0 {
            return Ok(content);
        }
        let chunk = bytes.get(end + 2..end + 2 + size).ok_or("a chunk is cut")?;
        content.extend_from_slice(chunk);
        bytes = bytes.get(end + 4 + size..).ok_or("a chunk is cut")?;
    }
}

/// One kept connection, used by one thread that waits for each reply: the cheapest client there is.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    frame: Option<Frame>,
}

impl Connection {
    /// Connects.
    pub(super) fn open(address: SocketAddr) -> Result<Self, String> {
        let open = || {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let stream =
            open().map_err(|error: std::io::Error| format!("cannot connect to {address}: {error}"))?;
        Ok(Self {
            stream,
            buffer: Vec::with_capacity(64 * 1024),
            frame: None,
        })
    }

    /// Sends a request and reads its whole reply; returns the status.
    pub(super) fn exchange(&mut self, request: &[u8]) -> Result<u16, String> {
        self.buffer.clear();
        let failed = |error: std::io::Error| format!("an exchange failed: {error}");
        self.stream.write_all(request).map_err(failed)?;
        let mut found = None;
        loop {
            if found.is_none() {
                found = frame(&self.buffer)?;
            }
            if let Some(frame) = found.filter(|frame| frame.is_whole(&self.buffer)) {
                self.frame = Some(frame);
                return Ok(frame.status);
            }
            let filled = self.buffer.len();
            // As much as is missing, so that a long reply takes few calls.
            let missing = found.and_then(|frame| Some(frame.head + frame.body?));
            let room = missing.map_or(16 * 1024, |end| end - filled);
            self.buffer.resize(filled + room, 0);
            let read = self.stream.read(&mut self.buffer[filled..]).map_err(failed)?;
            self.buffer.truncate(filled + read);
            if read == 0 {
                return Err("the connection was closed".to_owned());
            }
        }
    }

    /// The last reply's body, with its chunks' frames if it came in chunks.
    pub(super) fn body(&self) -> &[u8] {
        self.frame.map_or(&[], |frame| &self.buffer[frame.head..])
    }

    /// Bytes of the last reply, its head included.
    pub(super) fn reply_bytes(&self) -> usize {
        self.buffer.len()
    }

    /// The address that the last reply's `Link` header gives for a relation such as `next`.
    pub(super) fn link(&self, relation: &str) -> Option<String> {
        let head = &self.buffer[..self.frame?.head];
        linked(std::str::from_utf8(head).ok()?, relation)
    }

    /// Sends a request that has to succeed, and reads its JSON.
    pub(super) fn json(&mut self, request: &[u8]) -> Result<Value, String> {
        let status = self.exchange(request)?;
        let text = String::from_utf8_lossy(self.body());
        if status != 200 {
            let line =
                String::from_utf8_lossy(request.split(|byte| *byte == b'\r').next().unwrap_or_default())
                    .into_owned();
            return Err(format!("{line}: status {status}: {text}"));
        }
        serde_json::from_slice(self.body()).map_err(|error| format!("not JSON: {error}: {text}"))
    }

    /// How long a request takes that has to succeed, from its first byte out to the reply's last byte in.
    pub(super) fn timed(&mut self, request: &[u8]) -> Result<Duration, String> {
        let start = Instant::now();
        self.succeed(request)?;
        Ok(start.elapsed())
    }

    /// Sends a request that has to succeed.
    pub(super) fn succeed(&mut self, request: &[u8]) -> Result<(), String> {
        match self.exchange(request)? {
            200 => Ok(()),
            status => {
                let body = String::from_utf8_lossy(self.body()).into_owned();
                Err(format!("status {status}: {body}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_where_their_length_or_last_chunk_says() {
        let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}";
        let found = frame(plain).unwrap().unwrap();
        assert_eq!((found.status, found.body), (200, Some(2)));
        assert!(found.is_whole(plain) && !found.is_whole(&plain[..plain.len() - 1]));
        assert_eq!(frame(&plain[..20]).unwrap(), None);
        let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
        let found = frame(chunked).unwrap().unwrap();
        assert!(found.is_whole(chunked) && !found.is_whole(&chunked[..chunked.len() - 3]));
        assert_eq!(dechunked(&chunked[found.head..]).unwrap(), b"abc");
        assert!(dechunked(b"5\r\nabc").is_err());
        let head = "HTTP/1.1 200 OK\r\nLink: </a?after=1>; rel=\"next\", </a?before=1>; rel=\"prev\"\r\n\r\n";
        assert_eq!(linked(head, "next").as_deref(), Some("/a?after=1"));
        assert_eq!(linked(head, "prev").as_deref(), Some("/a?before=1"));
        assert_eq!(linked(head, "last"), None);
        let asked = frame(&get("/models", "")).unwrap().unwrap();
        assert_eq!((asked.status, asked.body), (0, Some(0)));
    }
}
