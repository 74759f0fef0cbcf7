//! Search over the caller's own titles and messages, best first.
//!
//! Every text is a search: what is not a word parts words. A row is found that has all of them; the last word counts
//! by its beginning while it is being typed. The store gives the newest rows that have the words, so many at most,
//! and these are ranked.

mod plain;
mod rank;
mod snippet;
mod wanted;

use crate::{Engine, EngineError, inner::Inner, views::Caller};
use chatai_store::{
    Tx,
    ops::{
        search::{self as rows, Bounds, Hit, Place},
        search_purge,
    },
};
use chatai_types::{ConversationId, MessageId, Role, Timestamp};
use std::{sync::Arc, time::Duration};
use wanted::Wanted;

/// What one search looks at.
const BOUNDS: Bounds = Bounds {
    titles: 50,
    messages: 200,
    bytes: 1 << 20,
    below: Place::NEWEST,
};
/// How often it looks further, where rows have the characters of a run and not the run.
const LOOKS: usize = 10;
/// How often it is looked whether deleted words wait to leave the index.
const PURGE_INTERVAL: Duration = Duration::from_secs(5);
/// Between two steps other writes have their turn.
const PURGE_PAUSE: Duration = Duration::from_millis(20);

/// A title or a message that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SearchHit {
    /// Its conversation.
    pub conversation_id: ConversationId,
    /// The conversation's title.
    pub title: Option<String>,
    /// The message and who speaks in it; `None` for the title itself.
    pub message: Option<(MessageId, Role)>,
    /// HTML: the part around the words, escaped, the words inside `<mark>`. An answer's Markdown is read as text.
    pub snippet: String,
    /// When it was written.
    pub created_at: Timestamp,
}

impl Engine {
    /// The caller's titles and messages that have the words of a text, best first. A text without words finds
    /// nothing.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn search(
        &self,
        caller: &Caller,
        text: &str,
        limit: usize,
    ) -> Result<Vec<SearchHit>, EngineError> {
        let Some(wanted) = Wanted::parse(text) else {
            return Ok(Vec::new());
        };
        let (owner, wanted) = (caller.user_id, Arc::new(wanted));
        let (mut bounds, mut ranked) = (BOUNDS, Vec::new());
        for _ in 0..LOOKS {
            let sought = wanted.sought();
            let found = self
                .read(move |tx| rows::find(tx, owner, &sought, bounds))
                .await?;
            let looked_at = found.len();
            let Some(last) = last(bounds.below, &found) else {
                break;
            };
            bounds.below = last;
            // A megabyte of text is folded and compared: not on the threads that serve sockets.
            let asked = Arc::clone(&wanted);
            let ranking = tokio::task::spawn_blocking(move || rank::ranked(&asked, found));
            let fitting = ranking.await.map_err(EngineError::internal)?;
            let all_fit = fitting.len() == looked_at;
            ranked.extend(fitting);
            if all_fit || ranked.len() >= limit {
                break;
            }
        }
        Ok(rank::best(ranked, limit))
    }
}

/// Where the look behind these rows begins; `None` where there are none.
fn last(before: Place, found: &[Hit]) -> Option<Place> {
    if found.is_empty() {
        return None;
    }
    let titles = found.iter().filter(|hit| hit.message.is_none());
    let messages = found.iter().filter_map(|hit| hit.message.as_ref());
    Some(Place {
        // None left of one kind: none is looked for.
        conversation: titles
            .map(|hit| hit.conversation_id)
            .min()
            .unwrap_or(ConversationId(0))
            .min(before.conversation),
        message: messages
            .map(|message| message.id)
            .min()
            .unwrap_or(MessageId(0))
            .min(before.message),
    })
}

/// Merges what was deleted out of the index, step by step, until the end.
pub(crate) async fn keep_purged(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(PURGE_INTERVAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = inner.turns.stopped.cancelled() => return,
        }
        let mut more = inner.store.read(search_purge::purge_wanted).await;
        while matches!(more, Ok(true)) {
            more = inner
                .store
                .write(|tx: &mut Tx<'_>| search_purge::purge_step(tx))
                .await;
            tokio::select! {
                () = tokio::time::sleep(PURGE_PAUSE) => {}
                () = inner.turns.stopped.cancelled() => return,
            }
        }
        if let Err(error) = more {
            tracing::warn!(%error, "deleted words could not be merged out of the index");
        }
    }
}
