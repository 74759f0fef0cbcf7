//! `GET /users/me`

use crate::{auth::Signed, error::ApiError, state::App, wire::json};
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The caller's account.
#[derive(Serialize, ToSchema)]
#[schema(as = User)]
pub(crate) struct UserBody<'a> {
    /// Its id.
    id: i64,
    /// Its e-mail as registered.
    email: &'a str,
    /// Its shown name.
    display_name: Option<&'a str>,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
    /// `user` or `admin`.
    role: &'static str,
}

/// The caller's account.
#[utoipa::path(get, path = "/users/me", tag = "users",
    responses((status = 200, description = "The account", body = UserBody)))]
pub(crate) async fn me(State(state): State<App>, Signed(caller): Signed) -> Result<Response, ApiError> {
    let account = state.engine.account(&caller).await?;
    Ok(json(&UserBody {
        id: account.id.0,
        email: &account.email,
        display_name: account.display_name.as_deref(),
        created_at: account.created_at.to_wire(),
        role: account.role.as_str(),
    }))
}
