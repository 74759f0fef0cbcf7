//! The one error type of the HTTP side and the one way it reaches a client.
//!
//! A handler returns an [`ApiError`]; it travels inside the response's extensions to [`crate::service`], which knows
//! the request's id, logs what must be logged, once, and writes the body.

use crate::{
    body::BodyError,
    face::{Face, Said},
    input::fault::Fault,
};
use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use chatai_engine::{EngineError, TurnIds};
use chatai_types::ErrorCode;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;
use std::{borrow::Cow, sync::Arc, time::Duration};
use utoipa::ToSchema;

/// Tells SDKs that ask again by themselves whether to.
const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// What `detail` holds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub(crate) enum Detail {
    /// A sentence.
    Sentence(Cow<'static, str>),
    /// The faults of a 422.
    Faults(Vec<Fault>),
}

impl Detail {
    /// All of it as one sentence.
    fn sentence(&self) -> Cow<'_, str> {
        match self {
            Self::Sentence(sentence) => sentence.as_ref().into(),
            Self::Faults(faults) => {
                let sentences: Vec<String> = faults.iter().map(Fault::sentence).collect();
                sentences.join("; ").into()
            }
        }
    }
}

/// Why a request was refused or failed.
#[derive(Clone, Debug)]
pub(crate) struct ApiError {
    code: ErrorCode,
    detail: Detail,
    /// The member at fault of a request to `/v1`.
    param: Option<Cow<'static, str>>,
    retry_after: Option<Duration>,
    /// In a box, since few errors have one and every fallible function's result holds its room.
    turn: Option<Box<TurnIds>>,
    /// For the log alone.
    cause: Option<String>,
    /// Whether the connection cannot be used again.
    close: bool,
}

/// What every error body holds; answers that failed carry the ids of what was kept.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub(crate) struct ErrorBody<'a> {
    /// A sentence, or for a 422 the faults one by one.
    detail: &'a Detail,
    /// A stable name; `docs/errors.md` lists all.
    code: &'a str,
    /// Names this request in the log.
    request_id: &'a str,
    /// The conversation of a turn that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    conversation_id: Option<i64>,
    /// The user's message of a turn that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_message_id: Option<i64>,
    /// The answer of a turn that was kept.
    #[serde(skip_serializing_if = "Option::is_none")]
    response_message_id: Option<i64>,
}

