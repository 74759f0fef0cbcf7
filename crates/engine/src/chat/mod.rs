//! A message from its arrival to its answer: refusals first, then one transaction, then the turn's own task.

mod calls;
mod closing;
pub(crate) mod context;
mod log;
pub(crate) mod prompt;
mod recent;
mod side;
pub(crate) mod size;
mod tools;
mod turn;
pub(crate) mod uploads;

pub use log::Turn;
pub(crate) use recent::Turns;

use crate::{
    Engine, EngineError,
    inner::Inner,
    money::Demand,
    views::{Caller, MessageLimits, SendMessage},
};
pub(crate) use calls::{Served, request_tokens};
use chatai_store::{
    Tx,
    ops::turns::{self, OpenOutcome, OpenTurn},
};
use chatai_types::ErrorCode;
use log::TurnLog;
use size::{MESSAGE_OVERHEAD, estimate_tokens};
use std::{sync::Arc, time::Duration};
use turn::{Plan, TurnTask, fits_window, fixed_tokens};

/// How long a running answer's owner is believed alive without renewing.
const LEASE_SECS: i64 = 60;
/// How often leases are renewed.
const LEASE_RENEWAL: Duration = Duration::from_secs(15);
/// What is kept free of a model's window for its answer, at most and as a part of the window.
const ANSWER_TOKENS: i64 = 16_384;
const ANSWER_PART: i64 = 4;

impl Engine {
    /// Bounds of a message, for whoever reads it from a socket.
    pub fn message_limits(&self) -> MessageLimits {
        let limits = &self.inner.settings.limits;
        MessageLimits {
            text_chars: limits.message_chars,
            files: limits.files_per_message,
            file_bytes: limits.file_bytes,
        }
    }

