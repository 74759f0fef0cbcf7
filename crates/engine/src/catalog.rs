//! The catalog of models: prices, windows and abilities, in the order of the pricing data.

mod assembly;

pub(crate) use assembly::assemble;

use chatai_store::ops::{models::ModelOverride, prices::CurrentPrice};
use chatai_types::{Money, MoneyError, PriceVersionId, Rate, Rates, TokenCounts};
use serde::Deserialize;
use serde_json::{Map, Value};

/// The built-in responder's name in the catalog.
pub const BUILT_IN: &str = "built-in";

/// What a model takes in when the data does not say.
const DEFAULT_WINDOW: i64 = 128_000;

/// The models a pricing file describes.
#[derive(Clone, Debug)]
pub struct Catalog {
    models: Vec<Model>,
}

/// One model of the catalog.
#[derive(Clone, Debug)]
pub struct Model {
    /// The name it is asked for by.
    pub name: String,
    /// Its name at its provider.
    pub id: String,
    /// Whose model it is, such as `anthropic`; `None` leaves it to the default provider.
    pub provider: Option<String>,
    /// The name the data gives this version of the prices.
    pub label: Option<String>,
    /// Its prices; `None` where none are known.
    pub rates: Option<Rates>,
    /// The version of the prices in the database; set at start.
    pub price_version: Option<PriceVersionId>,
    /// How many tokens it takes in and puts out together.
    pub context_window: i64,
    /// How many tokens it puts out at most.
    pub max_output_tokens: Option<i64>,
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
    /// Whether it embeds texts in place of answering.
    pub embeds: bool,
    /// Whether administrators let it be used.
    pub enabled: bool,
    /// Which of the configured providers serves it; `None` where none does.
    pub(crate) vendor: Option<usize>,
    /// Whether its provider says that it has it.
    pub(crate) is_confirmed: bool,
    described: Described,
}

/// What the data says of a model, apart from its prices.
#[derive(Clone, Copy, Debug, Default)]
struct Described {
    window: bool,
    abilities: bool,
}

/// A pricing file that cannot be used, with every fault in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{source_name}: {}", problems.join("; "))]
pub struct CatalogError {
    /// The file.
    pub source_name: String,
    /// What is wrong, a line each.
    pub problems: Vec<String>,
}

#[derive(Deserialize)]
struct Entry {
    input: Option<Value>,
    cached_input: Option<Value>,
    cache_write: Option<Value>,
    output: Option<Value>,
    version: Option<Value>,
    capabilities: Option<Value>,
    context_window: Option<i64>,
    max_output_tokens: Option<i64>,
    provider: Option<String>,
    deprecated: Option<String>,
}

impl Catalog {
    /// Reads pricing data: an object keyed by model name, prices in US dollars per million tokens. A model whose price is
    /// not known says so, with `null` for `input` and `output`: one that merely leaves them out is a fault.
    ///
    /// # Errors
    /// Every fault of the data at once.
    pub fn parse(json: &str, source_name: &str) -> Result<Self, CatalogError> {
        let fail = |problems| CatalogError {
            source_name: source_name.to_owned(),
            problems,
        };
        let entries: Map<String, Value> =
            serde_json::from_str(json).map_err(|error| fail(vec![error.to_string()]))?;
        let mut problems = Vec::new();
        let mut models = Vec::with_capacity(entries.len() + 1);
        for (name, entry) in entries {
            let is_unpriced = is_unpriced(&entry);
            match model(&name, entry).and_then(|model| priced(model, is_unpriced)) {
                Ok(_) if name == BUILT_IN => {
                    problems.push(format!("`{name}`: the name is taken by the built-in responder"));
                }
                Ok(model) => models.push(model),
                Err(problem) => problems.push(format!("`{name}`: {problem}")),
            }
        }
        if !problems.is_empty() {
            return Err(fail(problems));
        }
        models.push(Model::built_in());
        Ok(Self { models })
    }

    /// Fills in what this catalog does not say of a model from another one that knows the name: window, output limit
    /// and abilities. Names, order and prices stay.
    #[must_use]
    pub fn completed_by(mut self, other: &Catalog) -> Self {
        for model in &mut self.models {
            let Some(known) = other.get(&model.name) else {
                continue;
            };
            if !model.described.window {
                model.context_window = known.context_window;
                model.max_output_tokens = model.max_output_tokens.or(known.max_output_tokens);
            }
            if !model.described.abilities {
                model.able_as(known);
            }
            model.deprecated = model.deprecated.take().or_else(|| known.deprecated.clone());
        }
        self
    }

