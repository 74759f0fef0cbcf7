//! Files of a message: what they truly are, what they say, and how a model is given them.

use super::{
    context::{Document, DocumentBody},
    size::{IMAGE_TOKENS, estimate_tokens},
};
use crate::{EngineError, inner::Inner, views::Upload};
use chatai_files::{ContentHash, ExtractError, Kind};
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
    let filename = chatai_files::clean_name(&file.filename);
    let kind = Kind::detect(&file.bytes, &filename, file.content_type.as_deref());
    let text = match inner.extractor.extract(kind, file.bytes.clone()).await {
        Ok(read) => read.map(|read| ExtractedText { text: read.text, truncated: read.truncated, note: read.note }),
        Err(ExtractError::Busy) => {
            let error = EngineError::new(ErrorCode::Overloaded, "Too many files are being read; try again shortly");
            return Err(error.retry_after(Duration::from_secs(2)));
        }
        Err(error) => {
            let detail = format!("`{filename}` cannot be taken: {error}");
            return Err(EngineError::new(ErrorCode::AttachmentUnreadable, detail));
        }
    };
    Ok(NewAttachment {
        content_type: Some(chatai_files::content_type(kind, file.content_type.as_deref())),
        kind: kind.as_str().to_owned(),
        content_hash: ContentHash::of(&file.bytes).to_string(),
        bytes: file.bytes,
        filename,
        text,
    })
}

/// Prepared files as a model is given them.
pub(crate) fn documents(files: &[NewAttachment]) -> Vec<Document> {
    files
        .iter()
        .map(|file| {
            let body = match (image_media_type(&file.kind), &file.text) {
                (Some(media_type), _) => {
                    DocumentBody::Image { media_type: media_type.to_owned(), bytes: file.bytes.clone() }
                }
                (None, Some(read)) => text_body(read.text.clone(), read.truncated, read.note.clone()),
                (None, None) => unreadable(),
            };
            Document { filename: file.filename.clone(), body }
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
    DocumentBody::Nothing { reason: "No text can be read from this kind of file.".to_owned() }
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

/// The media type under which models take an image of this kind; `None` for everything else.
pub(crate) fn image_media_type(kind: &str) -> Option<&'static str> {
    kind.parse::<Kind>().ok()?.image_media_type()
}
