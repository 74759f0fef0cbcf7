//! What OpenAI's errors mean, whether they come as a status or inside a stream.
//!
//! The code says more than the status (a missing model is 404 or 403, a lack of credit is 429), so it is
//! looked at first.

use crate::{failure::Failure, http::Refusal, provider::LlmError, secret::Secret};
use serde::Deserialize;
use std::time::Duration;

/// `{"code", "message", "type"}`, in the body of a refusal, in `response.failed` or in an `error` event.
/// Everything is optional: compatible servers leave out what they like.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ErrorObject {
    /// OpenAI sends text or null, some compatible servers a number.
    code: serde_json::Value,
    #[serde(rename = "type")]
    kind: Option<String>,
    message: Option<String>,
}

/// The body of a refusal.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum ErrorBody {
    Object { error: ErrorObject },
    Text { error: String },
}

/// What a code or type says, independent of where it stood.
enum Meaning {
    Auth,
    RateLimited,
    ModelUnavailable,
    ContextTooLong,
    Rejected,
    Failed,
}

impl ErrorObject {
    fn meaning(&self) -> Option<Meaning> {
        let code = self.code.as_str().and_then(meaning_of);
        // OpenAI repeats the class in `type`; for lack of credit some servers give it there alone.
        code.or_else(|| self.kind.as_deref().and_then(meaning_of))
    }

    fn detail(&self, key: &Secret) -> String {
        match (
            self.message.as_deref(),
            self.code.as_str().or(self.kind.as_deref()),
        ) {
            (Some(message), _) if !message.trim().is_empty() => key.scrub(message),
            (_, Some(code)) => key.scrub(code),
            _ => "no reason given".to_owned(),
        }
    }
}

fn meaning_of(code: &str) -> Option<Meaning> {
    Some(match code {
        "insufficient_quota"
        | "invalid_api_key"
        | "billing_hard_limit_reached"
        | "billing_not_active"
        | "account_deactivated"
        | "authentication_error"
        | "permission_error" => Meaning::Auth,
        "rate_limit_exceeded" | "rate_limit_error" | "requests" | "tokens" | "slow_down" => {
            Meaning::RateLimited
        }
        "model_not_found" => Meaning::ModelUnavailable,
        "context_length_exceeded" => Meaning::ContextTooLong,
        "invalid_prompt"
        | "invalid_request_error"
        | "content_policy_violation"
        | "content_filter"
        | "image_too_large"
        | "invalid_image"
        | "invalid_image_format"
        | "invalid_base64_image"
        | "invalid_image_url"
        | "image_parse_error"
        | "unsupported_image_media_type"
        | "empty_image_file"
        | "image_content_policy_violation" => Meaning::Rejected,
        "server_error" | "service_unavailable" | "server_is_overloaded" | "overloaded_error" => {
            Meaning::Failed
        }
        _ => return None,
    })
}

