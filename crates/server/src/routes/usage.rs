//! `GET /usage`

use crate::{
    auth::Signed,
    error::ApiError,
    state::App,
    wire::{
        json,
        report::{Asking, ReportBody, report_query},
    },
};
use axum::{
    extract::{RawQuery, State},
    response::Response,
};

/// What the caller's model calls used and cost. Deleting a conversation changes nothing of it.
#[utoipa::path(get, path = "/usage", tag = "usage",
    params(("from" = Option<String>, Query, description = "From this date or moment (RFC 3339) on, UTC"),
           ("to" = Option<String>, Query, description = "Up to this date or moment, itself excluded"),
           ("group_by" = Option<Vec<String>>, Query,
            description = "`day`, `month`, `model`, `scope`, `conversation`; repeatable")),
    responses((status = 200, description = "The sums", body = ReportBody)))]
pub(crate) async fn usage(
    State(state): State<App>,
    Signed(caller): Signed,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = report_query(query.as_deref(), Asking::Account)?;
    let report = state.engine.usage(&caller, query).await?;
    Ok(json(&ReportBody::from(&report)))
}
