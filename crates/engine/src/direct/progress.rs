//! How far a call has come: who answers, what came, what it used.

use super::piece::Piece;
use crate::chat::{Served, fallback::fits, size::TextSize};
use chatai_llm::{Item, LlmError, Part, Request, StopReason};
use chatai_store::ops::direct::CallUse;
use chatai_types::{Money, TokenCounts, UsageSource};
use std::collections::VecDeque;

/// How far a call has come.
pub(super) struct Progress {
    /// Who answers: the model that was asked, or one in its place.
    pub(super) asked: Served,
    /// Those that may still answer in its place.
    pub(super) others: VecDeque<Served>,
    /// The model that was asked first, where another answers.
    pub(super) fallback_from: Option<String>,
    request_tokens: i64,
    /// Whether the provider has begun to answer.
    pub(super) is_accepted: bool,
    /// Whether anything came.
    pub(super) has_given: bool,
    /// What came, for the case that nobody reports what it used.
    given: TextSize,
    pub(super) stop_reason: Option<StopReason>,
    pub(super) used: Option<CallUse>,
}

impl Progress {
    pub(super) fn new(asked: Served, request_tokens: i64) -> Self {
        Self {
            others: asked.alternatives.iter().cloned().collect(),
            asked,
            fallback_from: None,
            request_tokens,
            is_accepted: false,
            has_given: false,
            given: TextSize::default(),
            stop_reason: None,
            used: None,
        }
    }

    /// Counts a piece; false when it says nothing.
    pub(super) fn give(&mut self, piece: &Piece) -> bool {
        match piece {
            Piece::Text(text) | Piece::Reasoning(text) => {
                self.given.add(text);
                !text.is_empty()
            }
            Piece::ToolCall { name, arguments, .. } => {
                self.given.add(name);
                self.given.add(arguments);
                true
            }
            Piece::State(_) | Piece::StoppedAt(_) | Piece::Vectors(_) => true,
        }
    }

    /// What the call used, as reported; estimated where nothing was.
    pub(super) fn record(&self, reported: Option<TokenCounts>) -> CallUse {
        let model = &self.asked.model;
        let (tokens, source) = match reported {
            // It has no tokens to count.
            _ if self.asked.is_built_in() => (TokenCounts::default(), UsageSource::None),
            Some(tokens) => (tokens, UsageSource::Provider),
            None => {
                let estimated = TokenCounts {
                    fresh_input: self.request_tokens,
                    output: self.given.tokens(),
                    ..TokenCounts::default()
                };
                (estimated, UsageSource::Estimated)
            }
        };
        CallUse {
            tokens,
            source,
            price: model.charge(&tokens),
            price_version: model.price_version,
        }
    }

    /// A call that broke off after it gave something, or that was ended by us: it is billed by estimate, since the
    /// provider bills it too. Of one that was ended before its provider had begun to answer nobody knows what it used.
    pub(super) fn settle(&mut self, ended_by_us: bool) {
        if self.used.is_some() {
            return;
        }
        if self.is_accepted && (ended_by_us || !self.given.is_empty()) {
            self.used = Some(self.record(None));
        } else if ended_by_us {
            self.used = Some(CallUse {
                tokens: TokenCounts::default(),
                source: UsageSource::None,
                price: Some(Money::ZERO),
                price_version: self.asked.model.price_version,
            });
        }
    }

    /// Goes on to the next model that can take what is asked; false when none is left.
    pub(super) fn fall_back(&mut self, request: &Request, is_reserved: bool, error: &LlmError) -> bool {
        while let Some(next) = self.others.pop_front() {
            let model = &next.model;
            let is_able = (model.calls_tools || request.tools.is_empty())
                && (model.sees || !has_images(request))
                && !model.embeds;
            if !fits(model, self.request_tokens, is_reserved) || !is_able {
                continue;
            }
            tracing::warn!(from = %self.asked.model.name, to = %model.name, %error, "another model answers");
            self.fallback_from
                .get_or_insert_with(|| self.asked.model.name.clone());
            self.asked = next;
            self.is_accepted = false;
            return true;
        }
        false
    }
}

fn has_images(request: &Request) -> bool {
    let is_image = |part: &Part| matches!(part, Part::Image { .. } | Part::ImageUrl { .. });
    let mut items = request.items.iter();
    items.any(|item| matches!(item, Item::User(parts) if parts.iter().any(is_image)))
}