/// A refusal by status. Retries follow OpenAI's own clients: 408, 409, 429 and 5xx.
pub(super) fn from_refusal(refusal: &Refusal, key: &Secret) -> Failure {
    let object = match serde_json::from_slice(&refusal.body) {
        Ok(ErrorBody::Object { error }) => error,
        Ok(ErrorBody::Text { error }) => ErrorObject {
            message: Some(error),
            ..ErrorObject::default()
        },
        // Not OpenAI's form, such as a proxy's page: the status has to say it.
        Err(_) => ErrorObject::default(),
    };
    let status = refusal.status.as_u16();
    let detail = || format!("{} (status {status})", object.detail(key));
    let retry_after = refusal.retry_after;
    let asked_to_wait = |detail| LlmError::RateLimited { retry_after, detail };
    match status {
        500..=599 => {
            // A server that names a time asks to wait, whatever it calls that.
            let error = match (status, retry_after) {
                (503 | 529, Some(_)) => asked_to_wait(detail()),
                _ => LlmError::Failed(detail()),
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
    let error = match (object.meaning(), status) {
        (Some(Meaning::Auth), _) | (_, 401) => LlmError::Auth(detail()),
        (Some(Meaning::ModelUnavailable), _) | (_, 404) => LlmError::ModelUnavailable(detail()),
        (Some(Meaning::ContextTooLong), _) => LlmError::ContextTooLong(detail()),
        (_, 403) => LlmError::Auth(detail()),
        (_, 429) => asked_to_wait(detail()),
        (_, 408 | 409) => LlmError::Failed(detail()),
        _ => LlmError::Rejected(detail()),
    };
    let retryable = matches!(error, LlmError::RateLimited { .. } | LlmError::Failed(_));
    Failure {
        retryable,
        retry_after,
        ..Failure::refused(error)
    }
}

/// An error inside a stream. What cannot be told apart is the provider's fault.
pub(super) fn from_stream(object: &ErrorObject, key: &Secret) -> Failure {
    let detail = object.detail(key);
    let error = match object.meaning() {
        Some(Meaning::Auth) => LlmError::Auth(detail),
        Some(Meaning::RateLimited) => {
            let retry_after = wait_in_words(object.message.as_deref().unwrap_or_default());
            LlmError::RateLimited { retry_after, detail }
        }
        Some(Meaning::ModelUnavailable) => LlmError::ModelUnavailable(detail),
        Some(Meaning::ContextTooLong) => LlmError::ContextTooLong(detail),
        Some(Meaning::Rejected) => LlmError::Rejected(detail),
        Some(Meaning::Failed) | None => return Failure::fatal(LlmError::Failed(detail)),
    };
    Failure::refused(error)
}

/// Inside a stream there is no header, only `Please try again in 1.5s.` or `… in 250ms.`.
fn wait_in_words(message: &str) -> Option<Duration> {
    let (_, wait) = message.split_once("try again in ")?;
    let (number, unit) = wait.split_at(wait.find(|c: char| !(c.is_ascii_digit() || c == '.'))?);
    let number: f64 = number.parse().ok()?;
    let seconds = if unit.starts_with("ms") {
        number / 1_000.0
    } else if unit.starts_with('s') {
        number
    } else {
        return None;
    };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::StatusCode;

    fn refused(status: u16, body: &str) -> Failure {
        let refusal = Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            retry_after: None,
            body: body.as_bytes().to_vec(),
        };
        from_refusal(&refusal, &Secret::new("sk-secret-key"))
    }

    /// The variant's name, and what is done about it: `!` counts for the circuit, `+` is tried again.
    fn class(failure: &Failure) -> String {
        let name = format!("{:?}", failure.error);
        let name = name.split(|c: char| !c.is_alphanumeric()).next().unwrap();
        let fault = if failure.provider_dead { "!" } else { "" };
        format!("{name}{fault}{}", if failure.retryable { "+" } else { "" })
    }

    #[test]
    fn refusals_by_status_and_code() {
        let coded = |code: &str| {
            format!(r#"{{"error":{{"message":"words","type":"x","param":null,"code":"{code}"}}}}"#)
        };
        for (status, body, expected) in [
            (400, coded("context_length_exceeded"), "ContextTooLong"),
            (400, coded("model_not_found"), "ModelUnavailable"),
            (400, coded("unsupported_parameter"), "Rejected"),
            (400, String::new(), "Rejected"),
            (401, coded("invalid_api_key"), "Auth"),
            (401, "<html>".to_owned(), "Auth"),
            (403, coded("model_not_found"), "ModelUnavailable"),
            (403, coded("unsupported_country_region_territory"), "Auth"),
            (404, coded("model_not_found"), "ModelUnavailable"),
            (
                404,
                r#"{"error":"model \"x\" not found"}"#.to_owned(),
                "ModelUnavailable",
            ),
            (408, String::new(), "Failed+"),
            (409, String::new(), "Failed+"),
            (413, String::new(), "Rejected"),
            (422, r#"{"error":{"code":422}}"#.to_owned(), "Rejected"),
            (429, coded("rate_limit_exceeded"), "RateLimited+"),
            (429, coded("insufficient_quota"), "Auth"),
            (
                429,
                r#"{"error":{"message":"m","type":"insufficient_quota","code":null}}"#.to_owned(),
                "Auth",
            ),
            (429, "nonsense".to_owned(), "RateLimited+"),
            (500, coded("server_error"), "Failed!+"),
            (503, String::new(), "Failed!+"),
            (599, String::new(), "Failed!+"),
            (307, String::new(), "Rejected"),
        ] {
            assert_eq!(class(&refused(status, &body)), expected, "{status} {body}");
        }
    }

    #[test]
    fn an_overloaded_server_that_names_a_time_asks_to_wait() {
        let retry_after = Some(Duration::from_secs(60));
        let refusal = Refusal {
            status: StatusCode::SERVICE_UNAVAILABLE,
            retry_after,
            body: Vec::new(),
        };
        let failure = from_refusal(&refusal, &Secret::default());
        assert_eq!(class(&failure), "RateLimited!+");
        assert_eq!(failure.retry_after, retry_after);
    }

    #[test]
    fn the_detail_is_the_vendors_words_without_the_key() {
        let body =
            r#"{"error":{"message":"Incorrect API key provided: sk-secret-key.","code":"invalid_api_key"}}"#;
        assert_eq!(
            refused(401, body).error.to_string(),
            "the provider refused the key: Incorrect API key provided: [redacted]. (status 401)"
        );
        assert_eq!(
            refused(418, "").error.to_string(),
            "the provider refused the request: no reason given (status 418)"
        );
    }

    #[test]
    fn errors_inside_a_stream() {
        for (object, expected) in [
            (r#"{"code":"rate_limit_exceeded","message":"m"}"#, "RateLimited"),
            (
                r#"{"code":"context_length_exceeded","message":"m"}"#,
                "ContextTooLong",
            ),
            (r#"{"code":"insufficient_quota","message":"m"}"#, "Auth"),
            (r#"{"code":"model_not_found","message":"m"}"#, "ModelUnavailable"),
            (r#"{"code":"invalid_prompt","message":"m"}"#, "Rejected"),
            (
                r#"{"type":"invalid_request_error","code":null,"message":"m"}"#,
                "Rejected",
            ),
            (r#"{"code":"server_error","message":"m"}"#, "Failed!"),
            (r#"{"code":"never heard of"}"#, "Failed!"),
            ("{}", "Failed!"),
        ] {
            let object: ErrorObject = serde_json::from_str(object).unwrap();
            assert_eq!(
                class(&from_stream(&object, &Secret::default())),
                expected,
                "{object:?}"
            );
        }
    }

    #[test]
    fn a_wait_given_in_words_is_understood() {
        for (message, expected) in [
            ("Rate limit reached. Please try again in 1.5s. Visit", Some(1_500)),
            ("Please try again in 250ms.", Some(250)),
            ("Please try again in 6m0s.", None),
            ("Please try again in a while", None),
            ("Please try again in 1e999s", None),
            ("no", None),
        ] {
            assert_eq!(
                wait_in_words(message),
                expected.map(Duration::from_millis),
                "{message}"
            );
        }
    }
}
