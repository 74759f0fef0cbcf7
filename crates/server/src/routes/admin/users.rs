//! `GET /admin/users`

use crate::{
    auth::Admin,
    error::ApiError,
    input::{
        cursor::{Kind, List},
        fields::Fields,
        urlencoded::Urlencoded,
    },
    routes::service::AskedPath,
    state::App,
    wire::{json, link::set_links},
};
use axum::{
    Extension,
    extract::{RawQuery, State},
    response::Response,
};
use chatai_engine::Account;
use chatai_types::UserId;
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
           ("after" = Option<String>, Query, description = "A cursor of a `Link`: those behind it")),
    responses((status = 200, description = "The accounts", body = [AccountBody],
        headers(("Link" = Option<String>, description = "The next page, where there is one")))))]
pub(crate) async fn users(
    State(state): State<App>,
    Admin(administrator): Admin,
    Extension(AskedPath(asked)): Extension<AskedPath>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let list = List::new(Kind::Accounts, 0);
    let asked_for = Urlencoded::query(query.as_deref().unwrap_or_default());
    let mut faults = Vec::new();
    let mut fields = Fields::new(&asked_for, &mut faults);
    let limit = fields.optional_integer("limit", LIMITS);
    let after = fields.optional_cursor("after", list);
    let (Some(limit), Some(after)) = (limit, after) else {
        return Err(ApiError::validation(faults));
    };
    let limit = limit.unwrap_or(*LIMITS.end());
    let after = UserId(after.map_or(i64::MIN, |place| place.0));
    // One more than asked for tells whether there is another page.
    let mut accounts = state.engine.accounts(&administrator, after, limit + 1).await?;
    let has_more = i64::try_from(accounts.len()).is_ok_and(|found| found > limit);
    accounts.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let bodies: Vec<AccountBody<'_>> = accounts.iter().map(AccountBody::from).collect();
    let mut response = json(&bodies);
    let next = accounts.last().filter(|_| has_more);
    let next = next.map(|account| list.cursor((account.id.0, 0)));
    set_links(&mut response, &asked, query.as_deref(), next.as_deref(), None);
    Ok(response)
}
