//! `GET /users/me/budget`

use crate::{
    auth::Signed,
    error::ApiError,
    state::App,
    wire::{budget::BudgetBody, json},
};
use axum::{extract::State, response::Response};

/// What the caller may spend, and has spent.
#[utoipa::path(get, path = "/users/me/budget", tag = "users",
    responses((status = 200, description = "The budget in the period of now", body = BudgetBody)))]
pub(crate) async fn budget(State(state): State<App>, Signed(caller): Signed) -> Result<Response, ApiError> {
    let budget = state.engine.budget(&caller).await?;
    Ok(json(&BudgetBody::from(&budget)))
}
