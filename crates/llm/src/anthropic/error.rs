//! What Anthropic's errors say, whether they come as a status or inside a stream.
//!
//! <https://docs.anthropic.com/en/api/errors>

use crate::{
    failure::Failure,
    http::Refusal,
    meaning::{self, Meaning},
    secret::Secrets,
};
use serde::Deserialize;

/// `{"type": "error", "error": {…}}`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    error: ErrorObject,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorObject {
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

impl ErrorObject {
    fn meaning(&self) -> Option<Meaning> {
        let message = self.message.as_deref().unwrap_or_default();
        Some(match self.kind.as_deref()? {
            "authentication_error" | "permission_error" | "billing_error" => Meaning::Auth,
            "not_found_error" => Meaning::ModelUnavailable,
            "request_too_large" => Meaning::ContextTooLong,
            "rate_limit_error" => Meaning::RateLimited,
            "api_error" | "overloaded_error" | "timeout_error" => Meaning::Failed,
            // A lack of credit is a status 400 like any other.
            "invalid_request_error" if message.contains("credit balance is too low") => Meaning::Auth,
            "invalid_request_error" => meaning::in_words(message).unwrap_or(Meaning::Rejected),
            _ => return meaning::in_words(message),
        })
    }

    fn detail(&self, secrets: &Secrets) -> String {
        let said = self
            .message
            .as_deref()
            .filter(|message| !message.trim().is_empty());
        match said.or(self.kind.as_deref()) {
            Some(said) => secrets.scrub(said),
            None => "no reason given".to_owned(),
        }
    }
}

/// A refusal by status.
pub(super) fn from_refusal(refusal: &Refusal, secrets: &Secrets) -> Failure {
    // Not the vendor's form, such as a proxy's page: the status has to say it.
    let body: ErrorBody = serde_json::from_slice(&refusal.body).unwrap_or_default();
    meaning::of_refusal(refusal, body.error.meaning(), &body.error.detail(secrets))
}

/// An error inside a stream.
pub(super) fn from_stream(body: &ErrorBody, secrets: &Secrets) -> Failure {
    meaning::in_stream(body.error.meaning(), body.error.detail(secrets), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meaning::tests::{class, refusal};

    #[test]
    fn refusals_by_status_and_type() {
        for (status, kind, message, expected) in [
            (400, "invalid_request_error", "max_tokens: required", "Rejected"),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 9 tokens > 8 maximum",
                "ContextTooLong",
            ),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access",
                "Auth",
            ),
            (401, "authentication_error", "invalid x-api-key", "Auth"),
            (402, "billing_error", "m", "Auth"),
            (403, "permission_error", "m", "Auth"),
            (404, "not_found_error", "model: claude-9", "ModelUnavailable"),
            (413, "request_too_large", "m", "ContextTooLong"),
            (429, "rate_limit_error", "m", "RateLimited+"),
            (500, "api_error", "m", "Failed!+"),
            (529, "overloaded_error", "Overloaded", "Failed!+"),
        ] {
            let body = format!(
                r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"r"}}"#
            );
            let failure = from_refusal(&refusal(status, &body), &Secrets::default());
            assert_eq!(class(&failure), expected, "{status} {kind}");
        }
        let page = from_refusal(&refusal(502, "<h1>"), &Secrets::default());
        assert_eq!(class(&page), "Failed!+");
    }
}
