//! `POST /auth/password`

use super::{asked_password, new_password};
use crate::{
    auth::{JsonInput, SignedJson},
    client::Client,
    error::ApiError,
    input::fields::Fields,
    routes::session::{TokenBody, signed_in},
    state::{App, AppState},
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use utoipa::ToSchema;

/// A new password.
#[derive(ToSchema)]
pub(crate) struct PasswordRequest {
    /// The present password.
    #[schema(format = "password")]
    current_password: String,
    /// The new one: at least 6 characters, unless the instance asks for more; not blank.
    #[schema(format = "password", min_length = 6, max_length = 1024)]
    new_password: String,
}

impl JsonInput for PasswordRequest {
    const MEMBERS: &'static [&'static str] = &["current_password", "new_password"];

    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self> {
        let current_password = fields.text("current_password", asked_password(state));
        let new_password = fields.new_password("new_password", new_password(state));
        Some(Self {
            current_password: current_password?,
            new_password: new_password?,
        })
    }
}

/// Change the password, which ends all other sessions.
#[utoipa::path(post, path = "/auth/password", tag = "auth", request_body = PasswordRequest,
    responses((status = 200, description = "A new token, also set as a cookie", body = TokenBody)))]
pub(crate) async fn password(
    State(state): State<App>,
    client: Client,
    headers: HeaderMap,
    SignedJson(caller, asked): SignedJson<PasswordRequest>,
) -> Result<Response, ApiError> {
    let PasswordRequest {
        current_password,
        new_password,
    } = asked;
    let token = state
        .engine
        .change_password(
            &caller,
            &current_password,
            &new_password,
            client.signing_in(&headers),
        )
        .await?;
    Ok(signed_in(&token, client))
}
