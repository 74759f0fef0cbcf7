//! `GET /v1/models`

use crate::{
    auth::Program,
    error::ApiError,
    input::{
        fields::{Raw, Source},
        params::PathParams,
    },
    state::App,
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_engine::ModelOffer;
use chatai_types::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A model, as OpenAI's API describes it.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferedModel)]
pub(crate) struct ModelBody<'a> {
    /// The name to call it by.
    id: &'a str,
    /// `model`.
    object: &'static str,
    /// 0: when a model was made is not known here.
    created: i64,
    /// The provider that serves it, or what answers under an alias now.
    owned_by: &'a str,
}

/// Models, as OpenAI's API lists them.
#[derive(Serialize, ToSchema)]
#[schema(as = OfferedModels)]
pub(crate) struct ModelsBody<'a> {
    /// `list`.
    object: &'static str,
    /// All of them.
    data: Vec<ModelBody<'a>>,
}

impl<'a> From<&'a ModelOffer> for ModelBody<'a> {
    fn from(offer: &'a ModelOffer) -> Self {
        Self {
            id: &offer.name,
            object: "model",
            created: 0,
            owned_by: &offer.provider,
        }
    }
}

/// The models and aliases that the caller's key may use and that can answer now.
#[utoipa::path(get, path = "/v1/models", tag = "openai",
    responses((status = 200, description = "In the catalog's order, then the aliases", body = ModelsBody)))]
pub(crate) async fn list(State(state): State<App>, Program(caller): Program) -> Response {
    let offers = state.engine.offered_models(&caller);
    json(&ModelsBody {
        object: "list",
        data: offers.iter().map(ModelBody::from).collect(),
    })
}

/// One of them. Its name may hold slashes.
#[utoipa::path(get, path = "/v1/models/{model}", tag = "openai",
    params(("model" = String, Path, description = "Its name")),
    responses((status = 200, description = "The model", body = ModelBody)))]
pub(crate) async fn one(
    State(state): State<App>,
    Program(caller): Program,
    path: PathParams,
) -> Result<Response, ApiError> {
    let name = match path.field("model") {
        Raw::Text(name) => name,
        _ => "".into(),
    };
    let offers = state.engine.offered_models(&caller);
    let offer = offers.iter().find(|offer| offer.name == *name);
    let offer = offer
        .ok_or_else(|| ApiError::new(ErrorCode::ModelUnknown, "No such model among those you may use"))?;
    Ok(json(&ModelBody::from(offer)))
}
