//! `POST /auth/token`: OAuth 2's password form.

use super::{ASKED_EMAIL, asked_password};
use crate::{
    auth::JSON_BYTES,
    client::Client,
    error::ApiError,
    input::{
        content_type::ContentType,
        fields::{Fields, Raw, Source},
        form::{Form, FormSpec},
    },
    routes::session::{TokenBody, signed_in},
    state::{App, AppState},
};
use axum::{
    extract::{Request, State},
    response::Response,
};
use utoipa::ToSchema;

/// OAuth 2's password form.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "members that are accepted and not used stand here for the API document"
)]
pub(crate) struct TokenRequest {
    /// The account's e-mail.
    #[schema(example = "ada@example.com")]
    username: String,
    /// Its password.
    #[schema(format = "password", example = "secret")]
    password: String,
    /// `password`, if anything.
    #[schema(pattern = "^(password)?$", nullable = false)]
    grant_type: Option<String>,
    /// Accepted and not used.
    #[schema(nullable = false)]
    scope: Option<String>,
    /// Accepted and not used.
    #[schema(nullable = false)]
    client_id: Option<String>,
    /// Accepted and not used.
    #[schema(nullable = false)]
    client_secret: Option<String>,
}

/// Sign in with a form.
#[utoipa::path(post, path = "/auth/token", tag = "auth",
    request_body(content((TokenRequest = "application/x-www-form-urlencoded"), (TokenRequest = "multipart/form-data"))),
    responses((status = 200, description = "The account's token, also set as a cookie", body = TokenBody)))]
pub(crate) async fn token(
    State(state): State<App>,
    client: Client,
    request: Request,
) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let spec = FormSpec {
        texts: &["grant_type", "username", "password"],
        text_chars: JSON_BYTES as usize,
        total_bytes: JSON_BYTES,
        files: None,
    };
    let form = Form::read(&ContentType::of(&parts.headers), body, &spec).await?;
    let (email, password) = parse(&form, &state)?;
    let origin = client.signing_in(&parts.headers);
    let token = state.engine.sign_in(&email, &password, origin).await?;
    Ok(signed_in(&token, client))
}

fn parse(form: &Form, state: &AppState) -> Result<(String, String), ApiError> {
    let mut faults = Vec::new();
    let form = BlankIsAbsent(form);
    let mut fields = Fields::new(&form, &mut faults);
    let grant_type = fields.optional_constant("grant_type", "password", "^password$");
    let email = fields.text("username", ASKED_EMAIL);
    let password = fields.text("password", asked_password(state));
    let (Some(()), Some(email), Some(password)) = (grant_type, email, password) else {
        return Err(ApiError::validation(faults));
    };
    Ok((email, password))
}

/// A field of this form that was left empty was not filled in.
struct BlankIsAbsent<'a>(&'a Form);

impl Source for BlankIsAbsent<'_> {
    fn place(&self) -> &'static str {
        self.0.place()
    }

    fn field(&self, name: &str) -> Raw<'_> {
        match self.0.field(name) {
            Raw::Text(text) if text.is_empty() => Raw::Absent,
            other => other,
        }
    }
}
