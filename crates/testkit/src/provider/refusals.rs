//! Ready-made replies that are no answers: refusals in the words of the vendor that is asked, and silence.

use super::{
    Dialect, Reply,
    reply::{Content, End},
};
use serde_json::{Value, json};

/// What a vendor has to say against a request. Each has its own words, codes and even status for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Problem {
    WrongKey,
    NoCredit,
    RateLimited,
    ServerError,
    ContextTooLong,
    ModelNotFound,
    Rejected,
}

/// A refusal by status, whoever is asked.
#[derive(Clone, Debug)]
pub(super) struct Refused {
    pub(super) problem: Problem,
    pub(super) message: String,
    /// How long to wait, in seconds.
    pub(super) retry_after: Option<u64>,
}

impl Refused {
    /// The refusal as a vendor sends it: status, headers, body.
    pub(super) fn by(&self, vendor: Dialect) -> (u16, Vec<(String, String)>, Vec<u8>) {
        let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let mut headers = vec![header("content-type", "application/json")];
        let ((status, body), names_time) = match vendor {
            Dialect::Responses | Dialect::Chat => (self.problem.openai(&self.message), true),
            Dialect::Anthropic => (self.problem.anthropic(&self.message), true),
            // It says so in the body.
            Dialect::Gemini => (self.problem.google(&self.message, self.retry_after), false),
        };
        if let Some(seconds) = self.retry_after.filter(|_| names_time) {
            headers.push(header("retry-after", &seconds.to_string()));
        }
        (status, headers, body.to_string().into_bytes())
    }
}

impl Problem {
    /// What an answer ends with in place of its end, by OpenAI's code for it, and the words for it.
    pub(super) fn at_the_end(end: &End) -> Option<(Self, &str)> {
        let (End::Failed { code, message } | End::Error { code, message }) = end else {
            return None;
        };
        let problem = match code.as_str() {
            "rate_limit_exceeded" => Self::RateLimited,
            "insufficient_quota" => Self::NoCredit,
            "context_length_exceeded" => Self::ContextTooLong,
            "model_not_found" => Self::ModelNotFound,
            "invalid_api_key" => Self::WrongKey,
            "invalid_prompt" => Self::Rejected,
            _ => Self::ServerError,
        };
        Some((problem, message))
    }

    /// <https://platform.openai.com/docs/guides/error-codes>
    pub(super) fn openai(self, message: &str) -> (u16, Value) {
        let (status, kind, code) = match self {
            Self::WrongKey => (401, "invalid_request_error", "invalid_api_key".into()),
            Self::NoCredit => (429, "insufficient_quota", "insufficient_quota".into()),
            Self::RateLimited => (429, "requests", "rate_limit_exceeded".into()),
            Self::ServerError => (500, "server_error", Value::Null),
            Self::ContextTooLong => (400, "invalid_request_error", "context_length_exceeded".into()),
            Self::ModelNotFound => (404, "invalid_request_error", "model_not_found".into()),
            Self::Rejected => (400, "invalid_request_error", Value::Null),
        };
        let error = json!({"message": message, "type": kind, "param": null, "code": code});
        (status, json!({ "error": error }))
    }

    /// <https://platform.claude.com/docs/en/api/errors>
    pub(super) fn anthropic(self, message: &str) -> (u16, Value) {
        let (status, kind) = match self {
            Self::WrongKey => (401, "authentication_error"),
            Self::NoCredit => (402, "billing_error"),
            Self::RateLimited => (429, "rate_limit_error"),
            Self::ServerError => (500, "api_error"),
            Self::ContextTooLong | Self::Rejected => (400, "invalid_request_error"),
            Self::ModelNotFound => (404, "not_found_error"),
        };
        let message = match self {
            Self::ContextTooLong => format!("prompt is too long: {message}"),
            _ => message.to_owned(),
        };
        let error = json!({"type": kind, "message": message});
        (
            status,
            json!({"type": "error", "error": error, "request_id": "req_scripted"}),
        )
    }

