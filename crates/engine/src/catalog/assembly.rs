//! Who serves which model, and under which name: the pricing data's models, those that providers were said to have,
//! and those that they say they have. Pure: the same input gives the same catalog.
//!
//! A model of the pricing data goes to the first provider that has its vendor's models: by name, or by its protocol. A
//! model that a provider was said to have keeps its plain name where that is free, and is `PROVIDER/MODEL` where not;
//! what a provider itself says it has is always `PROVIDER/MODEL`, since it comes and goes.

use super::{BUILT_IN, Catalog, Model};
use crate::vendors::Vendor;
use chatai_llm::OfferedModel;

/// The catalog over all providers, in the order of the pricing data, then of the providers, the built-in responder last.
/// `discovered` is by provider.
pub(crate) fn assemble(data: &Catalog, vendors: &[Vendor], discovered: &[Vec<OfferedModel>]) -> Catalog {
    let mut models: Vec<Model> = data.models.clone();
    let built_in = models.pop();
    for model in &mut models {
        model.vendor = vendors.iter().enumerate().position(|(place, vendor)| {
            let lists = vendor.models.is_empty() || vendor.models.iter().any(|listed| listed.id == model.id);
            lists && serves(vendor, place, model)
        });
        let listed = model.vendor.and_then(|place| {
            let own = vendors[place].models.iter();
            own.clone().find(|listed| listed.id == model.id)
        });
        if let Some(listed) = listed {
            overlay(model, listed);
        }
    }
    for (place, vendor) in vendors.iter().enumerate() {
        for listed in &vendor.models {
            if !is_had(&models, place, &listed.id) {
                let known = data.get(&listed.id);
                let mut model = known.map_or_else(|| listed.clone(), |known| described_by(listed, known));
                if model.rates.is_none()
                    && let Some(known) = known.filter(|known| serves(vendor, place, known))
                {
                    model.rates = known.rates;
                }
                add(&mut models, model, vendor, place, listed.id.clone());
            }
        }
    }
    for (place, vendor) in vendors.iter().enumerate() {
        for offered in discovered.get(place).into_iter().flatten() {
            if let Some(had) = models.iter_mut().find(|model| is_that(model, place, &offered.id)) {
                had.is_confirmed = true;
            } else {
                let mut model = Model::unpriced(&offered.id);
                model.is_confirmed = true;
                if let Some(known) = data.get(&offered.id) {
                    model = described_by(&model, known);
                    model.rates = known.rates.filter(|_| serves(vendor, place, known));
                }
                model.context_window = offered.context_window.unwrap_or(model.context_window);
                model.max_output_tokens = offered.max_output_tokens.or(model.max_output_tokens);
                add(
                    &mut models,
                    model,
                    vendor,
                    place,
                    format!("{}/{}", vendor.name, offered.id),
                );
            }
        }
    }
    models.extend(built_in);
    Catalog { models }
}

/// Whether a provider has the models of a model's vendor, at that vendor's prices.
fn serves(vendor: &Vendor, place: usize, model: &Model) -> bool {
    match model.provider.as_deref() {
        None => place == 0,
        Some(provider) => vendor.name == provider || vendor.family == Some(provider),
    }
}

fn is_had(models: &[Model], place: usize, id: &str) -> bool {
    models.iter().any(|model| is_that(model, place, id))
}

fn is_that(model: &Model, place: usize, id: &str) -> bool {
    model.vendor == Some(place) && model.id == id
}

/// Adds a model under its name, or with its provider's before it where that is taken.
fn add(models: &mut Vec<Model>, mut model: Model, vendor: &Vendor, place: usize, name: String) {
    let is_taken = |name: &str| name == BUILT_IN || models.iter().any(|other| other.name == name);
    model.name = match is_taken(&name) {
        true => format!("{}/{}", vendor.name, model.id),
        false => name,
    };
    model.vendor = Some(place);
    if !models.iter().any(|other| other.name == model.name) {
        models.push(model);
    }
}

/// What was said of a model of the pricing data for one provider, over what the data says.
fn overlay(model: &mut Model, said: &Model) {
    if said.rates.is_some() {
        (model.rates, model.label) = (said.rates, said.label.clone());
    }
    if said.described.window {
        model.context_window = said.context_window;
    }
    model.max_output_tokens = said.max_output_tokens.or(model.max_output_tokens);
    if said.described.abilities {
        model.able_as(said);
    }
}

