//! An incremental decoder of server-sent events, over bytes as they come from the socket.
//!
//! It follows the WHATWG text (CR, LF and CRLF end lines, data lines are joined by LF, a leading byte order
//! mark and comments are skipped, an event without its blank line is dropped) with three differences that
//! suit a client of paid APIs: lines and events have a bound, bad UTF-8 is an error and not a replacement
//! character, and ids and reconnection times are ignored because a model call is never resumed that way.

use memchr::memchr2;
use std::str;

/// Buffers larger than this are given back after use: thousands of streams are open at once, and each begins
/// with one large event that repeats the request.
const KEPT_CAPACITY: usize = 4 * 1024;

/// Why a stream cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SseError {
    /// A line, or the data of one event, beyond the bound.
    #[error("an event of the stream is larger than {0} bytes")]
    TooLarge(usize),
    /// Bytes that are not text.
    #[error("the stream is not valid utf-8")]
    BadUtf8,
}

/// The decoder's state between two chunks.
#[derive(Debug)]
pub(crate) struct SseDecoder {
    max_bytes: usize,
    /// The beginning of a line whose end has not come yet.
    partial: Vec<u8>,
    data: String,
    has_data: bool,
    name: String,
    /// The last chunk ended in CR: a LF at the start of the next one belongs to it.
    after_cr: bool,
    /// No line was read yet, so a byte order mark may come.
    at_start: bool,
    lines: u64,
}

