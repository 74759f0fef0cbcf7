//! Which model answers under a name, and where none is given: aliases, fallbacks, what a key is for, and what vendors took
//! away. Nobody is asked here.

use super::{
    Models,
    allowed::Allowed,
    day_of,
    names::{found, unknown},
};
use crate::{
    EngineError,
    catalog::{BUILT_IN, Catalog, Model},
    chat::Served,
    vendors::Vendor,
    views::Caller,
};
use chatai_types::ErrorCode;
use std::sync::Arc;

/// The first choice when neither the client nor the configuration names a model.
const FIRST_CHOICE: &str = "gpt-4.1-nano";

/// The alias that answers in its place where another provider alone is configured, or its vendor took it away.
const FAST: &str = "fast";

impl Models {
    /// The model a caller's message asks for, or the default one. A key may be for some models only: an alias is then the
    /// first of its list that the key is for, and without a name the key gets the default one if it may, else the first of
    /// its own that can answer.
    pub(crate) fn resolve_for(&self, caller: &Caller, asked: Option<&str>) -> Result<Served, EngineError> {
        let allowed = self.allowed(caller);
        match (asked, &caller.key_models) {
            (Some(name), _) => self.named_to(name, &allowed),
            (None, None) => self.named_to(self.default_name(), &allowed),
            (None, Some(own)) => self.named_to(self.default_name(), &allowed).or_else(|error| {
                if error.code != ErrorCode::ModelNotAllowed {
                    return Err(error);
                }
                let mut own = own.iter().filter_map(|name| self.named_to(name, &allowed).ok());
                own.next().ok_or(error)
            }),
        }
    }

    /// The model or alias that answers where none is named.
    fn default_name(&self) -> &str {
        match &self.settings.default {
            // A configured name that the catalog does not know is named, not passed over in silence.
            Some(name) if !self.vendors.is_empty() => name,
            _ if self.first_choice().is_some_and(|(_, is_there)| is_there) => FIRST_CHOICE,
            _ if self.named(FAST).is_ok() => FAST,
            _ => BUILT_IN,
        }
    }

    /// The first choice, where a provider has it, and whether its vendor has not taken it away. A client that names it is not
    /// kept from asking.
    fn first_choice(&self) -> Option<(Served, bool)> {
        let served = self.named(FIRST_CHOICE).ok()?;
        let is_there = self.taken_away(&served.model).is_none();
        Some((served, is_there))
    }

    /// The small model for what stands beside answers, where the first choice's provider is configured: nobody else is
    /// told of a conversation for that.
    pub(super) fn small(&self) -> Option<Served> {
        match self.first_choice()? {
            (served, true) => Some(served),
            (_, false) => self.named(FAST).ok(),
        }
    }

    /// Who answers under a name, whoever asks.
    pub(super) fn named(&self, name: &str) -> Result<Served, EngineError> {
        self.named_to(name, &Allowed::all())
    }

    /// Who answers under a name: that model, or the first of the alias's that can and is allowed, with those that come
    /// after it.
    pub(super) fn named_to(&self, name: &str, allowed: &Allowed) -> Result<Served, EngineError> {
        let now = self.now.load();
        if found(&now.catalog, &self.vendors, name).is_none()
            && let Some(names) = list(&self.settings.aliases, name)
        {
            return self.first_of(&now.catalog, name, names, allowed);
        }
        let mut served = self.able(&now.catalog, name)?;
        allowed.check(&served.model.name)?;
        let others = list(&self.settings.fallbacks, name).unwrap_or_default();
        served.alternatives = self.alternatives(&now.catalog, others, &served.model.name, allowed);
        Ok(served)
    }

    fn first_of(
        &self,
        catalog: &Catalog,
        alias: &str,
        names: &[String],
        allowed: &Allowed,
    ) -> Result<Served, EngineError> {
        let (mut reason, mut is_refused) = (unknown(alias), false);
        for (place, member) in names.iter().enumerate() {
            match self.able_of_list(catalog, member) {
                Ok(served) if allowed.check(&served.model.name).is_err() => is_refused = true,
                Ok(mut served) => {
                    let rest = &names[place + 1..];
                    served.alternatives = self.alternatives(catalog, rest, &served.model.name, allowed);
                    return Ok(served);
                }
                // The first that is known is the one that the list's owner has to do with.
                Err(error) if reason.code == ErrorCode::ModelUnknown => reason = error,
                Err(_) => {}
            }
        }
        if is_refused {
            return Err(allowed.refusal(alias));
        }
        Err(match reason.code {
            ErrorCode::ModelUnknown => reason,
            _ => EngineError::new(
                ErrorCode::ModelUnavailable,
                format!(
                    "`{alias}` cannot answer: none of its models can; {}",
                    reason.detail
                ),
            ),
        })
    }

    /// Those of a list that can answer and are allowed, each once.
    fn alternatives(
        &self,
        catalog: &Catalog,
        names: &[String],
        first: &str,
        allowed: &Allowed,
    ) -> Arc<[Served]> {
        let mut able: Vec<Served> = Vec::new();
        for served in names
            .iter()
            .filter_map(|name| self.able_of_list(catalog, name).ok())
        {
            let name = &served.model.name;
            let is_there = name == first || able.iter().any(|other| other.model.name == *name);
            if !is_there && allowed.check(name).is_ok() {
                able.push(served);
            }
        }
        able.into()
    }

    /// The same for a list, which passes over what its vendor took away.
    fn able_of_list(&self, catalog: &Catalog, name: &str) -> Result<Served, EngineError> {
        let served = self.able(catalog, name)?;
        match self.refusal_of_taken_away(&served.model) {
            None => Ok(served),
            Some(error) => Err(error),
        }
    }

    pub(super) fn refusal_of_taken_away(&self, model: &Model) -> Option<EngineError> {
        let (name, day) = (&model.name, self.taken_away(model)?);
        Some(EngineError::new(
            ErrorCode::ModelUnavailable,
            format!("`{name}` cannot answer: its vendor took it away on {day}; choose another model"),
        ))
    }

    /// Since when a model is not to be had where it would be asked, as far as its vendor announced that.
    pub(super) fn taken_away<'m>(&self, model: &'m Model) -> Option<&'m str> {
        // Most models stay, and the day takes a while to write.
        model.deprecated.as_ref()?;
        taken_away(model, &self.vendors, &day_of(&*self.clock))
    }
}

/// The names on the list of that name.
pub(super) fn list<'l>(lists: &'l [(String, Vec<String>)], name: &str) -> Option<&'l [String]> {
    let of_name = lists.iter().find(|(known, _)| known == name);
    of_name.map(|(_, names)| names.as_slice())
}

/// When a model's vendor took it away. The announcement holds at the vendor's own address alone, and not against what is
/// said there: days are put off.
pub(super) fn taken_away<'m>(model: &'m Model, vendors: &[Vendor], today: &str) -> Option<&'m str> {
    let is_vendors_own = vendors[model.vendor?].is_vendors_own;
    model
        .taken_away_by(today)
        .filter(|_| is_vendors_own && !model.is_confirmed)
}
