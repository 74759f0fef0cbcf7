//! The recent messages of a conversation, which its next turn needs.

use super::{
    context::{Document, DocumentBody, PastMessage, window_start},
    uploads,
};
use crate::{EngineError, inner::Inner};
use chatai_store::{
    StoreError, Tx,
    ops::{attachments, branches, messages, turns},
};
use chatai_types::{ConversationId, MessageId, TurnStatus, UserId};
use std::{collections::HashSet, sync::Arc};

/// Bytes of earlier images given to a model again.
const IMAGE_BYTES: usize = 20 * 1024 * 1024;
/// History is read this many times as far back as is given in full: the rest stands by its summaries.
pub(super) const DIGEST_REACH: i64 = 2;

/// The messages that lead to one of a conversation, as far back as they matter.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    /// The message they end with.
    pub(crate) head: Option<MessageId>,
    /// Whether some were still being written when they were read: then they must not be kept.
    pub(super) unsettled: bool,
    pub(crate) messages: Vec<Arc<PastMessage>>,
}

impl Recent {
    /// The estimated size of all that came before the next message.
    pub(crate) fn tokens(&self) -> i64 {
        let last = self.messages.last();
        last.map_or(0, |last| last.tokens_before + last.size_tokens)
    }

    pub(super) fn bytes(&self) -> u32 {
        let size = |message: &Arc<PastMessage>| {
            let documents: usize = message.documents.iter().map(document_bytes).sum();
            64 + message.text.len() + message.summary.as_ref().map_or(0, String::len) + documents
        };
        u32::try_from(self.messages.iter().map(size).sum::<usize>()).unwrap_or(u32::MAX)
    }
}

fn document_bytes(document: &Document) -> usize {
    match &document.body {
        DocumentBody::Text { text, .. } => text.len(),
        DocumentBody::Image { bytes, .. } => bytes.len(),
        DocumentBody::Nothing { reason } => reason.len(),
    }
}

/// Up to which message a conversation is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UpTo {
    /// The last one of its active branch.
    Head,
    /// This one.
    Message(MessageId),
    /// Nothing of it.
    Nothing,
}

/// The messages of a conversation of the owner's as they were at its last turn here: where they still end may be
/// another's turn's to say, which is found out when the next one is opened.
pub(super) fn kept(inner: &Inner, owner: UserId, id: ConversationId) -> Option<Recent> {
    inner.turns.recent.get(&(owner, id))
}

/// The messages of a conversation of the owner's that lead to the one wanted, which must be in it.
pub(crate) async fn load(
    inner: &Inner,
    owner: UserId,
    id: ConversationId,
    up_to: UpTo,
) -> Result<Recent, EngineError> {
    let kept = kept(inner, owner, id);
    let budget = inner.settings.limits.context_tokens;
    let read = move |tx: &mut Tx<'_>| -> Result<Option<Option<Recent>>, StoreError> {
        let Some(head) = branches::head(tx, owner, id)? else {
            return Ok(None);
        };
        let last = match up_to {
            UpTo::Head => head,
            UpTo::Message(message) => Some(message),
            UpTo::Nothing => None,
        };
        let Some(last) = last else {
            return Ok(Some(Some(Recent::default())));
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.head == Some(last)) {
            return Ok(Some(Some(kept.clone())));
        }
        let Some(rows) = turns::history(tx, owner, id, last, DIGEST_REACH * budget)? else {
            return Ok(None);
        };
        // What leads to nothing must not be kept either: a later message may get this id.
        if rows.last().is_none_or(|row| row.id != last) {
            return Ok(Some(None));
        }
        let unsettled = rows.iter().any(|row| row.status == TurnStatus::Running);
        let messages = past(tx, owner, rows, budget)?;
        Ok(Some(Some(Recent {
            head: Some(last),
            unsettled,
            messages,
        })))
    };
    let recent = inner
        .store
        .read(read)
        .await?
        .ok_or_else(EngineError::conversation_not_found)?
        .ok_or_else(EngineError::message_not_found)?;
    if !recent.unsettled && recent.head.is_some() {
        inner.turns.recent.insert((owner, id), recent.clone());
    }
    Ok(recent)
}

/// Messages with the files of those that will stand in full.
fn past(
    tx: &mut Tx<'_>,
    owner: UserId,
    rows: Vec<messages::Message>,
    budget: i64,
) -> Result<Vec<Arc<PastMessage>>, StoreError> {
    let end = rows
        .last()
        .map_or(0, |last| last.tokens_before + last.size_tokens);
    let start = window_start(end, budget);
    // What a model failed on is not sent to it again and again: the question stays, its files do not.
    let failed: HashSet<MessageId> = rows
        .iter()
        .filter(|row| row.status == TurnStatus::Failed)
        .filter_map(|row| row.request_id)
        .collect();
    let mut image_bytes = IMAGE_BYTES;
    let mut old_ones = false;
    let mut past = Vec::with_capacity(rows.len());
    // From the newest back, so that the newest images are the ones that fit.
    for row in rows.into_iter().rev() {
        let mut documents = Vec::new();
        // Those that stand in full, and the last before them, of which a part may be given.
        let wanted = row.tokens_before >= start || !old_ones;
        if wanted && !row.attachments.is_empty() && !failed.contains(&row.id) {
            old_ones = row.tokens_before < start;
            for file in &row.attachments {
                documents.push(document(tx, owner, file, &mut image_bytes)?);
            }
        }
        past.push(Arc::new(PastMessage {
            role: row.role,
            text: row.text,
            summary: row.summary,
            size_tokens: row.size_tokens,
            tokens_before: row.tokens_before,
            documents,
        }));
    }
    past.reverse();
    Ok(past)
}

/// The files of a question, as a model is given them.
pub(super) fn documents(
    tx: &mut Tx<'_>,
    owner: UserId,
    question: &messages::Message,
) -> Result<Vec<Document>, StoreError> {
    let mut image_bytes = IMAGE_BYTES;
    question
        .attachments
        .iter()
        .map(|file| document(tx, owner, file, &mut image_bytes))
        .collect()
}

fn document(
    tx: &mut Tx<'_>,
    owner: UserId,
    file: &attachments::Attachment,
    image_bytes: &mut usize,
) -> Result<Document, StoreError> {
    let body = match attachments::text_of(tx, owner, &file.content_hash)? {
        Some(text) => uploads::text_body(text.text, text.truncated, text.note),
        None => match uploads::image_media_type(&file.kind) {
            Some(media_type) => image(tx, owner, file, media_type, image_bytes)?,
            None => uploads::unreadable(),
        },
    };
    Ok(Document {
        filename: file.filename.clone(),
        body,
    })
}

fn image(
    tx: &mut Tx<'_>,
    owner: UserId,
    file: &attachments::Attachment,
    media_type: &str,
    image_bytes: &mut usize,
) -> Result<DocumentBody, StoreError> {
    let size = usize::try_from(file.size).unwrap_or(usize::MAX);
    let Some(left) = image_bytes.checked_sub(size) else {
        return Ok(DocumentBody::Nothing {
            reason: "This earlier image was left out.".to_owned(),
        });
    };
    *image_bytes = left;
    let bytes = attachments::bytes_of(tx, owner, &file.content_hash)?.unwrap_or_default();
    Ok(DocumentBody::Image {
        media_type: media_type.to_owned(),
        bytes: bytes.into(),
    })
}
