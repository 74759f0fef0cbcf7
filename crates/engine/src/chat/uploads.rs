//! Files of a message: what they truly are, what they say, and how a model is given them.

use super::{
    context::{Document, DocumentBody},
    size::{IMAGE_TOKENS, estimate_tokens},
};
use crate::{EngineError, inner::Inner, views::Upload};
use chatai_files::{Content, ExtractError, describe};
use chatai_store::ops::attachments::{ExtractedText, NewAttachment};
use chatai_types::ErrorCode;
use std::time::Duration;

/// Identifies and reads all files of a message. Nothing is stored yet, so a refusal leaves nothing behind.
pub(crate) async fn prepare(inner: &Inner, files: Vec<Upload>) -> Result<Vec<NewAttachment>, EngineError> {
    let mut prepared = Vec::with_capacity(files.len());
    for file in files {
        prepared.push(read(inner, file).await?);
    }
    Ok(prepared)
}

async fn read(inner: &Inner, file: Upload) -> Result<NewAttachment, EngineError> {
    let Upload {
        filename,
        content_type,
        bytes,
    } = file;
    let content = bytes.clone();
    // Hashing a large file takes milliseconds: not on an async thread.
    let described =
        tokio::task::spawn_blocking(move || describe(&filename, content_type.as_deref(), &content));
    let described = described.await.map_err(EngineError::internal)?;
    let text = match inner.extractor.read(described.kind, bytes.clone()).await {
        Ok(Content::Text(read)) => Some(ExtractedText {
            text: read.text,
            truncated: read.truncated,
            note: read.note,
        }),
        Ok(Content::Image(_) | Content::Opaque) => None,
        // What cannot be read can still be kept and downloaded; the model is told why it has no text.
        Err(ExtractError::Broken(reason)) => Some(ExtractedText {
            text: String::new(),
            truncated: false,
            note: Some(reason),
        }),
        // Not the file's fault, so nothing is remembered of it under its content.
        Err(ExtractError::Unavailable(reason)) => {
            tracing::error!(
                reason,
                "documents cannot be read on this machine; a file was stored without its text"
            );
            None
        }
        Err(error) => return Err(refused(&described.name, &error)),
    };
    Ok(NewAttachment {
        filename: described.name,
        content_type: Some(described.content_type),
        kind: described.kind.media_type().to_owned(),
        content_hash: described.hash.to_string(),
        bytes,
        text,
    })
}

fn refused(name: &str, error: &ExtractError) -> EngineError {
    if error.is_the_files_fault() {
        return EngineError::new(
            ErrorCode::AttachmentUnreadable,
            format!("`{name}` cannot be taken: {error}"),
        );
    }
    EngineError::new(
        ErrorCode::Overloaded,
        "Too many files are being read; try again shortly",
    )
    .retry_after(Duration::from_secs(2))
}

/// Prepared files as a model is given them.
pub(crate) fn documents(files: &[NewAttachment]) -> Vec<Document> {
    files
        .iter()
        .map(|file| {
            // An image has text only when something is wrong with it.
            let body = match (&file.text, image_media_type(&file.kind)) {
                (Some(read), _) => text_body(read.text.clone(), read.truncated, read.note.clone()),
                (None, Some(media_type)) => DocumentBody::Image {
                    media_type: media_type.to_owned(),
                    bytes: file.bytes.clone(),
                },
                (None, None) => unreadable(),
            };
            Document {
                filename: file.filename.clone(),
                body,
            }
        })
        .collect()
}

/// A document's text; an empty one with a remark has nothing but the remark to say.
pub(crate) fn text_body(text: String, truncated: bool, note: Option<String>) -> DocumentBody {
    let note = match (note, truncated) {
        (Some(note), _) => Some(note),
        (None, true) => Some("only the beginning of the file".to_owned()),
        (None, false) => None,
    };
    match note {
        Some(reason) if text.trim().is_empty() => DocumentBody::Nothing { reason },
        note => DocumentBody::Text { text, note },
    }
}

/// What stands for a file that is no document and no image.
pub(crate) fn unreadable() -> DocumentBody {
    DocumentBody::Nothing {
        reason: "No text can be read from this kind of file.".to_owned(),
    }
}

/// The estimated size of documents as they will be given.
pub(crate) fn documents_tokens(documents: &[Document]) -> i64 {
    documents
        .iter()
        .map(|document| match &document.body {
            DocumentBody::Text { text, .. } => estimate_tokens(text),
            DocumentBody::Image { .. } => IMAGE_TOKENS,
            DocumentBody::Nothing { reason } => estimate_tokens(reason),
        })
        .sum()
}

/// The media type under which models take an image; `None` for every other kind.
pub(crate) fn image_media_type(kind: &str) -> Option<&str> {
    kind.starts_with("image/").then_some(kind)
}
