//! What OpenAI's errors say, and those of compatible servers, whether they come as a status or inside a stream.
//!
//! <https://platform.openai.com/docs/guides/error-codes>

use crate::{
    failure::Failure,
    http::Refusal,
    meaning::{self, Meaning},
    secret::Secrets,
};
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
    Object {
        error: ErrorObject,
    },
    Text {
        error: String,
    },
    /// Mistral's and older servers' form, without a member around it.
    Bare(ErrorObject),
}

impl ErrorObject {
    fn meaning(&self) -> Option<Meaning> {
        let code = self.code.as_str().and_then(meaning_of);
        // OpenAI repeats the class in `type`; for lack of credit some servers give it there alone.
        code.or_else(|| self.kind.as_deref().and_then(meaning_of))
            .filter(|meaning| *meaning != Meaning::Rejected)
            .or_else(|| self.message.as_deref().and_then(meaning::in_words))
            .or(code)
            .or_else(|| self.kind.as_deref().and_then(meaning_of))
    }

    /// An error that consists of words alone.
    pub(super) fn in_words(message: String) -> Self {
        Self {
            message: Some(message),
            ..Self::default()
        }
    }

    /// What a code that is a number says: OpenRouter and others put the status there that came too late.
    fn meaning_of_number(&self) -> Option<Meaning> {
        let meaning = match self.code.as_u64()? {
            401..=403 => Meaning::Auth,
            404 => Meaning::ModelUnavailable,
            413 => Meaning::ContextTooLong,
            429 => Meaning::RateLimited,
            400 | 422 => Meaning::Rejected,
            _ => Meaning::Failed,
        };
        Some(meaning)
    }

    fn detail(&self, secrets: &Secrets) -> String {
        match (
            self.message.as_deref(),
            self.code.as_str().or(self.kind.as_deref()),
        ) {
            (Some(message), _) if !message.trim().is_empty() => secrets.scrub(message),
            (_, Some(code)) => secrets.scrub(code),
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
        | "insufficient_balance"
        | "account_deactivated"
        | "authentication_error"
        | "permission_error" => Meaning::Auth,
        "rate_limit_exceeded" | "rate_limit_error" | "requests" | "tokens" | "slow_down" => {
            Meaning::RateLimited
        }
        "model_not_found" => Meaning::ModelUnavailable,
        "context_length_exceeded" | "exceed_context_size_error" => Meaning::ContextTooLong,
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

/// A refusal by status.
pub(super) fn from_refusal(refusal: &Refusal, secrets: &Secrets) -> Failure {
    let object = match serde_json::from_slice(&refusal.body) {
        Ok(ErrorBody::Object { error }) => error,
        Ok(ErrorBody::Text { error }) => ErrorObject::in_words(error),
        Ok(ErrorBody::Bare(error)) => error,
        // Not OpenAI's form, such as a proxy's page: the status has to say it.
        Err(_) => ErrorObject::default(),
    };
    meaning::of_refusal(refusal, object.meaning(), &object.detail(secrets))
}

/// An error inside a stream.
pub(super) fn from_stream(object: &ErrorObject, secrets: &Secrets) -> Failure {
    let retry_after = wait_in_words(object.message.as_deref().unwrap_or_default());
    let meaning = object.meaning().or_else(|| object.meaning_of_number());
    meaning::in_stream(meaning, object.detail(secrets), retry_after)
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
    use crate::{
        meaning::tests::{class, refusal},
        secret::Secret,
    };

    fn refused(status: u16, body: &str) -> Failure {
        from_refusal(
            &refusal(status, body),
            &Secrets::new([Secret::new("sk-secret-key")]),
        )
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
            (402, String::new(), "Auth"),
            (413, String::new(), "ContextTooLong"),
            (413, coded("rate_limit_exceeded"), "RateLimited+"),
            (
                400,
                r#"{"object":"error","message":"This model's maximum context length is 8 tokens.","type":"BadRequestError","code":400}"#.to_owned(),
                "ContextTooLong",
            ),
            (
                400,
                r#"{"error":{"code":400,"message":"too much","type":"exceed_context_size_error"}}"#.to_owned(),
                "ContextTooLong",
            ),
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
            (r#"{"code":429,"message":"m"}"#, "RateLimited"),
            (r#"{"code":502,"message":"m"}"#, "Failed!"),
            (
                r#"{"code":400,"message":"the maximum context length is 8"}"#,
                "ContextTooLong",
            ),
        ] {
            let object: ErrorObject = serde_json::from_str(object).unwrap();
            assert_eq!(
                class(&from_stream(&object, &Secrets::default())),
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
