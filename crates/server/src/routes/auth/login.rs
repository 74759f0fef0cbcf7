//! `POST /auth/login`

use super::{ASKED_EMAIL, asked_password};
use crate::{
    auth::{Json, JsonInput},
    client::Client,
    error::ApiError,
    input::fields::Fields,
    routes::session::{TokenBody, signed_in},
    state::{App, AppState},
};
use axum::{extract::State, response::Response};
use http::HeaderMap;
use utoipa::ToSchema;

/// A sign-in.
#[derive(ToSchema)]
pub(crate) struct LoginRequest {
    /// The account's e-mail.
    #[schema(example = "ada@example.com")]
    email: String,
    /// Its password.
    #[schema(format = "password", example = "secret")]
    password: String,
}

impl JsonInput for LoginRequest {
    const MEMBERS: &'static [&'static str] = &["email", "password"];

    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self> {
        let email = fields.text("email", ASKED_EMAIL);
        let password = fields.text("password", asked_password(state));
        Some(Self {
            email: email?,
            password: password?,
        })
    }
}

/// Sign in.
#[utoipa::path(post, path = "/auth/login", tag = "auth", request_body = LoginRequest,
    responses((status = 200, description = "The account's token, also set as a cookie", body = TokenBody)))]
pub(crate) async fn login(
    State(state): State<App>,
    client: Client,
    headers: HeaderMap,
    Json(asked): Json<LoginRequest>,
) -> Result<Response, ApiError> {
    let token = state
        .engine
        .sign_in(&asked.email, &asked.password, client.signing_in(&headers))
        .await?;
    Ok(signed_in(&token, client))
}
