//! Prices, windows and whether a model may be used, as administrators set them over what the pricing data says.
//!
//! A changed price is a new version: what was charged stays as it is, and an answer that is being written is charged
//! at the version it began with.

use super::Administrator;
use crate::{
    Engine, EngineError,
    catalog::{BUILT_IN, Model},
    models,
    vendors::VendorEntry,
};
use chatai_store::ops::administration;
use chatai_types::{ErrorCode, PriceVersionId, Rate, Rates};

/// A price this many times higher or lower than the present one is a slip.
const SLIP: i64 = 1_000;
/// The highest price that can be meant, in dollars per million tokens, and the lowest that is not 0, in the unit of
/// [`Rate`]: a thousandth of a dollar per million.
const HIGHEST_DOLLARS: i64 = 10_000;
const LOWEST: i64 = 1_000;
const DOLLAR_PER_MILLION: i64 = 1_000_000;
/// The largest window that can be meant.
const LARGEST_WINDOW: i64 = 100_000_000;

/// A model as administrators see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelEntry {
    /// Its name.
    pub name: String,
    /// The provider that serves it; `None` where none does.
    pub provider: Option<String>,
    /// Its prices; `None` where none are known.
    pub rates: Option<Rates>,
    /// The version of the prices.
    pub price_version: Option<PriceVersionId>,
    /// How many tokens it takes in and puts out together.
    pub context_window: i64,
    /// How many tokens it puts out at most.
    pub max_output_tokens: Option<i64>,
    /// When its provider takes it away, `YYYY-MM-DD`, where that was announced.
    pub deprecated: Option<String>,
    /// Whether administrators let it be used.
    pub enabled: bool,
    /// Whether it can answer now.
    pub available: bool,
}

/// What to change of a model. The outer `None` leaves a value; the inner one goes back to the pricing data's.
#[derive(Clone, Copy, Debug, Default)]
pub struct ModelChange {
    /// The price of fresh input.
    pub input: Option<Option<Rate>>,
    /// The price of input from the provider's cache.
    pub cache_read: Option<Option<Rate>>,
    /// The price of input into the provider's cache.
    pub cache_write: Option<Option<Rate>>,
    /// The price of output.
    pub output: Option<Option<Rate>>,
    /// How many tokens it takes in and puts out together.
    pub context_window: Option<Option<i64>>,
    /// How many tokens it puts out at most.
    pub max_output_tokens: Option<Option<i64>>,
    /// Whether it may be used.
    pub enabled: Option<bool>,
}

impl ModelChange {
    fn prices(&self) -> [(&'static str, Option<Option<Rate>>); 4] {
        [
            ("input", self.input),
            ("cached_input", self.cache_read),
            ("cache_write", self.cache_write),
            ("output", self.output),
        ]
    }

    /// Refuses what cannot be meant.
    fn check(&self, model: &Model) -> Result<(), EngineError> {
        let refused = |detail: String| Err(EngineError::new(ErrorCode::Validation, detail));
        let sets_more = self.prices().iter().any(|(_, price)| price.is_some())
            || self.context_window.is_some()
            || self.max_output_tokens.is_some();
        if model.name == BUILT_IN && sets_more {
            return refused(
                "The built-in responder is free and takes everything in; only `enabled` can be set"
                    .to_owned(),
            );
        }
        let present = model
            .rates
            .map(|rates| [rates.input, rates.cache_read, rates.cache_write, rates.output]);
        for (place, (name, price)) in self.prices().into_iter().enumerate() {
            let Some(Some(price)) = price else { continue };
            if let Some(hint) = slip(price, present.map(|rates| rates[place])) {
                return refused(format!("`{name}` cannot be meant: {hint}"));
            }
        }
        for (name, tokens) in [
            ("context_window", self.context_window),
            ("max_output_tokens", self.max_output_tokens),
        ] {
            if let Some(Some(tokens)) = tokens
                && !(1..=LARGEST_WINDOW).contains(&tokens)
            {
                return refused(format!(
                    "`{name}` is a number of tokens from 1 to {LARGEST_WINDOW}"
                ));
            }
        }
        Ok(())
    }
}

/// What is wrong with a price, and what may have been meant. Mostly that is a price per token in place of one per
/// million tokens, or the other way round.
fn slip(price: Rate, present: Option<Rate>) -> Option<String> {
    let pico = price.as_pico_per_token();
    if pico == 0 {
        return None;
    }
    let per_million = price.per_million();
    let unit = "prices are in US dollars per million tokens";
    let present = present.filter(|present| present.as_pico_per_token() > 0);
    if let Some(present) = present {
        let now = present.as_pico_per_token();
        if pico <= now / SLIP || pico / SLIP >= now {
            return Some(format!(
                "{per_million} is over a thousand times off the present {}; {unit}, so a price per token is \
                 given a million times as high",
                present.per_million()
            ));
        }
    }
    if pico < LOWEST {
        let meant = Rate::from_pico_per_token(pico.saturating_mul(DOLLAR_PER_MILLION)).per_million();
        return Some(format!(
            "{per_million} is lower than any price; {unit}: if that is a price per token, give {meant}"
        ));
    }
    if pico > HIGHEST_DOLLARS * DOLLAR_PER_MILLION {
        let meant = Rate::from_pico_per_token(pico / DOLLAR_PER_MILLION).per_million();
        return Some(format!(
            "{per_million} is higher than any price; {unit}: if that is in millionths of a dollar, give {meant}"
        ));
    }
    None
}

impl Engine {
    /// All models of the catalog, in its order.
    ///
    /// # Errors
    /// None today; the store's when the catalog lies there.
    pub async fn model_entries(&self, _: &Administrator) -> Result<Vec<ModelEntry>, EngineError> {
        Ok(self.inner.models.entries())
    }

