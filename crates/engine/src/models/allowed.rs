//! Which models a caller's key is for.

use super::{Models, names::found, resolve::list};
use crate::{EngineError, views::Caller};
use chatai_types::ErrorCode;
use std::{collections::HashSet, sync::Arc};

/// The models that somebody may use.
pub(super) struct Allowed(Option<Listed>);

/// A key's list.
struct Listed {
    /// As its owner wrote it.
    written: Arc<[String]>,
    /// The models that stand behind it.
    models: HashSet<String>,
}

impl Models {
    /// The models that a caller may use. A name on a key's list is a model's, `PROVIDER/MODEL`, or an alias: that stands for
    /// every model of its list, since any of them may be the one that answers.
    pub(super) fn allowed(&self, caller: &Caller) -> Allowed {
        let listed = caller.key_models.as_ref().map(|written| {
            let now = self.now.load();
            let mut models: HashSet<String> = written.iter().cloned().collect();
            for name in &**written {
                let is_model = found(&now.catalog, &self.vendors, name).is_some();
                let members = list(&self.settings.aliases, name).filter(|_| !is_model);
                let members = members.unwrap_or(std::slice::from_ref(name)).iter();
                let known = members.filter_map(|name| found(&now.catalog, &self.vendors, name));
                models.extend(known.map(|model| model.name.clone()));
            }
            Listed {
                written: Arc::clone(written),
                models,
            }
        });
        Allowed(listed)
    }
}

impl Allowed {
    /// All there are.
    pub(super) fn all() -> Self {
        Self(None)
    }

    /// Refuses a model, by its name in the catalog.
    ///
    /// # Errors
    /// `model_not_allowed`.
    pub(super) fn check(&self, model: &str) -> Result<(), EngineError> {
        match &self.0 {
            Some(listed) if !listed.models.contains(model) => Err(self.refusal(model)),
            _ => Ok(()),
        }
    }

    /// The refusal of a name.
    pub(super) fn refusal(&self, name: &str) -> EngineError {
        let written = self.0.as_ref().map_or(&[][..], |listed| &listed.written);
        EngineError::new(
            ErrorCode::ModelNotAllowed,
            format!(
                "This key may not use `{name}`; it may use: {}",
                written.join(", ")
            ),
        )
    }
}
