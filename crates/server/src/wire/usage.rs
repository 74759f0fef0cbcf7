//! One model call's usage as clients see it.

use super::message::input_total;
use chatai_engine::Usage;
use chatai_types::Money;
use serde::Serialize;
use utoipa::ToSchema;

/// What one model call used and cost.
#[derive(Serialize, ToSchema)]
#[schema(as = Usage)]
pub(crate) struct UsageBody<'a> {
    /// Its id.
    id: i64,
    /// The answer it belongs to.
    message_id: i64,
    /// `title`, `intent`, `summary`, `tool` or `final`.
    scope: &'static str,
    /// The model that was called.
    model: &'a str,
    /// Input tokens, cached ones included.
    input_tokens: i64,
    /// Output tokens, reasoning included.
    output_tokens: i64,
    /// Input tokens read from the provider's cache, a part of `input_tokens`.
    cached_tokens: i64,
    /// US dollars; 0 where no price is known.
    price: f64,
    /// UTC, `YYYY-MM-DD HH:MM:SS`.
    created_at: String,
    /// Input tokens written to the provider's cache, a part of `input_tokens`.
    cache_write_tokens: i64,
    /// Output tokens spent on reasoning, a part of `output_tokens`.
    reasoning_tokens: i64,
    /// `provider`, `estimated` or `none`.
    usage_source: &'static str,
    /// The version of the prices that were charged.
    price_version: Option<i64>,
    /// The model that was asked first, where its provider failed before its first byte and this one answered; null else.
    fallback_from: Option<&'a str>,
    /// US dollars as an exact decimal; null where no price is known.
    price_exact: Option<String>,
}

impl<'a> From<&'a Usage> for UsageBody<'a> {
    fn from(usage: &'a Usage) -> Self {
        Self {
            id: usage.id.0,
            message_id: usage.message_id.0,
            scope: usage.scope.as_str(),
            model: &usage.model,
            input_tokens: input_total(&usage.tokens),
            output_tokens: usage.tokens.output,
            cached_tokens: usage.tokens.cache_read,
            // The original client sums the rows' prices: each must be a number.
            price: usage.price.unwrap_or(Money::ZERO).to_f64(),
            created_at: usage.created_at.to_wire(),
            cache_write_tokens: usage.tokens.cache_write,
            reasoning_tokens: usage.tokens.reasoning,
            usage_source: usage.source.as_str(),
            price_version: usage.price_version.map(|version| version.0),
            fallback_from: usage.fallback_from.as_deref(),
            price_exact: usage.price.map(|price| price.to_string()),
        }
    }
}
