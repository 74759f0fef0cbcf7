//! What administrators may see and do; everybody else is refused in one place.

mod models;
mod settings;
mod users;

pub use models::{ModelChange, ModelEntry};
pub use settings::Registration;
pub(crate) use settings::registration;

use crate::{
    Engine, EngineError,
    money::{UsageQuery, UsageReport},
    views::Caller,
};
use chatai_types::{ErrorCode, UserRole};

/// A caller who administers: proof that it was checked. Only the engine makes one.
#[derive(Clone, Debug)]
pub struct Administrator(Caller);

impl Administrator {
    /// Who it is.
    pub fn caller(&self) -> &Caller {
        &self.0
    }
}

impl Engine {
    /// The caller as administrator.
    ///
    /// # Errors
    /// `forbidden` for everybody else.
    pub fn administrator(&self, caller: Caller) -> Result<Administrator, EngineError> {
        match caller.role {
            UserRole::Admin => Ok(Administrator(caller)),
            UserRole::User => Err(EngineError::new(
                ErrorCode::Forbidden,
                "Only administrators may do this",
            )),
        }
    }

    /// What the model calls of all accounts used and cost, deleted ones included.
    ///
    /// # Errors
    /// `validation_error` for a report of too many groups.
    pub async fn usage_of_all(
        &self,
        _: &Administrator,
        query: UsageQuery,
    ) -> Result<UsageReport, EngineError> {
        self.usage_report(None, query).await
    }
}
