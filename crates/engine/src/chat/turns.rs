//! The turns of this instance: who may start one, and which run.

use super::{
    closing::past_messages,
    log::TurnLog,
    plan::Plan,
    recent::{DIGEST_REACH, Recent},
    replay::Followed,
    turn::TurnTask,
    writer::EventWriter,
};
use crate::{EngineError, Settings, accounts::Throttle, views::Origin};
use chatai_store::{StoreError, ops::turns::CloseTurn};
use chatai_types::{ConversationId, ErrorCode, MessageId, Timestamp, UserId};
use moka::sync::Cache;
use std::{
    collections::HashMap,
    future::Future,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Bytes of recent messages kept in memory over all conversations.
const RECENT_BYTES: u64 = 32 * 1024 * 1024;

/// The turns of this instance.
pub(crate) struct Turns {
    /// Recent messages by owner and conversation. Valid while the conversation's head is the one they end with: messages
    /// that are complete never change, so nothing in here can be stale, whoever wrote last.
    pub(crate) recent: Cache<(UserId, ConversationId), Recent>,
    places: Arc<Semaphore>,
    per_user: Throttle<UserId>,
    /// Many accounts in one place share its allowance.
    per_address: Throttle<IpAddr>,
    /// The logs of the answers being written here.
    running: Mutex<HashMap<MessageId, Arc<TurnLog>>>,
    /// Logs of turns that run on other instances.
    pub(crate) followed: Followed,
    pub(crate) writer: EventWriter,
    tasks: TaskTracker,
    pub(crate) follow_tasks: TaskTracker,
    /// Tokens of earlier messages given to a model.
    context_tokens: i64,
    /// Turns of other instances are no longer followed.
    pub(crate) leaving: CancellationToken,
    /// Running turns end now, as interrupted.
    pub(crate) ending: CancellationToken,
    /// Background work ends now.
    pub(crate) stopped: CancellationToken,
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
            per_address: Throttle::per_minute(settings.limits.turns_per_minute_and_address),
            running: Mutex::default(),
            followed: Followed::default(),
            writer: EventWriter::default(),
            tasks: TaskTracker::new(),
            follow_tasks: TaskTracker::new(),
            context_tokens: settings.limits.context_tokens,
            leaving: CancellationToken::new(),
            ending: CancellationToken::new(),
            stopped: CancellationToken::new(),
        }
    }

    /// A place for one more turn, or call, of this account from there. What repeats an earlier one needs none.
    pub(crate) fn admit(
        &self,
        owner: UserId,
        origin: &Origin,
        now: Timestamp,
    ) -> Result<OwnedSemaphorePermit, EngineError> {
        if self.tasks.is_closed() {
            return Err(StoreError::Closed.into());
        }
        let too_many = |detail: &'static str, wait: Duration| {
            EngineError::new(ErrorCode::RateLimited, detail).retry_after(wait)
        };
        self.per_address.take(origin.address, now).map_err(|wait| {
            too_many(
                "Too many messages from this address; wait before the next one",
                wait,
            )
        })?;
        self.per_user
            .take(owner, now)
            .map_err(|wait| too_many("Too many messages; wait before the next one", wait))?;
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
        let log = Arc::clone(&task.log);
        self.lock().insert(log.ids.response_message_id, log);
        self.tasks.spawn(task.run());
    }

    /// Runs something that has to be ended before the service ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tasks.spawn(task);
    }

    pub(crate) fn forget(&self, answer: MessageId) {
        self.lock().remove(&answer);
    }

    /// The answers being written by this instance.
    pub(crate) fn running(&self) -> Vec<MessageId> {
        self.lock().keys().copied().collect()
    }

    /// The log of an answer being written by this instance.
    pub(crate) fn log(&self, answer: MessageId) -> Option<Arc<TurnLog>> {
        self.lock().get(&answer).cloned()
    }

    /// Stops the turns of this instance that `concern` somebody: their conversation or account is gone.
    pub(crate) fn stop_those(&self, concern: impl Fn(&TurnLog) -> bool) {
        for log in self.lock().values().filter(|log| concern(log)) {
            log.stop.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<MessageId, Arc<TurnLog>>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets running turns finish for so long, then ends them as interrupted.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.tasks.close();
        self.leaving.cancel();
        self.follow_tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_err() {
            tracing::warn!(
                turns = self.tasks.len(),
                "turns did not finish in time and are marked as interrupted"
            );
            self.ending.cancel();
            self.tasks.wait().await;
        }
        self.follow_tasks.wait().await;
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
        self.recent
            .insert((plan.payer.owner, row.ids.conversation_id), recent);
    }
}