    /// The configured providers, each with how it is.
    pub fn vendor_entries(&self, _: &Administrator) -> Vec<VendorEntry> {
        self.inner.models.vendor_entries()
    }

    /// Changes a model at once, for every turn that begins from now on.
    ///
    /// # Errors
    /// `not_found`, `validation_error` for a price that cannot be meant, with what may have been.
    pub async fn change_model(
        &self,
        _: &Administrator,
        name: &str,
        change: ModelChange,
    ) -> Result<ModelEntry, EngineError> {
        let missing = || EngineError::new(ErrorCode::NotFound, "No such model");
        let model = self.inner.models.get(name).ok_or_else(missing)?;
        change.check(&model)?;
        let (name, now) = (model.name.clone(), self.now());
        let model = name.clone();
        self.store()
            .write(move |tx| {
                let apply = |set: &mut chatai_store::ops::models::ModelOverride| {
                    let prices = [
                        (&mut set.input, change.input),
                        (&mut set.cache_read, change.cache_read),
                        (&mut set.cache_write, change.cache_write),
                        (&mut set.output, change.output),
                    ];
                    for (price, to) in prices {
                        *price = to.unwrap_or(*price);
                    }
                    set.context_window = change.context_window.unwrap_or(set.context_window);
                    set.max_output_tokens = change.max_output_tokens.unwrap_or(set.max_output_tokens);
                    set.enabled = change.enabled.unwrap_or(set.enabled);
                };
                administration::change_model(tx, &model, apply, now)
            })
            .await?;
        models::refresh(&self.inner).await?;
        let entries = self.inner.models.entries();
        entries
            .into_iter()
            .find(|entry| entry.name == name)
            .ok_or_else(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(price: &str, present: Option<&str>) -> Option<String> {
        let rate = |text: &str| Rate::parse_per_million(text).unwrap();
        slip(rate(price), present.map(rate))
    }

    #[test]
    fn prices_that_cannot_be_meant_are_named_with_what_may_have_been() {
        for (price, present) in [
            ("2", Some("2.5")),
            ("0", Some("2.5")),
            ("2.5", Some("0")),
            ("0.0025", Some("2")),
            ("600", Some("2.5")),
            ("0.001", None),
            ("10000", None),
        ] {
            assert_eq!(found(price, present), None, "{price} {present:?}");
        }
        for (price, present, said) in [
            ("0.000002", Some("2"), "off the present 2"),
            ("0.002", Some("2"), "off the present 2"),
            ("2000000", Some("2"), "off the present 2"),
            ("2000", Some("2"), "off the present 2"),
            ("0.00001", None, "give 10"),
            ("0.00001", Some("0"), "give 10"),
            ("2500000", None, "give 2.5"),
        ] {
            let hint = found(price, present).unwrap_or_else(|| panic!("{price} {present:?}"));
            assert!(hint.contains(said), "{price} {present:?}: {hint}");
            assert!(hint.contains("per million tokens"), "{hint}");
        }
    }
}
