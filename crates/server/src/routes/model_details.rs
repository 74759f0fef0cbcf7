//! `GET /models/details`

use crate::{auth::Signed, state::App, wire::json};
use axum::{extract::State, response::Response};
use chatai_engine::ModelDetails;
use chatai_types::Rates;
use serde::Serialize;
use utoipa::ToSchema;

/// A model that can answer now.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelDetails)]
pub(crate) struct DetailsBody<'a> {
    /// Its name, for `model` of a turn.
    name: &'a str,
    /// The provider that serves it; null for the built-in responder.
    provider: Option<&'a str>,
    /// How many tokens it takes in and puts out together.
    context_window: i64,
    /// How many tokens it puts out at most; null where that is not known.
    max_output_tokens: Option<i64>,
    /// What it costs; null where that is not known.
    price: Option<PriceBody>,
    /// What it can do.
    abilities: AbilitiesBody,
    /// When its provider takes it away, `YYYY-MM-DD`; null where nothing was announced.
    deprecated: Option<&'a str>,
    /// Other names for `model` that it answers to now.
    aliases: &'a [String],
    /// Whether it answers the caller's messages that name no model.
    is_default: bool,
    /// Whether it is the responder that needs no provider.
    built_in: bool,
}

/// Exact decimals in US dollars per million tokens.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelPrice)]
pub(crate) struct PriceBody {
    /// Fresh input.
    input: String,
    /// Input read from the provider's cache.
    cached_input: String,
    /// Input written to the provider's cache.
    cache_write: String,
    /// Output, reasoning included.
    output: String,
}

/// What a model can do.
#[derive(Serialize, ToSchema)]
#[schema(as = ModelAbilities)]
pub(crate) struct AbilitiesBody {
    /// It takes images.
    images: bool,
    /// It calls tools, such as the search of the book collection.
    tools: bool,
    /// It thinks before it answers.
    reasoning: bool,
    /// It answers in a form that is demanded of it.
    structured: bool,
}

impl From<Rates> for PriceBody {
    fn from(rates: Rates) -> Self {
        Self {
            input: rates.input.per_million(),
            cached_input: rates.cache_read.per_million(),
            cache_write: rates.cache_write.per_million(),
            output: rates.output.per_million(),
        }
    }
}

impl<'a> From<&'a ModelDetails> for DetailsBody<'a> {
    fn from(model: &'a ModelDetails) -> Self {
        Self {
            name: &model.name,
            provider: model.provider.as_deref(),
            context_window: model.context_window,
            max_output_tokens: model.max_output_tokens,
            price: model.rates.map(PriceBody::from),
            abilities: AbilitiesBody {
                images: model.sees,
                tools: model.calls_tools,
                reasoning: model.reasons,
                structured: model.structured,
            },
            deprecated: model.deprecated.as_deref(),
            aliases: &model.aliases,
            is_default: model.is_default,
            built_in: model.is_built_in,
        }
    }
}

/// The models that can answer now and that the caller may use, each with what it takes, does and costs.
#[utoipa::path(get, path = "/models/details", tag = "chat",
    responses((status = 200, description = "The models, in the order of `GET /models`", body = [DetailsBody])))]
pub(crate) async fn details(State(state): State<App>, Signed(caller): Signed) -> Response {
    let models = state.engine.model_details(&caller);
    json(&models.iter().map(DetailsBody::from).collect::<Vec<_>>())
}
