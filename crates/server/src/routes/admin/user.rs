//! `PATCH /admin/users/{user_id}`

use super::users::AccountBody;
use crate::{
    auth::{AdminJson, JsonInput},
    error::ApiError,
    input::{fields::Fields, params::PathParams},
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_types::{UserId, UserRole};
use utoipa::ToSchema;

/// What to change of an account; what is absent stays.
#[derive(ToSchema)]
pub(crate) struct UserRequest {
    /// `user` or `admin`.
    #[schema(value_type = Option<String>)]
    role: Option<UserRole>,
    /// Whether it is shut, which ends its sessions.
    disabled: Option<bool>,
}

impl JsonInput for UserRequest {
    const MEMBERS: &'static [&'static str] = &["role", "disabled"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let role = fields.optional_choice("role", "'user' or 'admin'", |name| name.parse().ok());
        let disabled = fields.optional_bool("disabled");
        Some(Self {
            role: role?.value(),
            disabled: disabled?.value(),
        })
    }
}

/// Change what an account may do.
#[utoipa::path(patch, path = "/admin/users/{user_id}", tag = "admin", request_body = UserRequest,
    params(("user_id" = i64, Path, description = "The account")),
    responses((status = 200, description = "The account as it is now", body = AccountBody)))]
pub(crate) async fn user(
    State(state): State<App>,
    path: PathParams,
    AdminJson(administrator, change): AdminJson<UserRequest>,
) -> Result<Response, ApiError> {
    let id = UserId(path.id("user_id")?);
    let changed = state
        .engine
        .change_account(&administrator, id, change.role, change.disabled)
        .await?;
    Ok(json(&AccountBody::from(&changed)))
}
