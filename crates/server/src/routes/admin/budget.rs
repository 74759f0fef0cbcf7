//! `PUT /admin/users/{user_id}/budget`

use crate::{
    auth::{AdminJson, JsonInput},
    error::ApiError,
    input::{fields::Fields, params::PathParams, values::Given},
    state::{App, AppState},
    wire::{budget::BudgetBody, json},
};
use axum::{extract::State, response::Response};
use chatai_types::{BudgetPeriod, Money, UserId};
use utoipa::ToSchema;

/// What an account may spend.
#[derive(ToSchema)]
pub(crate) struct BudgetRequest {
    /// US dollars, as a number or as exact decimal text; null means no limit.
    #[schema(required, value_type = Option<String>)]
    limit: Option<Money>,
    /// `day`, `month` (when absent) or `total`.
    #[schema(value_type = Option<String>)]
    period: BudgetPeriod,
}

impl JsonInput for BudgetRequest {
    const MEMBERS: &'static [&'static str] = &["limit", "period"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let limit = fields.optional_decimal("limit", Money::parse_usd);
        // A limit that was forgotten must not mean that there is none.
        let limit = match limit {
            Some(Given::Absent) => fields.missing("limit"),
            limit => limit,
        };
        let expected = "'day', 'month' or 'total'";
        let period = fields.optional_choice("period", expected, |name| name.parse().ok());
        Some(Self {
            limit: limit?.value(),
            period: period?.value().unwrap_or(BudgetPeriod::Month),
        })
    }
}

/// Set what an account may spend in a period, from its next message on.
#[utoipa::path(put, path = "/admin/users/{user_id}/budget", tag = "admin", request_body = BudgetRequest,
    params(("user_id" = i64, Path, description = "The account")),
    responses((status = 200, description = "The account's budget", body = BudgetBody)))]
pub(crate) async fn budget(
    State(state): State<App>,
    path: PathParams,
    AdminJson(administrator, set): AdminJson<BudgetRequest>,
) -> Result<Response, ApiError> {
    let id = UserId(path.id("user_id")?);
    let budget = state
        .engine
        .set_budget(&administrator, id, set.limit, set.period)
        .await?;
    Ok(json(&BudgetBody::from(&budget)))
}
