//! The parts of a multipart body, one after the other.
//!
//! A reader of our own: it asks the socket for more only when a part needs more, so that a bound holds before the
//! bytes beyond it arrive.

use super::parameters::parameters;
use crate::{body::BodyError, error::ApiError};
use axum::body::Body;
use bytes::{Buf, Bytes, BytesMut};
use http_body_util::BodyExt;
use percent_encoding::percent_decode_str;

/// The most bytes of a part's headers, and of what stands before the first part.
pub(super) const HEADER_BYTES: usize = 16 << 10;

/// A body between two boundaries.
pub(super) struct Reader {
    body: Body,
    /// What arrived and was not yet taken.
    buffer: BytesMut,
    /// A line's end and the boundary, as it stands behind each part.
    delimiter: Vec<u8>,
    received: u64,
    limit: u64,
}

impl Reader {
    pub(super) fn new(body: Body, boundary: &str, limit: u64) -> Self {
        let delimiter = format!("\r\n--{boundary}").into_bytes();
        // The first boundary may begin the body: the line's end before it is put there.
        Self {
            body,
            buffer: BytesMut::from("\r\n"),
            delimiter,
            received: 0,
            limit,
        }
    }

    /// Waits for more bytes; a body that ends here is cut off.
    async fn fill(&mut self) -> Result<(), ApiError> {
        loop {
            let frame = self.body.frame().await.ok_or_else(ApiError::unreadable_body)?;
            let Ok(data) = frame.map_err(BodyError::from_axum)?.into_data() else {
                continue;
            };
            self.received += data.len() as u64;
            if self.received > self.limit {
                return Err(BodyError::TooLarge { limit: self.limit }.into());
            }
            self.buffer.extend_from_slice(&data);
            return Ok(());
        }
    }

    /// Passes over what stands before the first boundary.
    pub(super) async fn skip_preamble(&mut self) -> Result<(), ApiError> {
        let mut length = 0;
        self.data(|chunk| {
            length += chunk.len();
            if length > HEADER_BYTES {
                Err(ApiError::unreadable_body())
            } else {
                Ok(())
            }
        })
        .await
    }

    /// The headers of the next part; `None` behind the last.
    pub(super) async fn head(&mut self) -> Result<Option<Head>, ApiError> {
        while self.buffer.len() < 2 {
            self.fill().await?;
        }
        if self.buffer.starts_with(b"--") {
            return Ok(None);
        }
        let end = loop {
            if let Some(end) = find(&self.buffer, b"\r\n\r\n") {
                break end;
            }
            if self.buffer.len() > HEADER_BYTES {
                return Err(ApiError::unreadable_body());
            }
            self.fill().await?;
        };
        let head = self.buffer.split_to(end);
        self.buffer.advance(4);
        Head::parse(&String::from_utf8_lossy(&head))
            .map(Some)
            .ok_or_else(ApiError::unreadable_body)
    }

    /// Gives out the bytes up to the next boundary, and takes that away.
    pub(super) async fn data(
        &mut self,
        mut take: impl FnMut(&[u8]) -> Result<(), ApiError>,
    ) -> Result<(), ApiError> {
        loop {
            if let Some(end) = find(&self.buffer, &self.delimiter) {
                take(&self.buffer[..end])?;
                self.buffer.advance(end + self.delimiter.len());
                return Ok(());
            }
            // The last bytes may begin the boundary.
            let sure = (self.buffer.len() + 1).saturating_sub(self.delimiter.len());
            take(&self.buffer[..sure])?;
            self.buffer.advance(sure);
            self.fill().await?;
        }
    }

    /// The bytes up to the next boundary, at most so many.
    pub(super) async fn collect(
        &mut self,
        limit: u64,
        over: impl Fn() -> ApiError,
    ) -> Result<Bytes, ApiError> {
        let mut all = BytesMut::new();
        self.data(|chunk| {
            if (all.len() + chunk.len()) as u64 > limit {
                return Err(over());
            }
            all.extend_from_slice(chunk);
            Ok(())
        })
        .await?;
        Ok(all.freeze())
    }
}

/// Where a pattern that begins with a carriage return stands.
pub(super) fn find(bytes: &[u8], pattern: &[u8]) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = bytes[from..].iter().position(|byte| *byte == b'\r') {
        from += at;
        if bytes[from..].starts_with(pattern) {
            return Some(from);
        }
        from += 1;
    }
    None
}

/// What a part's headers say.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) filename: Option<String>,
    pub(super) content_type: Option<String>,
}

impl Head {
    /// Reads what stands between a boundary and the empty line; `None` without a name or a readable form.
    fn parse(head: &str) -> Option<Self> {
        let mut lines = head.split("\r\n");
        // Behind a boundary only blanks may stand.
        if !lines.next()?.bytes().all(|byte| matches!(byte, b' ' | b'\t')) {
            return None;
        }
        let (mut name, mut filename, mut extended, mut content_type) = (None, None, None, None);
        for line in lines {
            let (header, value) = line.split_once(':')?;
            if header.eq_ignore_ascii_case("content-type") {
                content_type = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            } else if header.eq_ignore_ascii_case("content-disposition") {
                for (key, value) in parameters(value) {
                    match key.as_str() {
                        "name" => name = Some(value),
                        "filename" => filename = Some(value),
                        "filename*" => extended = extended_value(&value),
                        _ => {}
                    }
                }
            }
        }
        Some(Self {
            name: name?,
            filename: extended.or(filename),
            content_type,
        })
    }
}

/// The text behind `charset'language'percent-encoded` (RFC 8187).
fn extended_value(value: &str) -> Option<String> {
    let (_charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    Some(percent_decode_str(encoded).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads() {
        for (disposition, name, filename) in [
            ("form-data; name=a; filename=b.txt", "a", Some("b.txt")),
            ("form-data; filename=\"é\"; name=\"ü\"", "ü", Some("é")),
            (
                "form-data; name=\"a\"; filename=\"b\"; filename*=UTF-8''na%C3%AFve",
                "a",
                Some("naïve"),
            ),
            ("form-data; name=\"a\"; filename=\"", "a", Some("")),
            ("form-data; name=\"\"", "", None),
        ] {
            let head = format!(" \r\ncontent-DISPOSITION:{disposition}\r\nX-Y: z");
            let head = Head::parse(&head).unwrap();
            assert_eq!(
                (head.name.as_str(), head.filename.as_deref()),
                (name, filename),
                "{disposition}"
            );
        }
        for head in [
            "",
            "\r\nX: y",
            "\r\nContent-Disposition: form-data",
            "x\r\nA: b",
            "\r\nno colon",
        ] {
            assert_eq!(Head::parse(head), None, "{head}");
        }
    }
}
