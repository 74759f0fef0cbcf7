//! `GET /models`

use crate::{state::App, wire::json};
use axum::{extract::State, response::Response};
use serde::Serialize;
use utoipa::ToSchema;

/// What can answer now.
#[derive(Serialize, ToSchema)]
#[schema(as = Models)]
pub(crate) struct ModelsBody<'a> {
    /// Names for `model` of a turn, the one to preselect first, the built-in responder last.
    chat: &'a [String],
}

/// The models that can answer now.
#[utoipa::path(get, path = "/models", tag = "chat",
    responses((status = 200, description = "Names in the catalog's order", body = ModelsBody)))]
pub(crate) async fn models(State(state): State<App>) -> Response {
    json(&ModelsBody {
        chat: &state.engine.models(),
    })
}
