//! `GET /auth/registration`

use crate::{error::ApiError, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_engine::Registration;
use serde::Serialize;
use utoipa::ToSchema;

/// What a new account may expect.
#[derive(Serialize, ToSchema)]
#[schema(as = RegistrationState)]
pub(crate) struct RegistrationBody {
    /// `open` or `closed`. The first account is always welcome.
    registration: &'static str,
    /// Whether the next account is the instance's first, and so its administrator.
    first: bool,
}

/// Whether an account can be made, and whether it would be the first.
#[utoipa::path(get, path = "/auth/registration", tag = "auth",
    responses((status = 200, description = "What `POST /auth/register` would do", body = RegistrationBody)))]
pub(crate) async fn registration(State(state): State<App>) -> Result<Response, ApiError> {
    let (registration, has_accounts) = state.engine.registration_state().await?;
    let registration = match has_accounts {
        true => registration,
        false => Registration::Open,
    };
    Ok(json(&RegistrationBody {
        registration: registration.as_str(),
        first: !has_accounts,
    }))
}
