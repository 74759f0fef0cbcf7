//! What Google's errors say, whether they come as a status or inside a stream.
//!
//! <https://ai.google.dev/gemini-api/docs/troubleshooting>, <https://google.aip.dev/193>

use crate::{
    failure::Failure,
    http::Refusal,
    meaning::{self, Meaning},
    secret::Secrets,
};
use serde::Deserialize;
use std::time::Duration;

/// The longest wait that is believed: longer ones are quotas of a day, for which nobody waits here.
const MAX_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

/// `{"code", "message", "status", "details"}`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorObject {
    message: Option<String>,
    status: Option<String>,
    details: Vec<Detail>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Detail {
    /// Of an `ErrorInfo`.
    reason: Option<String>,
    /// Of a `RetryInfo`: seconds, such as `37s` or `1.5s`.
    retry_delay: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    Object {
        error: ErrorObject,
    },
    /// Some failures of a stream come as a list of one.
    List(Vec<Listed>),
}

#[derive(Deserialize)]
struct Listed {
    error: ErrorObject,
}

impl ErrorObject {
    fn meaning(&self) -> Option<Meaning> {
        let message = self.message.as_deref().unwrap_or_default();
        let of_the_key = |reason: &str| {
            reason.starts_with("API_KEY_") || matches!(reason, "BILLING_DISABLED" | "SERVICE_DISABLED")
        };
        // A wrong key is an invalid argument like any other.
        if self
            .details
            .iter()
            .filter_map(|detail| detail.reason.as_deref())
            .any(of_the_key)
        {
            return Some(Meaning::Auth);
        }
        Some(match self.status.as_deref()? {
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => Meaning::Auth,
            "NOT_FOUND" => Meaning::ModelUnavailable,
            "RESOURCE_EXHAUSTED" => Meaning::RateLimited,
            "INTERNAL" | "UNAVAILABLE" | "DEADLINE_EXCEEDED" | "UNKNOWN" | "ABORTED" => Meaning::Failed,
            "FAILED_PRECONDITION" if message.contains("enable billing") => Meaning::Auth,
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => {
                meaning::in_words(message).unwrap_or(Meaning::Rejected)
            }
            _ => return meaning::in_words(message),
        })
    }

    fn detail(&self, secrets: &Secrets) -> String {
        let said = self
            .message
            .as_deref()
            .filter(|message| !message.trim().is_empty());
        match said.or(self.status.as_deref()) {
            Some(said) => secrets.scrub(said),
            None => "no reason given".to_owned(),
        }
    }

    fn wait(&self) -> Option<Duration> {
        let delay = self
            .details
            .iter()
            .find_map(|detail| detail.retry_delay.as_deref())?;
        let seconds: f64 = delay.strip_suffix('s')?.parse().ok()?;
        Duration::try_from_secs_f64(seconds)
            .ok()
            .filter(|wait| *wait <= MAX_WAIT)
    }
}

/// A refusal by status.
pub(super) fn from_refusal(refusal: &Refusal, secrets: &Secrets) -> Failure {
    let object = match serde_json::from_slice(&refusal.body) {
        Ok(ErrorBody::Object { error }) => error,
        Ok(ErrorBody::List(list)) => list
            .into_iter()
            .next()
            .map(|listed| listed.error)
            .unwrap_or_default(),
        // Not the vendor's form, such as a proxy's page: the status has to say it.
        Err(_) => ErrorObject::default(),
    };
    // Google names the wait in the body, gateways before it in the header.
    let refusal = Refusal {
        status: refusal.status,
        retry_after: refusal.retry_after.or_else(|| object.wait()),
        body: Vec::new(),
    };
    meaning::of_refusal(&refusal, object.meaning(), &object.detail(secrets))
}

/// An error inside a stream.
pub(super) fn from_stream(object: &ErrorObject, secrets: &Secrets) -> Failure {
    meaning::in_stream(object.meaning(), object.detail(secrets), object.wait())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meaning::tests::{class, refusal};

    #[test]
    fn refusals_by_status_and_reason() {
        for (status, name, message, details, expected) in [
            (400, "INVALID_ARGUMENT", "m", "", "Rejected"),
            (
                400,
                "INVALID_ARGUMENT",
                "API key not valid.",
                r#"{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"API_KEY_INVALID"}"#,
                "Auth",
            ),
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count (9) exceeds the maximum number of tokens allowed (8).",
                "",
                "ContextTooLong",
            ),
            (
                400,
                "FAILED_PRECONDITION",
                "Please enable billing on your project",
                "",
                "Auth",
            ),
            (403, "PERMISSION_DENIED", "m", "", "Auth"),
            (404, "NOT_FOUND", "models/x is not found", "", "ModelUnavailable"),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "m",
                r#"{"retryDelay":"1.5s"}"#,
                "RateLimited+",
            ),
            (500, "INTERNAL", "m", "", "Failed!+"),
            (503, "UNAVAILABLE", "The model is overloaded.", "", "Failed!+"),
        ] {
            let error = format!(
                r#"{{"error":{{"code":{status},"message":"{message}","status":"{name}","details":[{details}]}}}}"#
            );
            for body in [error.clone(), format!("[{error}]")] {
                let failure = from_refusal(&refusal(status, &body), &Secrets::default());
                assert_eq!(class(&failure), expected, "{status} {name}");
                let wait = details.contains("1.5s").then_some(Duration::from_millis(1_500));
                assert_eq!(failure.retry_after, wait);
            }
        }
        let page = from_refusal(&refusal(502, "<h1>"), &Secrets::default());
        assert_eq!(class(&page), "Failed!+");
    }
}
