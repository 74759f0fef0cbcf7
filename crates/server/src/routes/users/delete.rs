//! `DELETE /users/me`

use crate::{
    auth::{JsonInput, SignedJson},
    client::Client,
    error::ApiError,
    input::fields::{Fields, TextRule},
    routes::session::clear_cookie,
    state::{App, AppState},
    wire::{self, DoneBody},
};
use axum::{extract::State, response::Response};
use utoipa::ToSchema;

/// The password, so that a stolen token removes nothing.
#[derive(ToSchema)]
pub(crate) struct DeleteRequest {
    /// The caller's password.
    #[schema(format = "password")]
    password: String,
}

impl JsonInput for DeleteRequest {
    const MEMBERS: &'static [&'static str] = &["password"];

    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self> {
        // Only the upper bound counts, so that old accounts can be removed.
        let rule = TextRule::password(0, state.engine.password_limits().1);
        let password = fields.text("password", rule)?;
        Some(Self { password })
    }
}

/// Remove the account with all its content. Amounts stay in the ledger.
#[utoipa::path(delete, path = "/users/me", tag = "users", request_body = DeleteRequest,
    responses((status = 200, description = "Removed", body = DoneBody)))]
pub(crate) async fn delete(
    State(state): State<App>,
    client: Client,
    SignedJson(caller, DeleteRequest { password }): SignedJson<DeleteRequest>,
) -> Result<Response, ApiError> {
    state
        .engine
        .delete_account(&caller, &password, client.origin())
        .await?;
    let mut response = wire::done("Account deleted");
    clear_cookie(&mut response, client);
    Ok(response)
}
