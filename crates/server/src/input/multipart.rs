//! `multipart/form-data`, part by part, each within its bounds.

use super::form::{FileField, Form, FormSpec, FormValue};
use crate::{
    body::BodyError,
    error::{ApiError, human_bytes},
};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use chatai_engine::Upload;
use futures_util::{Stream, StreamExt};
use http::{HeaderMap, header};
use multer::{Field, Multipart};
use percent_encoding::percent_decode_str;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    task::Poll,
};

/// The most parts of a body, ignored ones included.
const PARTS: usize = 100;
/// The most bytes that may pass before a part's headers end.
const HEADER_BYTES: usize = 64 << 10;

/// Reads a whole form.
pub(crate) async fn read(body: Body, boundary: &str, spec: &FormSpec) -> Result<Form, ApiError> {
    let budget = Arc::new(AtomicUsize::new(usize::MAX));
    let mut parts = Multipart::new(bounded(body, spec.total_bytes, Arc::clone(&budget)), boundary);
    let mut form = Form::default();
    for _ in 0..PARTS {
        budget.store(HEADER_BYTES, Ordering::Relaxed);
        let next = parts.next_field().await.map_err(refuse)?;
        budget.store(usize::MAX, Ordering::Relaxed);
        let Some(part) = next else { return Ok(form) };
        read_part(part, spec, &mut form).await?;
    }
    Err(ApiError::too_large(format!(
        "The request's body has more parts than the limit of {PARTS}"
    )))
}

async fn read_part(mut part: Field<'_>, spec: &FormSpec, form: &mut Form) -> Result<(), ApiError> {
    let disposition = Disposition::of(part.headers());
    let name = disposition.name.ok_or_else(ApiError::unreadable_body)?;
    let text = spec.texts.iter().find(|known| **known == name);
    match (text, &spec.files, disposition.filename) {
        (Some(name), _, Some(_)) => {
            skip(part).await?;
            form.texts.push((name, FormValue::File));
        }
        (Some(name), _, None) => {
            // A character has at most four bytes; the exact count is the reader's business.
            let limit = spec.text_chars.saturating_mul(4) as u64;
            let over =
                || ApiError::too_large(format!("`{name}` is longer than {} characters", spec.text_chars));
            let bytes = collect(&mut part, limit, over).await?;
            let value = String::from_utf8(bytes.into()).map_or(FormValue::NotUnicode, FormValue::Text);
            form.texts.push((name, value));
        }
        (None, Some(files), Some(filename)) if files.name == name && !filename.is_empty() => {
            if form.files.len() >= files.count {
                return Err(ApiError::too_large(format!(
                    "A message takes at most {} files",
                    files.count
                )));
            }
            let content_type = part.content_type().map(ToString::to_string);
            let over = || {
                let shown: String = filename.chars().filter(|c| !c.is_control()).take(100).collect();
                ApiError::too_large(format!(
                    "`{shown}` is larger than {}, the most a file may have",
                    human_bytes(files.bytes)
                ))
            };
            let bytes = collect(&mut part, files.bytes, over).await?;
            form.files.push(FileField::File(Upload {
                filename,
                content_type,
                bytes,
            }));
        }
        (None, Some(files), None) if files.name == name => {
            let over = || ApiError::too_large("A text stands where a file belongs".to_owned());
            let bytes = collect(&mut part, HEADER_BYTES as u64, over).await?;
            form.files
                .push(FileField::Text(String::from_utf8_lossy(&bytes).into_owned()));
        }
        _ => skip(part).await?,
    }
    Ok(())
}

async fn collect(part: &mut Field<'_>, limit: u64, over: impl Fn() -> ApiError) -> Result<Bytes, ApiError> {
    let mut all = BytesMut::new();
    while let Some(chunk) = part.chunk().await.map_err(refuse)? {
        if (all.len() + chunk.len()) as u64 > limit {
            return Err(over());
        }
        all.extend_from_slice(&chunk);
    }
    Ok(all.freeze())
}

async fn skip(mut part: Field<'_>) -> Result<(), ApiError> {
    while part.chunk().await.map_err(refuse)?.is_some() {}
    Ok(())
}

