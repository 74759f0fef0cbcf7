//! Watches the bytes of a connection for requests that announce their length in two ways.
//!
//! A request with `Transfer-Encoding` and `Content-Length` is how a message is smuggled past a proxy. The HTTP
//! library resolves the contradiction silently and takes the second header away, so it has to be seen before. This
//! follows heads and bodies of known length, and stops at the first chunked body, after which the connection is
//! closed anyway.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// No header that matters here is longer.
const LINE_KEPT: usize = 256;

/// What the watch tells the connection's requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Verdict(Arc<AtomicBool>);

impl Verdict {
    /// Whether the one request with a `Transfer-Encoding` that this connection may carry also has a
    /// `Content-Length`, or came after a head that could not be followed.
    pub(super) fn is_ambiguous(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The state between two reads.
#[derive(Debug)]
pub(super) struct FramingWatch {
    place: Place,
    line: Vec<u8>,
    verdict: Verdict,
}

#[derive(Clone, Copy, Debug)]
enum Place {
    /// Before a request line, where empty lines are skipped.
    Start,
    /// Among headers.
    Headers { length: Option<u64>, chunked: bool },
    /// In a body, so many bytes before its end.
    Body { left: u64 },
    /// Not to be followed further.
    Lost,
}

impl FramingWatch {
    pub(super) fn new(verdict: Verdict) -> Self {
        Self {
            place: Place::Start,
            line: Vec::new(),
            verdict,
        }
    }

    /// Takes the next bytes.
    pub(super) fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.place {
                Place::Lost => return,
                Place::Body { left } => {
                    let part = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    bytes = &bytes[part..];
                    let left = left - part as u64;
                    self.place = if left == 0 {
                        Place::Start
                    } else {
                        Place::Body { left }
                    };
                }
                Place::Start | Place::Headers { .. } => match bytes.iter().position(|byte| *byte == b'\n') {
                    None => {
                        self.keep(bytes);
                        return;
                    }
                    Some(end) => {
                        self.keep(&bytes[..end]);
                        bytes = &bytes[end + 1..];
                        self.place = self.after_line();
                        self.line.clear();
                    }
                },
            }
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_KEPT.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..room.min(bytes.len())]);
    }

    fn after_line(&self) -> Place {
        let line = self.line.strip_suffix(b"\r").unwrap_or(&self.line);
        let Place::Headers { length, chunked } = self.place else {
            let started = !line.is_empty();
            return if started {
                Place::Headers {
                    length: None,
                    chunked: false,
                }
            } else {
                Place::Start
            };
        };
        if line.is_empty() {
            return match (length, chunked) {
                (Some(_), true) => self.ambiguous(),
                (None, true) => Place::Lost,
                (None | Some(0), false) => Place::Start,
                (Some(left), false) => Place::Body { left },
            };
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (name, value) = (&line[..colon], &line[(colon + 1).min(line.len())..]);
        if name.eq_ignore_ascii_case(b"transfer-encoding") {
            return Place::Headers {
                length,
                chunked: true,
            };
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            let digits = std::str::from_utf8(value.trim_ascii()).ok();
            return match digits.and_then(|digits| digits.parse().ok()) {
                Some(length) => Place::Headers {
                    length: Some(length),
                    chunked,
                },
                None => self.ambiguous(),
            };
        }
        self.place
    }

    fn ambiguous(&self) -> Place {
        self.verdict.0.store(true, Ordering::Relaxed);
        Place::Lost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ambiguous(stream: &str, step: usize) -> bool {
        let verdict = Verdict::default();
        let mut watch = FramingWatch::new(verdict.clone());
        stream.as_bytes().chunks(step).for_each(|chunk| watch.feed(chunk));
        verdict.is_ambiguous()
    }

    #[test]
    fn two_lengths_are_seen_wherever_they_stand() {
        let both = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        let reversed = "POST / HTTP/1.1\ntransfer-ENCODING:chunked\nCONTENT-LENGTH:3\n\n";
        let with_body = "\r\nPOST / HTTP/1.1\r\nContent-Length: 4\r\n\r\n\r\n\r\n";
        let get = "GET /?content-length: 1 HTTP/1.1\r\nHost: a\r\n\r\n";
        for step in [1, 2, 3, 7, 1_000] {
            for stream in [
                both.to_owned(),
                reversed.to_owned(),
                format!("{get}{both}"),
                format!("{with_body}{reversed}"),
                format!("{with_body}{get}{with_body}{both}"),
                format!("POST / HTTP/1.1\r\nContent-Length:{}5\r\n\r\n", " ".repeat(300)),
            ] {
                assert!(ambiguous(&stream, step), "{stream:?} by {step}");
            }
        }
    }

    #[test]
    fn honest_requests_pass() {
        let hidden = "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n";
        let body = format!(
            "POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{hidden}",
            hidden.len()
        );
        let chunked = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";
        for step in [1, 2, 3, 7, 1_000] {
            for stream in [body.repeat(3), format!("{body}{chunked}5\r\nConte\r\n0\r\n\r\n")] {
                assert!(!ambiguous(&stream, step), "{stream:?} by {step}");
            }
        }
    }
}