impl ApiError {
    /// A refusal with its sentence.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<Cow<'static, str>>) -> Self {
        let detail = Detail::Sentence(detail.into());
        Self {
            code,
            detail,
            param: None,
            retry_after: None,
            turn: None,
            cause: None,
            close: false,
        }
    }

    /// A 422 over fields.
    pub(crate) fn validation(faults: Vec<Fault>) -> Self {
        Self {
            detail: Detail::Faults(faults),
            ..Self::new(ErrorCode::Validation, "")
        }
    }

    /// A fault of the service, its cause for the log alone.
    pub(crate) fn internal(cause: impl Into<String>) -> Self {
        let error = Self::new(ErrorCode::Internal, "Internal Server Error");
        Self {
            cause: Some(cause.into()),
            ..error
        }
    }

    /// A call that needs a token and carries none.
    pub(crate) fn not_authenticated() -> Self {
        Self::new(ErrorCode::NotAuthenticated, "Not authenticated")
    }

    /// A token that cannot be one.
    pub(crate) fn invalid_token() -> Self {
        Self::new(ErrorCode::InvalidToken, "Could not validate credentials")
    }

    /// A path that is none.
    pub(crate) fn not_found() -> Self {
        Self::new(ErrorCode::NotFound, "Not Found")
    }

    /// A method that the path does not take.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(ErrorCode::MethodNotAllowed, "Method Not Allowed")
    }

    /// A body that cannot be read as what it says it is.
    pub(crate) fn unreadable_body() -> Self {
        Self::new(ErrorCode::BadRequest, "There was an error parsing the body")
    }

    /// Something over a limit that the sentence names.
    pub(crate) fn too_large(detail: String) -> Self {
        Self::new(ErrorCode::TooLarge, detail)
    }

    /// A member of a request to `/v1` that cannot be as it is.
    pub(crate) fn invalid_value(
        param: impl Into<Cow<'static, str>>,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            param: Some(param.into()),
            ..Self::new(ErrorCode::InvalidValue, detail)
        }
    }

    /// A member of a request to `/v1` that asks for what is not offered.
    pub(crate) fn unsupported(param: impl Into<Cow<'static, str>>) -> Self {
        let param = param.into();
        let detail = format!("`{param}` is not supported here, and leaving it out would change the answer");
        Self {
            param: Some(param),
            ..Self::new(ErrorCode::UnsupportedParameter, detail)
        }
    }

    /// The same, its member being a part of another one.
    #[must_use]
    pub(crate) fn inside(mut self, whole: &'static str) -> Self {
        self.param = Some(match self.param.take() {
            None => whole.into(),
            Some(param) if param.starts_with('[') => format!("{whole}{param}").into(),
            Some(param) => format!("{whole}.{param}").into(),
        });
        self
    }

    /// What went wrong.
    pub(crate) fn code(&self) -> ErrorCode {
        self.code
    }

    /// The code and the member at fault, for tests of what reads requests.
    #[cfg(test)]
    pub(crate) fn at_fault(&self) -> (&'static str, &str) {
        (self.code.as_str(), self.param.as_deref().unwrap_or_default())
    }

    /// The same, and the connection ends with it.
    #[must_use]
    pub(crate) fn closing(mut self) -> Self {
        self.close = true;
        self
    }

    /// The same with the turn that was kept.
    #[must_use]
    pub(crate) fn of_turn(mut self, ids: TurnIds) -> Self {
        self.turn = Some(Box::new(ids));
        self
    }

    fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// Writes a 5xx to the log, with its cause.
    pub(crate) fn log(&self, method: &str, path: &str, request_id: &str) {
        let code = self.code.as_str();
        if let Some(turn) = &self.turn {
            // The turn itself logged why, since its client may have left; this leads from the request to there.
            let answer = turn.response_message_id.0;
            tracing::info!(
                code,
                answer,
                method,
                path,
                request_id,
                "answered with its turn's failure"
            );
            return;
        }
        let cause = self.cause.as_deref().unwrap_or_default();
        match self.status().as_u16() {
            500 | 507 => tracing::error!(code, cause, method, path, request_id, "request failed"),
            501.. => tracing::warn!(code, cause, method, path, request_id, "request failed"),
            _ => {}
        }
    }

    /// Writes status, body and headers into a response that [`IntoResponse`] began.
    pub(crate) fn render(&self, face: Face, response: &mut Response, request_id: &str) {
        let bytes = self.body(face, Some(request_id));
        *response.status_mut() = face.status(self.code);
        let wait = self.wait(face);
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_LENGTH, bytes.len().into());
        if matches!(self.code, ErrorCode::NotAuthenticated | ErrorCode::InvalidToken) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = wait {
            headers.insert(header::RETRY_AFTER, wait.into());
        }
        if face.forbids_retry(self.code) {
            headers.insert(SHOULD_RETRY, HeaderValue::from_static("false"));
        }
        if self.close {
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
        }
        *response.body_mut() = Body::from(bytes);
    }

    /// The sentence for the caller.
    pub(crate) fn message(&self) -> Cow<'_, str> {
        self.detail.sentence()
    }

    /// What a stream of `/v1` says when it breaks off.
    pub(crate) fn in_stream(&self, face: Face) -> Vec<u8> {
        self.body(face, None)
    }

    fn body(&self, face: Face, request_id: Option<&str>) -> Vec<u8> {
        let said = Said {
            code: self.code,
            message: &self.detail.sentence(),
            param: self.param.as_deref(),
            request_id,
        };
        face.body(&said).unwrap_or_else(|| {
            let request_id = request_id.unwrap_or_default();
            let body = ErrorBody {
                detail: &self.detail,
                code: self.code.as_str(),
                request_id,
                conversation_id: self.turn.as_ref().map(|turn| turn.conversation_id.0),
                request_message_id: self.turn.as_ref().map(|turn| turn.request_message_id.0),
                response_message_id: self.turn.as_ref().map(|turn| turn.response_message_id.0),
            };
            serde_json::to_vec(&body).expect("texts and numbers always serialise")
        })
    }

    /// Whole seconds for `Retry-After`, which every 429 and 503 carries that asking again can mend.
    fn wait(&self, face: Face) -> Option<u64> {
        if face.forbids_retry(self.code) {
            return None;
        }
        let always = matches!(self.status().as_u16(), 429 | 503).then_some(Duration::from_secs(1));
        let wait = self.retry_after.or(always)?;
        Some(wait.as_millis().div_ceil(1_000).clamp(1, 86_400) as u64)
    }
}

