//! Budgets and usage as accounts see them.

mod closing;
mod usage;
mod worst_case;

pub(crate) use closing::keep_days_closed;
pub use usage::{UsageGroup, UsageKey, UsageQuery, UsageReport, UsageSum};
pub(crate) use worst_case::{Allowance, Demand, TOOL_RESULT_TOKENS, direct_worst_case, embedding_worst_case};

use crate::{Engine, EngineError, views::Caller};
use chatai_store::ops::budgets;
use chatai_types::{BudgetPeriod, ErrorCode, Money, Timestamp, UserId};

/// No limit beyond this many dollars can be meant.
const HIGHEST_LIMIT: Money = Money::from_pico(1_000_000 * 1_000_000_000_000);

/// What an account may spend, and has spent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What it may spend in a period; `None` where there is no limit.
    pub limit: Option<Money>,
    /// How long the limit lasts until it begins anew.
    pub period: BudgetPeriod,
    /// What was spent in the period of now.
    pub spent: Money,
    /// What running answers have set aside.
    pub reserved: Money,
    /// When the limit begins anew; `None` where it never does.
    pub resets_at: Option<Timestamp>,
}

impl Budget {
    pub(crate) fn at(now: Timestamp, row: budgets::Budget) -> Self {
        Self {
            limit: row.limit,
            period: row.period,
            spent: row.spent,
            reserved: row.reserved,
            resets_at: row.period.resets_at(now),
        }
    }

    /// What is left for further answers, never below nothing; `None` where there is no limit.
    pub fn remaining(&self) -> Option<Money> {
        let taken = self.spent.as_pico().saturating_add(self.reserved.as_pico());
        let left = self.limit?.as_pico().saturating_sub(taken);
        Some(Money::from_pico(left.max(0)))
    }
}

/// Refuses a limit that no budget can have.
///
/// # Errors
/// `validation_error`.
pub(crate) fn check_limit(limit: Option<Money>) -> Result<(), EngineError> {
    if limit.is_none_or(|limit| (Money::ZERO..=HIGHEST_LIMIT).contains(&limit)) {
        return Ok(());
    }
    let detail = format!("A limit is an amount of dollars from 0 to {HIGHEST_LIMIT}");
    Err(EngineError::new(ErrorCode::Validation, detail))
}

impl Engine {
    /// The caller's budget.
    ///
    /// # Errors
    /// `invalid_token` when the account was deleted meanwhile.
    pub async fn budget(&self, caller: &Caller) -> Result<Budget, EngineError> {
        let found = self.budget_of(caller.user_id).await?;
        found.ok_or_else(EngineError::invalid_token)
    }

    /// An account's budget; `None` where there is no such account.
    pub(crate) async fn budget_of(&self, owner: UserId) -> Result<Option<Budget>, EngineError> {
        let now = self.now();
        let row = self.read(move |tx| budgets::get(tx, owner, now)).await?;
        Ok(row.map(|row| Budget::at(now, row)))
    }

    /// What the caller's model calls used and cost.
    ///
    /// # Errors
    /// `validation_error` for a report of too many groups.
    pub async fn usage(&self, caller: &Caller, query: UsageQuery) -> Result<UsageReport, EngineError> {
        self.usage_report(Some(caller.user_id), query).await
    }
}