/// The body's bytes: at most so many in all, and no more than `budget` at a time.
fn bounded(
    body: Body,
    limit: u64,
    budget: Arc<AtomicUsize>,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    let mut data = body.into_data_stream();
    let mut length = 0_u64;
    futures_util::stream::poll_fn(move |context| {
        if budget.load(Ordering::Relaxed) == 0 {
            return Poll::Ready(Some(Err(BodyError::HeadersTooLarge)));
        }
        data.poll_next_unpin(context).map(|next| {
            next.map(|chunk| {
                let chunk = chunk.map_err(BodyError::from_axum)?;
                length += chunk.len() as u64;
                if length > limit {
                    return Err(BodyError::TooLarge { limit });
                }
                let left = budget.load(Ordering::Relaxed).saturating_sub(chunk.len());
                budget.store(left, Ordering::Relaxed);
                Ok(chunk)
            })
        })
    })
}

fn refuse(error: multer::Error) -> ApiError {
    match error {
        multer::Error::StreamReadFailed(cause) => match cause.downcast::<BodyError>() {
            Ok(own) => ApiError::from(*own),
            Err(_) => ApiError::unreadable_body(),
        },
        _ => ApiError::unreadable_body(),
    }
}

/// What a part's `Content-Disposition` says.
#[derive(Debug, Default, PartialEq)]
struct Disposition {
    name: Option<String>,
    filename: Option<String>,
}

impl Disposition {
    fn of(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(header::CONTENT_DISPOSITION) else {
            return Self::default();
        };
        Self::parse(&String::from_utf8_lossy(value.as_bytes()))
    }

    /// Quoted values may hold anything; `\"` is a quote and every other backslash itself, as browsers write it.
    /// `filename*` (RFC 5987) counts before `filename`.
    fn parse(header: &str) -> Self {
        let mut found = Self::default();
        let mut extended = None;
        let mut rest = header.split_once(';').map_or("", |(_, parameters)| parameters);
        while let Some((key, after)) = rest.split_once('=') {
            let key = key.trim().trim_start_matches(';').trim().to_ascii_lowercase();
            let after = after.trim_start();
            let value;
            if let Some(quoted) = after.strip_prefix('"') {
                let end = end_of_quoted(quoted);
                value = quoted[..end].replace("\\\"", "\"");
                rest = quoted.get(end + 1..).unwrap_or_default();
            } else {
                let end = after.find(';').unwrap_or(after.len());
                value = after[..end].trim().to_owned();
                rest = &after[end..];
            }
            match key.as_str() {
                "name" => found.name = Some(value),
                "filename" => found.filename = Some(value),
                "filename*" => extended = extended_value(&value),
                _ => {}
            }
        }
        found.filename = extended.or(found.filename);
        found
    }
}

/// Where a quoted value ends: at the first quote without a backslash, or with the text.
fn end_of_quoted(text: &str) -> usize {
    let quotes = text.match_indices('"').map(|(at, _)| at);
    let mut ends = quotes.filter(|at| !text[..*at].ends_with('\\'));
    ends.next().unwrap_or(text.len())
}