/// The error inside a response, until the service writes it out.
#[derive(Clone, Debug)]
pub(crate) struct Carried(pub(crate) Arc<ApiError>);

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(Carried(Arc::new(self)));
        response
    }
}

impl From<EngineError> for ApiError {
    fn from(error: EngineError) -> Self {
        Self {
            code: error.code,
            detail: Detail::Sentence(error.detail),
            param: None,
            retry_after: error.retry_after,
            turn: error.turn.map(Box::new),
            cause: error.cause,
            close: false,
        }
    }
}

impl From<BodyError> for ApiError {
    fn from(error: BodyError) -> Self {
        match error {
            BodyError::TooLarge { limit } => Self::too_large(format!(
                "The request's body is larger than the limit of {}",
                human_bytes(limit)
            )),
            BodyError::TimedOut => Self::new(
                ErrorCode::RequestTimeout,
                "The request's body did not arrive in time",
            )
            .closing(),
            BodyError::Broken(_) => Self::unreadable_body().closing(),
        }
    }
}

/// A size as people write it: whole MiB or KiB where it is, bytes else.
pub(crate) fn human_bytes(bytes: u64) -> String {
    const KIB: u64 = 1 << 10;
    const MIB: u64 = 1 << 20;
    match bytes {
        bytes if bytes >= MIB && bytes.is_multiple_of(MIB) => format!("{} MiB", bytes / MIB),
        bytes if bytes >= KIB && bytes.is_multiple_of(KIB) => format!("{} KiB", bytes / KIB),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chatai_types::{ConversationId, MessageId};
    use http_body_util::BodyExt;

    async fn rendered(error: ApiError) -> (Response<()>, serde_json::Value) {
        let mut response = error.into_response();
        let Carried(error) = response.extensions_mut().remove().unwrap();
        error.render(Face::Native, &mut response, "r-1");
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (
            Response::from_parts(parts, ()),
            serde_json::from_slice(&body).unwrap(),
        )
    }

    #[tokio::test]
    async fn bodies_carry_detail_code_and_request_id() {
        let (response, body) = rendered(ApiError::not_found()).await;
        assert_eq!(response.status(), 404);
        let expected = serde_json::json!({"detail": "Not Found", "code": "not_found", "request_id": "r-1"});
        assert_eq!(body, expected);
    }

    #[tokio::test]
    async fn challenges_go_with_tokens_alone() {
        for error in [ApiError::not_authenticated(), ApiError::invalid_token()] {
            let (response, _) = rendered(error).await;
            assert_eq!(response.headers()[header::WWW_AUTHENTICATE], "Bearer");
        }
        let wrong = ApiError::new(ErrorCode::WrongCredentials, "Incorrect username or password");
        let (response, _) = rendered(wrong).await;
        assert_eq!(response.status(), 401);
        assert!(!response.headers().contains_key(header::WWW_AUTHENTICATE));
    }

    #[tokio::test]
    async fn a_failed_turn_names_what_was_kept_and_hides_its_cause() {
        let ids = TurnIds {
            conversation_id: ConversationId(1),
            request_message_id: MessageId(2),
            response_message_id: MessageId(3),
        };
        let failed = EngineError::new(ErrorCode::ProviderRateLimited, "Wait a little")
            .caused_by("secret")
            .retry_after(Duration::from_millis(1_200));
        let (response, body) = rendered(ApiError::from(failed).of_turn(ids)).await;
        assert_eq!(response.status(), 503);
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(
            (&body["conversation_id"], &body["response_message_id"]),
            (&1.into(), &3.into())
        );
        assert!(!body.to_string().contains("secret"));
    }

    #[test]
    fn sizes() {
        assert_eq!(human_bytes(32 << 20), "32 MiB");
        assert_eq!(human_bytes(1_536), "1536 bytes");
        assert_eq!(human_bytes(2_048), "2 KiB");
    }
}