    /// Accepts a message: when this returns, it is written and its turn runs. A refusal has written nothing and
    /// called no model.
    ///
    /// # Errors
    /// `empty_text`, `too_large`, `conversation_not_found`, `model_unknown`, `model_unavailable`,
    /// `context_too_long`, `attachment_unreadable`, `budget_exceeded`, `rate_limited`, `overloaded`, `shutting_down`.
    pub async fn send(&self, caller: &Caller, message: SendMessage) -> Result<Turn, EngineError> {
        let inner = &self.inner;
        let owner = caller.user_id;
        self.check_bounds(&message)?;
        let answering = inner.models.resolve(message.model.as_deref())?;
        let window = answering.model.context_window;
        let answer_room = ANSWER_TOKENS.min(window / ANSWER_PART);
        if !fits_window(&message.text, window - answer_room) {
            return Err(EngineError::new(
                ErrorCode::ContextTooLong,
                format!(
                    "The message does not fit the window of `{}`; shorten it",
                    answering.model.name
                ),
            ));
        }
        let permit = inner.turns.admit(owner, self.now())?;
        let mut recent = match message.conversation_id {
            None => recent::Recent::default(),
            Some(id) => recent::load(inner, owner, id, None).await?,
        };
        let stored = uploads::prepare(inner, message.files).await?;
        let documents = uploads::documents(&stored);
        let question_tokens = estimate_tokens(&message.text);
        let documents_tokens = uploads::documents_tokens(&documents);
        let document_room = window - answer_room - fixed_tokens() - question_tokens;
        let size_tokens = MESSAGE_OVERHEAD + question_tokens + documents_tokens;
        let title = prompt::provisional_title(&message.text);
        let demand = Demand {
            answering: &answering,
            text: &message.text,
            input_tokens: fixed_tokens()
                + MESSAGE_OVERHEAD
                + question_tokens
                + documents_tokens.min(document_room.max(0))
                + recent.tokens().min(inner.settings.limits.context_tokens),
            is_new: message.conversation_id.is_none(),
        };
        let (worst_case, allowance) = demand.worst_case(inner);
        let now = self.now();
        let open = Arc::new(OpenTurn {
            owner,
            conversation: message.conversation_id,
            provisional_title: title.clone(),
            text: message.text.clone(),
            model: answering.model.name.clone(),
            size_tokens,
            attachments: stored,
            now,
            lease_until: now.plus_secs(LEASE_SECS),
            worst_case,
        });
        let row = Arc::clone(&open);
        // Written is enough here: nothing leaves for the client before the turn's end is synced behind it.
        let opening = move |tx: &mut Tx<'_>| match turns::open(tx, &row)? {
            OpenOutcome::Opened(ids) => Ok(ids),
            // An error rolls back whatever was written before the refusal.
            OpenOutcome::NotFound => Err(EngineError::conversation_not_found()),
            OpenOutcome::OverBudget => Err(EngineError::budget_exceeded()),
        };
        let (ids, _synced) = inner.store.write_staged(opening).await?;
        if ids.parent_id != recent.head {
            // Another message came in between: what was read is not what this one follows.
            let before = Some(ids.request_message_id);
            recent = match recent::load(inner, owner, ids.conversation_id, before).await {
                Ok(recent) => recent,
                Err(error) => {
                    // The question is written and has to be answered, if need be without what came before.
                    tracing::warn!(%error, "a turn goes without its conversation");
                    recent::Recent::default()
                }
            };
        }
        let (log, turn) = TurnLog::open(ids.into(), answering.model.name.clone());
        let plan = Plan {
            owner,
            titling: inner
                .models
                .helper(&answering, inner.settings.models.title.as_deref()),
            summarising: inner
                .models
                .helper(&answering, inner.settings.models.summary.as_deref()),
            intent: inner.models.intent(&answering),
            // The question comes first, then its files, then what was said before.
            document_tokens: document_room.max(0),
            context_tokens: inner
                .settings
                .limits
                .context_tokens
                .min(document_room - documents_tokens)
                .max(0),
            allowance: ids.is_reserved.then_some(allowance),
            answering,
            tokens_before: ids.tokens_before,
            recent,
            text: message.text,
            documents,
            provisional_title: message.conversation_id.is_none().then_some(title),
            size_tokens,
        };
        inner.turns.start(TurnTask {
            inner: Arc::clone(inner),
            plan,
            ids,
            log,
            permit,
        });
        Ok(turn)
    }

    fn check_bounds(&self, message: &SendMessage) -> Result<(), EngineError> {
        let limits = self.message_limits();
        let too_large = |detail: String| Err(EngineError::new(ErrorCode::TooLarge, detail));
        if message.text.trim().is_empty() {
            return Err(EngineError::new(ErrorCode::EmptyText, "Empty text"));
        }
        if message.text.chars().count() > limits.text_chars {
            return too_large(format!(
                "The text is longer than {} characters",
                limits.text_chars
            ));
        }
        if message.files.len() > limits.files {
            return too_large(format!("A message takes at most {} files", limits.files));
        }
        for file in &message.files {
            if file.bytes.len() as u64 > limits.file_bytes {
                return too_large(format!(
                    "`{}` is larger than {} bytes, the most a file may have",
                    chatai_files::clean_name(&file.filename),
                    limits.file_bytes
                ));
            }
        }
        Ok(())
    }
}

/// Renews the leases of this instance's running turns, and marks those whose owner is gone, until the end.
pub(crate) async fn keep_leases(inner: Arc<Inner>) {
    let mut ticks = tokio::time::interval(LEASE_RENEWAL);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = inner.turns.stopped.cancelled() => return,
        }
        let running = inner.turns.running();
        let now = inner.clock.now();
        // Apart: what holds up the sweep must not keep our own leases from being renewed.
        let renewing = move |tx: &mut Tx<'_>| turns::renew_leases(tx, &running, now.plus_secs(LEASE_SECS));
        if let Err(error) = inner.store.write(renewing).await {
            tracing::warn!(%error, "leases could not be renewed");
            continue;
        }
        match inner.store.write(move |tx| turns::sweep(tx, now)).await {
            Ok(0) => {}
            Ok(swept) => tracing::warn!(swept, "turns whose owner is gone were marked as interrupted"),
            Err(error) => tracing::warn!(%error, "running turns could not be looked through"),
        }
    }
}