/// The text behind `charset'language'percent-encoded`.
fn extended_value(value: &str) -> Option<String> {
    let (_charset, rest) = value.split_once('\'')?;
    let (_language, encoded) = rest.split_once('\'')?;
    Some(percent_decode_str(encoded).decode_utf8_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::form::FileSpec;
    use axum::response::IntoResponse;
    use std::convert::Infallible;

    const SPEC: FormSpec = FormSpec {
        texts: &["text", "model"],
        text_chars: 5,
        total_bytes: 4_096,
        files: Some(FileSpec {
            name: "files",
            count: 2,
            bytes: 10,
        }),
    };

    fn part(head: &str, body: &str) -> String {
        format!("--x\r\nContent-Disposition: form-data; {head}\r\n\r\n{body}\r\n")
    }

    async fn read_text(parts: &[String]) -> Result<Form, u16> {
        let text = parts.concat() + "--x--\r\n";
        read(Body::from(text), "x", &SPEC)
            .await
            .map_err(|error| error.into_response().status().as_u16())
    }

    #[tokio::test]
    async fn fields_and_files() {
        let form = read_text(&[
            part("name=\"text\"", "a"),
            part("name=\"text\"", "Grüß"),
            part("name=\"other\"", &"x".repeat(1_000)),
            part(
                "name=\"files\"; filename=\"a.txt\"\r\nContent-Type: text/plain",
                "0123456789",
            ),
            part("name=\"files\"; filename=\"\"", ""),
            part("name=\"files\"; filename=\"empty\"", ""),
            part("name=\"model\"; filename=\"m\"", "x"),
        ])
        .await
        .unwrap();
        assert_eq!(form.value("text"), Some(&FormValue::Text("Grüß".into())));
        assert_eq!(form.value("model"), Some(&FormValue::File));
        let files: Vec<_> = form
            .files
            .iter()
            .map(|file| match file {
                FileField::File(file) => (
                    file.filename.as_str(),
                    file.content_type.as_deref(),
                    file.bytes.len(),
                ),
                FileField::Text(_) => ("text", None, 0),
            })
            .collect();
        assert_eq!(files, [("a.txt", Some("text/plain"), 10), ("empty", None, 0)]);
    }

    #[tokio::test]
    async fn bounds() {
        let file = |length: usize| part("name=\"files\"; filename=\"a\"", &"x".repeat(length));
        assert_eq!(read_text(&[file(11)]).await.unwrap_err(), 413);
        assert_eq!(read_text(&[file(1), file(1), file(1)]).await.unwrap_err(), 413);
        assert_eq!(
            read_text(&[part("name=\"text\"", &"x".repeat(21))])
                .await
                .unwrap_err(),
            413
        );
        assert_eq!(
            read_text(&[part("name=\"other\"", &"x".repeat(5_000))])
                .await
                .unwrap_err(),
            413
        );
        let many = vec![part("name=\"a\"", ""); PARTS + 1];
        let spec = FormSpec {
            total_bytes: 1 << 20,
            ..SPEC
        };
        let text = many.concat() + "--x--\r\n";
        assert_eq!(
            read(Body::from(text), "x", &spec)
                .await
                .unwrap_err()
                .into_response()
                .status(),
            413
        );
    }

    #[tokio::test]
    async fn endless_headers_end() {
        let spec = FormSpec {
            total_bytes: 100 << 20,
            ..SPEC
        };
        let chunk = || Ok::<_, Infallible>(Bytes::from_static(&[b'a'; 16 << 10]));
        let chunks = futures_util::stream::iter([Ok(Bytes::from("--x\r\nX: "))])
            .chain(futures_util::stream::repeat_with(chunk));
        let refused = read(Body::from_stream(chunks), "x", &spec).await.unwrap_err();
        assert_eq!(refused.into_response().status(), 400);
    }

    #[tokio::test]
    async fn unreadable_bodies() {
        for text in [
            "",
            "garbage",
            "--x\r\n",
            "--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--",
        ] {
            let refused = read(Body::from(text), "x", &SPEC).await.unwrap_err();
            assert_eq!(refused.into_response().status(), 400, "{text:?}");
        }
    }

    #[test]
    fn dispositions() {
        for (header, name, filename) in [
            ("form-data; name=\"a\"", "a", None),
            ("form-data; name=a; filename=b.txt", "a", Some("b.txt")),
            (
                "form-data; NAME=\"a\" ; filename=\"x; name=\\\"q\\\".txt\"",
                "a",
                Some("x; name=\"q\".txt"),
            ),
            (
                "form-data; name=\"a\"; filename=\"C:\\dir\\b.txt\"",
                "a",
                Some("C:\\dir\\b.txt"),
            ),
            (
                "form-data; name=\"a\"; filename=\"b\"; filename*=UTF-8''na%C3%AFve",
                "a",
                Some("naïve"),
            ),
            ("form-data; name=\"a\"; filename=\"", "a", Some("")),
            ("form-data; filename=\"é\"; name=\"ü\"", "ü", Some("é")),
        ] {
            let parsed = Disposition::parse(header);
            assert_eq!(parsed.name.as_deref(), Some(name), "{header}");
            assert_eq!(parsed.filename.as_deref(), filename, "{header}");
        }
        for header in ["form-data", "", ";", "=;=", "form-data; =", "form-data; name"] {
            assert_eq!(Disposition::parse(header).name, None, "{header}");
        }
    }
}
