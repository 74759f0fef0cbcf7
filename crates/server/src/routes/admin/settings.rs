//! `GET|PATCH /admin/settings`

use crate::{
    auth::{Admin, AdminJson, JsonInput},
    error::ApiError,
    input::fields::Fields,
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_engine::Registration;
use serde::Serialize;
use utoipa::ToSchema;

/// What is set for the whole instance.
#[derive(Serialize, ToSchema)]
#[schema(as = Settings)]
pub(crate) struct SettingsBody {
    /// `open` or `closed`.
    registration: &'static str,
}

/// What to change; what is absent stays.
#[derive(ToSchema)]
pub(crate) struct SettingsRequest {
    /// `open` or `closed`.
    #[schema(value_type = Option<String>)]
    registration: Option<Registration>,
}

impl JsonInput for SettingsRequest {
    const MEMBERS: &'static [&'static str] = &["registration"];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let expected = "'open' or 'closed'";
        let registration = fields.optional_choice("registration", expected, Registration::from_name)?;
        Some(Self {
            registration: registration.value(),
        })
    }
}

/// What is set for the whole instance.
#[utoipa::path(get, path = "/admin/settings", tag = "admin",
    responses((status = 200, description = "The settings", body = SettingsBody)))]
pub(crate) async fn settings(
    State(state): State<App>,
    Admin(administrator): Admin,
) -> Result<Response, ApiError> {
    let registration = state.engine.registration(&administrator).await?;
    Ok(json(&SettingsBody {
        registration: registration.as_str(),
    }))
}

/// Change what is set for the whole instance, at once.
#[utoipa::path(patch, path = "/admin/settings", tag = "admin", request_body = SettingsRequest,
    responses((status = 200, description = "The settings as they are now", body = SettingsBody)))]
pub(crate) async fn change(
    State(state): State<App>,
    AdminJson(administrator, change): AdminJson<SettingsRequest>,
) -> Result<Response, ApiError> {
    if let Some(registration) = change.registration {
        state
            .engine
            .set_registration(&administrator, registration)
            .await?;
    }
    let registration = state.engine.registration(&administrator).await?;
    Ok(json(&SettingsBody {
        registration: registration.as_str(),
    }))
}
