//! What the serving process and its worker say to each other over standard input and output.
//!
//! Both directions are one frame: the length of a JSON header (32 bits, little endian), the header, then raw
//! bytes: the file on the way in, its text on the way out. The serving process trusts a worker's answer no
//! more than the file that the worker has read.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// No header is longer, so a length beyond it is noise.
pub(crate) const MAX_HEADER_BYTES: usize = 4096;

/// Reasons are cut to this many characters.
const MAX_REASON_CHARS: usize = 200;

/// The parser that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Parser {
    Pdf,
    Docx,
    Xlsx,
    Html,
    Zip,
}

/// Goes before the file's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) parser: Parser,
    pub(crate) file_bytes: u64,
    pub(crate) text_bytes: usize,
}

/// Goes before the text's bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub(crate) enum Response {
    Text { truncated: bool, note: Option<String> },
    Hostile { reason: String },
    Broken { reason: String },
    OutOfMemory,
    Unavailable { reason: String },
}

/// The start of a frame: everything but the raw bytes.
pub(crate) fn frame_start<T: Serialize>(header: &T) -> Vec<u8> {
    let json = serde_json::to_vec(header).expect("headers are plain data");
    let mut frame = u32::try_from(json.len())
        .expect("headers are short")
        .to_le_bytes()
        .to_vec();
    frame.extend(json);
    frame
}

/// The header and the raw bytes of a whole frame; `None` where it is none.
pub(crate) fn split_frame<T: DeserializeOwned>(frame: &[u8]) -> Option<(T, &[u8])> {
    let (length, rest) = frame.split_first_chunk::<4>()?;
    let length = header_length(*length)?;
    let (header, body) = rest.split_at_checked(length)?;
    Some((serde_json::from_slice(header).ok()?, body))
}

/// The length in front of a header; `None` where no header is that long.
pub(crate) fn header_length(bytes: [u8; 4]) -> Option<usize> {
    usize::try_from(u32::from_le_bytes(bytes))
        .ok()
        .filter(|length| *length <= MAX_HEADER_BYTES)
}

/// A reason fit to be shown: one line of bounded length. Parsers quote the file in their errors.
pub(crate) fn tidy_reason(reason: &str) -> String {
    reason
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_REASON_CHARS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn frames_come_back_as_they_went() {
        let request = Request {
            parser: Parser::Docx,
            file_bytes: 3,
            text_bytes: 9,
        };
        let mut frame = frame_start(&request);
        frame.extend(b"abc");
        assert_eq!(split_frame::<Request>(&frame), Some((request, &b"abc"[..])));
        assert_eq!(split_frame::<Request>(&frame[..10]), None);
        assert_eq!(split_frame::<Response>(&frame), None);
        assert_eq!(header_length(u32::MAX.to_le_bytes()), None);
    }

    #[test]
    fn reasons_are_one_short_line() {
        assert_eq!(tidy_reason("a\nb\0c"), "a b c");
        assert_eq!(tidy_reason(&"é".repeat(5000)).chars().count(), MAX_REASON_CHARS);
    }

    proptest! {
        #[test]
        fn noise_is_no_frame(noise in prop::collection::vec(any::<u8>(), 0..100)) {
            prop_assert_eq!(split_frame::<Response>(&noise), None);
        }
    }
}
