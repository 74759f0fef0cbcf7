//! What Anthropic's errors say, whether they come as a status or inside a stream.
//!
//! <https://platform.claude.com/docs/en/api/errors>

use crate::{
    failure::Failure,
    http::Refusal,
    meaning::{self, Meaning},
    secret::Secrets,
};
use serde::Deserialize;

/// The body of a refusal, and the data of an `error` event.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
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
        let by_kind = self.kind.as_deref().and_then(meaning_of);
        // Too long an input and a lack of credit have no type of their own.
        by_kind
            .filter(|meaning| *meaning != Meaning::Rejected)
            .or_else(|| self.message.as_deref().and_then(in_words))
            .or(by_kind)
    }

    fn detail(&self, secrets: &Secrets) -> String {
        let message = self
            .message
            .as_deref()
            .filter(|message| !message.trim().is_empty());
        message
            .or(self.kind.as_deref())
            .map_or_else(|| "no reason given".to_owned(), |words| secrets.scrub(words))
    }
}

fn meaning_of(kind: &str) -> Option<Meaning> {
    Some(match kind {
        "authentication_error" | "permission_error" | "billing_error" => Meaning::Auth,
        "not_found_error" => Meaning::ModelUnavailable,
        "request_too_large" => Meaning::ContextTooLong,
        "rate_limit_error" => Meaning::RateLimited,
        "invalid_request_error" => Meaning::Rejected,
        "api_error" | "timeout_error" | "overloaded_error" => Meaning::Failed,
        _ => return None,
    })
}

fn in_words(message: &str) -> Option<Meaning> {
    let lower = message.to_ascii_lowercase();
    if lower.contains("credit balance is too low") {
        return Some(Meaning::Auth);
    }
    if lower.contains("exceed context limit") {
        return Some(Meaning::ContextTooLong);
    }
    meaning::in_words(message)
}

/// A refusal by status.
pub(super) fn from_refusal(refusal: &Refusal, secrets: &Secrets) -> Failure {
    // Where it is not Anthropic's form, such as a proxy's page, the status has to say it.
    let body: ErrorBody = serde_json::from_slice(&refusal.body).unwrap_or_default();
    meaning::of_refusal(refusal, body.error.meaning(), &body.error.detail(secrets))
}

/// An error inside a stream; nothing there says how long to wait.
pub(super) fn from_stream(data: &str, secrets: &Secrets) -> Failure {
    let body: ErrorBody = serde_json::from_str(data).unwrap_or_default();
    meaning::in_stream(body.error.meaning(), body.error.detail(secrets), None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        meaning::tests::{class, refusal},
        secret::Secret,
    };

    fn secrets() -> Secrets {
        Secrets::new([Secret::new("sk-ant-secret-key")])
    }

    fn body(kind: &str, message: &str) -> String {
        format!(
            r#"{{"type":"error","error":{{"type":"{kind}","message":"{message}"}},"request_id":"req_1"}}"#
        )
    }

    #[test]
    fn refusals_by_status_and_type() {
        for (status, kind, message, expected) in [
            (
                400,
                "invalid_request_error",
                "max_tokens: Field required",
                "Rejected",
            ),
            (
                400,
                "invalid_request_error",
                "prompt is too long: 210000 tokens > 200000 maximum",
                "ContextTooLong",
            ),
            (
                400,
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 190000 + 32000 > 200000",
                "ContextTooLong",
            ),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low to access the API.",
                "Auth",
            ),
            (401, "authentication_error", "invalid x-api-key", "Auth"),
            (402, "billing_error", "m", "Auth"),
            (403, "permission_error", "m", "Auth"),
            (404, "not_found_error", "model: claude-x", "ModelUnavailable"),
            (413, "request_too_large", "m", "ContextTooLong"),
            (429, "rate_limit_error", "m", "RateLimited+"),
            (500, "api_error", "m", "Failed!+"),
            (504, "timeout_error", "m", "Failed!+"),
            (529, "overloaded_error", "Overloaded", "Failed!+"),
        ] {
            let failure = from_refusal(&refusal(status, &body(kind, message)), &secrets());
            assert_eq!(class(&failure), expected, "{status} {kind} {message}");
        }
        for (status, body, expected) in [
            (401, "<html>", "Auth"),
            (403, "", "Auth"),
            (404, "{}", "ModelUnavailable"),
            (413, "nginx", "ContextTooLong"),
            (418, r#"{"error":null}"#, "Rejected"),
            (429, "[]", "RateLimited+"),
            (502, "<html>", "Failed!+"),
        ] {
            let failure = from_refusal(&refusal(status, body), &secrets());
            assert_eq!(class(&failure), expected, "{status} {body}");
        }
    }

    #[test]
    fn errors_inside_a_stream() {
        for (kind, message, expected) in [
            ("overloaded_error", "Overloaded", "Failed!"),
            ("api_error", "m", "Failed!"),
            ("of_tomorrow", "m", "Failed!"),
            ("rate_limit_error", "m", "RateLimited"),
            ("invalid_request_error", "m", "Rejected"),
            ("invalid_request_error", "prompt is too long", "ContextTooLong"),
            ("permission_error", "m", "Auth"),
            ("not_found_error", "m", "ModelUnavailable"),
        ] {
            let failure = from_stream(&body(kind, message), &secrets());
            assert_eq!(class(&failure), expected, "{kind} {message}");
        }
        assert_eq!(class(&from_stream("{}", &secrets())), "Failed!");
    }

    #[test]
    fn the_detail_is_the_vendors_words_without_the_key() {
        let quoted = body("authentication_error", "who sent sk-ant-secret-key?");
        assert_eq!(
            from_refusal(&refusal(401, &quoted), &secrets()).error.to_string(),
            "the provider refused the key: who sent [redacted]? (status 401)"
        );
    }
}
