//! What operators and proxies ask: is it alive, can it serve, what can it do.

use crate::{error::ApiError, openapi, state::App, wire};
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// The path as it was asked for, before it became canonical.
#[derive(Clone, Debug)]
pub(crate) struct AskedPath(pub(crate) String);

/// How the service is.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    /// `ok`.
    status: &'static str,
}

/// Whether the process is alive.
#[utoipa::path(get, path = "/healthz", tag = "service",
    responses((status = 200, description = "It is", body = HealthBody)))]
pub(crate) async fn healthz() -> Response {
    wire::json(&HealthBody { status: "ok" })
}

/// Whether requests can be served: the store answers and its migrations are done.
#[utoipa::path(get, path = "/readyz", tag = "service",
    responses((status = 200, description = "They can", body = HealthBody)))]
pub(crate) async fn readyz(State(state): State<App>) -> Result<Response, ApiError> {
    state.engine.ready().await?;
    Ok(wire::json(&HealthBody { status: "ok" }))
}

/// This document.
#[utoipa::path(get, path = "/openapi.json", tag = "service",
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(crate) async fn openapi_json(State(state): State<App>) -> Response {
    wire::json_bytes(openapi::json(&state.settings.version))
}
