//! What a caller may choose from: the models that can answer, each with what it takes, does and costs.

use super::Models;
use crate::{Engine, catalog::BUILT_IN, views::Caller};
use chatai_types::Rates;

/// A model that can answer, as its users see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDetails {
    /// Its name.
    pub name: String,
    /// The provider that serves it; `None` for the built-in responder.
    pub provider: Option<String>,
    /// How many tokens it takes in and puts out together.
    pub context_window: i64,
    /// How many tokens it puts out at most, where that is known.
    pub max_output_tokens: Option<i64>,
    /// Its prices; `None` where none are known.
    pub rates: Option<Rates>,
    /// Whether it takes images.
    pub sees: bool,
    /// Whether it calls tools.
    pub calls_tools: bool,
    /// Whether it thinks before it answers.
    pub reasons: bool,
    /// Whether it answers in a form that is demanded of it.
    pub structured: bool,
    /// When its provider takes it away, `YYYY-MM-DD`, where that was announced.
    pub deprecated: Option<String>,
    /// The other names that it answers to now.
    pub aliases: Vec<String>,
    /// Whether it answers this caller's messages that name no model.
    pub is_default: bool,
    /// Whether it is the responder that needs no provider.
    pub is_built_in: bool,
}

impl Engine {
    /// The models that can answer now and that the caller may use, in the catalog's order.
    pub fn model_details(&self, caller: &Caller) -> Vec<ModelDetails> {
        self.inner.models.details(caller)
    }
}

impl Models {
    fn details(&self, caller: &Caller) -> Vec<ModelDetails> {
        let (default, allowed) = (self.resolve_for(caller, None).ok(), self.allowed(caller));
        let aliases: Vec<(&str, String)> = self
            .settings
            .aliases
            .iter()
            .filter_map(|(alias, _)| Some((alias.as_str(), self.named_to(alias, &allowed).ok()?.model.name)))
            .collect();
        let aliases_of = |name: &str| {
            let own = aliases
                .iter()
                .filter(|(alias, target)| target == name && *alias != name);
            own.map(|(alias, _)| (*alias).to_owned()).collect()
        };
        let (now, answering) = (self.now.load(), self.answering());
        let able = now.catalog.models().iter();
        able.filter(|model| answering.contains(&model.name) && allowed.check(&model.name).is_ok())
            .map(|model| ModelDetails {
                name: model.name.clone(),
                provider: model.vendor.map(|place| self.vendors[place].name.clone()),
                context_window: model.context_window,
                max_output_tokens: model.max_output_tokens,
                rates: model.rates,
                sees: model.sees,
                calls_tools: model.calls_tools,
                reasons: model.reasons,
                structured: model.structured,
                deprecated: model.deprecated.clone(),
                aliases: aliases_of(&model.name),
                is_default: default
                    .as_ref()
                    .is_some_and(|served| served.model.name == model.name),
                is_built_in: model.name == BUILT_IN,
            })
            .collect()
    }
}