/// A model with what the pricing data knows of another provider's of the same name, prices apart.
fn described_by(said: &Model, known: &Model) -> Model {
    let mut model = said.clone();
    if !said.described.window {
        model.context_window = known.context_window;
        model.max_output_tokens = said.max_output_tokens.or(known.max_output_tokens);
    }
    if !said.described.abilities {
        model.able_as(known);
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vendors::tests::vendor;

    const DATA: &str = r#"{
        "plain": {"input": 1, "output": 2},
        "gpt": {"input": 1, "output": 2, "provider": "openai", "context_window": 1000},
        "claude": {"input": 3, "output": 4, "provider": "anthropic"},
        "seek": {"input": 5, "output": 6, "provider": "deepseek"}}"#;

    fn offered(ids: &[&str]) -> Vec<OfferedModel> {
        let model = |id: &&str| OfferedModel {
            id: (*id).to_owned(),
            ..OfferedModel::default()
        };
        ids.iter().map(model).collect()
    }

    /// Each model with its provider and input price.
    fn assembled(vendors: &[Vendor], discovered: &[Vec<OfferedModel>]) -> Vec<String> {
        let data = Catalog::parse(DATA, "test").unwrap();
        let said = |model: &Model| {
            let vendor = model.vendor.map_or("-", |place| vendors[place].name.as_str());
            let price = model
                .rates
                .map_or("?".to_owned(), |rates| rates.input.per_million());
            format!("{} {vendor} {price}", model.name)
        };
        assemble(&data, vendors, discovered)
            .models()
            .iter()
            .map(said)
            .collect()
    }

    #[test]
    fn without_a_provider_nothing_is_served_but_the_built_in() {
        assert_eq!(
            assembled(&[], &[]),
            ["plain - 1", "gpt - 1", "claude - 3", "seek - 5", "built-in - 0"]
        );
    }

    #[test]
    fn models_go_to_their_vendors_and_what_names_none_to_the_default() {
        let vendors = [
            vendor("openai", Some("openai"), &[]),
            vendor("office", Some("anthropic"), &[]),
            vendor("deepseek", None, &[]),
        ];
        assert_eq!(
            assembled(&vendors, &[]),
            [
                "plain openai 1",
                "gpt openai 1",
                "claude office 3",
                "seek deepseek 5",
                "built-in - 0"
            ]
        );
    }

    #[test]
    fn listed_models_have_plain_names_where_these_are_free() {
        let vendors = [
            vendor("openai", Some("openai"), &[]),
            vendor("azure", Some("openai"), &["gpt", "mine"]),
            vendor("router", None, &["claude", "mine", "gpt"]),
        ];
        assert_eq!(
            assembled(&vendors, &[]),
            [
                "plain openai 1",
                "gpt openai 1",
                "claude - 3",
                "seek - 5",
                // The same vendor's prices for the same protocol; unknown for what merely has the name.
                "azure/gpt azure 1",
                "mine azure ?",
                "router/claude router ?",
                "router/mine router ?",
                "router/gpt router ?",
                "built-in - 0"
            ]
        );
    }

    #[test]
    fn discovered_models_are_behind_their_providers_name() {
        let vendors = [vendor("openai", Some("openai"), &[]), vendor("ollama", None, &[])];
        let discovered = [offered(&["gpt", "gpt-new"]), offered(&["llama", "gpt", "llama"])];
        assert_eq!(
            assembled(&vendors, &discovered),
            [
                "plain openai 1",
                "gpt openai 1",
                "claude - 3",
                "seek - 5",
                "openai/gpt-new openai ?",
                "ollama/llama ollama ?",
                "ollama/gpt ollama ?",
                "built-in - 0"
            ]
        );
    }

    #[test]
    fn what_a_provider_was_said_to_charge_counts_there() {
        let mut office = vendor("office", Some("openai"), &[]);
        office.models = vec![Model::listed("gpt", r#"{"input": 9, "output": 9}"#).unwrap()];
        assert_eq!(assembled(&[office], &[])[1], "gpt office 9");
    }
}
