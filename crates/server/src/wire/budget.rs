//! A budget as clients see it.

use chatai_engine::Budget;
use chatai_types::Money;
use serde::Serialize;
use utoipa::ToSchema;

/// What an account may spend, and has spent. Amounts are exact decimals in US dollars.
#[derive(Serialize, ToSchema)]
#[schema(as = Budget)]
pub(crate) struct BudgetBody {
    /// What may be spent in a period; null means no limit.
    limit: Option<String>,
    /// `day`, `month` or `total`, in UTC.
    period: &'static str,
    /// What was spent in the period of now.
    spent: String,
    /// What running answers have set aside.
    reserved: String,
    /// What is left; null where there is no limit.
    remaining: Option<String>,
    /// When the limit begins anew, UTC, `YYYY-MM-DD HH:MM:SS`; null where it never does.
    resets_at: Option<String>,
}

impl From<&Budget> for BudgetBody {
    fn from(budget: &Budget) -> Self {
        let text = |amount: Money| amount.to_string();
        Self {
            limit: budget.limit.map(text),
            period: budget.period.as_str(),
            spent: text(budget.spent),
            reserved: text(budget.reserved),
            remaining: budget.remaining().map(text),
            resets_at: budget.resets_at.map(|moment| moment.to_wire()),
        }
    }
}