    /// The same with what administrators set, over what the data says.
    #[must_use]
    pub(crate) fn overridden(&self, overrides: &[ModelOverride]) -> Self {
        let mut catalog = self.clone();
        for set in overrides {
            if let Some(model) = catalog.models.iter_mut().find(|model| model.name == set.model) {
                model.override_with(set);
            }
        }
        catalog
    }

    /// The prices as they are now, in order, of the models whose price is known.
    pub(crate) fn prices(&self) -> Vec<CurrentPrice> {
        let price = |model: &Model| {
            Some(CurrentPrice {
                model: model.name.clone(),
                label: model.label.clone(),
                rates: model.rates?,
            })
        };
        self.models.iter().filter_map(price).collect()
    }

    /// The same with the versions of those prices, in order.
    #[must_use]
    pub(crate) fn versioned(mut self, versions: Vec<PriceVersionId>) -> Self {
        let priced = self.models.iter_mut().filter(|model| model.rates.is_some());
        for (model, version) in priced.zip(versions) {
            model.price_version = Some(version);
        }
        self
    }

    /// All models, in order, the built-in responder last.
    pub fn models(&self) -> &[Model] {
        &self.models
    }

    /// The model of that name.
    pub fn get(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|model| model.name == name)
    }
}

impl Model {
    /// The built-in responder: free, and with room for everything.
    fn built_in() -> Self {
        Self {
            name: BUILT_IN.to_owned(),
            id: BUILT_IN.to_owned(),
            provider: None,
            label: None,
            rates: Some(Rates::default()),
            price_version: None,
            context_window: 4_000_000,
            max_output_tokens: None,
            sees: false,
            calls_tools: true,
            reasons: false,
            structured: true,
            deprecated: None,
            embeds: false,
            enabled: true,
            vendor: None,
            is_confirmed: false,
            described: Described::default(),
        }
    }

    /// Which of the configured providers serves it, by its place; `None` where none does.
    pub fn served_by(&self) -> Option<usize> {
        self.vendor
    }

    /// When its vendor took it away, where that day has come. Days are `YYYY-MM-DD`.
    pub(crate) fn taken_away_by(&self, today: &str) -> Option<&str> {
        let day = self.deprecated.as_deref()?;
        (day.len() == today.len() && day <= today).then_some(day)
    }

    /// Whether it embeds, as far as anybody knows: what no data describes may.
    pub(crate) fn may_embed(&self) -> bool {
        self.embeds || (!self.described.abilities && self.name != BUILT_IN)
    }

    /// A model the data does not describe.
    pub(crate) fn unpriced(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: name.to_owned(),
            rates: None,
            context_window: DEFAULT_WINDOW,
            ..Self::built_in()
        }
    }

    /// A model that a provider was said to have, with what was said of it: an object with the members of an entry of
    /// the pricing data, all of them optional. Without prices its price is unknown.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn listed(name: &str, data_json: &str) -> Result<Self, String> {
        let data = serde_json::from_str(data_json).map_err(|error| error.to_string())?;
        model(name, data).map_err(|problem| format!("`{name}`: {problem}"))
    }

    fn able_as(&mut self, known: &Self) {
        (self.sees, self.calls_tools, self.embeds) = (known.sees, known.calls_tools, known.embeds);
        (self.reasons, self.structured) = (known.reasons, known.structured);
    }

    fn override_with(&mut self, set: &ModelOverride) {
        self.enabled = set.enabled;
        self.context_window = set.context_window.unwrap_or(self.context_window);
        self.max_output_tokens = set.max_output_tokens.or(self.max_output_tokens);
        let Some(data) = self.rates.or_else(|| both(set.input, set.output)) else {
            return;
        };
        let input = set.input.unwrap_or(data.input);
        // A price that follows the input's goes on following it.
        let following = |price: Rate| if price == data.input { input } else { price };
        self.rates = Some(Rates {
            input,
            cache_read: set.cache_read.unwrap_or(following(data.cache_read)),
            cache_write: set.cache_write.unwrap_or(following(data.cache_write)),
            output: set.output.unwrap_or(data.output),
        });
    }

    /// What tokens cost with this model; `None` where no price is known.
    pub(crate) fn charge(&self, tokens: &TokenCounts) -> Option<Money> {
        match self.rates?.charge(tokens) {
            Ok(price) => Some(price),
            Err(error) => {
                tracing::error!(model = %self.name, %error, "a call has no price");
                None
            }
        }
    }
}

