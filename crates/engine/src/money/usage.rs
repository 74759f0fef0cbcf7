//! What model calls used and cost, summed from the ledger.

use crate::{Engine, EngineError};
use chatai_store::ops::{
    direct::NO_CONVERSATION,
    reports::{self, Every, GroupBy, Key, Sum},
};
use chatai_types::{ConversationId, Day, ErrorCode, Money, Timestamp, TokenCounts, UserId};
use std::collections::BTreeMap;

/// What calls are grouped by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UsageGroup {
    /// The account; for administrators.
    User,
    /// The month in UTC.
    Month,
    /// The day in UTC.
    Day,
    /// The model.
    Model,
    /// What the call was for.
    Scope,
    /// The conversation.
    Conversation,
}

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct UsageQuery {
    /// From this moment on; `None` from the beginning.
    pub from: Option<Timestamp>,
    /// Up to this moment, itself excluded; `None` without an end.
    pub to: Option<Timestamp>,
    /// What calls are grouped by.
    pub group_by: Vec<UsageGroup>,
}

/// What the calls of a group have in common; `None` for what they are not grouped by.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct UsageKey {
    /// The account.
    pub user: Option<UserId>,
    /// `YYYY-MM`.
    pub month: Option<String>,
    /// The day.
    pub day: Option<Day>,
    /// The model.
    pub model: Option<String>,
    /// What the calls were for.
    pub scope: Option<String>,
    /// The conversation, which may have been deleted.
    pub conversation: Option<ConversationId>,
}

/// Sums over calls.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UsageSum {
    /// How many.
    pub calls: i64,
    /// Of these, the ones whose price nobody knows: they are not in the price.
    pub unpriced_calls: i64,
    /// What they used.
    pub tokens: TokenCounts,
    /// What they cost.
    pub price: Money,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageReport {
    /// Over all groups.
    pub total: UsageSum,
    /// Each group with at least one call, in order.
    pub groups: Vec<(UsageKey, UsageSum)>,
}

impl UsageSum {
    fn add(&mut self, sum: &Sum) -> Result<(), EngineError> {
        let known = Sum {
            calls: self.calls,
            unpriced: self.unpriced_calls,
            tokens: self.tokens,
            amount: self.price,
        };
        let both = known
            .checked_add(sum)
            .ok_or_else(|| EngineError::internal("sums of the ledger overflow"))?;
        *self = Self {
            calls: both.calls,
            unpriced_calls: both.unpriced,
            tokens: both.tokens,
            price: both.amount,
        };
        Ok(())
    }
}

impl Engine {
    pub(crate) async fn usage_report(
        &self,
        owner: Option<UserId>,
        query: UsageQuery,
    ) -> Result<UsageReport, EngineError> {
        let asks = |group| query.group_by.contains(&group);
        let (by_month, by_day) = (asks(UsageGroup::Month), asks(UsageGroup::Day));
        let by = GroupBy {
            user: asks(UsageGroup::User),
            // A day says which month it is in.
            every: match (by_day, by_month) {
                (true, _) => Some(Every::Day),
                (false, true) => Some(Every::Month),
                (false, false) => None,
            },
            model: asks(UsageGroup::Model),
            scope: asks(UsageGroup::Scope),
            conversation: asks(UsageGroup::Conversation),
        };
        let period = reports::Scope {
            owner,
            from: query.from,
            to: query.to,
        };
        let found = self.read(move |tx| reports::report(tx, &period, by)).await?;
        let found = found.ok_or_else(|| {
            EngineError::new(
                ErrorCode::Validation,
                "The report has too many groups; shorten the time with `from` and `to`",
            )
        })?;
        let mut total = UsageSum::default();
        let mut groups = BTreeMap::<UsageKey, UsageSum>::new();
        for (key, sum) in &found {
            total.add(sum)?;
            groups
                .entry(usage_key(key, by_month, by_day))
                .or_default()
                .add(sum)?;
        }
        if query.group_by.is_empty() {
            groups.clear();
        }
        Ok(UsageReport {
            total,
            groups: groups.into_iter().collect(),
        })
    }
}

fn usage_key(key: &Key, by_month: bool, by_day: bool) -> UsageKey {
    UsageKey {
        user: key.user,
        month: key.day.filter(|_| by_month).map(Day::month),
        day: key.day.filter(|_| by_day),
        model: key.model.clone(),
        scope: key.scope.clone(),
        // A program's calls have none.
        conversation: key.conversation.filter(|id| *id != NO_CONVERSATION),
    }
}
