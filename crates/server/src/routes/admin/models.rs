//! `GET /admin/models`

use crate::{auth::Admin, error::ApiError, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_engine::ModelEntry;
use chatai_types::Rate;
use serde::Serialize;
use utoipa::ToSchema;

/// A model as administrators see it. Prices are exact decimals in US dollars per million tokens, null where none are
/// known.
#[derive(Serialize, ToSchema)]
#[schema(as = AdminModel)]
pub(crate) struct ModelBody<'a> {
    /// Its name.
    name: &'a str,
    /// The provider that serves it; null where none does.
    provider: Option<&'a str>,
    /// The price of fresh input.
    input: Option<String>,
    /// The price of input read from the provider's cache.
    cached_input: Option<String>,
    /// The price of input written to the provider's cache.
    cache_write: Option<String>,
    /// The price of output.
    output: Option<String>,
    /// The version of the prices.
    price_version: Option<i64>,
    /// How many tokens it takes in and puts out together.
    context_window: i64,
    /// How many tokens it puts out at most; null where that is not known.
    max_output_tokens: Option<i64>,
    /// When its provider takes it away, `YYYY-MM-DD`, where that was announced.
    deprecated: Option<&'a str>,
    /// Whether it may be used.
    enabled: bool,
    /// Whether it can answer now.
    available: bool,
}

impl<'a> From<&'a ModelEntry> for ModelBody<'a> {
    fn from(model: &'a ModelEntry) -> Self {
        let rates = model.rates;
        Self {
            name: &model.name,
            provider: model.provider.as_deref(),
            input: rates.map(|rates| Rate::per_million(rates.input)),
            cached_input: rates.map(|rates| Rate::per_million(rates.cache_read)),
            cache_write: rates.map(|rates| Rate::per_million(rates.cache_write)),
            output: rates.map(|rates| Rate::per_million(rates.output)),
            price_version: model.price_version.map(|version| version.0),
            context_window: model.context_window,
            max_output_tokens: model.max_output_tokens,
            deprecated: model.deprecated.as_deref(),
            enabled: model.enabled,
            available: model.available,
        }
    }
}

/// All models of the catalog, in its order.
#[utoipa::path(get, path = "/admin/models", tag = "admin",
    responses((status = 200, description = "The models", body = [ModelBody])))]
pub(crate) async fn models(
    State(state): State<App>,
    Admin(administrator): Admin,
) -> Result<Response, ApiError> {
    let models = state.engine.model_entries(&administrator).await?;
    let bodies: Vec<ModelBody<'_>> = models.iter().map(ModelBody::from).collect();
    Ok(json(&bodies))
}
