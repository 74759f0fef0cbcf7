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

/// The end of an account.
#[derive(ToSchema)]
pub(crate) struct RemovalRequest {
    /// The account's password.
    #[schema(format = "password")]
    password: String,
}

impl JsonInput for RemovalRequest {
    const MEMBERS: &'static [&'static str] = &["password"];

    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self> {
        let rule = TextRule::password(0, state.engine.password_limits().1);
        Some(Self {
            password: fields.text("password", rule)?,
        })
    }
}

/// Delete the caller's account with all content. Amounts stay in the ledger.
#[utoipa::path(delete, path = "/users/me", tag = "users", request_body = RemovalRequest,
    responses((status = 200, description = "Deleted", body = DoneBody)))]
pub(crate) async fn remove(
    State(state): State<App>,
    client: Client,
    SignedJson(caller, asked): SignedJson<RemovalRequest>,
) -> Result<Response, ApiError> {
    state
        .engine
        .remove_account(&caller, &asked.password, client.origin())
        .await?;
    let mut response = wire::done("Account deleted");
    clear_cookie(&mut response, client);
    Ok(response)
}
