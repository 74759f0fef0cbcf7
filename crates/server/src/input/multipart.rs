//! `multipart/form-data` (RFC 7578): which parts a form takes, each within its bounds.

use super::{
    form::{FileField, Form, FormSpec, FormValue},
    parts::{HEADER_BYTES, Head, Reader},
};
use crate::error::{ApiError, human_bytes};
use axum::body::Body;
use chatai_engine::Upload;

/// The most parts of a body, ignored ones included.
const PARTS: usize = 100;

/// Reads a whole form.
pub(crate) async fn read(body: Body, boundary: &str, spec: &FormSpec) -> Result<Form, ApiError> {
    let mut reader = Reader::new(body, boundary, spec.total_bytes);
    let mut form = Form::default();
    reader.skip_preamble().await?;
    for _ in 0..PARTS {
        match reader.head().await? {
            Some(head) => read_part(&mut reader, head, spec, &mut form).await?,
            None => return Ok(form),
        }
    }
    match reader.head().await? {
        Some(_) => {
            let detail = format!("The request's body has more parts than the limit of {PARTS}");
            Err(ApiError::too_large(detail))
        }
        None => Ok(form),
    }
}

async fn read_part(
    reader: &mut Reader,
    head: Head,
    spec: &FormSpec,
    form: &mut Form,
) -> Result<(), ApiError> {
    let text = spec.texts.iter().find(|known| **known == head.name);
    match (text, &spec.files, head.filename) {
        (Some(name), _, Some(_)) => {
            reader.data(|_| Ok(())).await?;
            form.texts.push((name, FormValue::File));
        }
        (Some(name), _, None) => {
            // A character has at most four bytes; the exact count is the reader's business.
            let limit = spec.text_chars.saturating_mul(4) as u64;
            let over =
                || ApiError::too_large(format!("`{name}` is longer than {} characters", spec.text_chars));
            let bytes = reader.collect(limit, over).await?;
            let value = String::from_utf8(bytes.into()).map_or(FormValue::NotUnicode, FormValue::Text);
            form.texts.push((name, value));
        }
        (None, Some(files), Some(filename)) if files.name == head.name && !filename.is_empty() => {
            if form.files.len() >= files.count {
                return Err(ApiError::too_large(format!(
                    "A message takes at most {} files",
                    files.count
                )));
            }
            let over = || {
                let shown: String = filename.chars().filter(|c| !c.is_control()).take(100).collect();
                let limit = human_bytes(files.bytes);
                ApiError::too_large(format!(
                    "`{shown}` is larger than {limit}, the most a file may have"
                ))
            };
            let bytes = reader.collect(files.bytes, over).await?;
            let content_type = head.content_type;
            form.files.push(FileField::File(Upload {
                filename,
                content_type,
                bytes,
            }));
        }
        (None, Some(files), None) if files.name == head.name => {
            let over = || ApiError::too_large(format!("`{}` takes files, not text", files.name));
            let bytes = reader.collect(HEADER_BYTES as u64, over).await?;
            form.files
                .push(FileField::Text(String::from_utf8_lossy(&bytes).into_owned()));
        }
        _ => reader.data(|_| Ok(())).await?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::form::FileSpec;
    use crate::input::parts::find;
    use axum::response::IntoResponse;
    use bytes::Bytes;
    use futures_util::StreamExt;
    use proptest::prelude::*;
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

    proptest! {
        /// However the bytes arrive, whatever they are, a file comes out as it went in.
        #[test]
        fn files_survive_any_cut(
            content in prop::collection::vec(prop::sample::select(&b"\r\n-xyz"[..]), 0..60),
            step in 1_usize..40,
        ) {
            prop_assume!(find(&content, b"\r\n--xy").is_none());
            let spec = FormSpec { files: Some(FileSpec { bytes: 100, ..SPEC.files.unwrap() }), ..SPEC };
            let mut sent = b"--xy\r\nContent-Disposition: form-data; name=files; filename=f\r\n\r\n".to_vec();
            sent.extend_from_slice(&content);
            sent.extend_from_slice(b"\r\n--xy--");
            let chunks: Vec<_> =
                sent.chunks(step).map(|chunk| Ok::<_, Infallible>(Bytes::copy_from_slice(chunk))).collect();
            let body = Body::from_stream(futures_util::stream::iter(chunks));
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let form = runtime.block_on(read(body, "xy", &spec)).unwrap();
            let [FileField::File(file)] = &form.files[..] else { panic!("{:?}", form.files) };
            prop_assert_eq!(&file.bytes[..], &content[..]);
        }
    }
}
