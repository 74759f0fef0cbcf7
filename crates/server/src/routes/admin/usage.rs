//! `GET /admin/usage`

use crate::{
    auth::Admin,
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

/// What the model calls of all accounts used and cost, deleted accounts included.
#[utoipa::path(get, path = "/admin/usage", tag = "admin",
    params(("from" = Option<String>, Query, description = "From this date or moment (RFC 3339) on, UTC"),
           ("to" = Option<String>, Query, description = "Up to this date or moment, itself excluded"),
           ("group_by" = Option<Vec<String>>, Query,
            description = "`user`, `day`, `month`, `model`, `scope`, `conversation`; repeatable")),
    responses((status = 200, description = "The sums", body = ReportBody)))]
pub(crate) async fn usage(
    State(state): State<App>,
    Admin(administrator): Admin,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let query = report_query(query.as_deref(), Asking::Administrator)?;
    let report = state.engine.usage_of_all(&administrator, query).await?;
    Ok(json(&ReportBody::from(&report)))
}
