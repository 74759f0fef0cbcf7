//! Frames out of bytes, however the bytes were cut.

use serde_json::Value;

/// What stands between two blank lines of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Its cursor.
    pub id: Option<String>,
    /// The event's name.
    pub event: Option<String>,
    /// Its data; several lines are joined by line breaks.
    pub data: Option<String>,
    /// The wait before coming again, in milliseconds.
    pub retry: Option<u64>,
    /// Comment lines.
    pub comments: Vec<String>,
}

impl Frame {
    /// Its data as JSON.
    ///
    /// # Panics
    /// When it is none.
    pub fn json(&self) -> Value {
        let data = self.data.as_deref().unwrap_or_default();
        serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The event's name; empty where there is none.
    pub fn name(&self) -> &str {
        self.event.as_deref().unwrap_or_default()
    }

    /// Its cursor.
    ///
    /// # Panics
    /// When it has none.
    pub fn cursor(&self) -> &str {
        self.id
            .as_deref()
            .unwrap_or_else(|| panic!("no cursor: {self:?}"))
    }

    fn read(text: &str) -> Self {
        let mut frame = Self::default();
        for line in text.split('\n') {
            let (name, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value).to_owned();
            match name {
                "" => frame.comments.push(value),
                "id" => frame.id = Some(value),
                "event" => frame.event = Some(value),
                "data" => match &mut frame.data {
                    None => frame.data = Some(value),
                    Some(data) => {
                        data.push('\n');
                        data.push_str(&value);
                    }
                },
                "retry" => frame.retry = Some(value.parse().expect("a number of milliseconds")),
                other => panic!("no field of an event stream: {other:?}"),
            }
        }
        frame
    }
}

/// Takes bytes, gives frames.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
}

impl Decoder {
    /// Adds what came.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Panics
    /// When it is not UTF-8, or has a line break that this program does not write.
    pub fn frame(&mut self) -> Option<Frame> {
        let end = self.bytes.windows(2).position(|pair| pair == b"\n\n")?;
        let rest = self.bytes.split_off(end + 2);
        let mut frame = std::mem::replace(&mut self.bytes, rest);
        frame.truncate(end);
        let text = String::from_utf8(frame).expect("a frame is UTF-8");
        assert!(
            !text.contains('\r'),
            "a bare carriage return ends a line: {text:?}"
        );
        Some(Frame::read(&text))
    }

    /// Whether there is nothing left over.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_come_out_however_the_bytes_were_cut() {
        let bytes = "id: 1-0-0\nevent: delta\ndata: {\"text\":\"é\"}\n\n:\n\nretry: 1000\n\n".as_bytes();
        for size in 1..=bytes.len() {
            let mut decoder = Decoder::default();
            let mut frames = Vec::new();
            for piece in bytes.chunks(size) {
                decoder.push(piece);
                frames.extend(std::iter::from_fn(|| decoder.frame()));
            }
            let [delta, comment, retry] = &frames[..] else {
                panic!("three frames: {frames:?}");
            };
            assert_eq!((delta.cursor(), delta.name()), ("1-0-0", "delta"));
            assert_eq!(delta.json()["text"], "é");
            assert_eq!(comment.comments, [""]);
            assert_eq!((retry.retry, &retry.event), (Some(1_000), &None));
            assert!(decoder.is_empty());
        }
    }
}
