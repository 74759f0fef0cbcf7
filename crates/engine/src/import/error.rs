//! Why an import ended early.

use chatai_store::{StoreError, legacy::OriginalError};

/// What was written before stays, and running the import again goes on from there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The original's file cannot be read.
    #[error(transparent)]
    Original(#[from] OriginalError),
    /// The instance's database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Others changed the instance's database in the same place again and again.
    #[error("the instance is changing too quickly")]
    Moving,
    /// The caller's progress function asked to end.
    #[error("the import was interrupted")]
    Interrupted,
}

impl ImportError {
    /// What the person in front of it can do.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Original(error) => error.hint(),
            Self::Store(StoreError::Full) => "make room and run this again: it goes on where it stopped",
            Self::Store(_) | Self::Moving | Self::Interrupted => {
                "run this again: it goes on where it stopped, and nothing is taken twice"
            }
        }
    }
}
