//! A failure with what the machinery around a call must know of it: whose fault, and whether to try again.

use crate::{provider::LlmError, sse::SseError};
use std::time::Duration;

/// An [`LlmError`] on its way out.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) error: LlmError,
    /// What it says about the provider, for the circuit.
    pub(crate) sign: Sign,
    /// Whether the same request may succeed when sent again.
    pub(crate) retryable: bool,
    /// How long the vendor asks to wait before that.
    pub(crate) retry_after: Option<Duration>,
}

/// What a failure says about the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    /// 5xx, no connection, silence: the circuit counts it.
    Dead,
    /// It answered: by refusing the request, or badly.
    Well,
    /// Nothing, because nothing was sent.
    Nothing,
}

impl Failure {
    /// A sign that the provider is dead, worth another attempt as long as nothing of the answer arrived.
    pub(crate) fn transient(error: LlmError) -> Self {
        Self {
            error,
            sign: Sign::Dead,
            retryable: true,
            retry_after: None,
        }
    }

    /// A sign that the provider is dead, not to be repeated.
    pub(crate) fn fatal(error: LlmError) -> Self {
        Self {
            error,
            sign: Sign::Dead,
            retryable: false,
            retry_after: None,
        }
    }

    /// The provider is well: it refused the request, or a limit of our own was reached.
    pub(crate) fn refused(error: LlmError) -> Self {
        Self {
            error,
            sign: Sign::Well,
            retryable: false,
            retry_after: None,
        }
    }

    /// A bound of our own was reached before anything was sent.
    pub(crate) fn of_ours(error: LlmError) -> Self {
        Self {
            sign: Sign::Nothing,
            ..Self::refused(error)
        }
    }

    /// The provider answers, but not with what was asked for: an unreadable stream, or one that breaks off.
    pub(crate) fn unreadable(what: impl Into<String>) -> Self {
        Self::refused(LlmError::Failed(what.into()))
    }
}

impl From<SseError> for Failure {
    fn from(error: SseError) -> Self {
        Self::unreadable(error.to_string())
    }
}
