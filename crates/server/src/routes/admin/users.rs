//! `GET /admin/users`

use crate::{
    auth::Admin,
    error::ApiError,
    input::{fault::Fault, fields::Fields, urlencoded::Urlencoded},
    state::App,
    wire::json,
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::Account;
use chatai_types::UserId;
use http::{HeaderValue, header};
use serde::Serialize;
use std::ops::RangeInclusive;
use utoipa::ToSchema;

const LIMITS: RangeInclusive<i64> = 1..=1_000;

/// An account as administrators see it.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminUser)]
pub(crate) struct AccountBody<'a> {
    /// Its id.
    id: i64,
    /// Its e-mail as registered.
    email: &'a str,
    /// Its shown name.
    display_name: Option<&'a str>,
    /// `user` or `admin`.
    role: &'static str,
    /// Whether it is shut.
    disabled: bool,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
}

impl<'a> From<&'a Account> for AccountBody<'a> {
    fn from(account: &'a Account) -> Self {
        Self {
            id: account.id.0,
            email: &account.email,
            display_name: account.display_name.as_deref(),
            role: account.role.as_str(),
            disabled: account.disabled,
            created_at: account.created_at.to_wire(),
        }
    }
}

/// Accounts by id; `Link` leads on where there are more.
#[utoipa::path(get, path = "/admin/users", tag = "admin",
    params(("limit" = Option<i64>, Query, description = "The most accounts, 1,000 when absent", minimum = 1, maximum = 1000),
           ("after" = Option<i64>, Query, description = "Those with a higher id than this")),
    responses((status = 200, description = "The accounts", body = [AccountBody])))]
pub(crate) async fn users(
    State(state): State<App>,
    Admin(administrator): Admin,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let mut fields = Fields::new(&query, &mut faults);
    let (limit, after) = (fields.optional_id("limit"), fields.optional_id("after"));
    let (Some(limit), Some(after)) = (limit, after) else {
        return Err(ApiError::validation(faults));
    };
    let limit = limit.unwrap_or(*LIMITS.end());
    if !LIMITS.contains(&limit) {
        let loc = vec!["query".into(), "limit".into()];
        let fault = Fault::out_of_bounds(loc, limit.into(), &LIMITS);
        return Err(ApiError::validation(vec![fault]));
    }
    let after = UserId(after.unwrap_or(i64::MIN));
    let mut accounts = state.engine.accounts(&administrator, after, limit + 1).await?;
    let has_more = i64::try_from(accounts.len()).is_ok_and(|found| found > limit);
    accounts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let bodies: Vec<AccountBody<'_>> = accounts.iter().map(AccountBody::from).collect();
    let mut response = json(&bodies);
    if let (true, Some(last)) = (has_more, accounts.last()) {
        let link = format!("</admin/users?limit={limit}&after={}>; rel=\"next\"", last.id);
        let link = HeaderValue::try_from(link).expect("numbers and visible signs");
        response.headers_mut().insert(header::LINK, link);
    }
    Ok(response)
}
