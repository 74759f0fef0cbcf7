//! `POST /auth/logout`

use crate::{
    auth::Signed,
    client::Client,
    error::ApiError,
    routes::session::clear_cookie,
    state::App,
    wire::{self, DoneBody},
};
use axum::{extract::State, response::Response};

/// End this session; its token no longer counts.
#[utoipa::path(post, path = "/auth/logout", tag = "auth",
    responses((status = 200, description = "Signed out", body = DoneBody)))]
pub(crate) async fn logout(
    State(state): State<App>,
    client: Client,
    Signed(caller): Signed,
) -> Result<Response, ApiError> {
    state.engine.logout(&caller).await?;
    let mut response = wire::done("Signed out");
    clear_cookie(&mut response, client);
    Ok(response)
}