    /// <https://google.aip.dev/193>; a wrong key is an invalid argument like any other.
    pub(super) fn google(self, message: &str, retry_after: Option<u64>) -> (u16, Value) {
        let (status, name, reason) = match self {
            Self::WrongKey => (400, "INVALID_ARGUMENT", Some("API_KEY_INVALID")),
            Self::NoCredit => (403, "PERMISSION_DENIED", Some("BILLING_DISABLED")),
            Self::RateLimited => (429, "RESOURCE_EXHAUSTED", None),
            Self::ServerError => (500, "INTERNAL", None),
            Self::ContextTooLong | Self::Rejected => (400, "INVALID_ARGUMENT", None),
            Self::ModelNotFound => (404, "NOT_FOUND", None),
        };
        let message = match self {
            Self::ContextTooLong => format!(
                "The input token count (9) exceeds the maximum number of tokens allowed (8). {message}"
            ),
            _ => message.to_owned(),
        };
        let mut details = Vec::new();
        if let Some(reason) = reason {
            details.push(
                json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason,
                                "domain": "googleapis.com"}),
            );
        }
        if let Some(seconds) = retry_after {
            details.push(json!({"@type": "type.googleapis.com/google.rpc.RetryInfo",
                                "retryDelay": format!("{seconds}s")}));
        }
        let error = json!({"code": status, "message": message, "status": name, "details": details});
        (status, json!({ "error": error }))
    }
}

impl Reply {
    fn of(content: Content) -> Self {
        Self {
            before_headers: Vec::new(),
            content,
            byte_pause: None,
        }
    }

    pub(super) fn refused(problem: Problem, message: &str) -> Self {
        Self::refused_for(problem, message, None)
    }

    fn refused_for(problem: Problem, message: &str, retry_after: Option<u64>) -> Self {
        Self::of(Content::Refused(Refused {
            problem,
            message: message.to_owned(),
            retry_after,
        }))
    }

    /// A status with a JSON body and no more.
    pub fn status(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Self::plain(status, headers, body.to_string().into_bytes())
    }

    /// A status with any body, e.g. a proxy's page.
    pub fn page(status: u16, content_type: &str, body: &str) -> Self {
        Self::plain(
            status,
            vec![("content-type".to_owned(), content_type.to_owned())],
            body.into(),
        )
    }

    /// A refusal in OpenAI's form, whoever is asked.
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let code = if code.is_empty() { Value::Null } else { code.into() };
        let error = json!({"message": message, "type": kind, "param": null, "code": code});
        Self::status(status, &json!({ "error": error }))
    }

    /// 429, with the time to wait in seconds where given: in `Retry-After`, or where the vendor says it.
    pub fn rate_limited(retry_after_seconds: Option<u64>) -> Self {
        let message = "Rate limit reached for requests";
        Self::refused_for(Problem::RateLimited, message, retry_after_seconds)
    }

    /// A refusal that waiting does not mend: no credit.
    pub fn insufficient_quota() -> Self {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        Self::refused(Problem::NoCredit, message)
    }

    /// 500.
    pub fn server_error() -> Self {
        let message = "The server had an error while processing your request. Sorry about that!";
        Self::refused(Problem::ServerError, message)
    }

    /// 401 (Google: 400), quoting a key as OpenAI does.
    pub fn unauthorized() -> Self {
        let message = "Incorrect API key provided: sk-wrong***************key. You can find your API key at \
                       https://platform.openai.com/account/api-keys.";
        Self::refused(Problem::WrongKey, message)
    }

    /// The same in words of the test's own.
    pub fn unauthorized_saying(message: &str) -> Self {
        Self::refused(Problem::WrongKey, message)
    }

    /// 400: the input does not fit the model's window.
    pub fn context_too_long() -> Self {
        let message =
            "Your input exceeds the context window of this model. Please adjust your input and try again.";
        Self::refused(Problem::ContextTooLong, message)
    }

    /// 404: no such model.
    pub fn model_not_found() -> Self {
        Self::refused(
            Problem::ModelNotFound,
            "The requested model 'gpt-unknown' does not exist.",
        )
    }

    /// 400: something is wrong with the request.
    pub fn bad_request(message: &str) -> Self {
        Self::refused(Problem::Rejected, message)
    }

    /// 307 to another place.
    pub fn redirect(location: &str) -> Self {
        Self::status(307, &Value::Null).header("location", location)
    }

    /// Takes the request and never answers.
    pub fn hang_before_headers() -> Self {
        Self::of(Content::Silence)
    }

    /// Answers with bytes that are no HTTP, and closes.
    pub fn not_http() -> Self {
        Self::of(Content::NotHttp(
            b"\x16\x03\x01\x02\x00garbage\r\n\r\n\xff\xfe".to_vec(),
        ))
    }

    /// Takes the request and closes the connection without a word.
    pub fn close_before_headers() -> Self {
        Self::of(Content::NotHttp(Vec::new()))
    }
}
