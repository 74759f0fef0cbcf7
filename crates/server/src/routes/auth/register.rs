//! `POST /auth/register`

use super::new_password;
use crate::{
    auth::{Json, JsonInput},
    client::Client,
    error::ApiError,
    input::fields::{Fields, TextRule},
    routes::session::{TokenBody, signed_in},
    state::{App, AppState},
};
use axum::{extract::State, response::Response};
use chatai_engine::NewAccount;
use http::HeaderMap;
use utoipa::ToSchema;

/// A new account.
#[derive(ToSchema)]
pub(crate) struct RegisterRequest {
    /// An e-mail address that no account has.
    #[schema(max_length = 254, example = "ada@example.com")]
    email: String,
    /// At least 6 characters, unless the instance asks for more; not blank.
    #[schema(format = "password", min_length = 6, max_length = 1024, example = "secret")]
    password: String,
    /// A name to show.
    #[schema(max_length = 200)]
    display_name: Option<String>,
}

impl JsonInput for RegisterRequest {
    const MEMBERS: &'static [&'static str] = &["email", "password", "display_name"];

    fn parse(fields: &mut Fields<'_>, state: &AppState) -> Option<Self> {
        // The form of an address bounds its length, in words of its own.
        let email = fields.email("email", TextRule::up_to(100_000));
        let password = fields.new_password("password", new_password(state));
        let display_name = fields.optional_text("display_name", TextRule::up_to(200));
        Some(Self {
            email: email?,
            password: password?,
            display_name: display_name?,
        })
    }
}

/// Make an account and sign in.
#[utoipa::path(post, path = "/auth/register", tag = "auth", request_body = RegisterRequest,
    responses((status = 200, description = "The account's token, also set as a cookie", body = TokenBody)))]
pub(crate) async fn register(
    State(state): State<App>,
    client: Client,
    headers: HeaderMap,
    Json(new): Json<RegisterRequest>,
) -> Result<Response, ApiError> {
    let RegisterRequest {
        email,
        password,
        display_name,
    } = new;
    let account = NewAccount {
        email,
        password,
        display_name,
    };
    let token = state
        .engine
        .register(account, client.signing_in(&headers))
        .await?;
    Ok(signed_in(&token, client))
}
