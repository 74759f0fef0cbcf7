//! What a vendor's error means for the caller, once its adapter has read it.
//!
//! The vendor's own code says more than the status (a missing model is 404 or 403, a lack of credit 402, 403
//! or 429), so it is looked at first; then its words, since some servers say nothing but 400 to all they refuse.

use crate::{failure::Failure, http::Refusal, provider::LlmError};
use std::time::Duration;

/// What a code says, independent of where it stood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    Auth,
    RateLimited,
    ModelUnavailable,
    ContextTooLong,
    Rejected,
    Failed,
}

/// How servers without a code of their own for it say that the input is too long.
const TOO_LONG: [&str; 7] = [
    "maximum context length",
    "exceeds the available context size",
    "exceed_context_size",
    "exceeds the context window",
    "maximum number of tokens allowed",
    "prompt is too long",
    "prompt too long",
];

/// What a message in plain words says, where it is known.
pub(crate) fn in_words(message: &str) -> Option<Meaning> {
    let message = message.to_ascii_lowercase();
    TOO_LONG
        .iter()
        .any(|words| message.contains(words))
        .then_some(Meaning::ContextTooLong)
}

/// A refusal by status. Retried are 408, 409, 429 and 5xx.
pub(crate) fn of_refusal(refusal: &Refusal, meaning: Option<Meaning>, detail: &str) -> Failure {
    let status = refusal.status.as_u16();
    let detail = format!("{detail} (status {status})");
    let retry_after = refusal.retry_after;
    let asked_to_wait = |detail| LlmError::RateLimited { retry_after, detail };
    match status {
        500..=599 => {
            // A server that names a time asks to wait, whatever it calls that.
            let error = match (status, retry_after) {
                (503 | 529, Some(_)) => asked_to_wait(detail),
                _ => LlmError::Failed(detail),
            };
            return Failure {
                retry_after,
                ..Failure::transient(error)
            };
        }
        300..=399 => {
            let detail = format!("it answers with a redirect, which is not followed (status {status})");
            return Failure::refused(LlmError::Rejected(detail));
        }
        _ => {}
    }
    let error = match (meaning, status) {
        (Some(Meaning::Auth), _) | (_, 401 | 402) => LlmError::Auth(detail),
        (Some(Meaning::ModelUnavailable), _) | (_, 404) => LlmError::ModelUnavailable(detail),
        (Some(Meaning::RateLimited), _) | (_, 429) => asked_to_wait(detail),
        (Some(Meaning::ContextTooLong), _) | (_, 413) => LlmError::ContextTooLong(detail),
        (_, 403) => LlmError::Auth(detail),
        (_, 408 | 409) => LlmError::Failed(detail),
        _ => LlmError::Rejected(detail),
    };
    let retryable = matches!(error, LlmError::RateLimited { .. } | LlmError::Failed(_));
    Failure {
        retryable,
        retry_after,
        ..Failure::refused(error)
    }
}

/// An error inside a stream. What cannot be told apart is the provider's fault.
pub(crate) fn in_stream(meaning: Option<Meaning>, detail: String, retry_after: Option<Duration>) -> Failure {
    let error = match meaning {
        Some(Meaning::Auth) => LlmError::Auth(detail),
        Some(Meaning::RateLimited) => LlmError::RateLimited { retry_after, detail },
        Some(Meaning::ModelUnavailable) => LlmError::ModelUnavailable(detail),
        Some(Meaning::ContextTooLong) => LlmError::ContextTooLong(detail),
        Some(Meaning::Rejected) => LlmError::Rejected(detail),
        Some(Meaning::Failed) | None => return Failure::fatal(LlmError::Failed(detail)),
    };
    Failure::refused(error)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::failure::Sign;
    use reqwest::StatusCode;

    /// The variant's name, and what is done about it: `!` counts for the circuit, `+` is tried again.
    pub(crate) fn class(failure: &Failure) -> String {
        let name = format!("{:?}", failure.error);
        let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        let fault = if failure.sign == Sign::Dead { "!" } else { "" };
        format!("{name}{fault}{}", if failure.retryable { "+" } else { "" })
    }

    /// A refusal as a test writes it.
    pub(crate) fn refusal(status: u16, body: &str) -> Refusal {
        Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body: body.as_bytes().to_vec(),
        }
    }

    #[test]
    fn an_overloaded_server_that_names_a_time_asks_to_wait() {
        let retry_after = Some(Duration::from_secs(60));
        for status in [503, 529] {
            let refusal = Refusal {
                retry_after,
                ..refusal(status, "")
            };
            let failure = of_refusal(&refusal, None, "");
            assert_eq!(class(&failure), "RateLimited!+");
            assert_eq!(failure.retry_after, retry_after);
        }
    }

    #[test]
    fn an_input_that_is_too_long_is_known_by_its_words() {
        for message in [
            "This model's maximum context length is 4096 tokens. However, you requested 5000 tokens.",
            "the request exceeds the available context size (4096 tokens), try increasing it",
            "Your input exceeds the context window of this model.",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
            "prompt is too long: 210000 tokens > 200000 maximum",
        ] {
            assert_eq!(in_words(message), Some(Meaning::ContextTooLong), "{message}");
        }
        assert_eq!(in_words("temperature is too high"), None);
    }
}
