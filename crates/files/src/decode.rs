//! Bytes of text to characters. Safe on any input, so it may run in the serving process.

use crate::extract::Extracted;
use crate::text::BoundedText;
use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use std::borrow::Cow;

/// Binary formats show themselves within this many bytes.
const SAMPLE_BYTES: usize = 64 * 1024;

/// Text has at most one unusual control character in this many bytes, and one more.
const BYTES_PER_CONTROL: usize = 100;

/// Whether the bytes are text in some encoding: hardly any control characters, and no NULs. UTF-16 only with
/// its mark.
pub(crate) fn looks_like_text(bytes: &[u8]) -> bool {
    let sample = &bytes[..bytes.len().min(SAMPLE_BYTES)];
    let (length, unusual) = match Encoding::for_bom(sample) {
        Some((encoding, mark)) if encoding != UTF_8 => {
            let decoded = encoding.decode_without_bom_handling(&sample[mark..]).0;
            let is_unusual =
                |c: &char| *c == char::REPLACEMENT_CHARACTER || u8::try_from(*c).is_ok_and(is_unusual);
            (sample.len() / 2, decoded.chars().filter(is_unusual).count())
        }
        _ if sample.contains(&0) => return false,
        _ => (
            sample.len(),
            sample.iter().filter(|byte| is_unusual(**byte)).count(),
        ),
    };
    unusual <= length / BYTES_PER_CONTROL + 1
}

fn is_unusual(character: u8) -> bool {
    matches!(character, 0..=7 | 0x0e..=0x1a | 0x1c..=0x1f | 0x7f)
}

/// The text of the bytes, at most `limit` bytes of it: by byte order mark, else UTF-8, else Windows-1252.
pub(crate) fn decode_text(bytes: &[u8], limit: usize) -> Extracted {
    let (sample, cut) = head_for(bytes, limit);
    let decoded = decode(sample, cut, None);
    let mut text = BoundedText::new(limit);
    text.push_str(&decoded);
    if cut {
        text.mark_truncated();
    }
    let (text, truncated) = text.finish();
    Extracted {
        text,
        truncated,
        note: None,
    }
}

/// Decodes all bytes. `cut` says that they end where the file does not, maybe within a character; `label` is
/// the encoding that the document names itself.
pub(crate) fn decode<'a>(bytes: &'a [u8], cut: bool, label: Option<&'static Encoding>) -> Cow<'a, str> {
    if let Some((encoding, mark)) = Encoding::for_bom(bytes) {
        return encoding.decode_without_bom_handling(&bytes[mark..]).0;
    }
    if let Some(encoding) = label.filter(|encoding| *encoding != UTF_8) {
        return encoding.decode_without_bom_handling(bytes).0;
    }
    let encoding = if is_mostly_utf8(bytes, cut) {
        UTF_8
    } else {
        WINDOWS_1252
    };
    encoding.decode_without_bom_handling(bytes).0
}

/// A single damaged byte must not turn a whole UTF-8 text into `Ã¤Ã¶Ã¼`: sequences of several bytes that
/// happen to be valid are very unlikely in any other encoding.
fn is_mostly_utf8(bytes: &[u8], cut: bool) -> bool {
    let (mut damaged, mut sequences) = (0_usize, 0_usize);
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        sequences += chunk.valid().chars().filter(|c| !c.is_ascii()).count();
        let is_cut_character = cut && chunks.peek().is_none();
        damaged += usize::from(!chunk.invalid().is_empty() && !is_cut_character);
    }
    damaged == 0 || sequences > damaged * 4
}

/// As much of a file as can be needed for `limit` bytes of text, however large it is.
fn head_for(bytes: &[u8], limit: usize) -> (&[u8], bool) {
    // UTF-16 takes two bytes for what is one in UTF-8; control characters and `\r` take room and vanish.
    let enough = limit.saturating_mul(2).saturating_add(4);
    if bytes.len() > enough {
        (&bytes[..enough & !1], true)
    } else {
        (bytes, false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(bytes: &[u8]) -> String {
        decode_text(bytes, 1000).text
    }

    fn utf16(text: &str, to_bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        "\u{FEFF}"
            .encode_utf16()
            .chain(text.encode_utf16())
            .flat_map(to_bytes)
            .collect()
    }

    #[test]
    fn encodings_are_found() {
        let sample = "Grüße, 世界 — “ok” 🎉";
        assert_eq!(text_of(sample.as_bytes()), sample);
        assert_eq!(text_of(format!("\u{FEFF}{sample}").as_bytes()), sample);
        assert_eq!(text_of(&utf16(sample, u16::to_le_bytes)), sample);
        assert_eq!(text_of(&utf16(sample, u16::to_be_bytes)), sample);
        assert_eq!(text_of(b"Gr\xfc\xdfe \x80 5"), "Grüße € 5");
        assert_eq!(text_of(b""), "");
        assert_eq!(text_of("a\0b\r\nc".as_bytes()), "ab\nc");
    }

    #[test]
    fn one_damaged_byte_does_not_change_the_encoding() {
        let mut bytes = "äöüäöüäöü".as_bytes().to_vec();
        bytes.push(0xff);
        assert_eq!(text_of(&bytes), "äöüäöüäöü\u{FFFD}");
    }

    #[test]
    fn long_text_is_cut_and_marked() {
        for text in ["ä".repeat(5_000), "世".repeat(5_000), "a".repeat(5_000)] {
            for bytes in [text.clone().into_bytes(), utf16(&text, u16::to_le_bytes)] {
                let decoded = decode_text(&bytes, 1000);
                assert!(decoded.truncated && decoded.text.len() > 990 && decoded.text.len() <= 1000);
                assert!(text.starts_with(&decoded.text), "{:?}", &decoded.text[..20]);
            }
        }
        assert!(!decode_text(&[b'a'; 1000], 1000).truncated);
        assert!(decode_text(&[b'a'; 1001], 1000).truncated);
    }

    #[test]
    fn text_and_binary_are_told_apart() {
        for text in [
            &b""[..],
            b"words\r\n\tmore\x0c",
            b"Gr\xfc\xdfe",
            b"\x1b[0mcolour",
            "日本語".as_bytes(),
            b"\xff\xfea\0",
        ] {
            assert!(looks_like_text(text), "{text:?}");
        }
        for binary in [
            &b"a\0b"[..],
            b"\x01\x02\x03",
            b"\x7fELF\x02",
            b"\x1f\x8b\x08\x08\x12",
        ] {
            assert!(!looks_like_text(binary), "{binary:?}");
        }
    }
}