fn model(name: &str, entry: Value) -> Result<Model, String> {
    if name.is_empty() || name.len() > 200 || name.chars().any(char::is_control) {
        return Err("not a model's name".to_owned());
    }
    let entry: Entry = serde_json::from_value(entry).map_err(|error| error.to_string())?;
    let rates = rates(&entry)?;
    let abilities = abilities(entry.capabilities.as_ref());
    let has = |ability: &str| {
        abilities
            .as_ref()
            .map(|list| list.iter().any(|known| known == ability))
    };
    Ok(Model {
        name: name.to_owned(),
        id: id_of(name, entry.provider.as_deref()),
        provider: entry.provider,
        label: entry.version.as_ref().map(|version| match version {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }),
        rates,
        price_version: None,
        context_window: entry
            .context_window
            .filter(|window| *window > 0)
            .unwrap_or(DEFAULT_WINDOW),
        max_output_tokens: entry.max_output_tokens.filter(|tokens| *tokens > 0),
        sees: has("vision").unwrap_or(false),
        // Data that lists no abilities says nothing against tools, which every chat model of today has.
        calls_tools: has("tools").unwrap_or(true),
        embeds: has("embedding").unwrap_or(false),
        reasons: has("reasoning").unwrap_or(false),
        structured: has("structured_output").unwrap_or(true),
        deprecated: entry.deprecated,
        enabled: true,
        vendor: None,
        is_confirmed: false,
        described: Described {
            window: entry.context_window.is_some(),
            abilities: abilities.is_some(),
        },
    })
}

/// The name at the provider: a name that begins with the provider's is that for the rest of it, so that two providers can
/// have models of one name.
fn id_of(name: &str, provider: Option<&str>) -> String {
    let after = provider.and_then(|provider| name.strip_prefix(provider)?.strip_prefix('/'));
    after.unwrap_or(name).to_owned()
}

/// The prices of a model that had none, once an administrator has set both that it needs.
fn both(input: Option<Rate>, output: Option<Rate>) -> Option<Rates> {
    let input = input?;
    Some(Rates {
        input,
        cache_read: input,
        cache_write: input,
        output: output?,
    })
}

/// A model of pricing data, which has to say what it costs, or that nobody knows.
fn priced(model: Model, is_unpriced: bool) -> Result<Model, String> {
    match model.rates {
        None if !is_unpriced => Err("`input` is missing".to_owned()),
        _ => Ok(model),
    }
}

/// Whether an entry says that its price is not known.
fn is_unpriced(entry: &Value) -> bool {
    let is_null = |member: &str| entry.get(member).is_some_and(Value::is_null);
    is_null("input") && is_null("output")
}

/// The prices; `None` where the data gives none at all.
fn rates(entry: &Entry) -> Result<Option<Rates>, String> {
    let input = rate("input", entry.input.as_ref())?;
    let output = rate("output", entry.output.as_ref())?;
    let cache_read = rate("cached_input", entry.cached_input.as_ref())?;
    let cache_write = rate("cache_write", entry.cache_write.as_ref())?;
    if input.is_none() && output.is_none() && cache_read.is_none() && cache_write.is_none() {
        return Ok(None);
    }
    let input = input.ok_or("`input` is missing")?;
    Ok(Some(Rates {
        input,
        cache_read: cache_read.unwrap_or(input),
        cache_write: cache_write.unwrap_or(input),
        output: output.ok_or("`output` is missing")?,
    }))
}

/// A price; `None` where the data gives none. A 0 means free.
fn rate(member: &str, value: Option<&Value>) -> Result<Option<Rate>, String> {
    let text = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => return Err(format!("`{member}` is not a number: {other}")),
    };
    Rate::parse_per_million(&text)
        .map(Some)
        .map_err(|error: MoneyError| format!("`{member}`: {error}"))
}

/// Names of abilities, from a list or from an object of flags; `None` where the data says nothing.
fn abilities(value: Option<&Value>) -> Option<Vec<String>> {
    match value? {
        Value::Array(list) => Some(
            list.iter()
                .filter_map(|item| item.as_str().map(str::to_lowercase))
                .collect(),
        ),
        Value::Object(flags) => Some(
            flags
                .iter()
                .filter(|(_, on)| on.as_bool().unwrap_or(true))
                .map(|(name, _)| name.to_lowercase())
                .collect(),
        ),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
