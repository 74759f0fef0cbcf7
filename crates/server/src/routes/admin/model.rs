//! `PUT /admin/models/{name}`

use super::models::ModelBody;
use crate::{
    auth::{AdminJson, JsonInput},
    error::ApiError,
    input::{
        fields::{Fields, TextRule},
        params::PathParams,
    },
    state::{App, AppState},
    wire::json,
};
use axum::{extract::State, response::Response};
use chatai_engine::ModelChange;
use chatai_types::Rate;
use utoipa::ToSchema;

/// What to set of a model. What is absent stays; null goes back to what the pricing data says. Prices are US dollars
/// per million tokens, as numbers or as exact decimal text.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the members, which are read into `ModelChange`"
)]
pub(crate) struct ModelRequest {
    /// The price of fresh input.
    input: Option<String>,
    /// The price of input read from the provider's cache.
    cached_input: Option<String>,
    /// The price of input written to the provider's cache.
    cache_write: Option<String>,
    /// The price of output.
    output: Option<String>,
    /// How many tokens it takes in and puts out together.
    context_window: Option<i64>,
    /// How many tokens it puts out at most.
    max_output_tokens: Option<i64>,
    /// Whether it may be used.
    enabled: Option<bool>,
}

#[derive(Debug)]
pub(crate) struct Change(ModelChange);

impl JsonInput for Change {
    const MEMBERS: &'static [&'static str] = &[
        "input",
        "cached_input",
        "cache_write",
        "output",
        "context_window",
        "max_output_tokens",
        "enabled",
    ];

    fn parse(fields: &mut Fields<'_>, _state: &AppState) -> Option<Self> {
        let input = fields.optional_decimal("input", Rate::parse_per_million);
        let cache_read = fields.optional_decimal("cached_input", Rate::parse_per_million);
        let cache_write = fields.optional_decimal("cache_write", Rate::parse_per_million);
        let output = fields.optional_decimal("output", Rate::parse_per_million);
        let context_window = fields.given_integer("context_window");
        let max_output_tokens = fields.given_integer("max_output_tokens");
        let enabled = fields.optional_bool("enabled");
        Some(Self(ModelChange {
            input: input?.change(),
            cache_read: cache_read?.change(),
            cache_write: cache_write?.change(),
            output: output?.change(),
            context_window: context_window?.change(),
            max_output_tokens: max_output_tokens?.change(),
            enabled: enabled?.value(),
        }))
    }
}

/// Set prices, window and whether a model may be used, for every turn that begins from now on.
#[utoipa::path(put, path = "/admin/models/{name}", tag = "admin", request_body = ModelRequest,
    params(("name" = String, Path, description = "The model")),
    responses((status = 200, description = "The model as it is now", body = ModelBody)))]
pub(crate) async fn model(
    State(state): State<App>,
    path: PathParams,
    AdminJson(administrator, Change(change)): AdminJson<Change>,
) -> Result<Response, ApiError> {
    let mut faults = Vec::new();
    let name = path.fields(&mut faults).text("name", TextRule::up_to(200));
    let name = name.ok_or_else(|| ApiError::validation(faults))?;
    let model = state.engine.change_model(&administrator, &name, change).await?;
    Ok(json(&ModelBody::from(&model)))
}
