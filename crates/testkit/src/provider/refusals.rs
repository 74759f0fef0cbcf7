//! Ready-made replies that are no answers: refusals in the vendor's words, and silence.

use super::{Reply, reply::Content};
use serde_json::{Value, json};

impl Reply {
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

    /// A refusal in the vendor's form.
    pub fn error(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let code = if code.is_empty() { Value::Null } else { code.into() };
        let error = json!({"message": message, "type": kind, "param": null, "code": code});
        Self::status(status, &json!({ "error": error }))
    }

    /// 429, with `Retry-After` in seconds where given.
    pub fn rate_limited(retry_after_seconds: Option<u64>) -> Self {
        let message = "Rate limit reached for requests";
        let reply = Self::error(429, "requests", "rate_limit_exceeded", message);
        match retry_after_seconds {
            Some(seconds) => reply.header("retry-after", &seconds.to_string()),
            None => reply,
        }
    }

    /// 429 that waiting does not mend: no credit.
    pub fn insufficient_quota() -> Self {
        let message = "You exceeded your current quota, please check your plan and billing details.";
        Self::error(429, "insufficient_quota", "insufficient_quota", message)
    }

    /// 500.
    pub fn server_error() -> Self {
        let message = "The server had an error while processing your request. Sorry about that!";
        Self::error(500, "server_error", "", message)
    }

    /// 401, quoting a key as the vendor does.
    pub fn unauthorized() -> Self {
        let message = "Incorrect API key provided: sk-wrong***************key. You can find your API key at \
                       https://platform.openai.com/account/api-keys.";
        Self::error(401, "invalid_request_error", "invalid_api_key", message)
    }

    /// 400: the input does not fit the model's window.
    pub fn context_too_long() -> Self {
        let message =
            "Your input exceeds the context window of this model. Please adjust your input and try again.";
        Self::error(400, "invalid_request_error", "context_length_exceeded", message)
    }

    /// 404: no such model.
    pub fn model_not_found() -> Self {
        let message = "The requested model 'gpt-unknown' does not exist.";
        Self::error(404, "invalid_request_error", "model_not_found", message)
    }

    /// 307 to another place.
    pub fn redirect(location: &str) -> Self {
        Self::status(307, &Value::Null).header("location", location)
    }

    /// Takes the request and never answers.
    pub fn hang_before_headers() -> Self {
        Self {
            before_headers: Vec::new(),
            content: Content::Silence,
            byte_pause: None,
        }
    }

    /// Answers with bytes that are no HTTP, and closes.
    pub fn not_http() -> Self {
        let content = Content::NotHttp(b"\x16\x03\x01\x02\x00garbage\r\n\r\n\xff\xfe".to_vec());
        Self {
            before_headers: Vec::new(),
            content,
            byte_pause: None,
        }
    }

    /// Takes the request and closes the connection without a word.
    pub fn close_before_headers() -> Self {
        Self {
            before_headers: Vec::new(),
            content: Content::NotHttp(Vec::new()),
            byte_pause: None,
        }
    }
}
