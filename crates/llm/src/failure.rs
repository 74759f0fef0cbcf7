//! A failure with what the machinery around a call must know of it: whose fault, and whether to try again.

use crate::{provider::LlmError, sse::SseError};
use std::time::Duration;

/// An [`LlmError`] on its way out.
#[derive(Debug)]
pub(crate) struct Failure {
    /// What the caller is told.
    pub(crate) error: LlmError,
    /// Whether it speaks against the provider as a whole (5xx, no connection, silence, an unreadable
    /// stream), so that the circuit counts it. A refused request does not.
    pub(crate) provider_fault: bool,
    /// Whether the same request may succeed when sent again.
    pub(crate) retryable: bool,
    /// How long the vendor asks to wait before that.
    pub(crate) retry_after: Option<Duration>,
}

impl Failure {
    /// The provider's fault, worth another attempt as long as nothing of the answer arrived.
    pub(crate) fn transient(error: LlmError) -> Self {
        Self {
            error,
            provider_fault: true,
            retryable: true,
            retry_after: None,
        }
    }

    /// The provider's fault, not to be repeated.
    pub(crate) fn fatal(error: LlmError) -> Self {
        Self {
            error,
            provider_fault: true,
            retryable: false,
            retry_after: None,
        }
    }

    /// Not the provider's fault: a refused request, or a limit of our own.
    pub(crate) fn refused(error: LlmError) -> Self {
        Self {
            error,
            provider_fault: false,
            retryable: false,
            retry_after: None,
        }
    }
}

impl From<SseError> for Failure {
    fn from(error: SseError) -> Self {
        Self::fatal(LlmError::Failed(error.to_string()))
    }
}
