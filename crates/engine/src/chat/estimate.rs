//! What a message would take in and cost, before it is sent: the plan of its turn, and nothing of the turn itself. Nothing
//! is written, no model is called.

use super::{
    accept::{before, check_window, outside},
    plan::{Asked, Plan, answer_room},
    prompt,
    size::{IMAGE_TOKENS, MESSAGE_OVERHEAD, estimate_tokens},
    uploads::image_media_type,
};
use crate::{
    Engine, EngineError,
    money::Budget,
    views::{Caller, Parent},
};
use chatai_store::{StoreError, Tx, ops::budgets};
use chatai_types::{ConversationId, Money};

/// A message that may be sent.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The conversation; `None` for a new one.
    pub conversation_id: Option<ConversationId>,
    /// What it would follow there.
    pub parent: Parent,
    /// The question as far as it is written.
    pub text: String,
    /// The model; `None` means the configured default.
    pub model: Option<String>,
    /// The files that would go with it.
    pub files: Vec<DraftFile>,
}

/// A file of a draft, of which nothing is known but what its sender says.
#[derive(Clone, Debug)]
pub struct DraftFile {
    /// Bytes.
    pub size: u64,
    /// The media type.
    pub content_type: Option<String>,
}

/// What a draft would take in and cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The model that would answer.
    pub model: String,
    /// What its first call would take in, in tokens.
    pub used_tokens: i64,
    /// What of the window is for that.
    pub limit_tokens: i64,
    /// The model's whole window.
    pub window: i64,
    /// Whether older messages would go by their summaries.
    pub will_be_summarised: bool,
    /// Whether the question itself is no more than the model takes.
    pub fits: bool,
    /// What the turn may cost at most; `None` where a price is not known.
    pub worst_case: Option<Money>,
    /// Whether that is no more than what is left.
    pub fits_budget: bool,
    /// What is left of the account's budget, or of the key's where that is less; `None` where there is no limit.
    pub remaining: Option<Money>,
}

impl Engine {
    /// What a message would take in and cost if it were sent now.
    ///
    /// # Errors
    /// `too_large`, `conversation_not_found`, `message_not_found`, `model_unknown`, `model_unavailable`,
    /// `model_not_allowed`.
    pub async fn estimate(&self, caller: &Caller, draft: Draft) -> Result<Estimate, EngineError> {
        self.check_length(&draft.text)?;
        let inner = &*self.inner;
        let model = inner.models.resolve_for(caller, draft.model.as_deref())?;
        let recent = before(inner, caller.user_id, draft.conversation_id, draft.parent).await?;
        let offered = outside(inner, caller, &model, &draft.text).await?;
        let fits = check_window(&model, &draft.text).is_ok();
        let window = model.model.context_window;
        let documents_tokens = self.files_tokens(&draft.files);
        let title = prompt::provisional_title(&draft.text);
        let asked = Asked {
            size_tokens: MESSAGE_OVERHEAD + estimate_tokens(&draft.text) + documents_tokens,
            begun: None,
            text: draft.text,
            documents: Vec::new(),
            documents_tokens,
            provisional_title: draft.conversation_id.is_none().then_some(title),
            summary: None,
            is_new: true,
            offered,
        };
        let plan = Plan::new(inner, caller.payer(), model, asked, recent);
        let worst_case = match plan.unpriced(inner) {
            None => Some(plan.worst_case(inner).0),
            Some(_) => None,
        };
        let remaining = self.remaining(caller).await?;
        // What costs nothing is never refused for a budget that is used up.
        let fits_budget = worst_case == Some(Money::ZERO)
            || remaining.is_none_or(|left| worst_case.is_some_and(|most| most <= left));
        Ok(Estimate {
            model: plan.answering.model.name.clone(),
            used_tokens: plan.request_tokens(),
            limit_tokens: window - answer_room(window),
            window,
            will_be_summarised: plan.digests(),
            fits,
            worst_case,
            fits_budget,
            remaining,
        })
    }

    /// What is left of every budget that the caller's turns come out of.
    async fn remaining(&self, caller: &Caller) -> Result<Option<Money>, EngineError> {
        let (payer, now) = (caller.payer(), self.now());
        let read = move |tx: &mut Tx<'_>| -> Result<_, StoreError> {
            let of_account = budgets::get(tx, payer.owner, now)?;
            let of_key = match payer.key {
                Some(key) => budgets::of_key(tx, key, now)?,
                None => None,
            };
            Ok((of_account, of_key))
        };
        let (of_account, of_key) = self.read(read).await?;
        let of_account = of_account.ok_or_else(EngineError::invalid_token)?;
        let budgets = [Some(of_account), of_key].into_iter().flatten();
        Ok(budgets
            .filter_map(|budget| Budget::at(now, budget).remaining())
            .min())
    }

    /// The most that files are given as, by what their sender says of them: a text's size is known when it is read.
    fn files_tokens(&self, files: &[DraftFile]) -> i64 {
        let most_bytes = self.inner.extractor.limits().text_bytes as u64;
        let tokens = |file: &DraftFile| match file.content_type.as_deref().and_then(image_media_type) {
            Some(_) => IMAGE_TOKENS,
            None => i64::try_from(file.size.min(most_bytes).div_ceil(4)).unwrap_or(i64::MAX),
        };
        files.iter().map(tokens).fold(0, i64::saturating_add)
    }
}
