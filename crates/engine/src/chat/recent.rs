//! The turns of this instance: who may start one, which run, and the recent messages that the next one needs.

use super::{
    closing::past_messages,
    context::{Document, DocumentBody, PastMessage, window_start},
    turn::{Plan, TurnTask},
    uploads,
};
use crate::{EngineError, Settings, accounts::Throttle, inner::Inner};
use chatai_store::{
    StoreError, Tx,
    ops::{
        attachments, messages,
        turns::{self, CloseTurn},
    },
};
use chatai_types::{ConversationId, ErrorCode, MessageId, Timestamp, TurnStatus, UserId};
use moka::sync::Cache;
use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Bytes of recent messages kept in memory over all conversations.
const RECENT_BYTES: u64 = 32 * 1024 * 1024;
/// Bytes of earlier images given to a model again.
const IMAGE_BYTES: usize = 20 * 1024 * 1024;
/// History is read this many times as far back as is given in full: the rest stands by its summaries.
const DIGEST_REACH: i64 = 2;

/// The turns of this instance.
pub(crate) struct Turns {
    /// Recent messages by conversation. Valid while the conversation's head is the one they end with: messages
    /// that are complete never change, so nothing in here can be stale, whoever wrote last.
    pub(crate) recent: Cache<ConversationId, Recent>,
    places: Arc<Semaphore>,
    per_user: Throttle<UserId>,
    running: Mutex<HashSet<MessageId>>,
    tasks: TaskTracker,
    /// Tokens of earlier messages given to a model.
    context_tokens: i64,
    /// Running turns end now, as interrupted.
    pub(crate) ending: CancellationToken,
    /// Background work ends now.
    pub(crate) stopped: CancellationToken,
}

/// The recent messages of a conversation up to its head.
#[derive(Clone, Debug, Default)]
pub(crate) struct Recent {
    /// The message they end with.
    pub(crate) head: Option<MessageId>,
    /// Whether some were still being written when they were read: then they must not be kept.
    unsettled: bool,
    pub(crate) messages: Vec<Arc<PastMessage>>,
}

impl Recent {
    /// The estimated size of all that came before the next message.
    pub(crate) fn tokens(&self) -> i64 {
        let last = self.messages.last();
        last.map_or(0, |last| last.tokens_before + last.size_tokens)
    }

    fn bytes(&self) -> u32 {
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

impl Turns {
    pub(crate) fn new(settings: &Settings) -> Self {
        Self {
            recent: Cache::builder()
                .max_capacity(RECENT_BYTES)
                .weigher(|_, recent: &Recent| recent.bytes())
                .time_to_live(settings.cache_ttl)
                .build(),
            places: Arc::new(Semaphore::new(settings.limits.concurrent_turns)),
            per_user: Throttle::per_minute(settings.limits.turns_per_minute),
            running: Mutex::default(),
            tasks: TaskTracker::new(),
            context_tokens: settings.limits.context_tokens,
            ending: CancellationToken::new(),
            stopped: CancellationToken::new(),
        }
    }

    /// A place for one more turn of this account.
    pub(crate) fn admit(&self, owner: UserId, now: Timestamp) -> Result<OwnedSemaphorePermit, EngineError> {
        if self.tasks.is_closed() {
            return Err(StoreError::Closed.into());
        }
        self.per_user.take(owner, now).map_err(|wait| {
            EngineError::new(
                ErrorCode::RateLimited,
                "Too many messages; wait before the next one",
            )
            .retry_after(wait)
        })?;
        Arc::clone(&self.places).try_acquire_owned().map_err(|_| {
            EngineError::new(
                ErrorCode::Overloaded,
                "Too many answers are being written; try again shortly",
            )
            .retry_after(Duration::from_secs(1))
        })
    }

    /// Runs a turn in its own task.
    pub(crate) fn start(&self, task: TurnTask) {
        self.lock().insert(task.ids.response_message_id);
        self.tasks.spawn(task.run());
    }

    pub(crate) fn forget(&self, answer: MessageId) {
        self.lock().remove(&answer);
    }

    /// The answers being written by this instance.
    pub(crate) fn running(&self) -> Vec<MessageId> {
        self.lock().iter().copied().collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashSet<MessageId>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets running turns finish for so long, then ends them as interrupted.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                turns = self.tasks.len(),
                "turns did not finish in time and are marked as interrupted"
            );
            self.ending.cancel();
            self.tasks.wait().await;
        }
        self.stopped.cancel();
    }

    /// Keeps a closed turn for the next one of its conversation.
    pub(crate) fn remember(&self, plan: &Plan, row: &CloseTurn) {
        if plan.recent.unsettled {
            return;
        }
        let mut messages = plan.recent.messages.clone();
        messages.extend(past_messages(plan, row));
        let end = messages
            .last()
            .map_or(0, |last| last.tokens_before + last.size_tokens);
        let reach = DIGEST_REACH * self.context_tokens;
        let kept =
            messages.partition_point(|message| message.tokens_before + message.size_tokens < end - reach);
        messages.drain(..kept);
        let recent = Recent {
            head: Some(row.ids.response_message_id),
            unsettled: false,
            messages,
        };
        self.recent.insert(row.ids.conversation_id, recent);
    }
}

/// The recent messages of a conversation of the owner's: all up to its head, or those before `before`.
pub(crate) async fn load(
    inner: &Inner,
    owner: UserId,
    id: ConversationId,
    before: Option<MessageId>,
) -> Result<Recent, EngineError> {
    let kept = inner.turns.recent.get(&id);
    let budget = inner.settings.limits.context_tokens;
    let read = move |tx: &mut Tx<'_>| -> Result<Option<Recent>, StoreError> {
        let Some(head) = turns::head(tx, owner, id)? else {
            return Ok(None);
        };
        if let Some(kept) = kept.as_ref().filter(|kept| kept.head == head) {
            return Ok(Some(kept.clone()));
        }
        let Some(rows) = turns::history(tx, owner, id, before, DIGEST_REACH * budget)? else {
            return Ok(None);
        };
        let unsettled = before.is_some() || rows.iter().any(|row| row.status == TurnStatus::Running);
        let messages = past(tx, owner, rows, budget)?;
        Ok(Some(Recent {
            head,
            unsettled,
            messages,
        }))
    };
    let recent = inner
        .store
        .read(read)
        .await?
        .ok_or_else(EngineError::conversation_not_found)?;
    if !recent.unsettled {
        inner.turns.recent.insert(id, recent.clone());
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
