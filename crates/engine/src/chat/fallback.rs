//! Who answers in whose place: the next model of a list, when a provider fails before the first byte of an answer.
//! What holds for titles, summaries and programs' calls too is here; how those go on is said in `side` and `direct`.

use super::{
    calls::request_tokens,
    context::Depth,
    plan::{Plan, answer_room},
    turn::{Answer, tool_call_of},
};
use crate::{catalog::Model, money::TOOL_RESULT_TOKENS};
use chatai_llm::{Item, LlmError, Request};

/// The request for whoever answers now, with the rounds of tools so far.
pub(super) fn request_of(
    plan: &Plan,
    answer: &Answer,
    depth: Depth,
    rounds: &[Item],
    is_last: bool,
) -> Request {
    let mut request = plan.request_for(&answer.asked.model, depth);
    // What a model thought is for that model alone.
    let is_for_this = |item: &&Item| answer.fallback_from.is_none() || !matches!(item, Item::Reasoning(_));
    request.items.extend(rounds.iter().filter(is_for_this).cloned());
    if is_last {
        request.tools.clear();
    }
    if let Some(allowance) = &plan.allowance {
        let next = allowance.next_call(&answer.asked.model, answer.books.ended(), &request);
        request.max_output_tokens = Some(next.output_tokens);
        if !next.may_use_tools {
            request.tools.clear();
        }
    }
    request
}

/// Whether a failure is the provider's, so that another may do better, and not the question's.
pub(crate) fn is_the_providers(error: &LlmError) -> bool {
    match error {
        LlmError::Auth(_)
        | LlmError::RateLimited { .. }
        | LlmError::ModelUnavailable(_)
        | LlmError::Timeout(_)
        | LlmError::Failed(_)
        | LlmError::Busy { .. }
        | LlmError::CircuitOpen { .. } => true,
        LlmError::ContextTooLong(_) | LlmError::Rejected(_) | LlmError::TooLong(_) => false,
    }
}

/// How many tokens the results of a round of tools from outside may have together: what the model's window has room for
/// behind everything else, with a third kept for what estimates do not hold, and no more than was set aside.
pub(super) fn tool_room(plan: &Plan, answer: &Answer, depth: Depth, rounds: &[Item]) -> i64 {
    if plan.offered.is_empty() {
        return 0;
    }
    let window = answer.asked.model.context_window;
    let sent = request_tokens(&request_of(plan, answer, depth, rounds, false));
    let left = (window - answer_room(window) - sent) * 2 / 3;
    match plan.allowance {
        Some(_) => left.min(TOOL_RESULT_TOKENS),
        None => left,
    }
}

/// Whether a model may be asked for so much in another one's place: it has room, and under a budget a known price.
pub(crate) fn fits(model: &Model, request_tokens: i64, has_budget: bool) -> bool {
    let has_room = request_tokens <= model.context_window - answer_room(model.context_window);
    has_room && (!has_budget || model.rates.is_some())
}

impl Answer {
    /// Whether a call's failure says nothing against asking another model: its provider failed, and nothing of the
    /// answer came.
    pub(super) fn may_be_anothers(&self, error: &LlmError) -> bool {
        let has_given = self.under_way.as_ref().is_some_and(|call| call.has_given);
        !has_given && is_the_providers(error)
    }

    /// Goes on to the next model that can take what was asked; false when none is left.
    pub(super) fn fall_back(&mut self, plan: &Plan, depth: Depth, rounds: &[Item], error: &LlmError) -> bool {
        while let Some(next) = self.others.pop_front() {
            let model = &next.model;
            let asks_for_tools = rounds.iter().any(|item| tool_call_of(item).is_some());
            let tokens = request_tokens(&plan.request_for(model, depth));
            let fits = fits(model, tokens, plan.allowance.is_some());
            if !fits || (asks_for_tools && !model.calls_tools) {
                continue;
            }
            tracing::warn!(from = %self.asked.model.name, to = %model.name, %error, "another model answers");
            let first = plan.answering.model.name.clone();
            self.fallback_from = Some(first);
            self.asked = next;
            self.under_way = None;
            return true;
        }
        false
    }
}