impl SseDecoder {
    /// A decoder that takes lines and events of up to `max_bytes`.
    pub(crate) fn new(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            partial: Vec::new(),
            data: String::new(),
            has_data: false,
            name: String::new(),
            after_cr: false,
            at_start: true,
            lines: 0,
        }
    }

    /// How many lines were complete so far; comments count, so a keep-alive is a sign of life, but a trickle
    /// of bytes that never ends a line is not.
    pub(crate) fn lines(&self) -> u64 {
        self.lines
    }

    /// Takes a chunk and hands over each event that it completes: its name (may be empty) and its data.
    pub(crate) fn push<E: From<SseError>>(
        &mut self,
        chunk: &[u8],
        mut on_event: impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut rest = chunk;
        if self.after_cr && !rest.is_empty() {
            self.after_cr = false;
            rest = rest.strip_prefix(b"\n").unwrap_or(rest);
        }
        while let Some(end) = memchr2(b'\n', b'\r', rest) {
            let line = &rest[..end];
            let ended_by_cr = rest[end] == b'\r';
            rest = &rest[end + 1..];
            if ended_by_cr {
                self.after_cr = rest.is_empty();
                rest = rest.strip_prefix(b"\n").unwrap_or(rest);
            }
            self.check_size(self.partial.len() + line.len())?;
            if self.partial.is_empty() {
                self.line(line, &mut on_event)?;
            } else {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(line);
                self.line(&whole, &mut on_event)?;
                whole.clear();
                whole.shrink_to(KEPT_CAPACITY);
                self.partial = whole;
            }
        }
        self.check_size(self.partial.len() + rest.len())?;
        self.partial.extend_from_slice(rest);
        Ok(())
    }

    fn check_size(&self, bytes: usize) -> Result<(), SseError> {
        if bytes > self.max_bytes {
            Err(SseError::TooLarge(self.max_bytes))
        } else {
            Ok(())
        }
    }

    fn line<E: From<SseError>>(
        &mut self,
        line: &[u8],
        on_event: &mut impl FnMut(&str, &str) -> Result<(), E>,
    ) -> Result<(), E> {
        let line = str::from_utf8(line).map_err(|_| SseError::BadUtf8)?;
        let line = if std::mem::take(&mut self.at_start) {
            line.strip_prefix('\u{feff}').unwrap_or(line)
        } else {
            line
        };
        self.lines += 1;
        if line.is_empty() {
            return self.dispatch(on_event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                self.check_size(self.data.len() + value.len() + 1)?;
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(value);
            }
            "event" => {
                self.name.clear();
                self.name.push_str(value);
            }
            // Comments have an empty name; ids and reconnection times mean nothing here.
            _ => {}
        }
        Ok(())
    }

    fn dispatch<E>(&mut self, on_event: &mut impl FnMut(&str, &str) -> Result<(), E>) -> Result<(), E> {
        let outcome = if self.has_data {
            on_event(&self.name, &self.data)
        } else {
            Ok(())
        };
        self.has_data = false;
        self.data.clear();
        self.data.shrink_to(KEPT_CAPACITY);
        self.name.clear();
        self.name.shrink_to(KEPT_CAPACITY);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Events = Vec<(String, String)>;

    fn decode(max_bytes: usize, chunks: &[&[u8]]) -> Result<Events, SseError> {
        let mut decoder = SseDecoder::new(max_bytes);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(chunk, |name, data| {
                events.push((name.to_owned(), data.to_owned()));
                Ok::<_, SseError>(())
            })?;
        }
        Ok(events)
    }

    fn event(name: &str, data: &str) -> (String, String) {
        (name.to_owned(), data.to_owned())
    }

    #[test]
    fn table() {
        for (stream, expected) in [
            ("data: a\n\n", vec![event("", "a")]),
            ("data:a\r\ndata: b\r\n\r\n", vec![event("", "a\nb")]),
            (
                "event: x\rdata: a\r\rdata:  b\r\r",
                vec![event("x", "a"), event("", " b")],
            ),
            (": comment\n\ndata: a\nid: 7\nretry: 9\n\n", vec![event("", "a")]),
            ("\u{feff}data: a\n\n\u{feff}data: b\n\n", vec![event("", "a")]),
            ("data\n\ndata:\n\n", vec![event("", ""), event("", "")]),
            ("data\ndata\n\n", vec![event("", "\n")]),
            ("event: named, no data\n\ndata: a\n\n", vec![event("", "a")]),
            ("data: unfinished\n", vec![]),
            ("dataset: x\n\n", vec![]),
            ("data: a: b\n\n", vec![event("", "a: b")]),
            ("", vec![]),
        ] {
            assert_eq!(decode(64, &[stream.as_bytes()]).unwrap(), expected, "{stream:?}");
        }
    }

    #[test]
    fn a_cut_at_any_byte_changes_nothing() {
        let stream = "\u{feff}event: e\r\ndata: ü€𝄞\r\n: c\r\rdata: x\n\ndata: 1\rdata: 2\n\r\n".as_bytes();
        let whole = decode(64, &[stream]).unwrap();
        assert_eq!(whole.len(), 3);
        for cut in 0..=stream.len() {
            assert_eq!(
                decode(64, &[&stream[..cut], &stream[cut..]]).unwrap(),
                whole,
                "cut at {cut}"
            );
            assert_eq!(
                decode(64, &[&stream[..cut], b"", &stream[cut..]]).unwrap(),
                whole,
                "cut at {cut}"
            );
        }
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(decode(64, &bytes).unwrap(), whole);
    }

    #[test]
    fn lines_and_events_are_bounded() {
        assert!(decode(16, &[b"data: 0123456789\n\n"]).is_ok());
        assert_eq!(
            decode(16, &[b"data: 0123456789a\n\n"]),
            Err(SseError::TooLarge(16))
        );
        assert_eq!(
            decode(16, &[b"01234567", b"89012345", b"6"]),
            Err(SseError::TooLarge(16))
        );
        assert_eq!(
            decode(16, &[b"data: 12345678\ndata: 12345678\n\n"]),
            Err(SseError::TooLarge(16))
        );
    }

    #[test]
    fn bad_utf8_is_an_error_wherever_it_stands() {
        for stream in [
            &b"data: \xff\n\n"[..],
            b": \xc3\n\n",
            b"data: \xed\xa0\x80\n\n",
            b"\xc0\x80\n",
        ] {
            assert_eq!(decode(64, &[stream]), Err(SseError::BadUtf8), "{stream:?}");
        }
    }

    #[test]
    fn events_before_a_fault_are_delivered() {
        let mut decoder = SseDecoder::new(64);
        let mut seen = 0;
        let outcome = decoder.push(b"data: a\n\ndata: \xff\n\n", |_, _| {
            seen += 1;
            Ok::<_, SseError>(())
        });
        assert_eq!((outcome, seen), (Err(SseError::BadUtf8), 1));
    }

    #[test]
    fn large_buffers_are_given_back() {
        let mut decoder = SseDecoder::new(1 << 20);
        let big = format!("data: {}", "x".repeat(200_000));
        for part in [big.as_bytes(), b"\n", b"\n"] {
            decoder.push(part, |_, _| Ok::<_, SseError>(())).unwrap();
        }
        assert!(decoder.partial.capacity() <= KEPT_CAPACITY && decoder.data.capacity() <= KEPT_CAPACITY);
    }

    #[test]
    fn only_complete_lines_are_signs_of_life() {
        let mut decoder = SseDecoder::new(64);
        for (chunk, lines) in [
            (&b": hel"[..], 0),
            (b"lo", 0),
            (b"\r", 1),
            (b"\n", 1),
            (b"data: a\n\n", 3),
        ] {
            decoder.push(chunk, |_, _| Ok::<_, SseError>(())).unwrap();
            assert_eq!(decoder.lines(), lines);
        }
    }

    proptest! {
        #[test]
        fn any_split_of_any_bytes_decodes_as_the_whole(
            bytes in proptest::collection::vec(prop_oneof![
                Just(b'\n'), Just(b'\r'), Just(b':'), Just(b' '), Just(b'd'), any::<u8>()
            ], 0..80),
            words in proptest::collection::vec(0..6_usize, 0..8),
            cuts in proptest::collection::vec(0..200_usize, 0..6),
        ) {
            let mut stream = bytes;
            for word in words {
                stream.extend_from_slice(
                    [&b"data: x\n"[..], b"\n", b"event: e\r\n", b"data:\r", b"\r\n", "data: €\n\n".as_bytes()][word],
                );
            }
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
            cuts.extend([0, stream.len()]);
            cuts.sort_unstable();
            let pieces: Vec<&[u8]> = cuts.windows(2).map(|pair| &stream[pair[0]..pair[1]]).collect();
            prop_assert_eq!(decode(1_024, &pieces), decode(1_024, &[&stream]));
        }
    }
}
