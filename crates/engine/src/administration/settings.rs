//! What administrators set for the whole instance at run time: data, not configuration.

use super::Administrator;
use crate::{Engine, EngineError};
use chatai_store::{StoreError, Tx, ops::settings};

const REGISTRATION: &str = "registration";
const OPEN: &str = "open";
const CLOSED: &str = "closed";

/// Whether anyone may register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone may.
    Open,
    /// Nobody may, but for the first account of an instance.
    Closed,
}

impl Registration {
    /// The name on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => OPEN,
            Self::Closed => CLOSED,
        }
    }

    /// The one of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            OPEN => Some(Self::Open),
            CLOSED => Some(Self::Closed),
            _ => None,
        }
    }
}

/// What is set, else what the configuration begins with.
pub(crate) fn registration(tx: &mut Tx<'_>, configured: Registration) -> Result<Registration, StoreError> {
    match settings::get(tx, REGISTRATION)? {
        None => Ok(configured),
        Some(name) => Registration::from_name(&name)
            .ok_or_else(|| StoreError::Corrupt(format!("the setting `{REGISTRATION}` is `{name}`"))),
    }
}

impl Engine {
    /// Whether anyone may register.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn registration(&self, _: &Administrator) -> Result<Registration, EngineError> {
        let configured = self.inner.accounts.registration();
        self.read(move |tx| registration(tx, configured)).await
    }

    /// Opens or closes registration, from the next one on.
    ///
    /// # Errors
    /// Those of the store.
    pub async fn set_registration(&self, _: &Administrator, to: Registration) -> Result<(), EngineError> {
        let now = self.now();
        self.store()
            .write(move |tx| settings::set(tx, REGISTRATION, to.as_str(), now))
            .await?;
        Ok(())
    }
}
